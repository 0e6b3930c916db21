/** Who a reading is about, as far as limits depend on it: birth date and gender, parsed once for each version of the Patient. */
import { keyOf } from '../fhir/references.ts';
import type { Pending } from '../interactions/interaction.ts';
import { isWritten, resourceNow } from '../interactions/pending.ts';
import { isDeleted, type Look } from '../store/store.ts';
import type { Person } from './interpret.ts';

const MOST = 10_000;

export type PersonOf = (patient: string, pending: Pending, look: Look) => Promise<Person>;

/** One reader for one store. An unknown patient is somebody of whom nothing is known. */
export function createPersonOf(): PersonOf {
  const persons = new Map<string, Person>();
  return async (patient, pending, look) => {
    const key = keyOf(patient);
    if (!key) return {};
    if (isWritten(key, pending)) return (await resourceNow(key, pending, look))?.resource ?? {};
    const [version] = await look.read([key]);
    if (!version || isDeleted(version)) return {};
    const name = `${key.id} ${version.versionId} ${version.lastUpdated}`;
    let person = persons.get(name);
    if (!person) {
      const { birthDate, gender } = JSON.parse(version.text);
      person = { birthDate, gender };
      if (persons.size >= MOST) persons.clear();
      persons.set(name, person);
    }
    return person;
  };
}

export const kindsIn = (device: any): readonly string[] =>
  (device?.type?.coding ?? []).flatMap(({ code }: any) => code ?? []);

export type KindsOf = (device: string | undefined, pending: Pending, look: Look) => Promise<readonly string[]>;

/** Codes of a Device's type; one reader for one store. */
export function createKindsOf(): KindsOf {
  const kinds = new Map<string, readonly string[]>();
  return async (device, pending, look) => {
    const key = keyOf(device ?? '');
    if (key?.type !== 'Device') return [];
    if (isWritten(key, pending)) return kindsIn((await resourceNow(key, pending, look))?.resource);
    const [version] = await look.read([key]);
    if (!version || isDeleted(version)) return [];
    const name = `${key.id} ${version.versionId} ${version.lastUpdated}`;
    let found = kinds.get(name);
    if (!found) {
      found = kindsIn(JSON.parse(version.text));
      if (kinds.size >= MOST) kinds.clear();
      kinds.set(name, found);
    }
    return found;
  };
}
