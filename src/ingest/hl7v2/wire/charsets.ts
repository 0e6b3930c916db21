/** The character set that MSH-18 names, and what the bytes then say. HL7 table 0211 */
import { isAscii, isUtf8 } from 'node:buffer';

/** WHATWG labels; `8859/1` reads windows-1252, of which it is a part and which many mean by it. */
const labels: Readonly<Record<string, string>> = {
  ASCII: 'windows-1252',
  'UNICODE UTF-8': 'utf-8',
  'UNICODE UTF-16': 'utf-16le',
  UNICODE: 'utf-16le',
  'ISO IR87': 'iso-2022-jp',
  'ISO IR159': 'iso-2022-jp',
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

/** First repetition of MSH-18. The header itself is ASCII in every character set that is read here. */
function declaredIn(bytes: Uint8Array): string {
  let from = 0;
  while (bytes[from]! <= 0x20) from++;
  let end = from;
  while (end < bytes.length && bytes[end] !== 0x0d && bytes[end] !== 0x0a) end++;
  const header = Buffer.from(bytes.buffer, bytes.byteOffset + from, end - from).toString('latin1');
  const [, encoding = '', ...fields] = header.split(header[3] ?? '|');
  return (fields[15]?.split(encoding[1] || '~')[0] ?? '').trim().toUpperCase();
}

/** The text of a message, read as it says it is written, and otherwise as it seems to be. Never throws. */
export function decoded(sent: Uint8Array): Decoded {
  const hasMark = sent[0] === 0xef && sent[1] === 0xbb && sent[2] === 0xbf;
  const bytes = hasMark ? sent.subarray(3) : sent;
  const wide = wideLabel(bytes);
  if (wide) return { text: reader(wide)(bytes), charset: 'UNICODE UTF-16', decode: reader(wide) };
  const declared = declaredIn(bytes);
  const charset = declared || (hasMark ? 'UNICODE UTF-8' : 'ASCII');
  const label = labels[charset];
  const seems = (fault: string): Decoded => ({ text: guessed(bytes), charset, decode: guessed, fault });
  if (isAscii(bytes) && label !== 'iso-2022-jp') {
    const decode = label === undefined || charset === 'ASCII' ? guessed : reader(label);
    return { text: guessed(bytes), charset, decode };
  }
  if (label === undefined) return seems('MSH-18 names a character set that is not known here');
  if (label === 'utf-8' && !isUtf8(bytes)) return seems('MSH-18 says UTF-8, and the bytes are not');
  if (label === 'utf-16le') return seems('MSH-18 says UTF-16, and the bytes are not');
  if (charset === 'ASCII') {
    return seems(`${declared ? 'MSH-18 says ASCII' : 'MSH-18 is empty, which means ASCII'}, and the bytes are not`);
  }
  const decode = reader(label);
  const isDoubtful = label !== 'utf-8' && isUtf8(bytes) && !isAscii(bytes);
  const fault = isDoubtful ? `MSH-18 says ${charset}, and the bytes look like UTF-8` : undefined;
  return { text: decode(bytes), charset, decode, ...(fault && { fault }) };
}
