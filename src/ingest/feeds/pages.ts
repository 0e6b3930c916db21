/** How a maker's pages are asked for and taken apart, by what its document says. docs/add-a-maker.md */
import { parseExact, readJson } from '../../fhir/json.ts';
import { problem } from '../../fhir/outcome.ts';
import type { MakerCall, MakerClient, MakerReply } from '../../outbound/maker.ts';
import type { Endpoint } from './document.ts';
import { valueAt, wordAt } from './values.ts';

/** Where a page begins; undefined for the first. */
export type Cursor = string | undefined;

export interface Page {
  readonly rows: readonly unknown[];
  /** The body itself, for endpoints that answer no list. */
  readonly body: any;
  /** Where the next page begins; undefined at the end. */
  readonly next: Cursor;
}

/** More rows of one window than a maker can have: a cursor that runs in a circle ends here. */
export const mostPages = 10_000;

export interface Ids {
  readonly patientId?: string;
  readonly deviceId?: string;
  readonly alertId?: string;
  readonly transmissionId?: string;
}

/** The call for one page of an endpoint. `from` as `asked` writes it. */
export function callFor(endpoint: Endpoint, ids: Ids, from?: string, cursor?: Cursor): MakerCall {
  const path = endpoint.path.replace(/\{(\w+)\}/g, (_, name: keyof Ids) => encodeURIComponent(ids[name] ?? ''));
  const { method = 'GET', page, limit, headers, body } = endpoint;
  if (cursor !== undefined && page?.style === 'link') return { method, path: cursor, headers };
  const query = {
    ...endpoint.query,
    ...(limit && { [limit.name]: limit.value }),
    ...(endpoint.from !== undefined && from !== undefined && { [endpoint.from]: from }),
    ...(page && 'name' in page && cursor !== undefined && { [page.name]: cursor }),
    ...(page?.style === 'page' && cursor === undefined && { [page.name]: page.first ?? 1 }),
  };
  return { method, path, query, headers, ...(body === undefined ? {} : { body }) };
}

/** One page. What cannot be taken apart is asked for again, like after a fault; throws `structure` in the end. */
export async function fetchPage(
  { client, base }: { readonly client: MakerClient; readonly base: string },
  endpoint: Endpoint,
  call: MakerCall,
  cursor?: Cursor,
): Promise<{ readonly page: Page; readonly reply: MakerReply }> {
  let page: Page | undefined;
  let fault: unknown;
  const reply = await client.call({
    ...call,
    isGood(said) {
      page = undefined;
      try {
        page = pageIn(endpoint, said, cursor, base);
      } catch (error) {
        fault = error;
      }
      return page !== undefined;
    },
  });
  if (page === undefined) throw fault;
  return { page, reply };
}

/** Throws `structure` for what is no JSON or holds no list where one should be. */
export function pageIn(
  endpoint: Endpoint,
  reply: Pick<MakerReply, 'body' | 'headers'>,
  cursor: Cursor,
  base: string,
): Page {
  const body = bodyIn(reply.body);
  const rows = endpoint.items === undefined ? [] : valueAt(body, endpoint.items);
  if (!Array.isArray(rows))
    throw problem('structure', `The maker's page holds no list at ${endpoint.items || 'its top'}`);
  return { rows, body, next: nextIn(endpoint, body, rows.length, reply, cursor, base) };
}

/** With exact numbers. Makers' lists may stand at the top, and their bodies may begin with a byte order mark. */
function bodyIn(bytes: Buffer): any {
  const text = bytes.subarray(bytes.length >= 3 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0);
  const whole = Buffer.concat([Buffer.from('{"body":'), text, Buffer.from('}')]);
  return parseExact(readJson(whole).text).body;
}

function nextIn(
  { page, limit }: Endpoint,
  body: any,
  count: number,
  reply: Pick<MakerReply, 'headers'>,
  cursor: Cursor,
  base: string,
): Cursor {
  if (page === undefined || page.style === 'none') return undefined;
  if (page.style === 'cursor') return wordAt(body, page.next);
  if (page.style === 'link') return linkIn(reply.headers['link'], base);
  if (count === 0 || (limit && count < limit.value)) return undefined;
  if (page.style === 'page') return `${Number(cursor ?? page.first ?? 1) + 1}`;
  return `${Number(cursor ?? 0) + count}`;
}

/** The target of rel="next", absolute; the client refuses one that is not the maker's. https://www.rfc-editor.org/rfc/rfc8288 */
function linkIn(header: string | undefined, base: string): string | undefined {
  for (const [, target = '', parameters = ''] of (header ?? '').matchAll(/<([^>]*)>((?:\s*;[^,]*)*)/g)) {
    if (!/;\s*rel="?(?:[^"]*\s)?next(?:\s[^"]*)?"?\s*(?:;|$)/i.test(parameters)) continue;
    return URL.canParse(target, `${base}/`) ? new URL(target, `${base}/`).href : undefined;
  }
  return undefined;
}
