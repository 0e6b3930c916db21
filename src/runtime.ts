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

/** A UUIDv7 (RFC 9562 section 5.7): ordered by `at` in milliseconds, then by the first ten bytes of `entropy`. */
export function uuidv7(at: number, entropy: Uint8Array): string {
  const time = Math.max(0, Math.floor(at)).toString(16).padStart(12, '0');
  let rest = '';
  for (let i = 0; i < 10; i++) rest += entropy[i]!.toString(16).padStart(2, '0');
  const version = `7${rest.slice(1, 4)}`;
  const variant = ((entropy[2]! & 0x3f) | 0x80).toString(16) + rest.slice(6, 8);
  return `${time.slice(0, 8)}-${time.slice(8)}-${version}-${variant}-${rest.slice(8, 20)}`;
}
