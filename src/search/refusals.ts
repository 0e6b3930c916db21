/** How search refuses: problems of status 400 that name the parameter and never its value. https://hl7.org/fhir/R4/search.html#errors */
import { type IssueCode, Problem, problem } from '../fhir/outcome.ts';

/** A name from outside as it may stand in a message: short and without odd characters. */
export const quote = (name: string): string => `'${name.slice(0, 64).replace(/[^\w.:*-]/g, '?')}'`;

/** Where a parameter stands, as `OperationOutcome.issue.expression` has it. https://hl7.org/fhir/R4/operationoutcome-definitions.html#OperationOutcome.issue.expression */
export const placeOf = (name: string): string => `http.${quote(name).slice(1, -1)}`;

/** The same refusal, of what stands under this name in the request. */
export const standingAt = (name: string, { issues, status, headers }: Problem): Problem =>
  new Problem(
    issues.map((issue) => ({ ...issue, expression: placeOf(name) })),
    status,
    headers,
  );

const refusal =
  (code: IssueCode) =>
  (name: string, why: string): Problem =>
    problem(code, `Search parameter ${quote(name)} ${why}`, { expression: placeOf(name) });

/** What this server does not do. */
export const unsupported = refusal('not-supported');

/** What cannot be meant. */
export const invalid = refusal('invalid');

/** What would take too long. */
export const tooCostly = refusal('too-costly');

/** A value that its parameter cannot have. */
export const wrongValue = refusal('value');

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
  throw notIndexed(`Search parameter ${quote(name)} cannot be answered yet: ${quote(code)}`, indexing, placeOf(name));
}

/** 503 for what a job still indexes; `what` begins the sentence. */
export const notIndexed = (what: string, job: string, expression?: string): Problem =>
  problem('transient', `${what} is being indexed, $reindex-status?job=${job} tells how far that is`, {
    headers: { 'Retry-After': '60' },
    expression,
  });
