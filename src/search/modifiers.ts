/** One search parameter with its modifier and its values, as a criterion. https://hl7.org/fhir/R4/search.html#modifiers */
import { isId } from '../fhir/references.ts';
import { condition, reference, systemAndCode } from './conditions.ts';
import { isEscaped, splitEscaped, unescaped } from './escapes.ts';
import { hasWords } from './full-text.ts';
import { isOf } from './implied-systems.ts';
import { isResourceType } from './knowledge.ts';
import { isPresent } from './missing.ts';
import { formsOf, leadsTo, ofTheEngine, type Parameter } from './parameter.ts';
import { dateRange } from './prefixes.ts';
import { any, type Criterion, none } from './query.ts';
import { BadModifier, BadValue } from './refusals.ts';
import type { Setting } from './setting.ts';
import { valueTypes } from './value-types.ts';
import { asFolder, beside, fold } from './values.ts';
import { wordsCriterion } from './words.ts';

/** `value` may hold several, separated by commas. Throws BadModifier and BadValue. */
export function withModifier(
  type: string,
  parameter: Parameter,
  modifier: string | undefined,
  value: string,
  setting: Setting,
): Criterion {
  const { code } = parameter;
  if (code === '_text' || code === '_content') return words(type, parameter, modifier, value);
  if (modifier === 'missing') return missing(type, parameter, value);
  if (code === '_id') return byId(modifier, value);
  if (code === '_lastUpdated') {
    if (modifier !== undefined) throw new BadModifier();
    return any(valuesOf(value).map((one) => dateRange(parameter.name, one, setting)));
  }
  const of = (read: Reading): Criterion =>
    any(flat(valuesOf(value).flatMap((one) => formsOf(parameter).map((form) => read(form, one)))));
  if (modifier === undefined) return of((part, one) => condition(part, one, setting));
  const reading = readingOf(type, parameter, modifier, setting);
  return opposites.has(modifier) ? { is: 'not', of: of(reading) } : of(reading);
}

type Reading = (part: Parameter, value: string) => Criterion;

/** These find all that their reading does not find, resources without a value among them. */
const opposites: ReadonlySet<string> = new Set(['not', 'not-in']);

function readingOf(type: string, parameter: Parameter, modifier: string, setting: Setting): Reading {
  switch (parameter.type) {
    case 'string':
      if (modifier === 'exact') {
        return ({ name }, one) => ({ is: 'text', name, match: 'equals', value: unescaped(one) });
      }
      if (modifier === 'contains') {
        return ({ name }, one) => ({ is: 'text', name, match: 'contains', value: fold(unescaped(one)) });
      }
      throw new BadModifier();
    case 'token':
      return tokenReading(type, parameter, modifier, setting);
    case 'reference':
      if (modifier === 'identifier') return identified(type);
      if (!isResourceType(modifier)) throw new BadModifier();
      if (!leadsTo(parameter, modifier)) throw new BadValue('never refers to the type in its modifier');
      return (part, one) => reference(part, unescaped(one), modifier, setting);
    case 'uri':
      if (modifier === 'below') return below;
      if (modifier === 'above') return above;
      throw new BadModifier();
    default:
      throw new BadModifier();
  }
}

function tokenReading(type: string, parameter: Parameter, modifier: string, setting: Setting): Reading {
  switch (modifier) {
    case 'not':
      return (part, one) => condition(part, one, setting);
    case 'text':
      if (parameter.plain) throw new BadModifier(); // a bare code has no text
      return ({ name }, one) => ({
        is: 'text',
        name: beside.text(name),
        match: 'starts',
        value: fold(unescaped(one)),
      });
    case 'of-type':
      return ofType(type);
    case 'in':
    case 'not-in':
    case 'above':
    case 'below':
      return expanded(modifier, setting);
    default:
      throw new BadModifier();
  }
}

const hasType = (type: string, parameter: Parameter, wanted: string): boolean => {
  const types = valueTypes(type, parameter);
  return types.size === 0 || types.has(wanted);
};

/** `system|code|value` of an identifier's type and value. https://hl7.org/fhir/R4/search.html#token */
const ofType =
  (type: string): Reading =>
  (part, one) => {
    if (!hasType(type, part, 'Identifier')) throw new BadModifier();
    const [system, code, value, ...more] = splitEscaped(one, '|').map(unescaped);
    if (!system || !code || !value || more.length > 0) throw new BadValue('takes `system|code|value`');
    return { is: 'key', name: beside.ofType(part.name), first: `${system}|${code}`, second: value };
  };

/** `subject:identifier=system|value`: what the reference itself says, whether or not it leads anywhere. */
const identified =
  (type: string): Reading =>
  (part, one) => {
    if (!hasType(type, part, 'Reference')) throw new BadModifier();
    return systemAndCode(beside.identifier(part.name, part.only), one);
  };

/** The codes that the terminology gave for the value. Without an answer of it nothing can be said. */
const expanded =
  (modifier: string, { expansions }: Setting): Reading =>
  ({ name, plain, systems }, one) => {
    const codes = expansions?.get(`${modifier} ${unescaped(one)}`) ?? expansions?.get(`${modifier} ${one}`);
    if (codes === undefined || (plain && systems.length === 0)) throw new BadModifier();
    if (!plain) return any(codes.map(({ system, code }) => ({ is: 'key', name, first: `${system}|`, second: code })));
    const own = codes.filter(({ system, code }) => {
      const same = isOf(system, code, systems);
      if (same === undefined) throw new BadModifier();
      return same;
    });
    return any([...new Set(own.map(({ code }) => code))].map((code) => ({ is: 'key', name, first: code, second: '' })));
  };

/** URIs with folders: not `urn:`s, which nothing lies below. */
const hasFolders = (uri: string): boolean => /^[a-z][a-z0-9+.-]*:\/\/./i.test(uri);

/** The value itself, and all that lies in it as in a folder. */
const below: Reading = ({ name }, one) => {
  const uri = unescaped(one);
  if (!hasFolders(uri)) return { is: 'key', name, first: uri, second: '' };
  return { is: 'text', name: beside.below(name), match: 'starts', value: asFolder(uri) };
};

/** The value itself, and all that it lies in. */
const above: Reading = ({ name }, one) => {
  const uri = unescaped(one);
  const found = new Set([uri]);
  if (hasFolders(uri)) {
    const folder = asFolder(uri).slice(0, -1);
    const first = folder.indexOf('/', folder.indexOf('://') + 3);
    for (let end = folder.length; end > 0 && end >= first; end = folder.lastIndexOf('/', end - 1)) {
      found.add(folder.slice(0, end)).add(folder.slice(0, end + 1));
      if (first < 0) break;
    }
  }
  return any([...found].map((ancestor) => ({ is: 'key', name, first: ancestor, second: '' })));
};

/** The OR values; an empty one between commas means nothing. */
function valuesOf(value: string): string[] {
  if (!isEscaped(value)) throw new BadValue('has a backslash that escapes nothing: write \\\\ for one');
  const values = splitEscaped(value, ',');
  if (values.some((one) => one === '')) throw new BadValue('has an empty value');
  return values;
}

const flat = (criteria: readonly Criterion[]): readonly Criterion[] =>
  criteria.flatMap((one) => (one.is === 'any' ? one.of : [one]));

function byId(modifier: string | undefined, value: string): Criterion {
  const ids = valuesOf(value).map(unescaped);
  if (!ids.every(isId)) throw new BadValue('takes ids: up to 64 letters, digits, - and .');
  if (modifier === undefined) return { is: 'id', ids };
  if (modifier === 'not') return { is: 'not', of: { is: 'id', ids } };
  throw new BadModifier();
}

function words(type: string, { code, name }: Parameter, modifier: string | undefined, value: string): Criterion {
  if (modifier !== undefined || !hasWords(type)) throw new BadModifier();
  return any(valuesOf(value).map((one) => wordsCriterion(code, name, unescaped(one))));
}

function missing(type: string, parameter: Parameter, value: string): Criterion {
  if (value !== 'true' && value !== 'false') throw new BadValue('takes true or false');
  if (ofTheEngine.has(parameter.code)) {
    return value === 'false' ? { is: 'all', of: [] } : none;
  }
  const { type: kind, code, anyOf, composite } = parameter;
  if (kind === 'special' && code !== 'near') throw new BadModifier();
  if (kind === 'composite' && !anyOf && !composite) throw new BadModifier();
  const present = isPresent(type, parameter);
  return value === 'false' ? present : absent(present);
}

const absent = (present: Criterion): Criterion => (present.is === 'not' ? present.of : { is: 'not', of: present });
