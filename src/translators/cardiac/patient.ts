/** The patient that a path names: by a value of Patient.identifier, for those who may see the patient. https://hl7.org/fhir/R4/patient.html */
import { problem } from '../../fhir/outcome.ts';
import { escaped } from '../../search/escapes.ts';
import type { Search } from './asker.ts';

export interface NamedPatient {
  /** `Patient/1` */
  readonly reference: string;
  /** As the caller names it. */
  readonly patientId: string;
  readonly resource: any;
}

/** `PAT001`, or `system|PAT001` where several systems have it. Whoever was merged into somebody is that one. */
export async function patientNamed(name: string, search: Search): Promise<NamedPatient> {
  const at = name.lastIndexOf('|');
  const [system, value] = at < 0 ? ['', name] : [`${escaped(name.slice(0, at))}|`, name.slice(at + 1)];
  const { matches } = await search('Patient', [
    ['identifier', `${system}${escaped(value)}`],
    ['_count', '10'],
  ]);
  const survivors = matches.filter((one) => survivorOf(one) === undefined);
  const merged = survivors.length > 0 ? [] : [...new Set(matches.flatMap((one) => survivorOf(one) ?? []))];
  const found = merged.length === 1 ? (await search('Patient', [['_id', merged[0]!]])).matches : survivors;
  if (found.length > 1)
    throw problem('multiple-matches', 'several patients have this identifier; name its system: system|value', {
      status: 409,
    });
  const [resource] = found;
  if (!resource) throw problem('not-found', 'no patient with this identifier was found');
  return { reference: `Patient/${resource.id}`, patientId: value, resource };
}

const survivorOf = ({ link = [] }: any): string | undefined =>
  /^Patient\/([A-Za-z0-9\-.]{1,64})$/.exec(
    link.find(({ type }: any) => type === 'replaced-by')?.other?.reference ?? '',
  )?.[1];
