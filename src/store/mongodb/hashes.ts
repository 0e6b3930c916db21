/** Hashes, each once, in the order in which they came. */
import type { Long } from 'mongodb';

/** Tells hashes apart, and is made faster than their digits. */
export const labelOf = ({ low, high }: Long): string => `${low} ${high}`;

export class Hashes {
  readonly all: Long[] = [];
  #seen = new Map<number, number[]>();
  constructor(hashes: readonly Long[] = []) {
    for (const hash of hashes) this.add(hash);
  }
  add(hash: Long): void {
    const highs = this.#seen.get(hash.low);
    if (highs?.includes(hash.high)) return;
    if (highs) highs.push(hash.high);
    else this.#seen.set(hash.low, [hash.high]);
    this.all.push(hash);
  }
  has({ low, high }: Long): boolean {
    return this.#seen.get(low)?.includes(high) ?? false;
  }
}
