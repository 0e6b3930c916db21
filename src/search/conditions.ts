/** One search value of each parameter type as a criterion. https://hl7.org/fhir/R4/search.html#ptypes */
import { canonical } from '../fhir/units.ts';
import { splitEscaped, unescaped } from './escapes.ts';
import { isOf } from './implied-systems.ts';
import { isResourceType } from './knowledge.ts';
import { cellsAround, isPlace } from './near.ts';
import type { Parameter } from './parameter.ts';
import { typeNamedBy } from './place.ts';
import { dateRange, decimalOf, number, quantity } from './prefixes.ts';
import { any, type Criterion, none } from './query.ts';
import { BadValue } from './refusals.ts';
import type { Setting } from './setting.ts';
import { valueTypes } from './value-types.ts';
import { beside, fold, versionIn } from './values.ts';

/** The criterion for one escaped value, without modifiers. */
export function condition(parameter: Parameter, value: string, setting: Setting): Criterion {
  switch (parameter.type) {
    case 'token':
      return token(parameter, value);
    case 'string':
      return { is: 'text', name: parameter.name, match: 'starts', value: fold(unescaped(value)) };
    case 'uri':
      return { is: 'key', name: parameter.name, first: unescaped(value), second: '' };
    case 'reference':
      return reference(parameter, unescaped(value), undefined, setting);
    case 'date':
      return dateRange(parameter.name, value, setting);
    case 'number':
      return number(parameter.name, value);
    case 'quantity':
      return quantity(parameter.name, value);
    case 'special':
      if (parameter.code === 'near') return near(parameter.name, value);
      throw new BadValue('has a meaning that this server does not know');
    default:
      throw new BadValue('has a type that cannot be searched');
  }
}

function token(parameter: Parameter, value: string): Criterion {
  const { name, plain, systems } = parameter;
  if (!plain) return systemAndCode(name, value);
  const { system, code } = readToken(value);
  if (isBoolean(parameter) && code !== 'true' && code !== 'false') throw new BadValue('takes true or false');
  if (system === undefined) return { is: 'key', name, first: code, second: '' };
  // The system is implied by the definition, so it is compared here and not in the index.
  if (system !== '') {
    if (systems.length === 0) throw new BadValue('has values without a system');
    if (code === '' && systems.includes(system)) throw new BadValue('takes a code with this system');
    const same = isOf(system, code, systems);
    if (same === undefined) throw new BadValue('takes a code without its system');
    if (!same) return none;
  } else if (systems.length > 0) return none;
  return { is: 'key', name, first: code, second: '' };
}

/** All of its values are true or false. */
function isBoolean(parameter: Parameter): boolean {
  const types = valueTypes(parameter.name.slice(0, parameter.name.indexOf('.')), parameter);
  return types.size === 1 && types.has('boolean');
}

/** `code`, `system|code`, `|code` or `system|`, among entries that have both. */
export function systemAndCode(name: string, value: string): Criterion {
  const { system, code } = readToken(value);
  if (system === undefined) return { is: 'key', name, first: code, second: '' };
  return code === ''
    ? { is: 'key', name, first: `${system}|` }
    : { is: 'key', name, first: `${system}|`, second: code };
}

function readToken(value: string): { readonly system?: string; readonly code: string } {
  const [first, rest, ...more] = splitEscaped(value, '|');
  const code = unescaped(rest ?? first!);
  if (rest === undefined && code !== '') return { code };
  const system = unescaped(first!);
  if (more.length > 0 || (system === '' && code === '')) {
    throw new BadValue('takes `code`, `system|code`, `|code` or `system|`');
  }
  return { system, code };
}

/** More possible types than this and a bare id would be a guess. */
const mostTypesOfBareId = 20;

/**
 * `1`, `Patient/1`, an absolute URL or a canonical; `modifier` is the type of `subject:Patient`. A value with a version finds
 * references to exactly that version, one without those to any.
 */
export function reference(
  parameter: Parameter,
  value: string,
  modifier: string | undefined,
  setting: Setting,
): Criterion {
  const { name, targets, inside } = parameter;
  const only = modifier ?? parameter.only;
  const literal = belowBase(value, setting.base);
  const version = versionIn(literal);
  const at = (target: string): Criterion => {
    if (version !== undefined) return { is: 'key', name: beside.version(name), first: target, second: '' };
    return inside ? { is: 'key', name, first: target, second: '' } : { is: 'reference', name, target };
  };
  if (literal.includes(':')) {
    return only !== undefined && typeNamedBy(literal) !== only ? none : at(literal); // an absolute URL, urn or canonical
  }
  const type = typeNamedBy(literal);
  if (type !== undefined && literal.split('/').length === (version === undefined ? 2 : 4)) {
    if (!isResourceType(type) && !setting.otherTypes?.has(type))
      throw new BadValue('names a type that R4 does not have');
    return only !== undefined && type !== only ? none : at(literal);
  }
  if (!/^[A-Za-z0-9\-.]{1,64}$/.test(literal)) throw new BadValue('takes an id, `Type/id` or an absolute URL');
  const types = only === undefined ? targets : [only];
  if (types.length === 0 || types.length > mostTypesOfBareId)
    throw new BadValue('can lead to any type: say which, as `Type/id`');
  return any(types.map((target) => at(`${target}/${literal}`)));
}

const belowBase = (value: string, base: string | undefined): string =>
  base !== undefined && value.startsWith(`${base}/`) ? value.slice(base.length + 1) : value;

/** What `near` means without a distance, in kilometres. */
const NEARBY = 20;

/** `latitude|longitude|distance|units`, the distance in kilometres where no unit of length is given. */
function near(name: string, value: string): Criterion {
  const [latitude, longitude, distance = '', units = '', ...more] = splitEscaped(value, '|').map(unescaped);
  const [north, eastward] = [decimalOf(latitude ?? '')?.value, decimalOf(longitude ?? '')?.value];
  if (north === undefined || eastward === undefined || !isPlace(north, eastward) || more.length > 0) {
    throw new BadValue('takes `latitude|longitude|distance|units` in degrees');
  }
  const kilometres = distance === '' ? NEARBY : kilometresOf(decimalOf(distance)?.value, units);
  if (kilometres === undefined || !(kilometres >= 0)) {
    throw new BadValue('takes a distance of at least 0 and a unit of length, such as km, m or [mi_us]');
  }
  return {
    is: 'near',
    name,
    latitude: north,
    longitude: eastward,
    kilometres,
    cells: cellsAround(north, eastward, kilometres),
  };
}

/** UCUM's units of length, those in brackets also without them. https://ucum.org */
function kilometresOf(distance: number | undefined, units: string): number | undefined {
  if (distance === undefined || units === '') return distance;
  const metres = canonical(distance, units) ?? canonical(distance, `[${units}]`);
  return metres?.code === 'm' ? metres.value / 1000 : undefined;
}
