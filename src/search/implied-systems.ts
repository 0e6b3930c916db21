/** Which system a bare code belongs to: its element says so, not its value. https://hl7.org/fhir/R4/search.html#token */
import { codesOf } from '../fhir/definitions.ts';

/**
 * Whether a code of an element whose codes are of these systems is of that one. Of several it is the one that lists the code;
 * undefined where R4 does not list the codes of each.
 */
export function isOf(system: string, code: string, systems: readonly string[]): boolean | undefined {
  if (!systems.includes(system)) return false;
  if (systems.length === 1) return true;
  const listing = systems.map((one) => listed(one)?.includes(code));
  return listing.includes(undefined) ? undefined : listing[systems.indexOf(system)]!;
}

/** All codes of a system of R4, by the value set of the same name. */
const listed = (system: string): readonly string[] | undefined =>
  codesOf(system.replace(/^http:\/\/hl7\.org\/fhir\/(?=[^/]+$)/, '$&ValueSet/'))?.[system];
