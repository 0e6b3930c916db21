/** Takes a row in again that was set aside: as it came, once the maker's document reads it, or as somebody repaired it. docs/feeds.md */
import { parseExact, readJson } from '../../fhir/json.ts';
import { problem } from '../../fhir/outcome.ts';
import { keyOf } from '../../fhir/references.ts';
import type { Runtime } from '../../runtime.ts';
import type { Store } from '../../store/store.ts';
import type { Implants } from '../implants/room.ts';
import type { Reading } from '../implants/told.ts';
import type { Quarantined, QuarantineRow, Retry } from '../intake/quarantine.ts';
import type { TakeIn } from '../intake/take-in.ts';
import { instantOf } from '../mapping.ts';
import type { Reader } from './reader.ts';
import { isPdf } from './report.ts';
import { inLine } from './report-line.ts';
import { feedKinds, type KeptDevice, type KeptReport, keyIn } from './state.ts';
import { isAside } from './values.ts';

export interface AgainParts {
  readonly maker: string;
  readonly reader: Pick<Reader, 'reading'>;
  readonly implants: Pick<Implants, 'tell'>;
  readonly takeIn: TakeIn;
  readonly store: Pick<Store, 'get' | 'read' | 'commit'>;
  readonly runtime: Pick<Runtime, 'now'>;
  readonly canonical: string;
}

/** Throws a sentence where it cannot be taken in yet. */
export const retryRow = (parts: AgainParts): Retry => {
  const { maker, reader, implants, takeIn, store, runtime } = parts;
  return async (one, payload) => {
    const bytes = Buffer.from(payload);
    if (isReport(one.row)) {
      if (isPdf(bytes)) return takeReport(one, one.row, bytes);
      // As it was kept: whoever wants it again has it asked for again.
      await store.commit([inLine(maker, one.row, runtime.now())]);
      return;
    }
    const row = parseExact(readJson(payload).text);
    const device = await makersIdOf(parts, one);
    const read = isRead(row) ? row : readingIn(row, device);
    const named = 'device' in read ? read.device : device;
    const [kept] = await store.get(feedKinds.device, [keyIn(maker, named)]);
    const { told } = (kept?.value as KeptDevice | undefined) ?? {};
    if (!told) throw problem('business-rule', 'Its device is none that the maker has listed so far');
    const reading = 'device' in read ? read.reading : asReading(read);
    const outcome = await implants.tell(
      takeIn,
      maker,
      { ...told, interrogations: [], readings: [reading], alerts: [] },
      { raw: one.raw },
    );
    const [refused] = outcome.quarantined;
    if (refused) throw problem('processing', refused.reason);
  };

  /** The PDF itself, in place of the one that could not be read. */
  async function takeReport(one: QuarantineRow, row: ReportRow, bytes: Buffer): Promise<void> {
    const { device, transmission, timestamp, instant } = row;
    const [kept] = await store.get(feedKinds.device, [keyIn(maker, device)]);
    const { told } = (kept?.value as KeptDevice | undefined) ?? {};
    if (!told) throw problem('business-rule', 'Its device is none that the maker has listed so far');
    const report = { contentType: 'application/pdf', data: bytes.toString('base64'), transmission };
    const reports = [{ timestamp, instant, report }];
    const outcome = await implants.tell(
      takeIn,
      maker,
      { ...told, interrogations: [], readings: [], alerts: [], reports },
      { raw: one.raw },
    );
    const [refused] = outcome.quarantined;
    if (refused) throw problem('processing', refused.reason);
  }

  function readingIn(row: unknown, device: string) {
    const read = reader.reading(row, device, runtime.now());
    if (isAside(read)) throw problem('processing', read.reason);
    return read;
  }
};

type ReportRow = Pick<KeptReport, 'patient' | 'device' | 'transmission' | 'timestamp' | 'instant'>;
const isReport = (row: any): row is ReportRow =>
  typeof row?.transmission === 'string' && typeof row.instant === 'number' && row.term === undefined;

/** A reading that was read, and refused for its value: in our own words. */
interface AlreadyRead extends Pick<Reading, 'id' | 'channel' | 'term'> {
  readonly kind?: string;
  readonly at: string;
}
const isRead = (row: any): row is AlreadyRead => typeof row?.term?.code === 'string' && typeof row.at === 'string';

const asReading = ({ at, kind = 'other', ...rest }: AlreadyRead): Reading => ({
  ...rest,
  kind,
  timestamp: at,
  instant: instantOf(at, 'at'),
});

/** Rows name the maker's device, readings that were read our Device. */
async function makersIdOf({ maker, store, canonical }: AgainParts, { device }: Quarantined): Promise<string> {
  const key = device?.startsWith('Device/') ? keyOf(device) : undefined;
  if (!key) return device ?? '';
  const [version] = await store.read([key]);
  const identifiers: readonly any[] = version?.text ? (JSON.parse(version.text).identifier ?? []) : [];
  return identifiers.find(({ system }) => system === `${canonical}/sid/maker-device/${maker}`)?.value ?? '';
}
