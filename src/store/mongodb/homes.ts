/** Where a resource lives on a sharded cluster. docs/storage-mongodb.md */
import { isPlainReference, type ResourceKey, referenceTo } from '../../fhir/references.ts';
import type { IndexEntries } from '../../search/query.ts';
import type { Hashing } from '../hash.ts';
import { kindOf } from './hash.ts';

/** Homes of resources that point to several patients: few, so that whoever asks for one patient can ask them all. */
export const sharedHomes: readonly number[] = Array.from({ length: 8 }, (_, i) => i);

/**
 * A Patient, and whatever points to that one patient and to no other, live together; what points to several lives in one of
 * the `sharedHomes`; all else lives by its own key.
 */
export function homeOf(key: ResourceKey, { references }: Pick<IndexEntries, 'references'>, hashing: Hashing): number {
  const own = referenceTo(key);
  if (key.type === 'Patient') return homeOfKey(own, hashing);
  let patient: string | undefined;
  for (const { target } of references) {
    if (!target.startsWith('Patient/') || target === patient || !isPlainReference(target)) continue;
    if (patient !== undefined) return sharedHomes[homeOfKey(own, hashing) % sharedHomes.length]!;
    patient = target;
  }
  return homeOfKey(patient ?? own, hashing);
}

/** A number from 8 up, spread evenly. */
export function homeOfKey(key: string, hashing: Hashing): number {
  hashing.mix(kindOf.home, '', key);
  return sharedHomes.length + ((hashing.low >>> 0) % (0x7fffffff - sharedHomes.length));
}

/** Where everything that points to the patient lives. */
export const homesOfPatient = (patient: string, hashing: Hashing): readonly number[] => [
  homeOfKey(patient, hashing),
  ...sharedHomes,
];
