/** Places on the map: found by the cells around, told by their distance. https://hl7.org/fhir/R4/location.html#positional */
import type { Document, Long } from 'mongodb';
import { problem } from '../../fhir/outcome.ts';
import { leading } from '../../search/contained-entries.ts';
import { isNear, latitudeOf, longitudeOf } from '../../search/near.ts';
import type { Near } from '../../search/query.ts';
import type { Hashing } from '../hash.ts';
import type { GroupPart } from './document.ts';
import { keyHash, longHash, nameHash, typeHash } from './hash.ts';
import { equal } from './logic.ts';
import { find, type Reading } from './reading.ts';

/** Keys of the type within the circle, of those in `among` where it is given; undefined where more than `cap` lie in the cells around. */
export async function keysNear(
  reading: Reading,
  type: string,
  near: Near,
  { among, cap }: { readonly among?: readonly string[]; readonly cap?: number },
): Promise<readonly string[] | undefined> {
  const { hashing, common } = reading.parts;
  const cells = near.cells.map((cell) => keyHash(hashing, near.name, cell, ''));
  const found = await find(
    reading,
    { $and: [equal(common, cells), { ix: typeHash(hashing, type) }, ...(among ? [{ _id: { $in: among } }] : [])] },
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

/** Resources whose contained ones are looked at. */
const MOST = 10_000;

/** Places, as `latitude longitude`, in the circle where contained resources are: those of the group in resources of the type. */
export async function placesNear(
  reading: Reading,
  type: string,
  group: string,
  near: Near,
): Promise<readonly string[]> {
  const { hashing, common } = reading.parts;
  const cells = near.cells.map((cell) => keyHash(hashing, leading(type, near.name), cell, ''));
  const found = await find(
    reading,
    { $and: [equal(common, cells), { ix: typeHash(hashing, type) }] },
    { projection: { g: 1 }, limit: MOST + 1 },
  );
  if (found.length > MOST) throw problem('too-costly', 'The circle holds too much; ask for a smaller one');
  const [latitude, longitude] = [latitudeOf(near.name), longitudeOf(near.name)].map((name) => nameHash(hashing, name));
  const n = nameHash(hashing, group);
  const places = new Set<string>();
  for (const { r } of found.flatMap(({ g = [] }) => g as readonly GroupPart[]).filter((one) => n.equals(one.n))) {
    const lows = (name: Long) => r.filter((part) => name.equals(part.n)).map(({ l }) => l);
    for (const north of lows(latitude!)) {
      for (const east of lows(longitude!)) if (isNear(near, north, east)) places.add(`${north} ${east}`);
    }
  }
  return [...places];
}

/** One of the places, as a condition on a group. */
export function atPlace(name: string, place: string, hashing: Hashing): Document {
  const at = (axis: string, degrees: number) => ({ r: { $elemMatch: { n: nameHash(hashing, axis), l: degrees } } });
  const [north, east] = place.split(' ').map(Number) as [number, number];
  return { $and: [at(latitudeOf(name), north), at(longitudeOf(name), east)] };
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
