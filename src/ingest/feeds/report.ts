/** Reads a maker's report of a transmission by what its document says: a whole PDF of the right device, or why it is none. docs/add-a-maker.md */
import { ExactNumber } from '../../fhir/json.ts';
import type { MakerReply } from '../../outbound/maker.ts';
import { parseMessage } from '../hl7v2/wire/message.ts';
import { documentIn, largestReport } from '../implants/report.ts';
import type { Implant, ReportTold } from '../implants/told.ts';
import type { MakerDocument } from './document.ts';
import { type Aside, neededAt, orAside, unreadable, wordAt } from './values.ts';

export const tooLarge: Aside = { code: 'refused', reason: 'The report is larger than 20 MB' };
const anothers: Aside = {
  code: 'conflict',
  reason: 'The report names another device than the readings of its transmission',
};

/** Without a byte order mark. */
const utf8 = new TextDecoder('utf-8', { fatal: true });
/** Within so many bytes of its end a PDF says that it ends. ISO 32000-1, annex H */
const TAIL = 1_024;

/** Begins and ends as a PDF does: what is cut off in the middle is none. */
export const isPdf = (bytes: Buffer): boolean =>
  bytes.subarray(0, 5).toString('latin1') === '%PDF-' && bytes.subarray(-TAIL).includes('%%EOF');

export function readReport(
  { report }: Pick<MakerDocument, 'report'>,
  { body }: Pick<MakerReply, 'body'>,
  { device, implant }: { readonly device: string; readonly implant: Implant },
): ReportTold | Aside {
  if (!report) return soundOr(body, undefined);
  const read = orAside(() => {
    const said = jsonIn(body);
    const named = wordAt(said, report.device);
    const hl7 = wordAt(said, report.hl7);
    if ((named !== undefined && named !== device) || (hl7 !== undefined && isOfAnother(hl7, implant))) return anothers;
    const data = neededAt(said, report.pdf).replace(/\s+/g, '');
    if (data.length > Math.ceil(largestReport / 3) * 4) return tooLarge;
    const bytes = documentIn({ data });
    if (!bytes) throw unreadable(`${report.pdf} is no base64`);
    return soundOr(bytes, wordAt(said, report.title));
  });
  return read;
}

function soundOr(bytes: Buffer, title: string | undefined): ReportTold | Aside {
  if (bytes.length > largestReport) return tooLarge;
  if (!isPdf(bytes)) return { code: 'unreadable', reason: 'The report is no PDF: it does not begin and end as one' };
  return { contentType: 'application/pdf', data: bytes.toString('base64'), title };
}

/** Not by `readJson`, which has no strings as long as a document. */
function jsonIn(body: Buffer): any {
  const exact = (_: string, value: unknown, { source }: { source?: string }) =>
    typeof value === 'number' ? new ExactNumber(source!) : value;
  try {
    return JSON.parse(utf8.decode(body), exact as never);
  } catch {
    throw unreadable('The answer is no JSON');
  }
}

/** By the serial number in PID-3. A message that cannot be read, or names no device, speaks against nothing. */
function isOfAnother(hl7: string, { serial }: Implant): boolean {
  try {
    const pid = parseMessage(Buffer.from(hl7)).first('PID');
    const names = Array.from({ length: pid?.repetitions(3) ?? 0 }, (_, i) => pid!.get(3, 1, 1, i + 1)?.toLowerCase());
    const serials = names.flatMap((name) => /\/serial:(.*)$/.exec(name ?? '')?.[1] ?? []);
    return serials.length > 0 && !serials.includes(serial.toLowerCase());
  } catch {
    return false;
  }
}
