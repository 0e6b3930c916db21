/** Random queries: one condition of a kind, sometimes with more values or with another condition beside it. https://hl7.org/fhir/R4/search.html */
import type { Dice } from './dice.ts';
import { type Condition, NothingToDraw, ofType } from './drawing.ts';
import { holds, type World } from './evaluate.ts';
import { makers } from './makers.ts';

/** A query on a type, with what it tries. */
export interface Query {
  readonly type: string;
  /** As in a URL, without what shapes the answer. */
  readonly conditions: readonly (readonly [name: string, value: string])[];
  readonly kinds: readonly string[];
}

export const kinds: readonly string[] = Object.keys(makers);

/** A query that tries the kind, alone or with more values or conditions of these kinds. */
export function randomQuery(roll: Dice, world: World, kind: string, among: readonly string[] = kinds): Query {
  const first = makers[kind]!(roll, world);
  const conditions: [string, string][] = [[first.name, first.value]];
  const tried = [kind];
  if (
    roll.chance(0.15) &&
    !/:missing|:not$|^_filter|^near/.test(kind) &&
    !/[.:]/.test(first.name.replace(/:\w+$/, ''))
  ) {
    const other = attempt(
      5,
      () => makers[kind]!(roll, world, first.type),
      (one) => one.name === first.name && one.type === first.type,
    );
    if (other !== undefined) {
      conditions[0] = [first.name, `${first.value},${other.value}`];
      tried.push('or');
    }
  }
  const plain = among.filter((one) => /^(string|token|reference|date)( |$)/.test(one));
  if (roll.chance(0.2) && plain.length > 0) {
    const matches = ofType(world, first.type).filter((one) => holds(world, one, first.name, first.value));
    const other = attempt(
      6,
      () => makers[roll.of(plain)]!(roll, world, first.type),
      ({ name, value }) => matches.some((one) => holds(world, one, name, value)),
    );
    if (other !== undefined) {
      conditions.push([other.name, other.value]);
      tried.push('and');
    }
  }
  return { type: first.type, conditions, kinds: tried };
}

/** The first of so many conditions that will do. */
function attempt(tries: number, make: () => Condition, willDo: (one: Condition) => boolean): Condition | undefined {
  for (let i = 0; i < tries; i++) {
    try {
      const one = make();
      if (willDo(one)) return one;
    } catch (error) {
      if (!(error instanceof NothingToDraw)) throw error;
    }
  }
  return undefined;
}
