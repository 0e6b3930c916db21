/** The same answer for the same type and right as long as there is the Access that asks, which is not long. */

export function once<A extends readonly string[], T>(work: (...asked: A) => T): (...asked: A) => T {
  const known = new Map<string, T>();
  return (...asked) => {
    const name = asked.join(' ');
    if (!known.has(name)) known.set(name, work(...asked));
    return known.get(name)!;
  };
}
