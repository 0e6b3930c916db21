/** Fetches the reports that readings named, beside the polls: none of them keeps a reading waiting, or is lost. docs/feeds.md */
import { asProblem } from '../../fhir/outcome.ts';
import type { Line } from '../../interactions/settle.ts';
import type { Log } from '../../log.ts';
import type { MakerReply } from '../../outbound/maker.ts';
import { check, type Held } from '../../store/lease.ts';
import type { Change, Kept } from '../../store/store.ts';
import type { Asking } from './asking.ts';
import { callFor } from './pages.ts';
import { readReport, tooLarge } from './report.ts';
import { reportKey, waitAfter } from './report-line.ts';
import type { CameIn } from './settle.ts';
import { feedKinds, type KeptDevice, type KeptReport, keptOf, keyIn } from './state.ts';
import { type Aside, isAside } from './values.ts';

const MINUTE = 60_000;
/** After a fault of the maker no report is asked for so long: its next faults would have the maker left alone, readings and all. */
const pause = MINUTE;
/** An answer that is no report may have been spoiled on its way: so often it is asked for again. */
const mostUnreadable = 3;
/** A maker that has no report after so long will have none. */
const given = 14 * 86_400_000;

/** It answered, and has none for us. What anything else says of the maker passes. */
const refusals: ReadonlySet<string> = new Set(['not-found', 'deleted', 'forbidden', 'value', 'conflict']);

interface Doing {
  readonly held: Held;
  /** By patient, as polls are. */
  readonly line: Line;
  readonly log: Pick<Log, 'error'>;
}

/** Fetches those that are due. Resolves with the time of the next one; undefined where none waits. */
export async function fetchReports(asking: Asking, how: Doing): Promise<number | undefined> {
  const { document, store, runtime, client } = asking;
  const waiting = (await Array.fromAsync(keptOf(store, feedKinds.report, document.name))).map(
    ({ value }) => value as KeptReport,
  );
  const now = runtime.now();
  let soonest = Number.POSITIVE_INFINITY;
  for (const { next } of waiting) if (next > now) soonest = Math.min(soonest, next);
  // Each fault ends the round: those that fail always must not stand before those that were never asked for.
  const due = waiting.filter((one) => one.next <= now).sort((a, b) => a.attempts - b.attempts);
  for (const one of due) {
    if (how.held.signal.aborted) return undefined;
    if (client.state().breaker === 'open') return runtime.now() + pause;
    const said = await fetchReport(asking, one, how);
    if (said === 'fault') return runtime.now() + pause;
    if (said !== undefined) soonest = Math.min(soonest, said);
  }
  return Number.isFinite(soonest) ? soonest : undefined;
}

/** When it is to be tried again; undefined where that is over. `fault`: the maker does not answer as it should. */
async function fetchReport(asking: Asking, one: KeptReport, how: Doing): Promise<number | undefined | 'fault'> {
  const { document, runtime } = asking;
  const { device, transmission } = one;
  const { told } = (await keptDevice(asking, device))?.value ?? {};
  if (!told) return later(asking, one, 'its device was not told of yet', how);
  const endpoint = document.endpoints.report!;
  const call = callFor(endpoint, { transmissionId: transmission, deviceId: device, patientId: one.patient });
  let reply: MakerReply;
  try {
    reply = await asking.client.call({ ...call, signal: asking.signal });
  } catch (error) {
    const { code, message } = asProblem(error);
    if (how.held.signal.aborted) return undefined;
    if (code === 'too-long') return finish(asking, one, tooLarge, undefined, how);
    if (!refusals.has(code)) {
      await later(asking, one, message, how);
      return 'fault';
    }
    if (runtime.now() - one.asked < given) return later(asking, one, message, how);
    const none: Aside = {
      code: 'refused',
      reason: 'The maker has not had the report of the transmission for two weeks',
    };
    return finish(asking, one, none, undefined, how);
  }
  const read = readReport(document, reply, { device, implant: told.implant });
  const isSpoiled = isAside(read) && read.code === 'unreadable';
  if (isSpoiled && one.unreadable + 1 < mostUnreadable) {
    const unreadable = one.unreadable + 1;
    return later(asking, { ...one, unreadable }, read.reason, how);
  }
  const contentType = reply.headers['content-type'] ?? 'application/octet-stream';
  return finish(asking, one, read, { bytes: reply.body, contentType, name: call.path }, how);
}

async function keptDevice(
  { document, store }: Asking,
  device: string,
): Promise<(Kept & { readonly value: KeptDevice }) | undefined> {
  return (await store.get(feedKinds.device, [keyIn(document.name, device)]))[0];
}

async function later(
  { document, store, runtime }: Asking,
  one: KeptReport,
  error: string,
  { held }: Doing,
): Promise<number> {
  const attempts = one.attempts + 1;
  const next = runtime.now() + waitAfter(attempts);
  const value: KeptReport = { ...one, attempts, next, error };
  const key = reportKey(document.name, one);
  await store.commit([{ op: 'put', kind: feedKinds.report, key, value }, check(held.fence)]);
  return next;
}

/** Stores it, or sets it aside with what came; out of the line in the same commit. */
async function finish(
  asking: Asking,
  one: KeptReport,
  read: ReturnType<typeof readReport>,
  page: CameIn | undefined,
  how: Doing,
): Promise<number | undefined> {
  const { document, settle } = asking;
  const { transmission, device, timestamp, instant, patient, asked } = one;
  const over: Change = { op: 'drop', kind: feedKinds.report, key: reportKey(document.name, one) };
  const row = { patient, device, transmission, timestamp, instant };
  const aside = isAside(read) ? [{ ...read, key: `report|${transmission}|${asked}`, device, row }] : [];
  const reports = isAside(read) ? [] : [{ timestamp, instant, report: { ...read, transmission } }];
  try {
    const owner = (await keptDevice(asking, device))?.value.patient ?? patient;
    await how.line(owner, async () => {
      const kept = (await keptDevice(asking, device))!;
      // Whose device it is may be told anew at any moment: what was told before is not told again after it.
      const still: Change = { op: 'expect', of: { kind: feedKinds.device, key: kept.key }, at: kept.revision };
      const telling = { maker: document.name, ...kept.value.told!, reports, aside, page, held: how.held };
      await settle({ ...telling, state: () => [over, still] });
    });
    return undefined;
  } catch (error) {
    if (how.held.signal.aborted) return undefined;
    how.log.error('the report of a transmission could not be stored', error, { id: document.name });
    return later(asking, one, asProblem(error).message, how);
  }
}
