/** The guard before every JSON body: strict RFC 8259, bounded, nothing that could turn on us later. https://hl7.org/fhir/R4/json.html */
import { Buffer, isUtf8 } from 'node:buffer';
import { endOfKey, endOfNumber, endOfString, endOfWord, isWhitespace, refuse, startOfNumber } from './json-tokens.ts';
import { type Problem, problem } from './outcome.ts';

/** What a body may cost. Every limit is inclusive. */
export interface JsonLimits {
  /** Objects and arrays inside each other, the body itself counted. */
  readonly depth: number;
  /** Values of any kind. */
  readonly nodes: number;
  /** Members of one object. */
  readonly keys: number;
  /** Bytes of one string as written. */
  readonly string: number;
  /** Characters of one number as written. */
  readonly number: number;
}

export const jsonLimits: JsonLimits = { depth: 50, nodes: 200_000, keys: 1_000, string: 1_048_576, number: 40 };

/** A body that passed. */
export interface ReadJson {
  /** As it came, byte for byte, without the whitespace between tokens: member order, number text and escapes are the sender's. */
  readonly text: string;
  /** What `JSON.parse(text)` says. */
  readonly value: any;
}

// What may come next.
const VALUE = 0;
const VALUE_OR_END = 1;
const KEY = 2;
const KEY_OR_END = 3;
const COLON = 4;
const COMMA_OR_END = 5;
const NOTHING = 6;

// Names that every JavaScript object answers to: no element of FHIR has one, and `value[name]` must never find them.
const forbiddenNames = new Set([...Object.getOwnPropertyNames(Object.prototype), '__proto__', 'prototype']);
// Nearly every other name is told apart by the high bits of its hash, without making a string of it.
const mayBeForbidden = new Uint8Array(4096);
for (const name of forbiddenNames) mayBeForbidden[hashOf(Buffer.from(name), 0, name.length) >>> 20] = 1;

// Below this many members, comparing with each earlier key is cheaper than a Set.
const fewKeys = 24;

/**
 * Reads a JSON body that must be an object. One pass over the bytes, linear whatever they are, before anything is parsed.
 * Throws `structure` (400) for what is not UTF-8, not JSON, not an object, or has a repeated, escaped or prototype key;
 * `value` (400) for numbers and characters that could not be kept exactly; `too-costly` (400) beyond depth, nodes or keys;
 * `too-long` (413) for a string beyond its limit. Messages give a byte offset, never an excerpt.
 */
export function readJson(bytes: Uint8Array, limits: Partial<JsonLimits> = {}): ReadJson {
  const most: JsonLimits = { ...jsonLimits, ...limits };
  if (!isUtf8(bytes)) throw problem('structure', 'The body is not UTF-8.');
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = bytes.length;
  // Stacks with their heights beside them: setting an array's length is slow.
  let depth = 0;
  const isObject: boolean[] = [false];
  const firstKey: number[] = [0]; // where the keys of an open object begin in keyAt and keyHash
  let keys = 0;
  const keyAt: number[] = [];
  const keyHash: number[] = [];
  const many: (Set<string> | undefined)[] = [undefined]; // the keys of an open object once they are more than a few
  const gaps: number[] = []; // from, to, from, to ... of the whitespace to drop
  let nodes = 0;
  let next = VALUE;
  let at = 0;
  while (at < end) {
    const byte = bytes[at]!;
    if (isWhitespace(byte)) {
      gaps.push(at);
      do at++;
      while (at < end && isWhitespace(bytes[at]!));
      gaps.push(at);
      continue;
    }
    switch (next) {
      case KEY:
      case KEY_OR_END: {
        if (byte === 0x22) {
          const close = endOfKey(bytes, at, most.string);
          const first = firstKey[depth]!;
          const hash = hashOf(bytes, at + 1, close);
          if (mayBeForbidden[hash >>> 20] === 1 && forbiddenNames.has(buffer.toString('utf8', at + 1, close)))
            throw forbidden(at);
          const count = keys - first;
          if (count >= most.keys) throw refuse.cost('members in one object', most.keys, at);
          if (count < fewKeys) {
            for (let k = keys - 1; k >= first; k--) {
              if (keyHash[k] === hash && sameKey(bytes, keyAt[k]! + 1, at + 1, close)) throw repeated(at);
            }
          } else {
            const seen = (many[depth] ??= new Set(keyAt.slice(first, keys).map((from) => nameAt(buffer, from + 1))));
            const name = buffer.toString('utf8', at + 1, close);
            if (seen.has(name)) throw repeated(at);
            seen.add(name);
          }
          keyAt[keys] = at;
          keyHash[keys++] = hash;
          at = close + 1;
          next = COLON;
          continue;
        }
        if (byte !== 0x7d || next === KEY) throw refuse.grammar(at);
        break; // the end of an empty object
      }
      case COLON:
        if (byte !== 0x3a) throw refuse.grammar(at);
        at++;
        next = VALUE;
        continue;
      case COMMA_OR_END:
        if (byte === 0x2c) {
          at++;
          next = isObject[depth] ? KEY : VALUE;
          continue;
        }
        break;
      case NOTHING:
        throw refuse.grammar(at);
      default: {
        if (byte === 0x5d && next === VALUE_OR_END) break; // the end of an empty array
        if (++nodes > most.nodes) throw refuse.cost('values', most.nodes, at);
        if (byte === 0x7b || byte === 0x5b) {
          if (depth >= most.depth) throw refuse.cost('levels', most.depth, at);
          if (byte === 0x5b && depth === 0) throw problem('structure', 'The body is not a JSON object.');
          isObject[++depth] = byte === 0x7b;
          firstKey[depth] = keys;
          many[depth] = undefined;
          next = byte === 0x7b ? KEY_OR_END : VALUE_OR_END;
          at++;
          continue;
        }
        if (byte === 0x22) at = endOfString(bytes, at, most.string) + 1;
        else if (startOfNumber[byte] === 1) at = endOfNumber(bytes, at, most.number);
        else at = endOfWord(bytes, at);
        if (depth === 0) throw problem('structure', 'The body is not a JSON object.');
        next = COMMA_OR_END;
        continue;
      }
    }
    // Here stands what should close the innermost object or array.
    if (byte !== (isObject[depth] ? 0x7d : 0x5d)) throw refuse.grammar(at);
    keys = firstKey[depth--]!;
    next = depth === 0 ? NOTHING : COMMA_OR_END;
    at++;
  }
  if (next !== NOTHING) throw refuse.end(at);
  const text = textWithout(buffer, gaps);
  return { text, value: JSON.parse(text) };
}

const forbidden = (at: number): Problem =>
  problem('structure', `A member name that is not allowed stands at offset ${at}.`);

const repeated = (at: number): Problem => problem('structure', `A member is given twice, at offset ${at}.`);

/** 32 bits; the high ones are the well mixed. */
function hashOf(bytes: Uint8Array, from: number, to: number): number {
  let hash = to - from;
  for (let i = from; i < to; i++) hash = ((hash << 5) - hash + bytes[i]!) | 0;
  return Math.imul(hash, 0x9e3779b1);
}

/** True when the key at `earlier` is the one from `from` to its closing quote `to`. */
function sameKey(bytes: Uint8Array, earlier: number, from: number, to: number): boolean {
  for (let i = from; i <= to; i++) if (bytes[earlier + i - from] !== bytes[i]) return false;
  return true;
}

/** The name that begins at `from`; keys hold no escapes, so it is as written. */
const nameAt = (buffer: Buffer, from: number): string => buffer.toString('utf8', from, buffer.indexOf(0x22, from));

function textWithout(buffer: Buffer, gaps: readonly number[]): string {
  if (gaps.length === 0) return buffer.toString('utf8');
  const kept = Buffer.allocUnsafe(buffer.length);
  let length = 0;
  let from = 0;
  for (let g = 0; g <= gaps.length; g += 2) {
    const to = gaps[g] ?? buffer.length;
    while (from < to) kept[length++] = buffer[from++]!;
    from = gaps[g + 1] ?? buffer.length;
  }
  return kept.toString('utf8', 0, length);
}
