/** Composite search parameters: values that belong together. https://hl7.org/fhir/R4/search.html#composite */

import { splitEscaped } from './escapes.ts';
import { isPresent } from './missing.ts';
import { withModifier } from './modifiers.ts';
import { formsOf, type Parameter } from './parameter.ts';
import { parametersOf } from './parameters.ts';
import { any, type Criterion } from './query.ts';
import { BadModifier, BadValue } from './refusals.ts';
import type { Setting } from './setting.ts';

/** `value` may hold several, separated by commas; the parts of each by `$`. Throws BadModifier and BadValue. */
export function composite(
  type: string,
  parameter: Parameter,
  modifier: string | undefined,
  value: string,
  setting: Setting,
): Criterion {
  if (modifier === 'missing') return withModifier(type, parameter, modifier, value, setting);
  if (modifier !== undefined) throw new BadModifier();
  return any(
    splitEscaped(value, ',').flatMap((one) =>
      formsOf(parameter).map((form) => together(type, form, splitEscaped(one, '$'), setting)),
    ),
  );
}

function together(type: string, parameter: Parameter, values: readonly string[], setting: Setting): Criterion {
  const { name, composite: made } = parameter;
  if (made === undefined) throw new BadModifier();
  const { components, atRoot, apart } = made;
  if (values.length !== components.length || values.some((one) => one === '')) {
    throw new BadValue(`takes ${components.map(({ parameter }) => parameter.code).join('$')}`);
  }
  const one = (part: Parameter, i: number) => withModifier(type, part, undefined, values[i]!, setting);
  if (apart) {
    const all = components.map(({ parameter: part }, i) => one(part, i));
    const leading = all.filter((_, i) => components[i]!.parameter.type !== 'reference');
    return { is: 'all', of: [isPresent(type, parameter), ...leading, { is: 'together', name, of: all }] };
  }
  // What the resource as a whole must have leads to few resources; the group then decides.
  const anywhere = components.map(({ parameter: part }, i) => one(parametersOf(type).get(part.code)!, i));
  if (atRoot) return { is: 'all', of: anywhere };
  const inside = components.flatMap(({ parameter: part, ofResource }, i) => (ofResource ? [] : [one(part, i)]));
  return { is: 'all', of: [...anywhere, { is: 'together', name, of: inside }] };
}
