/** The simple forms of `_filter`: comparisons with and, or, not and parentheses. https://hl7.org/fhir/R4/search_filter.html */
import { holds, type World } from './evaluate.ts';

/** Comparisons of `_filter` in terms of the ordinary parameter: the modifier and the prefix that say the same. */
const means: Readonly<Record<string, readonly [modifier: string, prefix: string]>> = {
  eq: ['', ''],
  sw: ['', ''],
  co: [':contains', ''],
  gt: ['', 'gt'],
  lt: ['', 'lt'],
  ge: ['', 'ge'],
  le: ['', 'le'],
  sa: ['', 'sa'],
  eb: ['', 'eb'],
};

export function filterHolds(world: World, resource: any, text: string): boolean {
  const words = text.match(/\(|\)|"(?:\\.|[^"\\])*"|[^\s()]+/g) ?? [];
  let at = 0;
  const take = (): string => words[at++]!;

  function either(): boolean {
    let held = both();
    while (words[at] === 'or') {
      take();
      held = both() || held;
    }
    return held;
  }
  function both(): boolean {
    let held = one();
    while (words[at] === 'and') {
      take();
      held = one() && held;
    }
    return held;
  }
  function one(): boolean {
    const word = take();
    if (word === 'not') return !one();
    if (word === '(') {
      const held = either();
      take();
      return held;
    }
    const [operator, written] = [take(), take()];
    const value = written!.startsWith('"') ? written!.slice(1, -1).replace(/\\(.)/g, '$1') : written!;
    if (operator === 'pr') return holds(world, resource, `${word}:missing`, String(value !== 'true'));
    const [modifier, prefix] = means[operator!]!;
    return holds(world, resource, word + modifier, prefix + value.replace(/[,$\\]/g, '\\$&'));
  }
  return either();
}
