/** The stored AuditEvents before a place in their listing. An engine knows the cursors around what it has found, and no other. */
import type { SearchQuery } from '../search/query.ts';
import type { Cursor, Store, Version } from '../store/store.ts';
import type { Place } from './trail-position.ts';

type ResourcesOf = (count: number) => SearchQuery;
type Looking = Pick<Store, 'search'>;

/** More at once than a page has. */
const MANY = 1000;

/** The last `count` resources before a place, in the order of the listing. */
export async function resourcesBefore(
  place: Place,
  count: number,
  resourcesOf: ResourcesOf,
  store: Looking,
): Promise<readonly Version[]> {
  const tail = await tailOf(place, resourcesOf, store);
  const lacking = count - tail.length;
  if (lacking <= 0) return tail.slice(-count);
  const cursor = await cursorBefore(place.from, resourcesOf, store);
  if (cursor === undefined) return tail;
  return [...(await store.search(resourcesOf(lacking), cursor)).matches, ...tail];
}

/** The place so many resources before another one. */
export async function placeBefore(
  place: Place,
  count: number,
  resourcesOf: ResourcesOf,
  store: Looking,
): Promise<Place> {
  if (count === 0) return place;
  const tail = await tailOf(place, resourcesOf, store);
  if (count === tail.length) return { from: place.from, ended: false };
  if (count < tail.length) {
    const { next } = await store.search(resourcesOf(tail.length - count), place.from);
    return { from: next, ended: false };
  }
  const cursor = await cursorBefore(place.from, resourcesOf, store);
  const page = cursor && (await store.search(resourcesOf(count - tail.length), cursor));
  // A page that was reached backwards knows what comes after it, also where that is the end.
  const one = page?.previous && (await store.search(resourcesOf(1), page.previous));
  return { from: one?.next, ended: false };
}

/** What stands after the cursor of a place that is the end of the listing. */
async function tailOf({ from, ended }: Place, resourcesOf: ResourcesOf, store: Looking): Promise<readonly Version[]> {
  const tail: Version[] = [];
  for (let cursor = from, more = ended; more; ) {
    const { matches, next } = await store.search(resourcesOf(MANY), cursor);
    tail.push(...matches);
    cursor = next;
    more = next !== undefined;
  }
  return tail;
}

/** The cursor that leads back from where another one leads on; undefined at the beginning. */
async function cursorBefore(
  from: Cursor | undefined,
  resourcesOf: ResourcesOf,
  store: Looking,
): Promise<Cursor | undefined> {
  return from && (await store.search(resourcesOf(1), from)).previous;
}
