/** The same answer for the same type and right as long as there is the Access that asks, which is not long. */

export function once<R extends string, T>(work: (type: string, right: R) => T): (type: string, right: R) => T {
  const known = new Map<string, T>();
  return (type, right) => {
    const name = `${right} ${type}`;
    if (!known.has(name)) known.set(name, work(type, right));
    return known.get(name)!;
  };
}
