/** One maker as it is asked at the moment: its document, its client, and what stores its answers. A fault of the maker is told from one of ours. */
import { problem } from '../../fhir/outcome.ts';
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

/** All pages of a window, from the cursor on. */
export async function* pagesOf(
  asking: Asking,
  endpoint: Endpoint,
  ids: Ids,
  from?: number,
  cursor?: Cursor,
): AsyncGenerator<Came> {
  for (let n = 0; n < mostPages; n++) {
    const came = await askPage(asking, endpoint, ids, from, cursor);
    yield came;
    if (came.page.next === undefined) return;
    cursor = came.page.next;
  }
  const endless = problem('too-costly', `a list of ${asking.document.name} has more than ${mostPages} pages`);
  faults.add(endless);
  throw endless;
}
