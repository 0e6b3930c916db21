/** Who is asked about an alert: its patient, and in the place of a child, or of who cannot be reached, those who are related. docs/escalation.md#who-is-asked */
import type { Resource } from '../../fhir/references.ts';
import { plainQuery } from '../../search/query.ts';
import type { Process } from './kept.ts';
import { isNow, patientOf, type Recipient, readAll, recipientsOf, type WhoParts } from './who.ts';

const OF_AGE = 18;
/** More than these are not asked at once: the first answer counts. */
const MOST_ASKED = 5;

/** Nobody of whom the birth date is not known. */
function isMinor({ birthDate }: Resource, now: number): boolean {
  const ofAge = new Date(birthDate ?? Number.NaN);
  ofAge.setUTCFullYear(ofAge.getUTCFullYear() + OF_AGE);
  return now < ofAge.getTime();
}

/** All of one or several; none where nobody can be reached, or the patient is dead. */
export async function whomToAsk(process: Process, parts: WhoParts): Promise<readonly Recipient[]> {
  const { patient } = process.alert;
  const [resource] = patient === undefined ? [] : await readAll([patient], parts);
  if (!resource || resource['deceasedDateTime'] || resource['deceasedBoolean']) return [];
  const own = await patientOf(process, parts);
  if (own && !isMinor(resource, parts.now)) return [own];
  const related = await relatedTo(patient!, parts);
  return related.length > 0 ? related : own ? [own] : [];
}

/** Those who can be reached, the oldest first. */
async function relatedTo(patient: string, parts: WhoParts): Promise<readonly Recipient[]> {
  const where = { is: 'reference', name: 'RelatedPerson.patient', target: patient } as const;
  const { matches } = await parts.look.search(plainQuery('RelatedPerson', where, 50), undefined);
  const names = matches.flatMap(({ text, key }) =>
    isNow(JSON.parse(text).period, parts.now) ? [`RelatedPerson/${key.id}`] : [],
  );
  const found = await recipientsOf(names.sort(), parts);
  return found.filter(({ contacts }) => contacts.length > 0).slice(0, MOST_ASKED);
}
