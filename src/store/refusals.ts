/** How engines refuse, in the same words from each: names of types, kinds and keys, never a value. See the port in store.ts */
import { type Problem, problem } from '../fhir/outcome.ts';

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
