/** Whether a resource is one of R4, with every fault by its FHIRPath expression. https://hl7.org/fhir/R4/validation.html */
import { resourceTypes } from '../fhir/definitions.ts';
import { type Issue, Problem } from '../fhir/outcome.ts';
import type { Resource } from '../fhir/references.ts';
import { checkResource } from './resources.ts';
import { type Run, runOn } from './run.ts';
import { wholeNumber } from './values.ts';

/**
 * All faults of a resource, at most 100 and a note; empty when there is none. Checks its type, the profiles in
 * `meta.profile` that this server knows, and everything inside it. `exact` is its JSON text, which tells 1 from 1.0.
 * Never throws, whatever the value is; linear in its size.
 */
export function validate(resource: Resource, exact?: string): readonly Issue[] {
  const type: unknown = resource?.resourceType;
  if (typeof type !== 'string') return fatal('structure', 'resourceType is missing');
  if (!resourceTypes.has(type)) return fatal('not-supported', 'this is not a resource type of R4');
  const run = runAt(resource);
  checkResource(resource, run);
  if (exact !== undefined && run.integers > 0 && mayHoldFraction.test(exact))
    run.issues.push(...fractions(exact, run.issues));
  return run.issues;
}

/** Throws a Problem with status 422 and all faults, when there are any. */
export function assertValid(resource: Resource, exact?: string): void {
  const issues = validate(resource, exact);
  if (issues.length > 0) throw new Problem(issues, 422);
}

const fatal = (code: 'structure' | 'not-supported', diagnostics: string): readonly Issue[] => [
  { severity: 'fatal', code, diagnostics, expression: 'resourceType' },
];

function runAt(resource: Resource): Run {
  const run = runOn(resource);
  run.path[run.depth++] = resource.resourceType;
  run.searches =
    resource.resourceType === 'Bundle' && (resource['type'] === 'transaction' || resource['type'] === 'batch');
  return run;
}

const mayHoldFraction = /\d(?:\.0+|[eE][+-]?\d+)[\s,\]}]/;

/** Integers that are written with a fraction or an exponent: in a copy where such numbers are none, only integers mind. */
function fractions(exact: string, told: readonly Issue[]): readonly Issue[] {
  const places = new Set(told.map(({ expression }) => expression));
  const marked = JSON.parse(exact, ((_key: string, value: unknown, { source }: { source?: string }) =>
    typeof value === 'number' && Number.isInteger(value) && /[.eE]/.test(source!) ? Number.NaN : value) as never);
  const run = runAt(marked);
  checkResource(marked, run);
  return run.issues.filter((issue) => issue.diagnostics === wholeNumber && !places.has(issue.expression));
}
