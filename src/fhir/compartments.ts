/** The compartments of R4: what belongs to a patient, an encounter, a related person, a practitioner or a device. https://hl7.org/fhir/R4/compartmentdefinition.html */
import { readFileSync } from 'node:fs';
import { zstdDecompressSync } from 'node:zlib';

type Compartments = Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;

let data: Compartments | undefined;
const load = (): Compartments =>
  (data ??= JSON.parse(
    zstdDecompressSync(readFileSync(new URL('r4/compartments.json.zst', import.meta.url))).toString(),
  ));

/** The resource types that compartments are named after. */
export const compartmentNames: readonly string[] = ['Patient', 'Encounter', 'RelatedPerson', 'Practitioner', 'Device'];

/**
 * Codes of the search parameters by which resources of the type are in the compartment: any of them refers to the resource
 * that it is named after, and `{def}` is that resource itself. Undefined where nothing of the type is ever in it.
 */
export function compartmentParameters(compartment: string, type: string): readonly string[] | undefined {
  const types = compartmentNames.includes(compartment) ? load()[compartment]! : {};
  const codes = Object.hasOwn(types, type) ? types[type]! : [];
  // R4 writes `{def}` for three of the five, though each is the middle of its compartment.
  if (compartment === type && compartmentNames.includes(type))
    return ['{def}', ...codes.filter((code) => code !== '{def}')];
  return codes.length > 0 ? codes : undefined;
}
