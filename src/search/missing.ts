/**
 * How `:missing` is answered. Strings, uris, dates, numbers and quantities are there where their entries are; only a value
 * that gives none (a name without a part) has an entry that says so. All others have such an entry: where a parameter is
 * usually present on the resources that lack it, elsewhere on those that have it, so that common resources need none.
 * https://hl7.org/fhir/R4/search.html#modifiers
 */
import type { Composite, Parameter } from './parameter.ts';
import { parametersOf } from './parameters.ts';
import type { Criterion, KeyEntry } from './query.ts';
import { beside } from './values.ts';

const usual: Readonly<Record<string, ReadonlySet<string>>> = {
  Observation: new Set(['category', 'device', 'identifier', 'patient', 'performer', 'subject']),
  Patient: new Set(['active', 'gender', 'identifier']),
  Flag: new Set(['identifier', 'patient', 'subject', 'category', 'author', 'priority']),
};
const none: ReadonlySet<string> = new Set();

/** Parameters of the type that nearly every resource has. Changing them needs a reindex. */
export const usuallyPresent = (type: string): ReadonlySet<string> => usual[type] ?? none;

const nameFor = (type: string) => `${type}.:missing`;

export const missingEntry = (type: string, code: string, missing: boolean): KeyEntry => ({
  name: nameFor(type),
  first: code,
  second: String(missing),
});

/** Whether the entries of a parameter that has a value show it. */
export const tellsByEntries = ({ type }: Pick<Parameter, 'type'>): boolean =>
  ['string', 'uri', 'date', 'number', 'quantity'].includes(type);

/** Resources of the type on which a parameter has a value. */
export function isPresent(type: string, parameter: Parameter): Criterion {
  const { name, type: kind, anyOf, composite, only, required } = parameter;
  if (anyOf) return { is: 'any', of: anyOf.map((part) => isPresent(type, part)) };
  if (composite) return hasGroup(type, parameter.code, composite);
  if (required) return { is: 'all', of: [] };
  // Of parameters that share their entries the owner alone has said whether it has a value; narrower ones for themselves.
  const code = only === undefined ? name.slice(type.length + 1) : parameter.code;
  if (!tellsByEntries({ type: kind })) return isMissing(type, code, false);
  const valueless: Criterion = { is: 'key', name: nameFor(type), first: code, second: 'false' };
  if (kind === 'string') return { is: 'any', of: [{ is: 'text', name, match: 'starts', value: '' }, valueless] };
  if (kind === 'uri') return { is: 'text', name: beside.below(name), match: 'starts', value: '' };
  return { is: 'any', of: [{ is: 'range', name }, valueless] };
}

function hasGroup(type: string, code: string, { atRoot, elements, components }: Composite): Criterion {
  const outside = components.filter(({ ofResource }) => atRoot || ofResource);
  return {
    is: 'all',
    of: [
      ...(elements.length > 0 ? [isMissing(type, code, false)] : []),
      ...outside.map(({ parameter }) => isPresent(type, parametersOf(type).get(parameter.code)!)),
    ],
  };
}

/** Resources of the type that lack the parameter, or have it. */
function isMissing(type: string, code: string, missing: boolean): Criterion {
  const entryMeansMissing = usuallyPresent(type).has(code);
  const stands: Criterion = { is: 'key', name: nameFor(type), first: code, second: String(entryMeansMissing) };
  return missing === entryMeansMissing ? stands : { is: 'not', of: stands };
}
