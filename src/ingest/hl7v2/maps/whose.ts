/** Whose something is, merges followed: the same number may come for two patients, and a result of one never becomes a result of the other. https://hl7.org/fhir/R4/patient.html#merge */
import { parseExact } from '../../../fhir/json.ts';
import { keyOf } from '../../../fhir/references.ts';
import { isDeleted, type Look, type Store } from '../../../store/store.ts';

/** `vread` tells whose it was that was deleted. */
export type Looking = Look & Partial<Pick<Store, 'vread'>>;

/** The patients that it is about. */
export function patientsIn({ subject, patient, beneficiary, participant }: any): readonly string[] {
  const actors = Array.isArray(participant) ? participant.map(({ actor }: any) => actor) : [];
  return [subject, patient, beneficiary, ...actors].flatMap((one) => {
    const reference = one?.reference;
    return typeof reference === 'string' && /^(?:Patient\/|urn:uuid:)/.test(reference) ? [reference] : [];
  });
}

export interface Whose {
  /** The records from this one, by who replaced whom, to the one that stays. */
  chainOf(reference: string): Promise<readonly string[]>;
  /** The patient who stays. */
  lastOf(reference: string): Promise<string>;
}

export function createWhose(store: Pick<Look, 'read'>): Whose {
  const chains = new Map<string, Promise<readonly string[]>>();

  async function nextOf(reference: string): Promise<string | undefined> {
    const key = keyOf(reference);
    const [version] = key?.type === 'Patient' ? await store.read([key]) : [];
    if (!version || isDeleted(version)) return undefined;
    const { active, link } = parseExact(version.text) as any;
    return active === false ? link?.find((l: any) => l.type === 'replaced-by')?.other?.reference : undefined;
  }

  async function follow(reference: string): Promise<readonly string[]> {
    const chain = [reference];
    for (;;) {
      const next = await nextOf(chain.at(-1)!);
      if (next === undefined) return chain;
      const at = chain.indexOf(next);
      // Nobody stays in a circle: whoever asks for one of it is told the same.
      if (at >= 0) return [...chain, [...chain.slice(at)].sort()[0]!];
      chain.push(next);
    }
  }

  const chainOf: Whose['chainOf'] = (reference) => {
    const known = chains.get(reference) ?? follow(reference);
    chains.set(reference, known);
    return known;
  };
  return { chainOf, lastOf: async (reference) => (await chainOf(reference)).at(-1)! };
}

/** A resource with references to what got another id. */
export function pointed(value: any, moved: ReadonlyMap<string, string>): any {
  if (Array.isArray(value)) return value.map((item) => pointed(item, moved));
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [
      name,
      name === 'reference' && typeof member === 'string' ? (moved.get(member) ?? member) : pointed(member, moved),
    ]),
  );
}
