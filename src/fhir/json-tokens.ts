/** The tokens of RFC 8259 in bytes: where a string, a number or a word ends, and what is refused on the way. https://www.rfc-editor.org/rfc/rfc8259 */
import { problem } from './outcome.ts';

// What a byte is inside a string.
const PLAIN = 0;
const QUOTE = 1;
const BACKSLASH = 2;
const CONTROL = 3;
const kindInString = new Uint8Array(256);
kindInString.fill(CONTROL, 0, 0x20);
kindInString[0x22] = QUOTE;
kindInString[0x5c] = BACKSLASH;

/** Bytes that begin a number, or what some take for one (`+1`, `.5`, `NaN`). */
export const startOfNumber = new Uint8Array(256);
for (const character of '-+.0123456789NI') startOfNumber[character.charCodeAt(0)] = 1;

export const isWhitespace = (byte: number): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= 0x30 && byte <= 0x39;

/** The refusals; each names a byte offset, never what stands there. */
export const refuse = {
  grammar: (at: number) => problem('structure', `The body is not JSON: unexpected byte at offset ${at}.`),
  end: (at: number) => problem('structure', `The body is not JSON: it ends too early, at offset ${at}.`),
  number: (at: number) =>
    problem('value', `The number at offset ${at} is not a JSON number or outside the range kept.`),
  character: (at: number) => problem('value', `A character that is not allowed in a string stands at offset ${at}.`),
  cost: (what: string, limit: number, at: number) =>
    problem('too-costly', `The body has more than ${limit} ${what}, at offset ${at}.`),
  length: (limit: number, at: number) =>
    problem('too-long', `The string at offset ${at} is longer than ${limit} bytes.`),
};

/** Offset of the closing quote of the key that opens at `at`. */
export function endOfKey(bytes: Uint8Array, at: number, most: number): number {
  let close = at + 1;
  while (kindInString[bytes[close]!] === PLAIN) close++;
  if (close >= bytes.length) throw refuse.end(close);
  const kind = kindInString[bytes[close]!];
  if (kind === CONTROL) throw refuse.character(close);
  if (kind === BACKSLASH) throw problem('structure', `A member name is written with an escape, at offset ${close}.`);
  if (close - at - 1 > most) throw refuse.length(most, at);
  return close;
}

/** Offset of the closing quote of the string that opens at `at`. */
export function endOfString(bytes: Uint8Array, at: number, most: number): number {
  const last = Math.min(bytes.length, at + 2 + most);
  let close = at + 1;
  while (close < last) {
    const kind = kindInString[bytes[close]!];
    if (kind === PLAIN) close++;
    else if (kind === QUOTE) return close;
    else if (kind === BACKSLASH) close = endOfEscape(bytes, close);
    else if (isWhitespace(bytes[close]!)) throw refuse.grammar(close);
    else throw refuse.character(close);
  }
  throw last < bytes.length ? refuse.length(most, at) : refuse.end(close);
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
export function endOfNumber(bytes: Uint8Array, at: number, most: number): number {
  let close = at;
  if (bytes[close] === 0x2d) close++;
  if (!isDigit(bytes[close])) throw refuse.number(at);
  const leading = bytes[close];
  close++;
  const last = at + most + 1;
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

function numberIn(bytes: Uint8Array, at: number, close: number): number {
  let text = '';
  for (let i = at; i < close; i++) text += String.fromCharCode(bytes[i]!);
  return Number(text);
}

/** Offset after `true`, `false` or `null`. */
export function endOfWord(bytes: Uint8Array, at: number): number {
  const word = bytes[at] === 0x74 ? 'true' : bytes[at] === 0x66 ? 'false' : bytes[at] === 0x6e ? 'null' : undefined;
  if (word === undefined) throw refuse.grammar(at);
  for (let i = 1; i < word.length; i++) {
    if (bytes[at + i] !== word.charCodeAt(i)) {
      throw at + i < bytes.length ? refuse.grammar(at + i) : refuse.end(at + i);
    }
  }
  return at + word.length;
}
