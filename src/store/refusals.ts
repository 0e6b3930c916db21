/** How engines refuse, in the same words from each: names of types, kinds and keys, never a value. See the port in store.ts */
import { Problem, problem } from '../fhir/outcome.ts';

const conflict = (sentence: string): Problem => problem('conflict', sentence);

/** Why a list of changes is refused: what it expects does not hold. `reference` is `Type/id`. */
export const refused = {
  isThere: (reference: string) => conflict(`${reference} is there already`),
  movedOn: (reference: string, expected: number) => conflict(`${reference} is not at version ${expected} any more`),
  keptChanged: (kind: string) => conflict(`The ${kind} kept there has changed`),
  leaseLost: (key: string) => conflict(`The lease ${key} has another owner`),
  othersMatch: (type: string) => conflict(`Other ${type} resources match the condition now`),
  isNotNext: (reference: string, last: number) => conflict(`${reference} is at version ${last}`),
  hasRow: (last: number) => conflict(`The audit log has row ${last} already`),
};

export const tooLong = (): Problem =>
  problem('timeout', 'The search took too long; ask for less, or in a narrower way');

/** An index that is old may lack what a search asks for: no answer is better than a wrong one. */
export const staleIndex = (): Problem =>
  problem('transient', 'The search index is being made anew after an upgrade; searches are answered when it is done', {
    headers: { 'Retry-After': '10' },
  });

export const isClosed = (): Problem => problem('no-store', 'The store is closed');

const unknownOutcomes = new WeakSet<object>();
export function outcomeUnknown(): Problem {
  const error = problem(
    'transient',
    'The outcome of this write is unknown: the connection to the store was lost while it was made. Look whether it is there before it is sent again',
    { headers: { 'Retry-After': '5' } },
  );
  unknownOutcomes.add(error);
  return error;
}
/** Whether what was to be committed may be stored all the same. After any other error it is not. */
export const isOutcomeUnknown = (error: unknown): boolean => error instanceof Problem && unknownOutcomes.has(error);
