/** Escape sequences in text, read and written. HL7 v2.5.1 section 2.7. Each takes time in proportion to the text. */
import type { Delimiters } from './delimiters.ts';

/** Turns the bytes of `\X..\` into text. */
export type Decode = (bytes: Uint8Array) => string;

/** Most blank lines that one `\.sp<n>\` makes. */
const MOST_LINES = 20;

/** `X0D`; no repeated group, whose stack a long one would overflow. */
const isHex = (sequence: string): boolean =>
  sequence.startsWith('X') && sequence.length % 2 === 1 && !/[^0-9A-Fa-f]/.test(sequence.slice(1));

/** What stands for one sequence; undefined where it is none that we know, so that it stays as it was sent. */
function meant(sequence: string, delimiters: Delimiters, decode: Decode): string | undefined {
  switch (sequence) {
    case 'F':
      return delimiters.field;
    case 'S':
      return delimiters.component;
    case 'T':
      return delimiters.subcomponent;
    case 'R':
      return delimiters.repetition;
    case 'E':
      return delimiters.escape;
    case 'P':
      return delimiters.truncation || undefined;
    // Highlighting begins and ends.
    case 'H':
    case 'N':
      return '';
    case '.br':
    case '.ce':
      return '\n';
    case '.fi':
    case '.nf':
      return '';
  }
  if (sequence.length < 3) return undefined;
  if (isHex(sequence)) return decode(Buffer.from(sequence.slice(1), 'hex'));
  const format = /^\.(sp|in|ti|sk)([+-]?\d{0,4})$/.exec(sequence);
  if (!format) return undefined;
  const count = Math.min(Math.abs(Number(format[2] || 1)), MOST_LINES);
  if (format[1] === 'sp') return '\n'.repeat(Math.max(1, count));
  return format[1] === 'sk' ? ' '.repeat(count) : '';
}

const hexadecimal = (code: number): number => {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : Number.NaN;
};

/** The character that a sequence for one byte of ASCII, such as `\X41\`, begins at this place; undefined where none does. */
function oneByteAt(text: string, at: number, mark: number): number | undefined {
  if (text.charCodeAt(at + 1) !== 0x58 || text.charCodeAt(at + 4) !== mark) return undefined;
  const code = hexadecimal(text.charCodeAt(at + 2)) * 16 + hexadecimal(text.charCodeAt(at + 3));
  return code < 0x80 ? code : undefined;
}

/** A run of them, of which a message may have millions. */
function bytesAt(text: string, from: number, mark: number): { readonly said: string; readonly end: number } {
  const codes: number[] = [];
  let at = from;
  if (text.charCodeAt(from + 1) !== 0x58) return { said: '', end: from };
  while (codes.length < 10_000) {
    const code = text.charCodeAt(at) === mark ? oneByteAt(text, at, mark) : undefined;
    if (code === undefined) break;
    codes.push(code);
    at += 5;
  }
  return { said: String.fromCharCode(...codes), end: at };
}

/** Text with its sequences read. What is no sequence may end where one begins: its last character is looked at again. */
export function unescaped(text: string, delimiters: Delimiters, decode: Decode): string {
  const mark = delimiters.escape;
  let begin = mark === '' ? -1 : text.indexOf(mark);
  if (begin < 0) return text;
  const parts: string[] = [];
  let literal = 0;
  while (begin >= 0) {
    if (text[begin + 1] === mark) {
      begin++;
      continue;
    }
    const run = bytesAt(text, begin, mark.charCodeAt(0));
    if (run.said !== '') {
      parts.push(text.slice(literal, begin), run.said);
      literal = run.end;
      begin = text.indexOf(mark, literal);
      continue;
    }
    const end = text.indexOf(mark, begin + 1);
    if (end < 0) break;
    const said = meant(text.slice(begin + 1, end), delimiters, decode);
    if (said === undefined) begin = end;
    else {
      parts.push(text.slice(literal, begin), said);
      literal = end + 1;
      begin = text.indexOf(mark, literal);
    }
  }
  parts.push(text.slice(literal));
  return parts.join('');
}

/** Text for a field; line ends become `\.br\`, other control characters `\X..\`. */
export function escaped(text: string, delimiters: Delimiters): string {
  const { escape: mark, field, component, repetition, subcomponent } = delimiters;
  const names = new Map([
    [field, 'F'],
    [component, 'S'],
    [subcomponent, 'T'],
    [repetition, 'R'],
    [mark, 'E'],
  ]);
  let out = '';
  for (const character of text.replaceAll(/\r\n?/g, '\n')) {
    const name = names.get(character);
    if (name !== undefined) out += `${mark}${name}${mark}`;
    else if (character === '\n') out += `${mark}.br${mark}`;
    else if (character < ' ')
      out += `${mark}X${character.charCodeAt(0).toString(16).padStart(2, '0').toUpperCase()}${mark}`;
    else out += character;
  }
  return out;
}
