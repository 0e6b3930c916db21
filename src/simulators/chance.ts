/** Chance of the simulators: a number that is a pure function of a seed and of words, so that the same seed is the same bytes in any order of asking. */

/** FNV-1a over the words, finished as murmur3 finishes: 32 well-mixed bits. */
function mixed(seed: number, words: readonly (string | number)[]): number {
  let hash = (0x811c9dc5 ^ seed) >>> 0;
  for (const word of words) {
    const text = String(word);
    for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
    hash = Math.imul(hash ^ 0x1f, 0x01000193);
  }
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** From 0 up to, not including, 1. */
export const drawn = (seed: number, ...words: readonly (string | number)[]): number => mixed(seed, words) / 2 ** 32;

/** Normal, with mean 0 and standard deviation 1 (Box and Muller). */
export function normal(seed: number, ...words: readonly (string | number)[]): number {
  const radius = Math.sqrt(-2 * Math.log(1 - drawn(seed, ...words, 'radius')));
  return radius * Math.cos(2 * Math.PI * drawn(seed, ...words, 'angle'));
}

export const oneOf = <T>(choices: readonly T[], seed: number, ...words: readonly (string | number)[]): T =>
  choices[Math.floor(drawn(seed, ...words) * choices.length)]!;

/** mulberry32: one number after another, for senders whose order is fixed anyway. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mix = Math.imul(state ^ (state >>> 15), state | 1);
    mix ^= mix + Math.imul(mix ^ (mix >>> 7), mix | 61);
    return ((mix ^ (mix >>> 14)) >>> 0) / 2 ** 32;
  };
}
