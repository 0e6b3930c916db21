/** One search parameter with its modifier and its values, as a criterion. https://hl7.org/fhir/R4/search.html#modifiers */
import { isId } from '../fhir/references.ts';
import { any, BadValue, condition, dateRange, reference, type Setting } from './conditions.ts';
import { isResourceType } from './knowledge.ts';
import { isMissing } from './missing.ts';
import type { Parameter } from './parameters.ts';
import type { Criterion } from './query.ts';
import { fold } from './values.ts';
import { splitEscaped, unescaped } from './words.ts';

/** Thrown for a modifier that the parameter does not take. */
export class BadModifier extends Error {}

/** `value` may hold several, separated by commas. Throws BadModifier and BadValue. */
export function withModifier(
  type: string,
  parameter: Parameter,
  modifier: string | undefined,
  value: string,
  setting: Setting,
): Criterion {
  if (parameter.code === '_id') return byId(modifier, value);
  if (modifier === 'missing') return missing(type, parameter, value);
  if (parameter.code === '_lastUpdated') {
    if (modifier !== undefined) throw new BadModifier();
    return any(valuesOf(value).map((one) => dateRange(parameter.name, one, setting)));
  }
  const parts = parameter.anyOf ?? [parameter];
  const of = (read: (part: Parameter, one: string) => Criterion): Criterion =>
    any(flat(valuesOf(value).flatMap((one) => parts.map((part) => read(part, one)))));
  if (modifier === undefined) return of((part, one) => condition(part, one, setting));
  if (parameter.type === 'token' && modifier === 'not') {
    return { is: 'not', of: of((part, one) => condition(part, one, setting)) };
  }
  if (parameter.type === 'string' && modifier === 'exact') {
    return of((part, one) => ({ is: 'text', name: part.name, match: 'equals', value: unescaped(one) }));
  }
  if (parameter.type === 'string' && modifier === 'contains') {
    return of((part, one) => ({ is: 'text', name: part.name, match: 'contains', value: fold(unescaped(one)) }));
  }
  if (parameter.type === 'reference' && isResourceType(modifier)) {
    return of((part, one) => reference(part, unescaped(one), modifier, setting));
  }
  throw new BadModifier();
}

/** The OR values; an empty one between commas means nothing. */
function valuesOf(value: string): string[] {
  const values = splitEscaped(value, ',');
  if (values.some((one) => one === '')) throw new BadValue('has an empty value');
  return values;
}

const flat = (criteria: readonly Criterion[]): readonly Criterion[] =>
  criteria.flatMap((one) => (one.is === 'any' ? one.of : [one]));

function byId(modifier: string | undefined, value: string): Criterion {
  const ids: Criterion = { is: 'id', ids: valuesOf(value).map(unescaped).filter(isId) };
  if (modifier === undefined) return ids;
  if (modifier === 'not') return { is: 'not', of: ids };
  throw new BadModifier();
}

function missing(type: string, parameter: Parameter, value: string): Criterion {
  if (value !== 'true' && value !== 'false') throw new BadValue('takes true or false');
  if (parameter.code.startsWith('_')) throw new BadModifier();
  const parts = parameter.anyOf ?? [parameter];
  const present = any(parts.map((part) => isPresent(type, part)));
  return value === 'false' ? present : absent(present);
}

const absent = (present: Criterion): Criterion => (present.is === 'not' ? present.of : { is: 'not', of: present });

function isPresent(type: string, { code, name, type: kind, required }: Parameter): Criterion {
  if (kind === 'string') return { is: 'text', name, match: 'starts', value: '' };
  if (kind === 'date' || kind === 'number' || kind === 'quantity') return { is: 'range', name };
  return required ? { is: 'all', of: [] } : isMissing(type, code, false);
}
