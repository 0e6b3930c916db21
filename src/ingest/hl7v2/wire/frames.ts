/** Messages out of a stream of bytes and into it: 0x0B, message, 0x1C, 0x0D. HL7 MLLP, release 1 */

const VT = 0x0b;
const FS = 0x1c;
const CR = 0x0d;
const LF = 0x0a;

/** Bytes of the largest message: a report as PDF within. */
export const MOST_BYTES = 20 * 1024 * 1024;
/** So much that stands in no frame counts as one more fault. */
const GARBAGE = 1024 * 1024;
/** How much of a message that is not taken is kept, to tell which one is refused. */
const HEAD = 8 * 1024;

export type FramingFault = 'no start' | 'no end' | 'too long';

export type Framed =
  | { readonly is: 'message'; readonly bytes: Buffer }
  /** `head`: how the message begins that is lost; empty where none had begun. */
  | { readonly is: 'fault'; readonly fault: FramingFault; readonly head: Buffer };

export interface Frames {
  /** What is whole with this chunk, in order. Takes time in proportion to the chunk. */
  push(chunk: Buffer): readonly Framed[];
  /** Nothing more came for a while: a frame that lacks its last byte alone is whole. */
  settle(): readonly Framed[];
  /** Bytes of the message that is under way. */
  waiting(): number;
  /** Bytes that stood in no frame. */
  dropped(): number;
  /** Whether the last byte of a frame is all that is missing. */
  isEnding(): boolean;
}

export const frame = (message: string | Uint8Array): Buffer =>
  Buffer.concat([Buffer.from([VT]), Buffer.from(message as Uint8Array), Buffer.from([FS, CR])]);

/** One for each connection. Holds at most one message of `most` bytes. */
export function createFrames(most = MOST_BYTES): Frames {
  let state: 'outside' | 'inside' | 'ending' | 'skipping' = 'outside';
  let held = Buffer.alloc(0);
  let length = 0;
  let dropped = 0;
  let garbage = 0;

  function keep(bytes: Buffer): void {
    const needed = length + bytes.length;
    if (needed > held.length) {
      const grown = Buffer.allocUnsafe(Math.min(most, Math.max(4_096, needed, held.length * 2)));
      held.copy(grown, 0, 0, length);
      held = grown;
    }
    bytes.copy(held, length);
    length = needed;
  }
  function taken(): Buffer {
    const bytes = held.subarray(0, length);
    held = Buffer.alloc(0);
    length = 0;
    return bytes;
  }
  const lost = (fault: FramingFault): Framed => ({ is: 'fault', fault, head: Buffer.from(taken().subarray(0, HEAD)) });

  /** Bytes outside of any frame; line ends between two frames are no fault. */
  function drop(bytes: Buffer): readonly Framed[] {
    const blank = bytes.every((byte) => byte === CR || byte === LF || byte === 0x20);
    dropped += bytes.length;
    if (blank) return [];
    const isNews = garbage === 0 || garbage + bytes.length > GARBAGE;
    garbage = isNews ? bytes.length : garbage + bytes.length;
    return isNews ? [{ is: 'fault', fault: 'no start', head: Buffer.alloc(0) }] : [];
  }

  function push(chunk: Buffer): readonly Framed[] {
    const framed: Framed[] = [];
    for (let at = 0; at < chunk.length; ) {
      const rest = chunk.subarray(at);
      if (state === 'outside') {
        const start = rest.indexOf(VT);
        const before = start < 0 ? rest : rest.subarray(0, start);
        if (before.length > 0) framed.push(...drop(before));
        at += start < 0 ? rest.length : start + 1;
        if (start >= 0) state = 'inside';
      } else if (state === 'ending') {
        state = 'outside';
        garbage = 0;
        // A frame within whose message the byte stands that ends it is no frame: half a message must not pass for a whole one.
        if (length > 0 && (rest[0] === CR || rest[0] === VT)) framed.push({ is: 'message', bytes: taken() });
        else if (length === 0) framed.push(lost('no end'));
        else {
          framed.push(lost('no end'));
          state = 'skipping';
        }
        if (rest[0] === CR) at++;
      } else {
        const end = rest.indexOf(FS);
        const start = rest.subarray(0, end < 0 ? undefined : end).indexOf(VT);
        const stop = start >= 0 ? start : end;
        const bytes = stop < 0 ? rest : rest.subarray(0, stop);
        at += bytes.length + (stop < 0 ? 0 : 1);
        if (state === 'inside' && length + bytes.length > most) {
          keep(bytes.subarray(0, Math.max(0, Math.min(bytes.length, HEAD - length))));
          framed.push(lost('too long'));
          state = 'skipping';
        } else if (state === 'inside') keep(bytes);
        else dropped += bytes.length;
        if (stop < 0) continue;
        if (start >= 0) {
          if (state === 'inside' && length > 0) framed.push(lost('no end'));
          state = 'inside';
        } else state = state === 'inside' ? 'ending' : 'outside';
      }
    }
    return framed;
  }

  return {
    push,
    settle() {
      if (state !== 'ending') return [];
      state = 'outside';
      return [{ is: 'message', bytes: taken() }];
    },
    waiting: () => length,
    dropped: () => dropped,
    isEnding: () => state === 'ending',
  };
}
