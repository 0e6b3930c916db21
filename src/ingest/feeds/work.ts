/** What is done about one maker while its lease is held: polls, jobs and acknowledgements, until the lease or the server ends. docs/feeds.md */
import { asProblem } from '../../fhir/outcome.ts';
import { createLine, type Line } from '../../interactions/settle.ts';
import type { Log } from '../../log.ts';
import { check, type Held } from '../../store/lease.ts';
import type { Store } from '../../store/store.ts';
import { nextAcknowledgement, pushAcknowledgements } from './acknowledgements.ts';
import type { Asking } from './asking.ts';
import { jobsFor, notePart } from './jobs.ts';
import { type Memory, pollPatient } from './patients.ts';
import { fetchReports } from './report-work.ts';
import { type Askable, type NotAskable, notReady, pollOnce } from './round.ts';
import type { PatientRow } from './row.ts';
import { feedKinds, type KeptMaker, type KeptPatient, keptOf, none } from './state.ts';
import { openTotals } from './totals.ts';

/** How the maker can be asked now, or why not. */
export type Ready = Askable | NotAskable;

export interface WorkParts {
  readonly maker: string;
  readonly store: Pick<Store, 'get' | 'list' | 'commit'>;
  readonly runtime: Asking['runtime'];
  readonly log: Pick<Log, 'error' | 'info' | 'warn'>;
  readonly pollSeconds: number;
  readonly systemOfPatients: string;
  /** Asked before every poll: a credential may come while the server runs. */
  readonly ready: () => Promise<Ready>;
  /** Whether others may ask for something that only the store tells of. */
  readonly isShared: boolean;
  /** Whether the maker's document says how reports are fetched. */
  readonly hasReports: boolean;
  /** Set here, called by whoever asked for something on this server. */
  readonly bell: Bell;
}

export interface Bell {
  /** Somebody asked for a run or an acknowledgement. */
  ring: () => void;
  /** Readings named a report. */
  report: () => void;
  /** A credential was stored or removed: there is no waiting for the next poll. */
  poll: () => void;
}

/** Milliseconds between two looks for what other servers were asked. */
const lookEvery = 1_000;
/** The longest between two looks, in milliseconds, for what a maker cannot be asked without. */
const readyEvery = 5_000;
/** The longest between two looks for what is to be done, in milliseconds, where whoever has something to do rings. */
const lookAgain = 60_000;

export async function workOn(parts: WorkParts, held: Held): Promise<void> {
  const memory = await remember(parts);
  const line = createLine();
  // Where one of them fails, the others end too: the lease is given back for all.
  const stop = new AbortController();
  const end = () => stop.abort();
  held.signal.addEventListener('abort', end, { once: true });
  if (held.signal.aborted) end();
  const mine: Held = { fence: held.fence, signal: stop.signal };
  const all = [pollAlways(parts, memory, line, mine), answerAlways(parts, memory, line, mine)];
  if (parts.hasReports) all.push(fetchAlways(parts, line, mine));
  const ended = await Promise.allSettled(all.map((work) => work.finally(end)));
  held.signal.removeEventListener('abort', end);
  for (const one of ended) if (one.status === 'rejected') throw one.reason;
}

/** What is kept, once for as long as the lease is held: nobody else changes it. */
export async function remember({ maker, store }: Pick<WorkParts, 'maker' | 'store'>): Promise<Memory> {
  const [kept] = await store.get(feedKinds.maker, [maker]);
  const totals = await openTotals(store, maker, kept?.value as KeptMaker | undefined);
  const patients = new Map<string, KeptPatient>();
  for await (const { key, value } of keptOf(store, feedKinds.patient, maker))
    patients.set(key.slice(maker.length + 1), value as KeptPatient);
  return { patients, told: new Map(), totals };
}

async function pollAlways(parts: WorkParts, memory: Memory, line: Line, held: Held): Promise<void> {
  const { maker, store, runtime, pollSeconds, bell, log } = parts;
  const [kept] = await store.get(feedKinds.maker, [maker]);
  let last = kept?.value as KeptMaker | undefined;
  let logged: string | undefined;
  let isRung = false;
  let wake = new AbortController();
  bell.poll = () => {
    isRung = true;
    wake.abort();
  };
  held.signal.addEventListener('abort', () => wake.abort(), { once: true });
  /** With what outlasts a poll: its last failure, and when the next one begins. */
  const keep = async (told: KeptMaker, next?: number): Promise<KeptMaker> => {
    const { lastError: why, lastFailure: before } = told;
    const isNew = why !== undefined && next !== undefined;
    const lastFailure = isNew ? { at: runtime.now(), why } : (before ?? last?.lastFailure);
    const value = { ...told, lastFailure, next };
    await store.commit([{ op: 'put', kind: feedKinds.maker, key: maker, value }, check(held.fence)]);
    return value;
  };
  const tell = async (underWay: KeptMaker): Promise<void> => void (await keep(underWay));
  while (!held.signal.aborted) {
    const begun = runtime.now();
    isRung = false;
    wake = new AbortController();
    const ready = await parts.ready();
    const why = 'why' in ready && ready.state === 'failing' ? ready.why : undefined;
    if (why !== undefined && why !== logged) log.warn('a credential cannot be opened', { id: maker });
    logged = why;
    const next =
      'why' in ready
        ? notReady(memory, ready, last)
        : await pollOnce(parts, memory, line, held, ready, last, tell, bell.report);
    if (held.signal.aborted) return;
    // Where nothing can be asked, nothing has to be said twice.
    const due = Math.max(runtime.now(), begun + pollSeconds * 1_000);
    if (!('why' in ready)) last = await keep(next, due);
    else if (next.state !== last?.state || next.why !== last?.why) last = await keep(next);
    if (isRung) continue;
    const wait = Math.max(0, due - runtime.now());
    await runtime.sleep('why' in ready ? Math.min(wait, readyEvery) : wait, wake.signal);
  }
}

/** Works when it is rung, when there is something to do again, and after `most` milliseconds at the latest. */
async function always(
  runtime: WorkParts['runtime'],
  held: Held,
  most: number,
  hang: (ring: () => void) => void,
  work: () => Promise<number | undefined>,
): Promise<void> {
  let isRung = false;
  let wake = new AbortController();
  hang(() => {
    isRung = true;
    wake.abort();
  });
  held.signal.addEventListener('abort', () => wake.abort(), { once: true });
  while (!held.signal.aborted) {
    isRung = false;
    wake = new AbortController();
    const next = await work();
    if (held.signal.aborted) return;
    if (isRung) continue;
    await runtime.sleep(Math.min(most, next === undefined ? most : Math.max(0, next - runtime.now())), wake.signal);
  }
}

/** Jobs and acknowledgements, beside the polls: nobody waits for a long one to end. */
function answerAlways(parts: WorkParts, memory: Memory, line: Line, held: Held): Promise<void> {
  const { runtime, isShared, bell } = parts;
  const hang = (ring: () => void) => (bell.ring = ring);
  return always(runtime, held, isShared ? lookEvery : lookAgain, hang, () => answerOnce(parts, memory, line, held));
}

/** Reports of transmissions, beside the polls and one at a time: readings never wait for them. */
function fetchAlways(parts: WorkParts, line: Line, held: Held): Promise<void> {
  const { runtime, bell, log } = parts;
  const hang = (ring: () => void) => (bell.report = ring);
  return always(runtime, held, lookAgain, hang, async () => {
    const able = await parts.ready();
    if (!('asking' in able)) return undefined;
    return fetchReports({ ...able.asking, signal: held.signal }, { held, line, log });
  });
}

/** Resolves with the time at which there is something to do again. */
async function answerOnce(parts: WorkParts, memory: Memory, line: Line, held: Held): Promise<number | undefined> {
  const { maker, store, log } = parts;
  const jobs = await jobsFor(store, maker);
  const due = await nextAcknowledgement(store, maker);
  const isDue = due !== undefined && due <= parts.runtime.now();
  if (jobs.length === 0 && !isDue) return due;
  const able = await parts.ready();
  const ready =
    'why' in able ? able : { asking: { ...able.asking, signal: held.signal, reportNamed: parts.bell.report } };
  for (const { id, patient } of jobs) {
    if (held.signal.aborted) return undefined;
    if ('why' in ready) {
      await notePart(parts, id, maker, { state: 'failed', counts: none, error: ready.why }, held);
      continue;
    }
    await notePart(parts, id, maker, { state: 'running', counts: none }, held);
    const row: PatientRow = {
      id: patient,
      told: memory.told.get(patient) ?? { identifiers: [{ system: parts.systemOfPatients, value: patient }] },
      changed: undefined,
    };
    try {
      const asked = { patient: row, isDeep: true, isForced: true };
      const { counts, errors } = await line(patient, () => pollPatient(ready.asking, memory, asked, held));
      if (held.signal.aborted) return undefined;
      const [error] = errors;
      await notePart(parts, id, maker, { state: error === undefined ? 'completed' : 'failed', counts, error }, held);
    } catch (failure) {
      if (held.signal.aborted) return undefined;
      log.error('a patient could not be asked for', failure, { id: maker });
      await notePart(parts, id, maker, { state: 'failed', counts: none, error: asProblem(failure).message }, held);
    }
  }
  if (jobs.length > 0) await keepTotals(parts, memory, held);
  if (isDue && !('why' in ready)) await pushAcknowledgements(ready.asking, held);
  return 'why' in ready ? undefined : nextAcknowledgement(store, maker);
}

/** What a run changed is told everywhere at once; a poll that is under way tells its own at its end. */
async function keepTotals({ maker, store }: WorkParts, { totals }: Memory, held: Held): Promise<void> {
  const [kept] = await store.get(feedKinds.maker, [maker]);
  if (!kept) return;
  const value: KeptMaker = { ...kept.value, ...totals.read() };
  await store.commit([{ op: 'put', kind: feedKinds.maker, key: maker, value }, check(held.fence)]);
}
