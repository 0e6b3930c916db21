/** The clock, the random source and the timers that the house runs on; handed in, so that a test can hold them still. */
import { randomBytes } from 'node:crypto';

export interface Runtime {
  /** Milliseconds since 1970, UTC. */
  now(): number;
  /** Fresh random bytes, good enough for keys. */
  random(bytes: number): Uint8Array;
  /** Resolves after that many milliseconds, or at once when the signal aborts. Never rejects. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
}

/** Small requests are cut from one larger one: a call into the system for each id would be the dearest part of an id. */
function pooledRandom(size: number): Runtime['random'] {
  let pool = randomBytes(size);
  let at = 0;
  return (bytes) => {
    if (bytes > size / 8) return randomBytes(bytes);
    if (at + bytes > size) {
      pool = randomBytes(size);
      at = 0;
    }
    at += bytes;
    return pool.subarray(at - bytes, at);
  };
}

export const systemRuntime: Runtime = {
  now: () => Date.now(),
  random: pooledRandom(4_096),
  sleep: (milliseconds, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const done = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, milliseconds);
      signal?.addEventListener('abort', done, { once: true });
    }),
};

const hex = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** A UUIDv7 (RFC 9562 section 5.7): ordered by `at` in milliseconds, then by the first ten bytes of `entropy`. */
export function uuidv7(at: number, entropy: Uint8Array): string {
  const time = Math.max(0, Math.floor(at)).toString(16).padStart(12, '0');
  const byte = (i: number) => hex[entropy[i]!]!;
  const version = `7${byte(0)[1]}${byte(1)}`;
  const variant = hex[(entropy[2]! & 0x3f) | 0x80]! + byte(3);
  const rest = byte(4) + byte(5) + byte(6) + byte(7) + byte(8) + byte(9);
  return `${time.slice(0, 8)}-${time.slice(8)}-${version}-${variant}-${rest}`;
}

/** A fresh id: ordered by time, so that the newest rows stand together on disk. */
export const freshId = (runtime: Pick<Runtime, 'now' | 'random'>): string => uuidv7(runtime.now(), runtime.random(10));
