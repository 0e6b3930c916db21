/** The simple forms of `_filter`: comparisons with and, or, not and parentheses. https://hl7.org/fhir/R4/search_filter.html */
import { folded, holds, parameterOf, type World } from './evaluate.ts';

/** Comparisons of `_filter` in terms of the ordinary parameter: the modifier and the prefix that say the same. */
const means: Readonly<Record<string, readonly [modifier: string, prefix: string]>> = {
  eq: ['', ''],
  sw: ['', ''],
  ap: ['', 'ap'],
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
    if (operator === 'ew')
      return parameterOf(resource, word)
        .get(resource)
        .some((held) => folded(held).endsWith(folded(value)));
    const { kind } = parameterOf(resource, word);
    if (operator === 'eq' && kind === 'string')
      return parameterOf(resource, word)
        .get(resource)
        .some((held) => folded(held) === folded(value));
    if (operator === 'po') return holds({ ...world, slack: 0 }, resource, word, `ap${value}`);
    if (operator === 'ne' && kind === 'date') return holds(world, resource, word, `ne${value}`);
    if (operator === 'ne')
      return holds(world, resource, `${word}:missing`, 'false') && !holds(world, resource, word, value);
    const [modifier, prefix] = means[operator!]!;
    return holds(world, resource, word + modifier, prefix + value.replace(/[,$\\]/g, '\\$&'));
  }
  return either();
}
