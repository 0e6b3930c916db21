/** Reads an answer of a maker as JSON, and tells apart why it cannot be read. https://www.rfc-editor.org/rfc/rfc8259 */
import { isUtf8 } from 'node:buffer';
import { parseExact, readJson } from '../fhir/json.ts';
import { Problem } from '../fhir/outcome.ts';
import type { MakerReply } from './maker.ts';

export type ReadReply =
  | {
      readonly is: 'read';
      /** Numbers as `ExactNumber`: `98.0` stays `98.0`. */
      readonly value: any;
      /** What is wrong with it all the same: a byte order mark, a media type that is not JSON's. */
      readonly noticed: readonly ('bom' | 'content-type')[];
    }
  | { readonly is: 'unreadable'; readonly why: Unreadable /** Without a word of it. */; readonly sentence: string };

export type Unreadable = 'empty' | 'html' | 'charset' | 'truncated' | 'not-json' | 'hostile';

const sentences: Readonly<Record<Unreadable, string>> = {
  empty: 'the answer is empty',
  html: 'the answer is a page in HTML, not JSON',
  charset: 'the answer is not UTF-8',
  truncated: 'the answer breaks off: it is the beginning of JSON',
  'not-json': 'the answer is not JSON',
  hostile: 'the answer is JSON beyond the limits of this server',
};
const unreadable = (why: Unreadable): ReadReply => ({ is: 'unreadable', why, sentence: sentences[why] });

const isJsonType = (contentType: string): boolean =>
  /^\s*(?:application|text)\/(?:[\w.-]+\+)?json\s*(?:;|$)/i.test(contentType);

const limits = { nodes: 5_000_000, keys: 10_000, string: 33_554_432 };

/** Never throws. Lists are read too; members keep their order, numbers their digits. */
export function readReply({ headers, body }: Pick<MakerReply, 'headers' | 'body'>): ReadReply {
  const hasMark = body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf;
  const bytes = hasMark ? body.subarray(3) : body;
  const start = bytes.subarray(0, 512).toString('latin1').trimStart();
  if (start === '') return unreadable('empty');
  if (/^<(?:!doctype|html|head|body|\?xml|!--)/i.test(start)) return unreadable('html');
  if (!isUtf8(bytes)) return unreadable(endsWithin(bytes) ? 'truncated' : 'charset');
  try {
    // The guard is for objects, so that what is no list or object is refused inside of one.
    const { text } = readJson(Buffer.concat([open, bytes, close]), limits);
    const { value } = parseExact(text);
    const noticed = [hasMark && 'bom', !isJsonType(headers['content-type'] ?? '') && 'content-type'] as const;
    return { is: 'read', value, noticed: noticed.filter((one) => one !== false) };
  } catch (error) {
    if (error instanceof Problem && error.code !== 'structure') return unreadable('hostile');
    return unreadable(isBeginning(bytes.toString('utf8')) ? 'truncated' : parses(bytes) ? 'hostile' : 'not-json');
  }
}
const open = Buffer.from('{"value":');
const close = Buffer.from('}');

/** For `MakerCall.isGood`. */
export const isReadable = (reply: MakerReply): boolean => readReply(reply).is === 'read';

/** UTF-8 but for its last character, which lacks bytes. */
const endsWithin = (bytes: Buffer): boolean => [1, 2, 3].some((cut) => isUtf8(bytes.subarray(0, -cut)));

/** The guard knows repeated and forbidden names, which plain JSON lets pass. */
function parses(bytes: Buffer): boolean {
  try {
    JSON.parse(bytes.toString('utf8'));
    return true;
  } catch {
    return false;
  }
}

/** Whether the text ends while a string, a list or an object is open, and was no nonsense so far as brackets tell. */
function isBeginning(text: string): boolean {
  if (!/^\s*[[{]/.test(text)) return false;
  const opened: string[] = [];
  for (let at = 0; at < text.length; at++) {
    const sign = text[at]!;
    if (sign === '"') {
      at = endOfString(text, at);
      if (at < 0) return true;
    } else if (sign === '{' || sign === '[') opened.push(sign === '{' ? '}' : ']');
    else if ((sign === '}' || sign === ']') && opened.pop() !== sign) return false;
  }
  return opened.length > 0;
}

/** Place of the closing quote; -1 where there is none. */
function endOfString(text: string, from: number): number {
  for (let at = from + 1; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === '"') return at;
  }
  return -1;
}
