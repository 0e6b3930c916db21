/** Matches in an order that no index has: all of them with their sort values, sorted by the database, or here where only the body tells the value. */
import type { Document, Long } from 'mongodb';
import type { SortKey } from '../../search/query.ts';
import { sortValueOf } from '../../search/sort-value.ts';
import { comparing, isDown, isNumberDown, type Place, type SortValue, type Way } from '../paging.ts';
import { lastUpdatedOf } from './document.ts';
import { longHash, nameHash } from './hash.ts';
import { aggregate, fieldsOf, placed, type Row, through, type Wanted } from './reading.ts';
import { bodyOf } from './schema.ts';
import { filterFor, type Task } from './task.ts';

const isOfValue = (condition: Document): boolean => 'k0' in condition;
const isOfResource = (condition: Document): boolean => !isOfValue(condition);
const hasBodyValues = (sort: readonly SortKey[]): boolean => sort.some(({ by }) => by === 'value');

/** `more` must hold besides, of the resource or of its sort values `k0`, `k1` ... */
export async function sorted(task: Task, way: Way, wanted: Wanted, more: readonly Document[] = []): Promise<Row[]> {
  const { sort, reading } = task;
  const edges = Object.fromEntries(sort.flatMap((key, i) => (key.by === 'value' ? [] : [[`k${i}`, edge(key, task)]])));
  const keys = Object.fromEntries(Object.keys(edges).map((name) => [name, 1]));
  if (hasBodyValues(sort)) return sortedHere(task, way, wanted, { edges, keys, more });
  const orders: Document = {};
  const absent: Document = {};
  sort.forEach((key, i) => {
    absent[`n${i}`] = { $eq: [`$k${i}`, null] };
    orders[`n${i}`] = way.back ? -1 : 1;
    orders[`k${i}`] = isDown(key, way.back) ? -1 : 1;
  });
  const found = await aggregate(reading, [
    { $match: filterFor(task, more.filter(isOfResource)) },
    { $set: edges },
    ...more.filter(isOfValue).map(($match) => ({ $match })),
    ...(way.start ? [{ $match: beyond(task, way, way.start) }] : []),
    { $set: absent },
    { $sort: { ...orders, p: isNumberDown(sort, way.back) ? -1 : 1 } },
    { $limit: way.limit },
    { $project: { ...fieldsOf(wanted), ...keys } },
  ]);
  return found.map((document) => rowOf(task, document));
}

function rowOf({ sort, type }: Task, document: Document): Row {
  const values = sort.map((key, i): SortValue => {
    if (key.by === 'value') return sortValueOf(JSON.parse(bodyOf(document['b'])), key) ?? null;
    return key.by === 'id' ? document['_id'].slice(type.length + 1) : (document[`k${i}`] ?? null);
  });
  return { ...document, values } as unknown as Row;
}

/** Bodies come one by one, and no more rows are kept than a few pages. */
async function sortedHere(
  task: Task,
  { start, back, limit }: Way,
  wanted: Wanted,
  { edges, keys, more }: { readonly edges: Document; readonly keys: Document; readonly more: readonly Document[] },
): Promise<Row[]> {
  const compare = comparing<Place>(task.sort, back, placed);
  const best: Row[] = [];
  const pipeline = [
    { $match: filterFor(task, more.filter(isOfResource)) },
    ...(Object.keys(edges).length > 0 ? [{ $set: edges }] : []),
    ...more.filter(isOfValue).map(($match) => ({ $match })),
    { $project: { ...fieldsOf({ ...wanted, bodies: true }), ...keys } },
  ];
  for await (const document of through(task.reading, pipeline)) {
    const row = rowOf(task, document);
    if (start && compare(row, start) <= 0) continue;
    best.push(row);
    if (best.length >= 4 * limit + 100) best.sort(compare).splice(limit);
  }
  return best.sort(compare).slice(0, limit);
}

/** The lowest (highest) interval or text of a name as an expression; null where there is none. */
export function edge(key: Exclude<SortKey, { by: 'value' }>, { reading, type }: Task): unknown {
  if (key.by === 'id') return '$_id';
  if (key.by === 'range' && key.name === lastUpdatedOf(type)) return '$u';
  const { hashing } = reading.parts;
  const hash = nameHash(hashing, key.name);
  const most = key.descending ? '$max' : '$min';
  const named = (field: string, value: string) => ({
    $map: {
      input: { $filter: { input: { $ifNull: [`$${field}`, []] }, as: 'e', cond: { $eq: ['$$e.n', hash] } } },
      as: 'e',
      in: `$$e.${value}`,
    },
  });
  if (key.by === 'text') return { [most]: named('x', 'v') };
  const placed = (field: string, from: string, name: Long) => ({
    $cond: [{ $in: [name, { $ifNull: [`$${field}`, []] }] }, [`$${from}`], []],
  });
  const inPlaces = [placed('l', 'd', hash), placed('l2', 'd2', hash), placed('l2', 'd2', longHash(hashing, key.name))];
  return { [most]: { $concatArrays: [...inPlaces, named('r', 'l'), named('q', 'l')] } };
}

/** What lies beyond the start in the order of `k0`, `k1` ... and `p`. */
function beyond({ sort, type }: Task, { back }: Way, { values, p }: Place): Document {
  const ways: Document[] = [];
  const equal: Document[] = [];
  sort.forEach((key, i) => {
    const name = `k${i}`;
    const value = key.by === 'id' ? `${type}/${values[i]}` : values[i]!;
    if (value !== null) {
      ways.push({ $and: [...equal, { [name]: { [isDown(key, back) ? '$lt' : '$gt']: value } }] });
      if (!back) ways.push({ $and: [...equal, { [name]: null }] });
    } else if (back) ways.push({ $and: [...equal, { [name]: { $ne: null } }] });
    equal.push({ [name]: value });
  });
  ways.push({ $and: [...equal, { p: { [isNumberDown(sort, back) ? '$lt' : '$gt']: p } }] });
  return { $or: ways };
}
