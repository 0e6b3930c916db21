/** Random filters: comparisons, what joins them, and paths with brackets. https://hl7.org/fhir/R4/search_filter.html */
import type { Dice } from './dice.ts';
import {
  draw,
  type Maker,
  NothingToDraw,
  ofType,
  quantityFits,
  someDate,
  someNumber,
  someQuantity,
  someValue,
  stepFrom,
} from './drawing.ts';
import type { World } from './evaluate.ts';
import { partsOf } from './filter.ts';
import { type Kind, type Parameter, parameters } from './parameters.ts';

const filterWords: Readonly<Record<string, readonly string[]>> = {
  string: ['sw', 'co', 'ew', 'eq', 'ne', 'pr'],
  token: ['eq', 'ne', 'pr'],
  reference: ['eq', 're', 'ne', 'pr'],
  canonical: ['eq', 'ne', 'pr'],
  number: ['gt', 'lt', 'ge', 'le', 'pr'],
  quantity: ['eq', 'gt', 'lt', 'ge', 'le', 'pr'],
  date: ['eq', 'ne', 'po', 'gt', 'lt', 'ge', 'le', 'sa', 'eb', 'pr'],
};

/** A value without a prefix: that is an operator's business. */
function valueFor(roll: Dice, world: World, kind: Kind, held: any, plain?: boolean): string | undefined {
  if (kind === 'date') return someDate(roll, held);
  if (kind === 'number') return someNumber(roll, held);
  if (kind !== 'quantity') return someValue(roll, world, kind, held, plain);
  const forms = (['plain', 'coded'] as const).filter((form) => quantityFits(form, held));
  return held.comparator ? undefined : someQuantity(roll, held, roll.of(forms));
}

/** `name operator value`, most of the time one that something with the value fulfils; undefined where it cannot be written. */
function compared(roll: Dice, world: World, name: string, { kind, plain }: Parameter, held: any): string | undefined {
  const operator = roll.of(filterWords[kind]!);
  if (operator === 'pr') return `${name} pr ${roll.of(['true', 'true', 'false'])}`;
  const text = valueFor(roll, world, kind, held, plain);
  if (text === undefined || /[\\"]/.test(text)) return undefined;
  return `${name} ${operator} ${kind === 'string' || /[\s()[\]]/.test(text) ? `"${text}"` : text}`;
}

/** One comparison of a parameter that the resource has a value for. */
function comparedOn(roll: Dice, world: World, resource: any): string {
  for (let tries = 0; tries < 200; tries++) {
    const code = roll.of(Object.keys(parameters[resource.resourceType]!));
    const parameter = parameters[resource.resourceType]![code]!;
    const values = parameter.get(resource);
    if (code.startsWith('_') || values.length === 0 || filterWords[parameter.kind] === undefined) continue;
    const one = compared(roll, world, code, parameter, roll.of(values));
    if (one !== undefined) return one;
  }
  throw new NothingToDraw();
}

const shaped = (roll: Dice, one: () => string): string =>
  [
    one,
    () => `${one()} ${roll.of(['and', 'or'])} ${one()}`,
    () => `not (${one()})`,
    () => `(${one()} or ${one()}) and ${one()}`,
    () => `not (${one()} and ${one()}) or (${one()})`,
    () => `${one()} or ${one()} and ${one()}`,
  ][roll.below(6)]!();

const filter: Maker = (roll, world, onType) => {
  const on = onType ?? draw(roll, world, ['token']).type;
  return { type: on, name: '_filter', value: shaped(roll, () => comparedOn(roll, world, roll.of(ofType(world, on)))) };
};

/** A path from the resource along references, with brackets about what they lead to. */
function bracketed(roll: Dice, world: World, resource: any, left = 3): string | undefined {
  const step = stepFrom(roll, world, resource);
  if (step === undefined) return undefined;
  const { code, to } = step;
  const { targets } = parameters[resource.resourceType]![code]!;
  const name = targets?.length === 1 && roll.chance(0.5) ? code : `${code}:${to.resourceType}`;
  const one = (): string =>
    (left > 1 && roll.chance(0.2) ? bracketed(roll, world, to, left - 1) : undefined) ?? comparedOn(roll, world, to);
  const brackets = roll.chance(0.85) ? `[${roll.chance(0.5) ? one() : shaped(roll, one)}]` : '';
  return `${name}${brackets}.${one()}`;
}

/** Brackets about one element of a composite. */
function ofElement(roll: Dice, world: World, resource: any, code: string): string | undefined {
  const parameter = parameters[resource.resourceType]![code]!;
  const one = (held: any, at: number): string | undefined => {
    const part: Parameter = { kind: parameter.parts![at]!, get: () => [] };
    return held[at].length === 0 ? undefined : compared(roll, world, partsOf[code]![at]!, part, roll.of(held[at]));
  };
  const held = roll.of(parameter.get(resource));
  const at = roll.below(2);
  const [first, other, last] = [one(held, at), one(roll.of(parameter.get(resource)), roll.below(2)), one(held, 1 - at)];
  if (first === undefined || other === undefined || last === undefined) return undefined;
  return `${code}[${roll.of([first, first, `not (${first})`, `${first} and ${other}`, `${first} or ${other}`])}].${last}`;
}

const attempted =
  (make: (roll: Dice, world: World, resource: any) => string | undefined): Maker =>
  (roll, world, onType) => {
    for (let tries = 0; tries < 5000; tries++) {
      const resource = roll.of(onType === undefined ? world.resources : ofType(world, onType));
      const one = make(roll, world, resource);
      if (one === undefined) continue;
      const value = roll.of([one, one, `not (${one})`, `${one} and ${comparedOn(roll, world, resource)}`]);
      return { type: resource.resourceType, name: '_filter', value };
    }
    throw new NothingToDraw();
  };

export const filters: Readonly<Record<string, Maker>> = {
  _filter: filter,
  '_filter [reference]': attempted(bracketed),
  '_filter [composite]': attempted((roll, world, resource) => {
    const codes = Object.keys(parameters[resource.resourceType]!).filter((code) => partsOf[code] !== undefined);
    const held = codes.filter((code) =>
      parameters[resource.resourceType]![code]!.get(resource).some(
        ([first, second]) => first.length + second.length > 0,
      ),
    );
    return held.length === 0 ? undefined : ofElement(roll, world, resource, roll.of(held));
  }),
};
