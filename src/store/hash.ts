/** The one function that turns index values into numbers: 63 bits in two halves, seeded per store so that nobody can aim at a collision. */

export interface Hashing {
  /** Leaves the hash in `low` and `high` (two signed 32-bit halves, `high` never negative): no BigInt on the write path. */
  mix(kind: number, name: string, value: string): void;
  readonly low: number;
  readonly high: number;
  /** The same as a BigInt, for conditions of a search. */
  big(kind: number, name: string, value: string): bigint;
}

interface Halves {
  readonly a: number;
  readonly b: number;
}

const MOST_NAMES = 2_000;

/** `seed` are 8 random bytes that stay with the store for ever. */
export function createHashing(seed: Uint8Array): Hashing {
  const halves = new DataView(seed.buffer, seed.byteOffset, 8);
  const startLow = halves.getInt32(0, true);
  const startHigh = halves.getInt32(4, true);
  /** Both halves after a name: the same few hundred come again and again. */
  const afterName = new Map<string, Halves>();

  function halvesAfter(name: string): Halves {
    let halves = afterName.get(name);
    if (halves) return halves;
    let a = startLow;
    let b = startHigh;
    for (let i = 0; i < name.length; i++) {
      const unit = name.charCodeAt(i);
      a = Math.imul((a << 13) ^ (a >>> 19) ^ unit, 0x9e3779b1);
      b = Math.imul((b << 17) ^ (b >>> 15) ^ unit, 0x85ebca6b);
    }
    halves = { a, b };
    if (afterName.size >= MOST_NAMES) afterName.clear();
    afterName.set(name, halves);
    return halves;
  }

  const hashing = {
    low: 0,
    high: 0,
    mix(kind: number, name: string, value: string): void {
      let { a, b } = halvesAfter(name);
      a = Math.imul((a << 13) ^ (a >>> 19) ^ (0x10000 + kind), 0x9e3779b1);
      b = Math.imul((b << 17) ^ (b >>> 15) ^ (0x10000 + kind), 0x85ebca6b);
      for (let i = 0; i < value.length; i++) {
        const unit = value.charCodeAt(i);
        a = Math.imul((a << 13) ^ (a >>> 19) ^ unit, 0x9e3779b1);
        b = Math.imul((b << 17) ^ (b >>> 15) ^ unit, 0x85ebca6b);
      }
      hashing.low = settle(a ^ value.length);
      hashing.high = settle(b + name.length) & 0x7fffffff;
    },
    big(kind: number, name: string, value: string): bigint {
      hashing.mix(kind, name, value);
      return (BigInt(hashing.high) << 32n) | BigInt(hashing.low >>> 0);
    },
  };
  return hashing;
}

/** Lets every bit depend on every other one. */
function settle(half: number): number {
  const once = Math.imul(half ^ (half >>> 16), 0x7feb352d);
  const twice = Math.imul(once ^ (once >>> 15), 0x846ca68b);
  return twice ^ (twice >>> 16);
}
