/** Matches in their order: read along an index that has it and stopped when the page is full, or else all sorted (sort-gather.ts). */
import type { Document } from 'mongodb';
import type { SortKey } from '../../search/query.ts';
import { isDown, isNumberDown, legsOf, type Way } from '../paging.ts';
import { type IntervalPlace, named, without } from './compile.ts';
import { lastUpdatedOf } from './document.ts';
import { any } from './logic.ts';
import { aggregate, fieldsOf, find, type Row, type Wanted } from './reading.ts';
import { edge, sorted } from './sort-gather.ts';
import { alongFirst, type First } from './sort-ties.ts';
import { filterFor, isAskedFor, isRange, type Task } from './task.ts';

/** Whether an index has the order, so that a page costs what it holds. */
export const isStreamed = ({ sort: [key] }: Task): boolean => key === undefined || hasIndex(key);
const hasIndex = (key: SortKey): key is First => key.by === 'id' || isRange(key);

/** Rows beyond the start of the way, as many as its limit. */
export async function rowsOf(task: Task, way: Way, wanted: Wanted): Promise<Row[]> {
  const {
    type,
    sort: [key],
    reading,
  } = task;
  reading.note?.({
    is: 'read',
    type,
    way: isStreamed(task) ? 'stream' : 'gather',
    ...(key && { by: key.by === 'id' ? '_id' : key.name }),
  });
  return ordered(task, way, wanted);
}

function ordered(task: Task, way: Way, wanted: Wanted): Promise<Row[]> {
  const { type, sort } = task;
  const [key, ...further] = sort;
  if (key !== undefined && !hasIndex(key)) return sorted(task, way, wanted);
  if (key !== undefined && further.length > 0) return alongFirst(task, key, way, wanted, ordered);
  if (key === undefined) return inOrder(task, 'p', way, wanted, () => []);
  if (key.by === 'id') {
    const { start, ...rest } = way;
    const from = start && { values: [`${type}/${start.values[0]}`], p: start.p };
    return inOrder(task, '_id', { ...rest, start: from }, wanted, ({ _id }) => [_id.slice(type.length + 1)]);
  }
  if (key.name === lastUpdatedOf(type)) {
    return inOrder(task, 'u', way, wanted, ({ u }) => [Number(u)], [{ t: type }]);
  }
  return alongRange(task, key, way, wanted);
}
type Ranged = Extract<Task['sort'][number], { by: 'range' }>;

const signOf = (down: boolean) => (down ? -1 : 1);

/** What lies beyond the start in the order of a field and of `p`. */
function beyond(field: string, { start }: Way, down: boolean): Document[] {
  if (!start) return [];
  const further = down ? '$lt' : '$gt';
  if (field === 'p') return [{ p: { [further]: start.p } }];
  const value = start.values[0]!;
  return [
    { [field]: { [`${further}e`]: value } },
    { $or: [{ [field]: { [further]: value } }, { p: { [further]: start.p } }] },
  ];
}

async function inOrder(
  task: Task,
  field: 'p' | '_id' | 'u',
  way: Way,
  wanted: Wanted,
  valuesOf: (document: Document) => Row['values'],
  more: readonly Document[] = [],
): Promise<Row[]> {
  const down = isNumberDown(task.sort, way.back);
  const sign = signOf(down);
  const found = await find(task.reading, filterFor(task, [...more, ...beyond(field, way, down)]), {
    sort: field === 'p' || field === '_id' ? { [field]: sign } : { [field]: sign, p: sign },
    limit: way.limit,
    projection: { ...fieldsOf(wanted), [field]: 1 },
  });
  return found.map((document) => ({ ...document, values: valuesOf(document) }) as unknown as Row);
}

/** By one name of intervals: first what has any, from every place where it may stand, then what has none; the other way round going back. */
async function alongRange(task: Task, key: Ranged, way: Way, wanted: Wanted): Promise<Row[]> {
  const { limit } = way;
  const found: Row[] = [];
  for (const { isMissing, start } of legsOf(way)) {
    if (found.length >= limit) break;
    if (isMissing && isAskedFor(task.where, key.name)) continue;
    const rest = { ...way, start, limit: limit - found.length };
    found.push(...(await (isMissing ? missing : present)(task, key, rest, wanted)));
  }
  return found;
}

function missing(task: Task, { name }: Ranged, way: Way, wanted: Wanted): Promise<Row[]> {
  return inOrder(task, 'p', way, wanted, () => [null], [without(name, task.reading.parts.hashing)]);
}

/** What is read together: places whose index has one order, of which MongoDB merges the short and the long intervals of the second. */
const legs: readonly (readonly [start: 'd' | 'd2' | 'k0', places: readonly IntervalPlace[]])[] = [
  ['d', ['l']],
  ['d2', ['l2', 'long']],
  ['k0', ['r']],
];

/** One pipeline: the two places in the order of their indexes and what stands in neither, each no longer than the page. */
async function present(task: Task, key: Ranged, way: Way, wanted: Wanted): Promise<Row[]> {
  const { hashing } = task.reading.parts;
  const down = isDown(key, way.back);
  const sign = signOf(down);
  const isAsked = isAskedFor(task.where, key.name);
  const project = { $project: { ...fieldsOf(wanted), k0: 1 } };
  const legOf = ([from, places]: (typeof legs)[number]): Document[] => {
    const cut = beyond(from, way, down);
    const here = isAsked ? [] : [any(places.map((place) => named(place, key.name, hashing))) as Document];
    const match = (more: readonly Document[]) => ({
      $match: filterFor(task, [...here, ...more], { name: key.name, places }),
    });
    const first =
      from === 'k0'
        ? [match([]), { $set: { k0: edge(key, task) } }, ...cut.map(($match) => ({ $match }))]
        : [match(cut)];
    return [
      ...first,
      { $sort: { [from]: sign, p: sign } },
      { $limit: way.limit },
      ...(from === 'k0' ? [project] : [{ $project: { ...fieldsOf(wanted), k0: `$${from}` } }]),
    ];
  };
  const [first, ...others] = legs.map(legOf);
  const found = await aggregate(task.reading, [
    ...first!,
    ...others.map((pipeline) => ({ $unionWith: { coll: 'resource', pipeline } })),
    { $sort: { k0: sign, p: sign } },
    { $limit: way.limit },
  ]);
  return found.map(({ k0, ...document }) => ({ ...document, values: [k0] }) as unknown as Row);
}
