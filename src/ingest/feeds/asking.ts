/** One maker as it is asked at the moment: its document, its client, and what stores its answers. A fault of the maker is told from one of ours. */
import { hash } from 'node:crypto';
import { writeExact } from '../../fhir/json.ts';
import { type Problem, problem } from '../../fhir/outcome.ts';
import type { MakerClient } from '../../outbound/maker.ts';
import type { Runtime } from '../../runtime.ts';
import type { Store } from '../../store/store.ts';
import type { Endpoint, MakerDocument } from './document.ts';
import { type Cursor, callFor, fetchPage, type Ids, mostPages, type Page } from './pages.ts';
import type { Reader } from './reader.ts';
import type { CameIn, Settle, Welcome } from './settle.ts';
import { asked } from './values.ts';

export interface Asking {
  readonly document: MakerDocument;
  readonly reader: Reader;
  readonly client: MakerClient;
  /** Base URL, without a trailing slash. */
  readonly base: string;
  readonly store: Pick<Store, 'get' | 'list' | 'commit'>;
  readonly runtime: Runtime;
  readonly settle: Settle;
  readonly welcome: Welcome;
  /** Ends calls that wait, such as for a maker that wants to be left alone. */
  readonly signal?: AbortSignal;
  /** Told after each step that went into the store: a long poll says how far it is. */
  readonly step?: () => Promise<void>;
  /** Told where readings named a report that is to be fetched. */
  readonly reportNamed?: () => void;
}

export interface Came {
  readonly page: Page;
  readonly cameIn: CameIn;
}

const faults = new WeakSet<object>();
/** Whether the maker did not answer as it should; anything else is ours, or the store's. */
export const isMakers = (error: unknown): boolean => typeof error === 'object' && error !== null && faults.has(error);

export async function askPage(
  asking: Asking,
  endpoint: Endpoint,
  ids: Ids,
  from?: number,
  cursor?: Cursor,
): Promise<Came> {
  const { dates } = asking.document;
  const call = callFor(endpoint, ids, from === undefined ? undefined : asked(from, dates), cursor);
  try {
    const { page, reply } = await fetchPage(asking, endpoint, { ...call, signal: asking.signal }, cursor);
    const contentType = reply.headers['content-type'] ?? 'application/octet-stream';
    return { page, cameIn: { bytes: reply.body, contentType, name: callFor(endpoint, ids).path } };
  } catch (error) {
    if (typeof error === 'object' && error !== null) faults.add(error);
    throw error;
  }
}

/** All pages of a window, from the cursor on. A list that leads nowhere ends with `too-costly`, which is the maker's fault. */
export async function* pagesOf(
  asking: Asking,
  endpoint: Endpoint,
  ids: Ids,
  from?: number,
  cursor?: Cursor,
): AsyncGenerator<Came> {
  const { name } = asking.document;
  const seen = new Set([cursor]);
  let before: string | undefined;
  for (let n = 0; n < mostPages; n++) {
    const came = await askPage(asking, endpoint, ids, from, cursor);
    const { rows, next } = came.page;
    const print = rows.length === 0 ? undefined : hash('sha256', writeExact(rows) ?? '');
    if (print !== undefined && print === before)
      throw endless(`a list of ${name} answers the same page again and again`);
    before = print;
    yield came;
    if (next === undefined) return;
    if (seen.has(next)) throw endless(`the pages of a list of ${name} follow each other in a circle`);
    seen.add(next);
    cursor = next;
  }
  throw endless(`a list of ${name} has more than ${mostPages} pages`);
}

function endless(sentence: string): Problem {
  const fault = problem('too-costly', sentence);
  faults.add(fault);
  return fault;
}
