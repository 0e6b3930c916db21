/** The resources that a page brings along, both ways, from the same snapshot. https://hl7.org/fhir/R4/search.html#include */
import type { Document } from 'mongodb';
import { refuseCostly } from '../../search/cost.ts';
import { mostIncluded, tooManyIncluded } from '../../search/includes.ts';
import type { Criterion, Include, SearchQuery } from '../../search/query.ts';
import { includeRounds } from '../include-rounds.ts';
import type { Version } from '../store.ts';
import { filterAmong, unknownIn } from './chains.ts';
import { filterOf, isCanonical } from './compile.ts';
import { canonicalHash, keyHash, nameHash, typeHash } from './hash.ts';
import { all, equal } from './logic.ts';
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
  const brought: Brought = new Map();
  let round: readonly Followed[] | undefined;
  let step = rounds.next();
  while (!step.done) {
    const { include, front, seen } = step.value;
    if (front !== round) {
      await bringAll(reading, query, front, front === matches, brought);
      round = front;
    }
    const found =
      include.way === 'to'
        ? await pointedTo(reading, query, include, front, seen, brought)
        : await pointing(reading, query, include, front, seen);
    step = rounds.next(found as unknown as readonly Followed[]);
  }
  return step.value.map(versionOf);
}

/** What was asked for by its key already: the resource, or undefined where it may not be included. */
type Brought = Map<string, Document | undefined>;

/** One question for all that a round points to under several names. */
async function bringAll(
  reading: Reading,
  query: SearchQuery,
  front: readonly Followed[],
  isFirst: boolean,
  brought: Brought,
): Promise<void> {
  const asked = query.includes.filter(({ way, iterate }) => way === 'to' && (isFirst || iterate));
  if (asked.length < 2) return;
  const aims = asked.flatMap((include) => aimedAt(reading, include, front).filter((aim) => isAsked(include, aim)));
  const keys = [...new Set(aims)].filter((key) => !brought.has(key));
  if (keys.length > 0 && keys.length <= mostIncluded) await bring(reading, query, keys, brought);
}

/** Whether it can be included by its key. */
const isAsked = ({ target }: Include, aim: string): boolean =>
  !isCanonical(aim) && (target === undefined || typeOf(aim) === target);

const aimedAt = ({ parts }: Reading, { type, name }: Include, front: readonly Followed[]): readonly string[] => {
  const hash = name === undefined ? undefined : nameHash(parts.hashing, name);
  return front.filter(({ _id }) => typeOf(_id) === type).flatMap(({ refs }) => aimsOf(refs, hash));
};

async function bring(reading: Reading, query: SearchQuery, keys: readonly string[], brought: Brought): Promise<void> {
  const found = await allowedAmong(reading, query, keys);
  if (found.length > mostIncluded) throw tooManyIncluded(query.includes);
  for (const key of keys) brought.set(key, undefined);
  for (const document of found) brought.set(document['_id'], document);
}

const typeOf = (key: string): string => key.slice(0, key.indexOf('/'));
const whole = fieldsOf({ bodies: true, ties: true });

async function pointedTo(
  reading: Reading,
  query: SearchQuery,
  include: Include,
  front: readonly Followed[],
  seen: ReadonlySet<string>,
  brought: Brought,
): Promise<readonly Document[]> {
  const aims = new Set(aimedAt(reading, include, front));
  const canonicals = [...aims].filter(isCanonical);
  const called = canonicals.length === 0 ? [] : await keysCalled(reading, canonicals);
  const keys = [...new Set([...aims, ...called])].filter((key) => !seen.has(key) && isAsked(include, key));
  const missing = keys.filter((key) => !brought.has(key));
  if (missing.length > 0) await bring(reading, query, missing, brought);
  return keys.flatMap((key) => brought.get(key) ?? []);
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
  const free: string[] = [];
  const ways: Document[] = [];
  for (const [type, ofType] of Map.groupBy(keys, typeOf)) {
    const allowed = allowedOf(includable, type);
    if (!allowed) continue;
    if (isEverything(allowed)) free.push(...ofType);
    else {
      const among = { _id: { $in: ofType } };
      ways.push(all([await filterFrom(reading, type, allowed, among), among]) as Document);
    }
  }
  if (free.length > 0) ways.push({ _id: { $in: free }, m: { $ne: 'DELETE' } });
  if (ways.length === 0) return [];
  const where = ways.length === 1 ? ways[0]! : { $or: ways };
  return find(reading, where, { limit: mostIncluded + 1, projection: whole });
}

/** What an included resource of the type must fulfil; undefined where none is included. */
const allowedOf = (includable: SearchQuery['includable'], type: string): Criterion | undefined =>
  !includable ? everything : Object.hasOwn(includable, type) ? includable[type] : undefined;
const everything: Criterion = { is: 'all', of: [] };
const isEverything = (where: Criterion): boolean => where.is === 'all' && where.of.length === 0;

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
