/** Tells how a search goes: the sets it considers, the ways it tries, the plans of its statements, and how much it looks at. */
import type { SearchQuery, SortKey } from '../../search/query.ts';
import { type Explanation, withoutValue, wordFor } from '../explanation.ts';
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

function planOf(connection: Connection, sql: string): string[] {
  const rows = connection.sql(`EXPLAIN QUERY PLAN ${sql}`).all() as unknown as [number, number, number, string][];
  return rows.map(([, , , line]) => line);
}
