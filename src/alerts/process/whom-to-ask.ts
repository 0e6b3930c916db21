/** Who is asked about an alert: its patient, and in the place of a child those who are related, of an adult whom nobody can reach who speaks for the patient. docs/escalation.md#who-is-asked */
import type { Resource } from '../../fhir/references.ts';
import { any, plainQuery } from '../../search/query.ts';
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
  const isChild = isMinor(resource, parts.now);
  if (own && !isChild) return [own];
  const related = await relatedTo(patient!, parts);
  const asked = await reachable(isChild ? related : await speakingFor(patient!, related, parts), parts);
  return asked.length > 0 ? asked : own ? [own] : [];
}

/** Those who are so now. */
async function relatedTo(patient: string, { look, now }: WhoParts): Promise<readonly Resource[]> {
  const where = { is: 'reference', name: 'RelatedPerson.patient', target: patient } as const;
  const { matches } = await look.search(plainQuery('RelatedPerson', where, 50), undefined);
  const related = matches.map(({ text, key }): Resource => ({ ...JSON.parse(text), id: key.id }));
  return related.filter(({ period }: Resource & { period?: any }) => isNow(period, now));
}

const nameOf = ({ id }: Resource): string => `RelatedPerson/${id}`;

/** The oldest first. */
async function reachable(related: readonly Resource[], parts: WhoParts): Promise<readonly Recipient[]> {
  const found = await recipientsOf(related.map(nameOf).sort(), parts);
  return found.filter(({ contacts }) => contacts.length > 0).slice(0, MOST_ASKED);
}

const ROLES = 'http://terminology.hl7.org/CodeSystem/v3-RoleCode';
/** Guardian, and the powers of attorney: in general, for health care, special, durable. */
const speaking = new Set(['GUARD', 'POWATT', 'HPOWATT', 'SPOWATT', 'DPOWATT']);

const isSpeaking = ({ relationship }: Resource & { relationship?: any }): boolean =>
  (relationship ?? []).some(({ coding }: any) =>
    (coding ?? []).some(({ system, code }: any) => system === ROLES && speaking.has(code)),
  );

/** Who is related to an adult decides nothing in that one's place, but by law or where the patient said so. */
async function speakingFor(
  patient: string,
  related: readonly Resource[],
  parts: WhoParts,
): Promise<readonly Resource[]> {
  const others = related.filter((one) => !isSpeaking(one)).map(nameOf);
  const named = others.length === 0 ? new Set<string>() : await namedByConsent(patient, others, parts);
  return related.filter((one) => isSpeaking(one) || named.has(nameOf(one)));
}

/** Actors of the provision of a Consent of the patient that is active and permits. What one denies is seen where all recipients are. */
async function namedByConsent(
  patient: string,
  related: readonly string[],
  { look, now }: WhoParts,
): Promise<ReadonlySet<string>> {
  const of = [
    { is: 'reference', name: 'Consent.patient', target: patient } as const,
    { is: 'key', name: 'Consent.status', first: 'active', second: '' } as const,
    any(related.map((target) => ({ is: 'reference', name: 'Consent.actor', target }) as const)),
  ];
  const { matches } = await look.search(plainQuery('Consent', { is: 'all', of }, 50), undefined);
  const provisions: readonly any[] = matches.map(({ text }) => JSON.parse(text).provision);
  const permits = provisions.filter((one) => one?.type === 'permit' && isNow(one.period, now));
  return new Set(permits.flatMap(({ actor }) => actor.map(({ reference }: any) => reference?.reference)));
}
