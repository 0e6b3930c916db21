/** Follows chains and `_has` before the search itself where they lead to few resources, which then are a set to go through. https://hl7.org/fhir/R4/search.html#chaining */
import type { Criterion } from '../../search/query.ts';
import { aimFor } from './aims.ts';
import { piece } from './compile.ts';
import { type Row, within } from './connection.ts';
import { type Sized, selectFrom, whole } from './select.ts';
import { flatten, type Task } from './task.ts';
import { namesIn } from './ties.ts';

type Chain = Extract<Criterion, { is: 'refers' | 'referred' }>;
/** `smallestOf` of sources.ts, handed in because it follows the chains of a chain here. */
type Choose = (task: Task, caps: readonly number[], reach: number) => Sized | undefined;

/** Rows looked at for each resource that a chain may lead to. */
const EFFORT = 3;

/** True when a chain stands where a source is looked for. */
export const hasChain = (criterion: Criterion): boolean =>
  criterion.is === 'refers' ||
  criterion.is === 'referred' ||
  ((criterion.is === 'any' || criterion.is === 'all') && criterion.of.some(hasChain));

/** Fills `task.links` for the chains of the criterion that lead to no more resources than `cap`. */
export function seekLinks(task: Task, criterion: Criterion, cap: number, choose: Choose): void {
  if (criterion.is === 'any' || criterion.is === 'all')
    for (const part of criterion.of) seekLinks(task, part, cap, choose);
  if (criterion.is !== 'refers' && criterion.is !== 'referred') return;
  const { links, beyond, connection } = task;
  if (links.has(criterion) || (beyond.get(criterion) ?? 0) >= cap) return;
  const keys = within(connection, EFFORT * cap, () => linksOf(task, criterion, cap, choose));
  task.note?.({ is: 'followed', type: task.type, part: criterion, size: keys?.length, cap });
  if (keys) links.set(criterion, keys);
  else beyond.set(criterion, cap);
}

/** Whatever a reference to it may say. */
const linksTo = ([key, refs]: Row): readonly string[] => [key, ...namesIn(refs)];

function linksOf(task: Task, chain: Chain, cap: number, choose: Choose): readonly string[] | undefined {
  const inner: Task = { ...task, type: chain.type, parts: flatten(chain.where), sort: [], withRefs: false };
  const smallest = choose(inner, [cap], cap);
  const isAll = smallest?.source.exact && inner.parts.length === 1;
  if (isAll && smallest.size >= cap) return undefined;
  const { connection } = task;
  const columns = chain.is === 'referred' ? 'r.refs, r.entries' : chain.byCanonical ? 'r.key, r.refs' : 'r.key';
  const { sql, values } = selectFrom(inner, smallest ?? whole(inner), piece(columns), piece(' LIMIT ?', cap + 1));
  const rows = connection.sql(sql).all(...values) as unknown as Row[];
  if (rows.length > cap) return undefined;
  if (chain.is === 'refers') {
    const found = rows.filter(([key]) => key.startsWith(`${chain.type}/`));
    return chain.byCanonical ? [...new Set(found.flatMap(linksTo))] : found.map(([key]) => key);
  }
  const aim = aimFor(chain.name, undefined, connection.hashing, chain.byCanonical);
  return [...new Set(rows.flatMap(([refs, entries]) => aim(refs, entries)))];
}
