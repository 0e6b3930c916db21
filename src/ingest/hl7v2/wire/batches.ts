/** Several messages in one piece: a file or batch of them, or one after another. HL7 v2.5.1 section 2.10.3 */

const CR = 0x0d;
const LF = 0x0a;

/** Messages in one piece: each is a commit, and all are answered together. */
export const MOST_MESSAGES = 10_000;

/** Where a line begins with the name; one more than may be is enough to know. */
function starts(bytes: Buffer, name: string): readonly number[] {
  const found: number[] = [];
  for (let at = bytes.indexOf(name); at >= 0 && found.length <= MOST_MESSAGES; at = bytes.indexOf(name, at + 3)) {
    const before = bytes[at - 1];
    if (before === undefined || before === CR || before === LF || isMark(bytes, at)) found.push(at);
  }
  return found;
}

/** Whether a byte order mark is all that stands before. */
const isMark = (bytes: Buffer, at: number): boolean => at === 3 && bytes[0] === 0xef && bytes[1] === 0xbb;

/** The messages without the segments of the batch around them, at most one more than may be; one that is alone comes back as it is. */
export function messagesIn(sent: Uint8Array): readonly Buffer[] {
  const bytes = Buffer.from(sent.buffer, sent.byteOffset, sent.byteLength);
  const headers = starts(bytes, 'MSH');
  const around = ['FHS', 'BHS', 'BTS', 'FTS'].flatMap((name) => starts(bytes, name));
  if (headers.length === 0 || (headers.length === 1 && around.length === 0)) return [bytes];
  const stops = [...headers, ...around, bytes.length].sort((a, b) => a - b);
  let next = 0;
  return headers.map((start) => {
    while (stops[next]! <= start) next++;
    return bytes.subarray(start, stops[next]);
  });
}

/** The answers to several messages, as one batch. */
export const batchOf = (answers: readonly string[]): string => `BHS|^~\\&\r${answers.join('')}BTS|${answers.length}\r`;
