/** One parameter of a search, of whatever kind, as a criterion. https://hl7.org/fhir/R4/search.html */
import { Problem } from '../fhir/outcome.ts';
import { type CriterionOf, chained, checkSteps, listed, reversed } from './chain.ts';
import { composite } from './composite.ts';
import { filterCriterion } from './filter.ts';
import { withModifier } from './modifiers.ts';
import type { Parameter } from './parameter.ts';
import { lacksExpression, parametersOf } from './parameters.ts';
import type { Criterion } from './query.ts';
import {
  BadModifier,
  BadValue,
  demandIndexed,
  invalid,
  quote,
  standingAt,
  tooCostly,
  unsupported,
  wrongValue,
} from './refusals.ts';
import type { Setting } from './setting.ts';

/** Parameters of R4 that this server does not answer. */
const notDone: ReadonlyMap<string, string> = new Map([
  ['_query', 'is not supported'],
  ['_type', 'stands in a search over several types: /fhir?_type=Patient,Observation, or Patient/1/*?_type=Observation'],
]);

/** More ways than this to understand a chain without types are too many. */
const mostWays = 100;

/** Reads a parameter; undefined where the type has none of that name. Throws problems of status 400 that name it. */
export function criterionOf(type: string, name: string, value: string, setting: Setting): Criterion | undefined {
  try {
    return whole(type, name, value, setting);
  } catch (error) {
    // Deep in a chain or a filter only the last step is known.
    throw error instanceof Problem ? standingAt(name, error) : error;
  }
}

function whole(type: string, name: string, value: string, setting: Setting): Criterion | undefined {
  if (value === '' && isKnown(type, name)) throw invalid(name, 'has no value');
  if (name !== '_filter') return followed(type, name, value, setting);
  // A filter says what is meant as a whole, so nothing in it is passed over.
  return filterCriterion(type, value, {
    named: (on, one, text) => single(on, one, text, setting, name),
    part: (on, parameter, modifier, text) => valued(on, parameter, modifier, text, setting, name),
  });
}

function followed(type: string, name: string, value: string, setting: Setting): Criterion | undefined {
  checkSteps(name);
  let ways = 0;
  const read: CriterionOf = (on, rest, text) => {
    if (++ways > mostWays) throw tooCostly(name, 'can lead to too many types: say which in each step');
    if (isReversed(rest)) return reversed(on, rest, text, read);
    return rest.includes('.') ? chained(on, rest, text, read) : single(on, rest, text, setting, name);
  };
  return read(type, name, value);
}

const isReversed = (name: string): boolean => name === '_has' || name.startsWith('_has:');

const isKnown = (type: string, name: string): boolean =>
  isReversed(name) || name === '_filter' || parametersOf(type).has(name.split(/[.:]/)[0]!);

/** `whole` is the parameter of the request that asks for this one: a chain, a filter, or itself. */
function single(type: string, name: string, value: string, setting: Setting, whole: string): Criterion | undefined {
  const [code, modifier, ...more] = name.split(':');
  if (code === '_list') return listed(name, value, whole);
  const instead = notDone.get(code!);
  if (instead !== undefined) throw unsupported(whole, instead);
  if (code === '_filter') throw unsupported(whole, 'stands alone: at the end of no chain and without a modifier');
  const parameter = parametersOf(type).get(code!);
  if (parameter === undefined) {
    if (lacksExpression(type, code!))
      throw unsupported(whole, 'is not supported: its definition says not what it finds');
    return undefined;
  }
  if (more.length > 0) throw unsupported(whole, 'has a modifier that is not supported');
  demandIndexed(whole, parameter);
  return valued(type, parameter, modifier, value, setting, whole);
}

function valued(
  type: string,
  parameter: Parameter,
  modifier: string | undefined,
  value: string,
  setting: Setting,
  whole: string,
): Criterion {
  try {
    return parameter.type === 'composite'
      ? composite(type, parameter, modifier, value, setting)
      : withModifier(type, parameter, modifier, value, setting);
  } catch (error) {
    const inFilter = whole === '_filter';
    const compares = inFilter ? `compares ${quote(parameter.code)}, which ` : '';
    if (error instanceof BadValue) throw wrongValue(whole, compares + error.message);
    if (!(error instanceof BadModifier)) throw error;
    if (modifier === undefined) throw unsupported(whole, `${compares}is not supported on ${type}`);
    throw unsupported(
      whole,
      inFilter ? `${compares}does not take the operator` : 'has a modifier that is not supported',
    );
  }
}
