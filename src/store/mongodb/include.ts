/** The resources that a page brings along, both ways, from the same snapshot. https://hl7.org/fhir/R4/search.html#include */
import type { Document } from 'mongodb';
import { refuseCostly } from '../../search/cost.ts';
import { mostIncluded, tooManyIncluded } from '../../search/includes.ts';
import type { Criterion, Include, SearchQuery } from '../../search/query.ts';
import { includeRounds } from '../include-rounds.ts';
import type { Version } from '../store.ts';
import { filterAmong, unknownIn } from './chains.ts';
import { equal, filterOf, isCanonical } from './compile.ts';
import { canonicalHash, keyHash, nameHash, typeHash } from './document.ts';
import { all } from './logic.ts';
import { aimsOf, fieldsOf, find, type Reading, type Row, versionOf } from './reading.ts';
import { homesAround } from './task.ts';

type Followed = Pick<Row, '_id' | 'p' | 'refs' | 'c'>;

export async function includedBy(
  reading: Reading,
  query: SearchQuery,
  matches: readonly Row[],
): Promise<readonly Version[]> {
  if (query.includes.length === 0 || matches.length === 0) return [];
  for (const allowed of Object.values(query.includable ?? {})) refuseCostly(allowed);
  const rounds = includeRounds<Followed>(query, matches, { keyOf: ({ _id }) => _id, numberOf: ({ p }) => p });
  let step = rounds.next();
  while (!step.done) {
    const { include, front, seen } = step.value;
    const way = include.way === 'to' ? pointedTo : pointing;
    step = rounds.next((await way(reading, query, include, front, seen)) as unknown as readonly Followed[]);
  }
  return step.value.map(versionOf);
}

const typeOf = (key: string): string => key.slice(0, key.indexOf('/'));
const whole = fieldsOf({ bodies: true, ties: true });

async function pointedTo(
  reading: Reading,
  query: SearchQuery,
  { type, name, target }: Include,
  front: readonly Followed[],
  seen: ReadonlySet<string>,
): Promise<readonly Document[]> {
  const { hashing } = reading.parts;
  const hash = name === undefined ? undefined : nameHash(hashing, name);
  const aims = new Set(front.filter(({ _id }) => typeOf(_id) === type).flatMap(({ refs }) => aimsOf(refs, hash)));
  const canonicals = [...aims].filter(isCanonical);
  const called = canonicals.length === 0 ? [] : await keysCalled(reading, canonicals);
  const keys = [...new Set([...[...aims].filter((aim) => !isCanonical(aim)), ...called])].filter(
    (key) => !seen.has(key) && (target === undefined || typeOf(key) === target),
  );
  if (keys.length === 0) return [];
  const found = await allowedAmong(reading, query, keys);
  if (found.length > mostIncluded) throw tooManyIncluded(query.includes);
  const byKey = new Map(found.map((document) => [document['_id'], document]));
  return keys.flatMap((key) => byKey.get(key) ?? []);
}

/** The keys of whatever has one of the canonicals. */
async function keysCalled(reading: Reading, canonicals: readonly string[]): Promise<string[]> {
  const hashes = canonicals.map((one) => canonicalHash(reading.parts.hashing, one));
  const found = await find(reading, { ix: { $in: hashes } }, { projection: { _id: 1 } });
  return found.map(({ _id }) => _id);
}

/** Those of the keys that are alive and may be included. */
async function allowedAmong(
  reading: Reading,
  { includable }: SearchQuery,
  keys: readonly string[],
): Promise<Document[]> {
  const bounds = { limit: mostIncluded + 1, projection: whole };
  if (!includable) return find(reading, { _id: { $in: keys }, m: { $ne: 'DELETE' } }, bounds);
  const found: Document[] = [];
  for (const type of new Set(keys.map(typeOf))) {
    const allowed = allowedOf(includable, type);
    if (!allowed) continue;
    const among = { _id: { $in: keys.filter((key) => typeOf(key) === type) } };
    const filter = await filterFrom(reading, type, allowed, among);
    found.push(...(await find(reading, all([filter, among]) as Document, bounds)));
  }
  return found;
}

/** What an included resource of the type must fulfil; undefined where none is included. */
const allowedOf = (includable: SearchQuery['includable'], type: string): Criterion | undefined =>
  !includable ? everything : Object.hasOwn(includable, type) ? includable[type] : undefined;
const everything: Criterion = { is: 'all', of: [] };

/** The criterion as a filter that is right for what the set holds. */
async function filterFrom(reading: Reading, type: string, where: Criterion, set: Document): Promise<Document> {
  const { links, parts } = reading;
  if (unknownIn(where, reading).length === 0)
    return filterOf(where, { type, hashing: parts.hashing, common: parts.common, links });
  const candidates = await find(reading, set, { projection: { refs: 1, c: 1 } });
  return filterAmong(reading, type, where, candidates);
}

async function pointing(
  reading: Reading,
  { includable, includes }: SearchQuery,
  { type, name, target }: Include,
  front: readonly Followed[],
  seen: ReadonlySet<string>,
): Promise<readonly Document[]> {
  const { hashing, common } = reading.parts;
  const pointed = front.filter(({ _id }) => target === undefined || typeOf(_id) === target);
  const allowed = pointed.length > 0 ? allowedOf(includable, type) : undefined;
  if (!allowed) return [];
  const names = pointed.flatMap(({ _id, c = [] }) => [_id, ...c]);
  // Under no name there is no index: the whole type is looked at.
  const here =
    name === undefined
      ? { 'refs.k': { $in: names } }
      : equal(
          common,
          names.map((one) => keyHash(hashing, name, one, '')),
        );
  const set = { $and: [here, { ix: typeHash(hashing, type) }, ...homesAround(reading, type, names)] };
  const filter = await filterFrom(reading, type, allowed, set);
  const most = mostIncluded + seen.size + 1;
  const found = await find(reading, all([filter, set]) as Document, { limit: most, projection: whole });
  const fresh = found.filter(({ _id }) => !seen.has(_id));
  if (fresh.length > mostIncluded) throw tooManyIncluded(includes);
  return fresh;
}
