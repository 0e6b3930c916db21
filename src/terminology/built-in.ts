/** R4's own value sets, as far as their codes are at hand, in the form of a ValueSet. https://hl7.org/fhir/R4/terminologies-valuesets.html */
import { codesOf } from '../fhir/definitions.ts';
import type { Resource } from '../fhir/references.ts';
import { canonicalParts } from './codes.ts';

/** The version of R4 that all of them carry. */
const release = '4.0.1';

/** The value set of R4 that a canonical names; undefined for others and for those that only rules can tell. */
export function builtInValueSet(canonical: string): Resource | undefined {
  const { url, version } = canonicalParts(canonical);
  const codes = version === undefined || version === release ? codesOf(url) : undefined;
  if (codes === undefined) return undefined;
  const include = Object.entries(codes).map(([system, listed]) => ({
    system,
    concept: listed.map((code) => ({ code })),
  }));
  return { resourceType: 'ValueSet', url, version: release, compose: { include } };
}
