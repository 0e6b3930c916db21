/** How search refuses: problems of status 400 that name the parameter and never its value. https://hl7.org/fhir/R4/search.html#errors */
import { type Problem, problem } from '../fhir/outcome.ts';

/** A name from outside as it may stand in a message: short and without odd characters. */
export const quote = (name: string): string => `'${name.slice(0, 64).replace(/[^\w.:*-]/g, '?')}'`;

/** What this server does not do. */
export const unsupported = (name: string, why: string): Problem =>
  problem('not-supported', `Search parameter ${quote(name)} ${why}`);

/** What cannot be meant. */
export const invalid = (name: string, why: string): Problem =>
  problem('invalid', `Search parameter ${quote(name)} ${why}`);

/** What would take too long. */
export const tooCostly = (name: string, why: string): Problem =>
  problem('too-costly', `Search parameter ${quote(name)} ${why}`);

/** Thrown for a value that its parameter cannot have; says why without the value. `criterionOf` adds the name. */
export class BadValue extends Error {}

/** Thrown for a modifier that the parameter does not take. */
export class BadModifier extends Error {}

/** Refuses with 503 what would miss resources that were stored before the parameter came and are not indexed with it yet. */
export function demandIndexed(
  name: string,
  { code, indexing }: { readonly code: string; readonly indexing?: string },
): void {
  if (indexing === undefined) return;
  throw notIndexed(`Search parameter ${quote(name)} cannot be answered yet: ${quote(code)}`, indexing);
}

/** 503 for what a job still indexes; `what` begins the sentence. */
export const notIndexed = (what: string, job: string): Problem =>
  problem('transient', `${what} is being indexed, $reindex-status?job=${job} tells how far that is`, {
    headers: { 'Retry-After': '60' },
  });
