/** The character set that MSH-18 names, and what the bytes then say. HL7 table 0211 */
import { isAscii, isUtf8 } from 'node:buffer';
import { JAPANESE, japaneseText, switchesToJapanese } from './japanese.ts';

/** WHATWG labels; `8859/1` reads windows-1252, of which it is a part and which many mean by it. */
const labels: Readonly<Record<string, string>> = {
  ASCII: 'windows-1252',
  'ISO IR6': 'windows-1252',
  'UNICODE UTF-8': 'utf-8',
  'UNICODE UTF-16': 'utf-16le',
  UNICODE: 'utf-16le',
  'GB 18030-2000': 'gb18030',
  'BIG-5': 'big5',
  'KS X 1001': 'euc-kr',
  // Not in the table, yet sent.
  'UTF-8': 'utf-8',
  UTF8: 'utf-8',
  'WINDOWS-1252': 'windows-1252',
  'ISO-8859-1': 'windows-1252',
  ...Object.fromEntries(
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15].map((n) => [
      `8859/${n}`,
      { 1: 'windows-1252', 9: 'windows-1254', 11: 'windows-874' }[n] ?? `iso-8859-${n}`,
    ]),
  ),
};

export interface Decoded {
  readonly text: string;
  /** As MSH-18 has it; 'ASCII' where it says nothing. */
  readonly charset: string;
  /** What the bytes of `\X..\` mean. */
  readonly decode: (bytes: Uint8Array) => string;
  /** A sentence where the bytes are not what was said; they were read as what they seem to be. */
  readonly fault?: string;
}

const ESCAPE = 0x1b;

/** More of a line is no header. */
const MOST_HEADER = 64 * 1024;

const reader = (label: string) => {
  const decoder = new TextDecoder(label);
  return (bytes: Uint8Array) => decoder.decode(bytes);
};

/** As what the bytes seem to be. */
const guessed = (bytes: Uint8Array): string => reader(isUtf8(bytes) ? 'utf-8' : 'windows-1252')(bytes);

/** UTF-16 shows in its first character, which is an M, B or F with a zero beside it or after a byte order mark. */
function wideLabel(bytes: Uint8Array): string | undefined {
  const [first, second] = bytes;
  if ((first === 0xff && second === 0xfe) || (second === 0 && first !== 0)) return 'utf-16le';
  if ((first === 0xfe && second === 0xff) || (first === 0 && second !== 0)) return 'utf-16be';
  return undefined;
}

/** The repetitions of MSH-18: how the message is written, then what it may switch to. The header itself is ASCII in every character set that is read here. */
function declaredIn(bytes: Uint8Array): readonly string[] {
  let from = 0;
  while (bytes[from]! <= 0x20) from++;
  let end = from;
  while (end < bytes.length && bytes[end] !== 0x0d && bytes[end] !== 0x0a) end++;
  const header = Buffer.from(bytes.buffer, bytes.byteOffset + from, Math.min(end - from, MOST_HEADER)).toString(
    'latin1',
  );
  const [, encoding = '', ...fields] = header.split(header[3] ?? '|', 20);
  const names = (fields[15] ?? '').split(encoding[1] || '~', 20).map((name) => name.trim().toUpperCase());
  return names.filter((name, i) => name !== '' && names.indexOf(name) === i);
}

const isPlain = (charset: string): boolean => charset === 'ASCII' || charset === 'ISO IR6';

/** The set that the bytes are held against: the first that says more than ASCII, and UTF-8 where it is one of them and fits. */
function chosenOf(declared: readonly string[], bytes: Uint8Array): string | undefined {
  const utf8 = declared.find((name) => labels[name] === 'utf-8');
  if (utf8 && !isAscii(bytes) && isUtf8(bytes)) return utf8;
  return declared.find((name) => !isPlain(name)) ?? declared[0];
}

/** The text of a message, read as it says it is written, and otherwise as it seems to be. Never throws. */
export function decoded(sent: Uint8Array): Decoded {
  const hasMark = sent[0] === 0xef && sent[1] === 0xbb && sent[2] === 0xbf;
  const bytes = hasMark ? sent.subarray(3) : sent;
  const wide = wideLabel(bytes);
  if (wide) return { text: reader(wide)(bytes), charset: 'UNICODE UTF-16', decode: reader(wide) };
  const declared = declaredIn(bytes);
  const isJapanese = declared.some((name) => JAPANESE.has(name));
  const isOneByte = declared.every((name) => JAPANESE.has(name) || isPlain(name));
  const switches = switchesToJapanese(bytes);
  // What is written in escapes to Japanese alone has no byte of another set.
  if ((isJapanese && isOneByte) || (switches && isAscii(bytes))) {
    const fault = isJapanese ? undefined : 'the text switches to Japanese, which MSH-18 does not name';
    return {
      text: japaneseText(bytes),
      charset: declared.find((name) => JAPANESE.has(name)) ?? declared[0] ?? 'ASCII',
      decode: japaneseText,
      ...(fault && { fault }),
    };
  }
  const charset = chosenOf(declared, bytes) ?? (hasMark ? 'UNICODE UTF-8' : 'ASCII');
  const label = labels[charset];
  const seems = (fault: string): Decoded => ({ text: guessed(bytes), charset, decode: guessed, fault });
  if (isAscii(bytes)) {
    const decode = label === undefined || isPlain(charset) ? guessed : reader(label);
    // An escape that switches to a set that nobody here can read.
    const isUnread = bytes.includes(ESCAPE);
    const fault = isUnread ? 'the text switches between character sets in a way that is not known here' : undefined;
    return { text: guessed(bytes), charset, decode, ...(fault && { fault }) };
  }
  if (switches) return seems('MSH-18 names Japanese beside a set of eight bits, and the text has both');
  if (label === undefined) return seems('MSH-18 names a character set that is not known here');
  if (label === 'utf-8' && !isUtf8(bytes)) return seems('MSH-18 says UTF-8, and the bytes are not');
  if (label === 'utf-16le') return seems('MSH-18 says UTF-16, and the bytes are not');
  if (isPlain(charset)) {
    const isSaid = declared.length > 0;
    return seems(`${isSaid ? 'MSH-18 says ASCII' : 'MSH-18 is empty, which means ASCII'}, and the bytes are not`);
  }
  const decode = reader(label);
  const isDoubtful = label !== 'utf-8' && isUtf8(bytes);
  const fault = isDoubtful ? `MSH-18 says ${charset}, and the bytes look like UTF-8` : undefined;
  return { text: decode(bytes), charset, decode, ...(fault && { fault }) };
}
