/** Tells how a search goes: the sets it considers, the ways it tries, the plans of its statements, and how much it looks at. */
import type { Criterion, SearchQuery, SortKey } from '../../search/query.ts';
import type { Explanation } from '../explanation.ts';
import type { Connection } from './connection.ts';
import { runSearch } from './search.ts';
import type { Step } from './task.ts';

/** How it went, but for the time that whoever searches waits. */
export type Told = Omit<Explanation, 'milliseconds'>;

/** Runs the first page of the query. */
export function explainSearch(connection: Connection, query: SearchQuery): Told {
  const runs = new Map<string, number>();
  const { watch } = connection;
  let looked = 0;
  connection.watch = () => {
    looked++;
    watch();
  };
  const recording: Connection = {
    ...connection,
    get watch() {
      return connection.watch;
    },
    set watch(other) {
      connection.watch = other;
    },
    sql(text) {
      runs.set(text, (runs.get(text) ?? 0) + 1);
      return connection.sql(text);
    },
  };
  const steps: Step[] = [];
  const page = runSearch(recording, query, undefined, (step) => steps.push(step));
  connection.watch = watch;
  return {
    considered: steps.flatMap((step) =>
      step.is === 'counted' ? [{ type: step.type, by: wordFor(step.part), size: step.size, cap: step.cap }] : [],
    ),
    followed: steps.flatMap((step) =>
      step.is === 'followed'
        ? [
            {
              type: step.type,
              by: wordFor(step.part),
              ...(step.size !== undefined && { size: step.size }),
              cap: step.cap,
            },
          ]
        : [],
    ),
    ways: steps.flatMap((step) => {
      if (step.is !== 'read') return [];
      const by = step.key ? nameOf(step.key) : step.part && wordFor(step.part);
      return [{ type: step.type, way: step.way, ...(by !== undefined && { by }) }];
    }),
    statements: [...runs].map(([sql, times]) => ({ sql, plan: planOf(connection, sql), runs: times })),
    looked,
    matches: page.matches.length,
    included: page.included.length,
    ...(page.total !== undefined && { total: page.total }),
  };
}

const nameOf = (key: SortKey): string => (key.by === 'id' ? '_id' : withoutValue(key.name));

/** Names of entries that belong to one value, such as `Observation.patient+code=Patient/1 a|b`, as far as `=`. */
const withoutValue = (name: string): string => name.replace(/=.*$/s, '=');

/** The kind of a condition and the parameters it asks, such as `any of key Task.code, key Task.tag`. */
function wordFor(part: Criterion): string {
  switch (part.is) {
    case 'all':
    case 'any': {
      const words = [...new Set(part.of.map(wordFor))];
      return `${part.is} of ${words.slice(0, 10).join(', ')}${words.length > 10 ? ' ...' : ''}`;
    }
    case 'not':
      return `not ${wordFor(part.of)}`;
    case 'id':
      return 'id';
    case 'refers':
      return `${part.name} to ${part.type} with ${wordFor(part.where)}`;
    case 'referred':
      return `${part.type} by ${part.name} with ${wordFor(part.where)}`;
    case 'text':
      return `text ${part.match} ${withoutValue(part.name)}`;
    default:
      return `${part.is} ${withoutValue(part.name)}`;
  }
}

function planOf(connection: Connection, sql: string): string[] {
  const rows = connection.sql(`EXPLAIN QUERY PLAN ${sql}`).all() as unknown as [number, number, number, string][];
  return rows.map(([, , , line]) => line);
}
