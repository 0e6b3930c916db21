/** One search of one snapshot within one deadline, and how it goes. docs/storage-mongodb.md */
import type { ClientSession } from 'mongodb';
import type { SearchQuery } from '../../search/query.ts';
import type { Explanation } from '../explanation.ts';
import type { Way } from '../paging.ts';
import type { Cursor, Page } from '../store.ts';
import { type Deadline, LONG, reachingTwice, withinTime } from './deadline.ts';
import { told } from './explain.ts';
import { matchesOf } from './matches.ts';
import { pageOf, tasksOf } from './page.ts';
import type { Parts } from './parts.ts';
import { type Reach, type Reading, type Step, usualReach } from './reading.ts';

/** The page of the query that the cursor names. Without a session it reads a snapshot of its own; the second try always does, since a session keeps its snapshot. */
export async function runSearch(
  parts: Parts,
  session: ClientSession | undefined,
  query: SearchQuery,
  cursor: Cursor | undefined,
  { signal, until = parts.runtime.now() + LONG, reach = usualReach }: Partial<Deadline & { reach: Reach }> = {},
  note?: (step: Step) => void,
): Promise<Page> {
  const { runtime } = parts;
  let given = session;
  return withinTime({ until, signal }, runtime, (deadline) =>
    reachingTwice(deadline, runtime, () => {
      const first = given;
      given = undefined;
      return parts.common.asking(
        () =>
          inSession(parts, first, (own) => pageOf(readingOf(parts, own, { ...deadline, reach, note }), query, cursor)),
        deadline.signal,
      );
    }),
  );
}

/** Runs the first page of a query and tells how it was found. */
export async function explainSearch(parts: Parts, query: SearchQuery, signal?: AbortSignal): Promise<Explanation> {
  const { runtime } = parts;
  const begun = runtime.now();
  const deadline: Deadline = { until: begun + LONG, signal };
  const steps: Step[] = [];
  const page = await runSearch(parts, undefined, query, undefined, deadline, (step) => steps.push(step));
  const milliseconds = runtime.now() - begun;
  // Plans are told apart from the search, and may take as long again.
  const asking: Deadline = { until: runtime.now() + LONG, signal };
  return reachingTwice(asking, runtime, async () => ({ ...(await told(parts, asking, steps, page)), milliseconds }));
}

/**
 * Keys (`Type/id`) of up to `count` matches, in no order. For what a commit expects: errors of the driver pass as they are, since
 * the transaction must see them.
 */
export async function matchedKeys(
  parts: Parts,
  session: ClientSession,
  query: SearchQuery,
  signal?: AbortSignal,
): Promise<readonly string[]> {
  const reading = readingOf(parts, session, { until: parts.runtime.now() + LONG, signal, reach: usualReach });
  return parts.common.asking(async () => {
    const keys: string[] = [];
    for (const task of await tasksOf(reading, { ...query, includes: [] })) {
      const way: Way = { start: undefined, back: false, limit: query.count - keys.length };
      if (way.limit <= 0) break;
      const rows = await matchesOf({ ...task, sort: [] }, way, { bodies: false, ties: false });
      keys.push(...rows.map(({ _id }) => _id));
    }
    return keys;
  }, signal);
}

const readingOf = (
  parts: Parts,
  session: ClientSession | undefined,
  bounds: Pick<Reading, 'until' | 'signal' | 'reach' | 'note'>,
): Reading => ({ parts, session, ...bounds, links: new Map(), beyond: new Map() });

async function inSession<T>(
  { client }: Parts,
  given: ClientSession | undefined,
  read: (session: ClientSession) => Promise<T>,
): Promise<T> {
  if (given) return read(given);
  const session = client.startSession({ snapshot: true });
  try {
    return await read(session);
  } finally {
    await session.endSession();
  }
}
