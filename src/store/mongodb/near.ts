/** Places on the map: found by the cells around, told by their distance. https://hl7.org/fhir/R4/location.html#positional */
import type { Document, Long } from 'mongodb';
import { isNear, latitudeOf, longitudeOf } from '../../search/near.ts';
import type { Near } from '../../search/query.ts';
import { keyHash, longHash, nameHash, typeHash } from './document.ts';
import { find, type Reading } from './reading.ts';

/** Keys of the type within the circle, of those in `among` where it is given; undefined where more than `cap` lie in the cells around. */
export async function keysNear(
  reading: Reading,
  type: string,
  near: Near,
  { among, cap }: { readonly among?: readonly string[]; readonly cap?: number },
): Promise<readonly string[] | undefined> {
  const { hashing } = reading.parts;
  const cells = near.cells.map((cell) => keyHash(hashing, near.name, cell, ''));
  const found = await find(
    reading,
    { $and: [{ ix: { $in: cells } }, { ix: typeHash(hashing, type) }, ...(among ? [{ _id: { $in: among } }] : [])] },
    { projection: { l: 1, d: 1, l2: 1, d2: 1, r: 1 }, ...(cap !== undefined && { limit: cap + 1 }) },
  );
  if (cap !== undefined && found.length > cap) return undefined;
  const hashesOf = (name: string) => [nameHash(hashing, name), longHash(hashing, name)] as const;
  const latitude = hashesOf(latitudeOf(near.name));
  const longitude = hashesOf(longitudeOf(near.name));
  const lies = (place: Document): boolean =>
    lowsOf(place, latitude).some((north) => lowsOf(place, longitude).some((east) => isNear(near, north, east)));
  return found.filter(lies).map(({ _id }) => String(_id));
}

/** Where the intervals of a name begin. */
function lowsOf({ l = [], d, l2 = [], d2, r = [] }: Document, [name, long]: readonly [Long, Long]): readonly number[] {
  return [
    ...(has(l, name) ? [d] : []),
    ...(has(l2, name) || has(l2, long) ? [d2] : []),
    ...r.filter(({ n }: { n: Long }) => name.equals(n)).map((part: { l: number }) => part.l),
  ];
}
const has = (names: readonly Long[], name: Long): boolean => names.some((one) => name.equals(one));
