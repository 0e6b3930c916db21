/** The guard before every JSON body: strict RFC 8259, bounded, nothing that could turn on us later. https://hl7.org/fhir/R4/json.html */
import { Buffer, isUtf8 } from 'node:buffer';
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
  /** Some number is written with a point or an exponent and yet parses to an integer (`98.0`, `1e2`): look at its text. */
  readonly integral: boolean;
}

// What may come next.
const VALUE = 0;
const VALUE_OR_END = 1;
const KEY = 2;
const KEY_OR_END = 3;
const COLON = 4;
const COMMA_OR_END = 5;
const NOTHING = 6;

// What a byte is inside a string.
const PLAIN = 0;
const QUOTE = 1;
const BACKSLASH = 2;
const CONTROL = 3;
const kindInString = new Uint8Array(256);
kindInString.fill(CONTROL, 0, 0x20);
kindInString[0x22] = QUOTE;
kindInString[0x5c] = BACKSLASH;

const startOfNumber = new Uint8Array(256);
for (const character of '-+.0123456789NI') startOfNumber[character.charCodeAt(0)] = 1;

const isWhitespace = (byte: number): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= 0x30 && byte <= 0x39;

// Names that every JavaScript object answers to: no element of FHIR has one, and `value[name]` must never find them.
const forbiddenNames = new Set([...Object.getOwnPropertyNames(Object.prototype), '__proto__', 'prototype']);
const isForbiddenLength = new Uint8Array(65);
for (const name of forbiddenNames) isForbiddenLength[name.length] = 1;

// Below this many members, comparing with each earlier key is cheaper than a Set.
const fewKeys = 24;

const refuse = {
  grammar: (at: number) => problem('structure', `The body is not JSON: unexpected byte at offset ${at}.`),
  end: (at: number) => problem('structure', `The body is not JSON: it ends too early, at offset ${at}.`),
  number: (at: number) =>
    problem('value', `The number at offset ${at} is not a JSON number or outside the range kept.`),
  character: (at: number) => problem('value', `A character that is not allowed in a string stands at offset ${at}.`),
  cost: (what: string, limit: number, at: number) =>
    problem('too-costly', `The body has more than ${limit} ${what}, at offset ${at}.`),
};

/**
 * Reads a JSON body that must be an object. One pass over the bytes, linear whatever they are, before anything is parsed.
 * Throws `structure` (400) for what is not UTF-8, not JSON, not an object, or has a repeated, escaped or prototype key;
 * `value` (400) for numbers and characters that could not be kept exactly; `too-costly` (400) beyond depth, nodes or keys;
 * `too-long` (413) for a string beyond its limit. Messages give a byte offset, never an excerpt.
 */
export function readJson(bytes: Uint8Array, limits: Partial<JsonLimits> = {}): ReadJson {
  const most: JsonLimits = { ...jsonLimits, ...limits };
  if (!isUtf8(bytes)) throw problem('structure', 'The body is not UTF-8.');
  const end = bytes.length;
  const isObject: boolean[] = []; // per open object or array
  const firstKey: number[] = []; // per open object: where its keys begin in keyAt and keyHash
  const keyAt: number[] = [];
  const keyHash: number[] = [];
  const many: (Set<string> | undefined)[] = []; // per open object: its keys once they are more than a few
  const gaps: number[] = []; // from, to, from, to ... of the whitespace to drop
  let nodes = 0;
  let integral = false;
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
          const close = endOfKey(bytes, at, most);
          const depth = isObject.length - 1;
          const first = firstKey[depth]!;
          const hash = hashOf(bytes, at + 1, close);
          const count = keyAt.length - first;
          if (count >= most.keys) throw refuse.cost('members in one object', most.keys, at);
          if (count < fewKeys) {
            for (let k = keyAt.length - 1; k >= first; k--) {
              if (keyHash[k] === hash && sameKey(bytes, keyAt[k]! + 1, at + 1, close)) throw repeated(at);
            }
          } else {
            const seen = (many[depth] ??= new Set(keyAt.slice(first).map((from) => nameAt(bytes, from + 1))));
            const name = nameAt(bytes, at + 1);
            if (seen.has(name)) throw repeated(at);
            seen.add(name);
          }
          keyAt.push(at);
          keyHash.push(hash);
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
          next = isObject[isObject.length - 1] ? KEY : VALUE;
          continue;
        }
        break;
      case NOTHING:
        throw refuse.grammar(at);
      default: {
        if (byte === 0x5d && next === VALUE_OR_END) break; // the end of an empty array
        if (++nodes > most.nodes) throw refuse.cost('values', most.nodes, at);
        if (byte === 0x7b || byte === 0x5b) {
          if (isObject.length >= most.depth) throw refuse.cost('levels', most.depth, at);
          if (byte === 0x5b && isObject.length === 0) throw problem('structure', 'The body is not a JSON object.');
          isObject.push(byte === 0x7b);
          firstKey.push(keyAt.length);
          next = byte === 0x7b ? KEY_OR_END : VALUE_OR_END;
          at++;
          continue;
        }
        if (byte === 0x22) at = endOfString(bytes, at, most) + 1;
        else if (startOfNumber[byte] === 1) {
          const close = endOfNumber(bytes, at, most);
          integral ||= close - at > 1 && parsesToInteger(bytes, at, close);
          at = close;
        } else at = endOfWord(bytes, at);
        if (isObject.length === 0) throw problem('structure', 'The body is not a JSON object.');
        next = COMMA_OR_END;
        continue;
      }
    }
    // Here stands what should close the innermost object or array.
    const depth = isObject.length - 1;
    if (byte !== (isObject[depth] ? 0x7d : 0x5d)) throw refuse.grammar(at);
    keyAt.length = firstKey[depth]!;
    keyHash.length = keyAt.length;
    firstKey.length = isObject.length = depth;
    if (many.length > depth) many.length = depth;
    next = depth === 0 ? NOTHING : COMMA_OR_END;
    at++;
  }
  if (next !== NOTHING) throw refuse.end(at);
  const text = textWithout(bytes, gaps);
  return { text, value: JSON.parse(text), integral };
}

const repeated = (at: number): Problem => problem('structure', `A member is given twice, at offset ${at}.`);

/** Offset of the closing quote of the key that opens at `at`. */
function endOfKey(bytes: Uint8Array, at: number, most: JsonLimits): number {
  let close = at + 1;
  while (kindInString[bytes[close]!] === PLAIN) close++;
  if (close >= bytes.length) throw refuse.end(close);
  const kind = kindInString[bytes[close]!];
  if (kind === CONTROL) throw refuse.character(close);
  if (kind === BACKSLASH) throw problem('structure', `A member name is written with an escape, at offset ${close}.`);
  const length = close - at - 1;
  if (length > most.string) throw tooLong(most.string, at);
  if (
    length < isForbiddenLength.length &&
    isForbiddenLength[length] === 1 &&
    forbiddenNames.has(nameAt(bytes, at + 1))
  ) {
    throw problem('structure', `A member name that is not allowed stands at offset ${at}.`);
  }
  return close;
}

const tooLong = (limit: number, at: number): Problem =>
  problem('too-long', `The string at offset ${at} is longer than ${limit} bytes.`);

/** Offset of the closing quote of the string that opens at `at`. */
function endOfString(bytes: Uint8Array, at: number, most: JsonLimits): number {
  const last = Math.min(bytes.length, at + 2 + most.string);
  let close = at + 1;
  while (close < last) {
    const kind = kindInString[bytes[close]!];
    if (kind === PLAIN) close++;
    else if (kind === QUOTE) return close;
    else if (kind === BACKSLASH) close = endOfEscape(bytes, close);
    else if (isWhitespace(bytes[close]!)) throw refuse.grammar(close);
    else throw refuse.character(close);
  }
  throw last < bytes.length ? tooLong(most.string, at) : refuse.end(close);
}

/** Offset after the escape whose backslash stands at `at`; a surrogate pair counts as one. */
function endOfEscape(bytes: Uint8Array, at: number): number {
  switch (bytes[at + 1]) {
    case 0x22: // "
    case 0x5c: // \
    case 0x2f: // /
    case 0x6e: // n
    case 0x72: // r
    case 0x74: // t
      return at + 2;
    case 0x62: // b
    case 0x66: // f
      throw refuse.character(at);
    case 0x75: {
      const unit = fourHex(bytes, at + 2);
      if (unit < 0x20 && unit !== 0x09 && unit !== 0x0a && unit !== 0x0d) throw refuse.character(at);
      if (unit < 0xd800 || unit > 0xdfff) return at + 6;
      if (unit > 0xdbff || bytes[at + 6] !== 0x5c || bytes[at + 7] !== 0x75) throw refuse.character(at);
      const low = fourHex(bytes, at + 8);
      if (low < 0xdc00 || low > 0xdfff) throw refuse.character(at);
      return at + 12;
    }
    default:
      throw at + 1 < bytes.length ? refuse.grammar(at + 1) : refuse.end(at + 1);
  }
}

function fourHex(bytes: Uint8Array, at: number): number {
  let unit = 0;
  for (let i = at; i < at + 4; i++) {
    const byte = bytes[i];
    if (byte === undefined) throw refuse.end(i);
    const letter = byte | 0x20;
    if (isDigit(byte)) unit = unit * 16 + byte - 0x30;
    else if (letter >= 0x61 && letter <= 0x66) unit = unit * 16 + letter - 0x57;
    else throw refuse.grammar(i);
  }
  return unit;
}

/** Offset after the number that begins at `at`. A whole number `-0` would come back as 0, so it is refused; `-0.0` keeps its text. */
function endOfNumber(bytes: Uint8Array, at: number, most: JsonLimits): number {
  let close = at;
  if (bytes[close] === 0x2d) close++;
  if (!isDigit(bytes[close])) throw refuse.number(at);
  const leading = bytes[close];
  close++;
  const last = at + most.number + 1;
  while (close < last && isDigit(bytes[close])) {
    if (leading === 0x30) throw refuse.number(at);
    close++;
  }
  const whole = close;
  if (bytes[close] === 0x2e) {
    if (!isDigit(bytes[++close])) throw refuse.number(at);
    while (close < last && isDigit(bytes[close])) close++;
  }
  const mantissa = close;
  if ((bytes[close]! | 0x20) === 0x65) {
    close++;
    if (bytes[close] === 0x2b || bytes[close] === 0x2d) close++;
    if (!isDigit(bytes[close])) throw refuse.number(at);
    while (close < last && isDigit(bytes[close])) close++;
    if (close < last && !keepsMagnitude(bytes, at, mantissa, close)) throw refuse.number(at);
  }
  if (close >= last) throw refuse.number(at);
  if (bytes[at] === 0x2d && leading === 0x30 && mantissa === whole) throw refuse.number(at);
  return close;
}

/** False for what overflows to Infinity or underflows to zero as a number. The token is short by now. */
function keepsMagnitude(bytes: Uint8Array, at: number, mantissa: number, close: number): boolean {
  const size = Math.abs(numberIn(bytes, at, close));
  return size === 0 ? numberIn(bytes, at, mantissa) === 0 : size !== Number.POSITIVE_INFINITY;
}

/** True for a token with a point or an exponent whose number is an integer, if only by rounding. */
function parsesToInteger(bytes: Uint8Array, at: number, close: number): boolean {
  for (let i = at + 1; i < close; i++) {
    const byte = bytes[i]!;
    if (byte === 0x2e || (byte | 0x20) === 0x65) return Number.isInteger(numberIn(bytes, at, close));
  }
  return false;
}

function numberIn(bytes: Uint8Array, at: number, close: number): number {
  let text = '';
  for (let i = at; i < close; i++) text += String.fromCharCode(bytes[i]!);
  return Number(text);
}

/** Offset after `true`, `false` or `null`. */
function endOfWord(bytes: Uint8Array, at: number): number {
  const word = bytes[at] === 0x74 ? 'true' : bytes[at] === 0x66 ? 'false' : bytes[at] === 0x6e ? 'null' : undefined;
  if (word === undefined) throw refuse.grammar(at);
  for (let i = 1; i < word.length; i++) {
    if (bytes[at + i] !== word.charCodeAt(i)) {
      throw at + i < bytes.length ? refuse.grammar(at + i) : refuse.end(at + i);
    }
  }
  return at + word.length;
}

function hashOf(bytes: Uint8Array, from: number, to: number): number {
  let hash = to - from;
  for (let i = from; i < to; i++) hash = (Math.imul(hash, 31) + bytes[i]!) | 0;
  return hash;
}

/** True when the key at `earlier` is the one from `from` to its closing quote `to`. */
function sameKey(bytes: Uint8Array, earlier: number, from: number, to: number): boolean {
  for (let i = from; i <= to; i++) if (bytes[earlier + i - from] !== bytes[i]) return false;
  return true;
}

/** The name that begins at `from`; keys hold no escapes, so it is as written. */
function nameAt(bytes: Uint8Array, from: number): string {
  const to = bytes.indexOf(0x22, from);
  return bufferOver(bytes).toString('utf8', from, to);
}

const bufferOver = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

function textWithout(bytes: Uint8Array, gaps: readonly number[]): string {
  if (gaps.length === 0) return bufferOver(bytes).toString('utf8');
  const kept = Buffer.allocUnsafe(bytes.length);
  let length = 0;
  let from = 0;
  for (let g = 0; g <= gaps.length; g += 2) {
    const to = gaps[g] ?? bytes.length;
    while (from < to) kept[length++] = bytes[from++]!;
    from = gaps[g + 1] ?? bytes.length;
  }
  return kept.toString('utf8', 0, length);
}
