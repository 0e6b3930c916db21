/** Search values that something in the world is likely to have, drawn from what its resources hold. */
import type { Dice } from './dice.ts';
import { folded, ledTo, localKey, type World } from './evaluate.ts';
import { type Kind, type Parameter, parameters, type Token, types } from './parameters.ts';
import type { Span } from './spans.ts';
import { zones } from './vocabulary.ts';

/** A parameter of a type and one value that a resource has for it. */
export interface Drawn {
  readonly type: string;
  readonly code: string;
  readonly parameter: Parameter;
  readonly resource: any;
  readonly held: any;
}

export type Condition = { type: string; name: string; value: string };
export type Maker = (roll: Dice, world: World, onType?: string) => Condition;

/** No resource has such a value. */
export class NothingToDraw extends Error {}

export const escaped = (text: string): string => text.replace(/[\\,|$]/g, '\\$&');

/** A parameter of one of the kinds and a value of a resource that fulfils the test. */
export function draw(
  roll: Dice,
  world: World,
  kinds: readonly Kind[],
  fits: (drawn: Drawn) => boolean = () => true,
  onType?: string,
): Drawn {
  const codesOf = (type: string): string[] =>
    Object.keys(parameters[type]!).filter((code) => kinds.includes(parameters[type]![code]!.kind));
  const among = (onType === undefined ? types : [onType]).filter((type) => codesOf(type).length > 0);
  for (let tries = 0; tries < 5000 && among.length > 0; tries++) {
    const type = roll.of(among);
    const codes = codesOf(type);
    const code = roll.of(codes);
    const parameter = parameters[type]![code]!;
    const resource = roll.of(ofType(world, type));
    if (resource === undefined) continue;
    const values = parameter.get(resource);
    if (values.length === 0) continue;
    const drawn = { type, code, parameter, resource, held: roll.of(values) };
    if (fits(drawn)) return drawn;
  }
  throw new NothingToDraw();
}

const perWorld = new WeakMap<World, Map<string, any[]>>();
export function ofType(world: World, type: string): any[] {
  const known = perWorld.get(world) ?? new Map<string, any[]>();
  perWorld.set(world, known);
  if (!known.has(type))
    known.set(
      type,
      world.resources.filter((one) => one.resourceType === type),
    );
  return known.get(type)!;
}

/** The whole text, its beginning or (with `inside`) a part of it, in another case or without accents. */
export function someText(roll: Dice, text: string, inside = false): string {
  const from = inside ? roll.below(text.length) : 0;
  const part = text.slice(from, from + 1 + roll.below(text.length - from)).trim() || text;
  return roll.of([part, part.toLowerCase(), part.toUpperCase(), folded(part)]);
}

/** A date of random precision and zone that lies in or near the span. */
export function someDate(roll: Dice, { from, to }: Span): string {
  const away = roll.of([0, 0, 0, 0, 1, -1, 86_400_000, -86_400_000]);
  const at =
    Number.isFinite(from) && (roll.chance(0.6) || !Number.isFinite(to))
      ? from
      : Number.isFinite(to)
        ? to - 1
        : Date.UTC(2020, 5, 1);
  const moment = at + away;
  const precision = roll.of([4, 7, 10, 10, 16, 19, 23]);
  if (precision <= 10) return new Date(moment).toISOString().slice(0, precision);
  const zone = roll.of(zones);
  const minutes =
    zone === 'Z' ? 0 : (zone[0] === '-' ? -1 : 1) * (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4)));
  return new Date(moment + minutes * 60_000).toISOString().slice(0, precision) + zone;
}

/** A number as it stands, with more or fewer digits, a little beside it, or with an exponent. */
export function someNumber(roll: Dice, value: number): string {
  const beside = value + roll.of([0, 0, 0, 0, 0, 0.05, -0.05, 1, -1]);
  const digits = beside.toPrecision(1 + roll.below(4));
  const text = roll.of([String(value), String(value), String(value), digits, value.toFixed(roll.below(4))]);
  return roll.chance(0.1) ? Number(text).toExponential().replace('e+', 'e') : text.includes('e') ? String(value) : text;
}

const masses: Readonly<Record<string, number>> = { ug: -6, mg: -3, g: 0, kg: 3 };

/** `number`, `number||unit` or `number|system|code`, mass also in another unit. */
export function someQuantity(roll: Dice, { value, unit, system, code }: any, form: 'plain' | 'unit' | 'coded'): string {
  const number = someNumber(roll, value);
  if (form === 'plain') return number;
  if (form === 'unit') return `${number}||${escaped(roll.of([unit, code].filter(Boolean)))}`;
  const other = roll.of(Object.keys(masses));
  if (code in masses && roll.chance(0.5) && !number.includes('e')) {
    const moved = shifted(number, masses[code]! - masses[other]!);
    return `${moved}|${system}|${other}`;
  }
  return `${number}|${system}|${escaped(code)}`;
}

/** The decimal times a power of ten, with as many significant digits. */
function shifted(number: string, power: number): string {
  const sign = number.startsWith('-') ? '-' : '';
  const [whole, behind = ''] = number.replace('-', '').split('.');
  const digits = whole! + behind;
  const point = whole!.length + power;
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`;
  // Zeros that are filled in before the point would count as significant: then the number is one of more digits.
  if (point >= digits.length)
    return `${sign}${digits}${'0'.repeat(point - digits.length)}`.replace(/^(-?)0+(?=\d)/, '$1');
  return `${sign}${digits.slice(0, point)}.${digits.slice(point)}`.replace(/^(-?)0+(?=\d)/, '$1');
}

export type TokenForm = 'code' | 'system|code' | '|code' | 'system|';

export function tokenFits(form: TokenForm, { system, code }: Token, plain: boolean): boolean {
  if (form === 'system|') return system !== undefined && !plain;
  if (code === undefined) return false;
  if (form === '|code') return system === undefined && !plain;
  return form === 'code' || system !== undefined;
}

export function tokenText(form: TokenForm, { system, code }: Token): string {
  if (form === 'code') return escaped(code!);
  if (form === 'system|') return `${escaped(system!)}|`;
  return `${form === '|code' ? '' : escaped(system!)}|${escaped(code!)}`;
}

/** Any form that the token can have. */
function someToken(roll: Dice, token: Token, plain = false): string | undefined {
  const forms = (['code', 'system|code', '|code', 'system|'] as const).filter((form) => tokenFits(form, token, plain));
  return forms.length === 0 ? undefined : tokenText(roll.of(forms), token);
}

/** A value of any kind of parameter, without modifier; undefined where what is held cannot be written so. */
export function someValue(roll: Dice, world: World, kind: Kind, held: any, plain = false): string | undefined {
  switch (kind) {
    case 'string':
      return escaped(someText(roll, held));
    case 'token':
      return someToken(roll, held, plain);
    case 'uri':
      return escaped(held);
    case 'date':
      return roll.of(['', 'eq', 'ge', 'le', 'gt', 'lt', 'ne', 'sa', 'eb']) + someDate(roll, held);
    case 'number':
      return roll.of(['', '', 'ge', 'le', 'gt', 'lt']) + someNumber(roll, held);
    case 'quantity': {
      if (held.comparator) return undefined;
      const form = roll.of((['plain', 'unit', 'coded'] as const).filter((one) => quantityFits(one, held)));
      return roll.of(['', '', 'ge', 'le', 'gt', 'lt', 'ap']) + someQuantity(roll, held, form);
    }
    case 'reference': {
      const key = localKey(world, held);
      return key ?? (held.reference === undefined ? undefined : escaped(held.reference));
    }
    case 'canonical':
      return roll.of([held, held.split('|')[0]]);
    default:
      return undefined;
  }
}

export const quantityFits = (form: 'plain' | 'unit' | 'coded', { unit, system, code }: any): boolean =>
  form === 'plain' || (form === 'unit' ? Boolean(unit ?? code) : Boolean(system && code));

/** The first of what a reference or canonical leads to, when it is here. */
export const targetOf = (world: World, { held, parameter }: Pick<Drawn, 'held' | 'parameter'>): any =>
  ledTo(world, held, parameter)[0];

/** What leads somewhere. */
export const pointers: readonly Kind[] = ['reference', 'canonical'];

/** A reference parameter of some type through which this resource is pointed at. */
export function pointingAt(
  roll: Dice,
  world: World,
  kinds: readonly Kind[] = pointers,
): { source: any; code: string; target: any } {
  const drawn = draw(roll, world, kinds, (one) => targetOf(world, one) !== undefined);
  return { source: drawn.resource, code: drawn.code, target: targetOf(world, drawn) };
}

/** A reference of the resource that leads to one that is here. */
export function stepFrom(roll: Dice, world: World, resource: any): { code: string; to: any } | undefined {
  const ways = Object.entries(parameters[resource.resourceType]!)
    .filter(([, { kind }]) => pointers.includes(kind))
    .flatMap(([code, parameter]) =>
      parameter.get(resource).map((held) => ({ code, to: targetOf(world, { held, parameter }) })),
    )
    .filter(({ to }) => to !== undefined);
  return ways.length === 0 ? undefined : roll.of(ways);
}
