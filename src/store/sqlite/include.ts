/** The resources that a page brings along, both ways, from the same snapshot. https://hl7.org/fhir/R4/search.html#include */
import { refuseCostly } from '../../search/cost.ts';
import { mostIncluded, tooManyIncluded } from '../../search/includes.ts';
import type { Include, SearchQuery } from '../../search/query.ts';
import { includeRounds } from '../include-rounds.ts';
import type { Version } from '../store.ts';
import { aimFor } from './aims.ts';
import { piece } from './compile.ts';
import { candidate, condition } from './condition.ts';
import type { Row } from './connection.ts';
import { kindOf } from './hash.ts';
import type { Found } from './paging.ts';
import { versionOf } from './rows.ts';
import type { Task } from './task.ts';
import { isCanonical, mayLeadTo, namesIn, tieTo } from './ties.ts';

/** pk, key and references of a resource that is followed. */
type Followed = readonly [pk: number, key: string, refs: string];

/** Which reference stands under which name is told by the entries, so no body is parsed. */
export function includedBy(task: Task, query: SearchQuery, found: readonly Found[]): readonly Version[] {
  const rounds = includeRounds<Row>(query, found, { keyOf, numberOf });
  let step = rounds.next();
  while (!step.done) {
    const { include, front, seen } = step.value;
    const way = include.way === 'to' ? pointedTo : pointing;
    step = rounds.next(way(task, query, include, front.map(followed), seen));
  }
  return step.value.map((row) => versionOf(row, 1));
}

const keyOf = ([, key]: Row): string => key;
const numberOf = ([pk]: Row): number => pk;
const followed = (row: Row): Followed => [row[0], row[1], row[6]];
const typeOf = (key: string): string => key.slice(0, key.indexOf('/'));

/** pk, key, version, updated, method, body, refs. */
const columns = 'r.pk, r.key, r.version, v.updated, v.method, v.body, r.refs';

function pointedTo(
  task: Task,
  query: SearchQuery,
  { type, name, target }: Include,
  front: readonly Followed[],
  seen: ReadonlySet<string>,
): Row[] {
  const { connection } = task;
  const aim = aimFor(name, target, connection.hashing, true);
  const entriesOf = connection.sql('SELECT entries FROM resource WHERE pk = ?');
  const known = new Set(seen);
  const byType = new Map<string, string[]>();
  const canonicals = new Set<string>();
  const follow = (key: string): void => {
    known.add(key);
    const keys = byType.get(typeOf(key));
    if (keys) keys.push(key);
    else byType.set(typeOf(key), [key]);
  };
  for (const [pk, key, refs] of front) {
    if (typeOf(key) !== type || refs === '') continue;
    connection.watch();
    // Most matches of a page point to what the first of them pointed to: only for others are the entries read.
    const others = refs.split('\n').filter((one) => !known.has(one) && mayLeadTo(target, one));
    if (others.length === 0) continue;
    const entries = name === undefined ? new Uint8Array() : ((entriesOf.get(pk) as unknown as Row)[0] as Uint8Array);
    for (const found of aim(others.join('\n'), entries)) {
      if (!isCanonical(found)) follow(found);
      else {
        known.add(tieTo(found));
        canonicals.add(found);
      }
    }
  }
  for (const key of calledAny(task, canonicals)) {
    if (!known.has(key) && (target === undefined || typeOf(key) === target)) follow(key);
  }
  return [...byType].flatMap(([found, keys]) => {
    const allowed = allowedOf(task, query, found);
    if (!allowed) return [];
    const read = connection.sql(
      `SELECT ${columns} FROM resource r CROSS JOIN version v ON v.seq = r.seq WHERE r.key = ? AND deadline(r.pk) AND r.gone = 0 AND ${allowed.sql}`,
    );
    const rows: Row[] = [];
    for (const key of keys) {
      const row = read.get(key, ...allowed.values) as unknown as Row | undefined;
      if (row) rows.push(row);
      if (rows.length > mostIncluded) throw tooManyIncluded(query.includes);
    }
    return rows;
  });
}

/** The keys of whatever has one of the canonicals. */
function calledAny({ connection }: Task, canonicals: ReadonlySet<string>): readonly string[] {
  if (canonicals.size === 0) return [];
  const hashes = [...canonicals].map((one) => connection.hashing.big(kindOf.canonical, '', one));
  const read = connection.sql(
    'SELECT DISTINCT r.key FROM json_each(?) j CROSS JOIN entry e ON e.hash = j.value CROSS JOIN resource r ON r.pk = e.pk WHERE e.sort = 0 AND deadline(e.pk)',
  );
  return (read.all(`[${hashes.join()}]`) as unknown as Row[]).map(([key]) => key);
}

function pointing(
  task: Task,
  query: SearchQuery,
  { type, name, target }: Include,
  front: readonly Followed[],
  seen: ReadonlySet<string>,
): Row[] {
  const { connection } = task;
  const pointed = front.filter(([, key]) => target === undefined || typeOf(key) === target);
  const keys = pointed.flatMap(([, key, refs]) => [key, ...namesIn(refs)]);
  const allowed = keys.length > 0 ? allowedOf(task, query, type) : undefined;
  if (!allowed) return [];
  const set =
    name === undefined
      ? pointingByAny(task, type, keys)
      : piece(
          'SELECT DISTINCT e.pk AS pk FROM json_each(?) j CROSS JOIN entry e ON e.hash = j.value WHERE e.sort = 0 AND deadline(e.pk)',
          `[${keys.map((key) => connection.hashing.big(kindOf.key, name, key)).join()}]`,
        );
  const sql = `SELECT ${columns} FROM (${set.sql}) c CROSS JOIN resource r ON r.pk = c.pk CROSS JOIN version v ON v.seq = r.seq WHERE deadline(r.pk) AND ${allowed.sql} LIMIT ?`;
  // Never `iterate`: a statement that the deadline ended under way would fail its next use too.
  const most = mostIncluded + seen.size + 1;
  const all = connection.sql(sql).all(...set.values, ...allowed.values, most) as unknown as Row[];
  const rows = all.filter(([, key]) => !seen.has(key));
  if (rows.length > mostIncluded) throw tooManyIncluded(query.includes);
  return rows;
}

/** Under no name there is no index: the whole type is looked at. */
function pointingByAny({ connection }: Task, type: string, keys: readonly string[]) {
  const { hashing, called } = connection;
  const asked = new Set(keys);
  const aim = aimFor(undefined, undefined, hashing, true);
  called.aims.push((refs, entries) => (aim(refs, entries).some((key) => asked.has(key)) ? ['1'] : []));
  return piece(
    `SELECT e.pk AS pk FROM entry e CROSS JOIN resource t ON t.pk = e.pk WHERE e.hash = ? AND e.sort = 0 AND deadline(e.pk) AND t.refs <> '' AND targets(t.refs, t.entries, ?) <> '[]'`,
    hashing.big(kindOf.resourceType, type, ''),
    called.aims.length - 1,
  );
}

/** What an included resource of the type must fulfil, as a condition on its row; undefined where none is included. */
function allowedOf(task: Task, { includable }: SearchQuery, type: string) {
  if (!includable) return piece('1');
  const allowed = Object.hasOwn(includable, type) ? includable[type] : undefined;
  if (!allowed) return undefined;
  refuseCostly(allowed);
  return condition(allowed, { ...task, type }, { ...candidate, pk: 'r.pk' });
}
