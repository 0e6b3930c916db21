/** One round of a maker: once through all its patients, and what is said of it. docs/feeds.md */
import { asProblem } from '../../fhir/outcome.ts';
import type { Line } from '../../interactions/settle.ts';
import type { Log } from '../../log.ts';
import type { Environment } from '../../outbound/maker.ts';
import type { Held } from '../../store/lease.ts';
import { type Asking, isMakers } from './asking.ts';
import { listPatients, type Memory, pollPatient } from './patients.ts';
import type { KeptMaker } from './state.ts';

/** How the maker can be asked now. */
export interface Askable {
  readonly asking: Asking;
  readonly environment: Environment;
}
export interface NotAskable {
  readonly why: string;
  /** `failing`: what has to be opened first cannot be. */
  readonly state: 'off' | 'no-credential' | 'failing';
}

export interface RoundParts {
  readonly maker: string;
  readonly runtime: Asking['runtime'];
  readonly log: Pick<Log, 'error'>;
}

/** Patients that are asked for at a time. */
const atATime = 4;
/** Milliseconds after which a poll that is under way says how far it is. */
const tellEvery = 2_000;

/** What is said of a maker that cannot be asked. */
export const notReady = ({ totals, patients }: Memory, { state, why }: NotAskable, last?: KeptMaker): KeptMaker => ({
  ...totals.read(),
  state,
  why,
  patients: last?.patients ?? patients.size,
  lastSuccess: last?.lastSuccess,
  ...(state === 'failing'
    ? { lastError: why, connection: { up: false, breaker: 'closed' } }
    : { lastError: last?.lastError }),
});

/** Once through all patients. `tell` is told of a state that nobody has read yet, and of how far a long poll is. */
export async function pollOnce(
  { runtime, log, maker }: RoundParts,
  memory: Memory,
  line: Line,
  held: Held,
  { asking: able, environment }: Askable,
  last: KeptMaker | undefined,
  tell: (underWay: KeptMaker) => Promise<void> = async () => undefined,
  reportNamed: () => void = () => undefined,
): Promise<KeptMaker> {
  const begun = runtime.now();
  // With a reason it was not asked at all: what was in the way then is gone now.
  const isFailing = last?.state === 'failing' && last.why === undefined;
  const isKnown = isFailing || last?.state === 'polling';
  let listed = last?.patients ?? 0;
  let lastError: string | undefined;
  let toldAt = begun;
  const underWay = (): KeptMaker => ({
    ...memory.totals.read(),
    environment,
    state: isFailing ? 'failing' : 'polling',
    since: begun,
    patients: listed,
    lastSuccess: last?.lastSuccess,
    lastError: lastError ?? (last?.why === undefined ? last?.lastError : undefined),
    connection: connectionOf(able.client),
  });
  const step = async (): Promise<void> => {
    if (runtime.now() - toldAt < tellEvery || held.signal.aborted) return;
    toldAt = runtime.now();
    await tell(underWay());
  };
  const asking: Asking = { ...able, signal: held.signal, step, reportNamed };
  if (!isKnown) await tell(underWay());
  try {
    const { due, count, error: gap } = await listPatients(asking, memory, held);
    listed = gap === undefined ? count : Math.max(listed, count);
    if (gap !== undefined) {
      memory.totals.own({ failure: 1 });
      lastError = gap;
    }
    const waiting = due.values();
    await Promise.all(
      Array.from({ length: Math.min(atATime, due.length) }, async () => {
        for (const one of waiting) {
          if (held.signal.aborted || asking.client.state().breaker === 'open') return;
          try {
            const { errors } = await line(one.patient.id, () => pollPatient(asking, memory, one, held));
            lastError = errors[0] ?? lastError;
          } catch (error) {
            // One patient that cannot be stored keeps nobody else waiting.
            if (held.signal.aborted) return;
            memory.totals.own({ failure: 1 });
            lastError = asProblem(error).message;
            log.error('what a maker told of a patient could not be stored', error, { id: maker });
          }
        }
      }),
    );
    if (asking.client.state().breaker === 'open') lastError ??= 'the maker does not answer';
  } catch (error) {
    if (!isMakers(error)) throw error;
    memory.totals.own({ failure: 1 });
    lastError = asProblem(error).message;
  }
  return {
    ...memory.totals.read(),
    environment,
    state: lastError === undefined ? 'polling' : 'failing',
    patients: listed,
    lastSuccess: lastError === undefined ? runtime.now() : last?.lastSuccess,
    lastError,
    connection: connectionOf(asking.client),
  };
}

function connectionOf(client: Asking['client']): NonNullable<KeptMaker['connection']> {
  const { up, breaker, tokenExpires, quota } = client.state();
  return {
    up,
    breaker,
    ...(tokenExpires === undefined ? {} : { tokenExpires }),
    ...(quota?.remaining === undefined ? {} : { quotaRemaining: quota.remaining }),
  };
}
