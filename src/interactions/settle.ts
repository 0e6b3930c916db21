/** Looks again when what was expected at commit no longer held, until the request's deadline; neighbours of one key wait in line. */
import { type Problem, problem } from '../fhir/outcome.ts';
import type { Runtime } from '../runtime.ts';
import { isConflict } from '../store/store.ts';
import type { FhirRequest } from './interaction.ts';
import { queryOf } from './route.ts';

const DEADLINE = 5_000;

interface Settling {
  /** Whether looking again may help; a conflict of the store where left out. */
  readonly isOvertaken?: (error: unknown) => boolean;
  /** What is thrown when the time is over. */
  readonly tooBusy?: () => Problem;
}

const busy = (): Problem =>
  problem('lock-error', 'others kept changing the same resource; try again', { headers: { 'Retry-After': '1' } });

/** Calls `attempt` until it does not end in a conflict; after 5 s refuses with 503 and Retry-After. */
export async function settle<T>(
  runtime: Pick<Runtime, 'now'>,
  attempt: (isRetry: boolean) => Promise<T>,
  { isOvertaken = isConflict, tooBusy = busy }: Settling = {},
): Promise<T> {
  const deadline = runtime.now() + DEADLINE;
  for (let isRetry = false; ; isRetry = true) {
    try {
      return await attempt(isRetry);
    } catch (error) {
      if (!isOvertaken(error)) throw error;
      if (runtime.now() >= deadline) throw tooBusy();
    }
  }
}

/** What requests for the same resource, or with the same criterion, have in common. */
export const lineKeyOf = ({ type, id, parameters }: FhirRequest): string =>
  id ? `${type}/${id}` : `${type}?${queryOf(parameters)}`;

export type Line = <T>(key: string, work: () => Promise<T>) => Promise<T>;

/** In one process, work on the same key runs one after another, so that it does not conflict with itself. */
export function createLine(): Line {
  const last = new Map<string, Promise<unknown>>();
  return async (key, work) => {
    const before = last.get(key);
    const mine = before ? before.then(work, work) : work();
    last.set(key, mine);
    try {
      return await mine;
    } finally {
      if (last.get(key) === mine) last.delete(key);
    }
  };
}
