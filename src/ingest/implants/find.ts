/** Finds the Patient and the Device that a feed names, by their identifiers, with the expectation that this is still so at commit. */
import { keyOf, type Resource } from '../../fhir/references.ts';
import { any, type Criterion, plainQuery } from '../../search/query.ts';
import { type Change, isDeleted, type Store } from '../../store/store.ts';
import { ciedOf } from './identity.ts';
import type { Implant, PatientTold } from './told.ts';

type Looking = Pick<Store, 'read' | 'search'>;

export interface Found {
  readonly resources: readonly (Resource & { readonly id: string })[];
  /** Nobody made another one meanwhile. */
  readonly still: Change;
}

/** Of any system where none is told. */
const identified = (type: string, value: string, system?: string): Criterion =>
  system === undefined
    ? { is: 'key', name: `${type}.identifier`, first: value }
    : { is: 'key', name: `${type}.identifier`, first: `${system}|`, second: value };

async function find(type: string, where: Criterion, store: Looking): Promise<Found> {
  const query = plainQuery(type, where, 3);
  const { matches } = await store.search(query, undefined);
  return {
    resources: matches.map(({ text, key }) => ({ ...(JSON.parse(text) as Resource), id: key.id })),
    still: { op: 'expect', query, matches: matches.map(({ key }) => key) },
  };
}

/** By model and serial number in any spelling, and by what its maker calls it. */
export function findDevice(implant: Implant, canonical: string, store: Looking): Promise<Found> {
  const cied = ciedOf(implant)!;
  const spellings = [...new Set([cied, cied.toLowerCase(), cied.toUpperCase()])];
  const own = implant.deviceId?.trim();
  const of = spellings.map((value) => identified('Device', value));
  if (own) of.push(identified('Device', own, `${canonical}/sid/maker-device/${implant.maker}`));
  return find('Device', any(of), store);
}

/** The implant that a home monitor is said to speak for, where it has been told of. */
export async function findSpokenFor({ parent, type, maker }: Implant, canonical: string, store: Looking) {
  const value = parent?.trim();
  if (!value || type !== 'remote-monitor') return undefined;
  const { resources } = await find(
    'Device',
    identified('Device', value, `${canonical}/sid/maker-device/${maker}`),
    store,
  );
  return resources.length === 1 ? resources[0] : undefined;
}

/** Undefined where nothing names the patient. Who was merged into another is found as that one. */
export async function findPatient({ identifiers }: PatientTold, store: Looking): Promise<Found | undefined> {
  const named = identifiers.filter(({ value, type }) => value.trim() !== '' && type !== 'U');
  if (named.length === 0) return undefined;
  const where = any(named.map(({ value, system }) => identified('Patient', value, system)));
  const found = await find('Patient', where, store);
  const resources = await Promise.all(found.resources.map((one) => survivorOf(one, store)));
  return { ...found, resources: [...new Map(resources.map((one) => [one.id, one])).values()] };
}

/** `Patient/1` that goes on for this one, where it was merged into another. */
const goesOnAs = (patient: Resource): string | undefined => {
  const link = patient['link']?.find((one: any) => one.type === 'replaced-by')?.other?.reference;
  return typeof link === 'string' && keyOf(link)?.type === 'Patient' ? link : undefined;
};

/** Merges follow each other; a circle of them ends. */
const MOST_MERGES = 5;

async function survivorOf(
  patient: Found['resources'][number],
  store: Pick<Store, 'read'>,
): Promise<Found['resources'][number]> {
  let survivor = patient;
  for (let i = 0; i < MOST_MERGES; i++) {
    const next = goesOnAs(survivor);
    const [version] = next === undefined ? [] : await store.read([keyOf(next)!]);
    if (!version || isDeleted(version)) return survivor;
    survivor = { ...JSON.parse(version.text), id: version.key.id };
  }
  return survivor;
}

/** Tells of each of these (`Patient/1`) who it is now. One look where nobody was merged. */
export async function survivorsOf(
  references: readonly string[],
  store: Pick<Store, 'read'>,
): Promise<(reference: string) => string> {
  const versions = await store.read(references.flatMap((one) => keyOf(one) ?? []));
  const survivors = new Map<string, string>();
  for (const version of versions) {
    if (!version || isDeleted(version)) continue;
    const patient = { ...(JSON.parse(version.text) as Resource), id: version.key.id };
    const survivor = await survivorOf(patient, store);
    if (survivor.id !== patient.id) survivors.set(`Patient/${patient.id}`, `Patient/${survivor.id}`);
  }
  return (reference) => survivors.get(reference) ?? reference;
}

/** Whether what is told of a patient speaks against its being this one: the birth date, else the family name. What neither says speaks against nothing. */
export function contradicts({ birthDate, family }: PatientTold, patient: Resource): boolean {
  const known: string | undefined = patient['birthDate'];
  if (birthDate !== undefined && known !== undefined) {
    const shared = Math.min(birthDate.length, known.length);
    return birthDate.slice(0, shared) !== known.slice(0, shared);
  }
  const families: readonly string[] = (patient['name'] ?? []).flatMap((name: any) => name.family ?? []);
  if (family === undefined || families.length === 0) return false;
  return !families.some((one) => one.toLowerCase() === family.trim().toLowerCase());
}
