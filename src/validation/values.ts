/** Checks of single values: primitives, codes of required bindings, fixed values and patterns. https://hl7.org/fhir/R4/terminologies.html#strength */
import { codesOf } from '../fhir/definitions.ts';
import { integerTypes, primitives } from '../fhir/primitives.ts';
import { canonical } from '../fhir/units.ts';
import { xhtmlFault } from '../fhir/xhtml.ts';
import { type Check, fault } from './run.ts';

/** What the faults of a number that is no integer are told by. */
export const wholeNumber = 'must be a whole number';

/** A check of a primitive type, `xhtml` among them; undefined for any other name. */
export function primitiveCheck(type: string): Check | undefined {
  if (type === 'xhtml') return checkXhtml;
  const primitive = primitives.get(type);
  if (!primitive) return undefined;
  const { json, accepts, words } = primitive;
  const isInteger = integerTypes.has(type);
  return (value, run) => {
    if (isInteger) run.integers++;
    if (typeof value !== json) {
      const isObject = typeof value === 'object' && value !== null;
      fault(run, isObject ? 'structure' : 'value', `must be ${isObject ? 'a primitive value' : `a JSON ${json}`}`);
    } else if (value === '') fault(run, 'invariant', 'must not be empty (ele-1)');
    else if (!accepts(value))
      fault(run, 'value', isInteger && !Number.isInteger(value) ? wholeNumber : `must be ${words}`);
  };
}

const checkXhtml: Check = (value, run) => {
  if (typeof value !== 'string') {
    fault(run, 'value', 'must be a JSON string');
    return;
  }
  const wrong = xhtmlFault(value);
  if (wrong !== undefined) fault(run, 'invariant', `${wrong} (txt-1, txt-2)`);
};

/** Tells whether a system and code are in a value set. Codes of type `code` have no system of their own. */
export type Membership = (code: unknown, system: unknown, hasSystem: boolean) => boolean;

const memberships = new Map<string, Membership | undefined>();

/** Undefined when nobody here can tell what is in the value set. */
export function membershipOf(valueSet: string): Membership | undefined {
  if (!memberships.has(valueSet)) memberships.set(valueSet, rules.get(valueSet) ?? listed(valueSet));
  return memberships.get(valueSet);
}

function listed(valueSet: string): Membership | undefined {
  const codes = codesOf(valueSet);
  if (!codes) return undefined;
  const plain = new Set<unknown>(Object.values(codes).flat());
  const bySystem = new Map<unknown, ReadonlySet<unknown>>(
    Object.entries(codes).map(([system, list]) => [system, new Set<unknown>(list)]),
  );
  return (code, system, hasSystem) => (hasSystem ? (bySystem.get(system)?.has(code) ?? false) : plain.has(code));
}

/** Short names of R4's own formats, which CapabilityStatement.format and TestScript use as media types. */
const formats: ReadonlySet<unknown> = new Set(['xml', 'json', 'ttl']);

/** Value sets that are told by rule, since their code systems have no list. */
const rules: ReadonlyMap<string, Membership> = new Map<string, Membership>([
  [
    'http://hl7.org/fhir/ValueSet/mimetypes',
    (code, system, hasSystem) =>
      (formats.has(code) || (typeof code === 'string' && isMediaType(code))) &&
      (!hasSystem || system === 'urn:ietf:bcp:13'),
  ],
  [
    'http://hl7.org/fhir/ValueSet/ucum-units',
    (code, system, hasSystem) =>
      typeof code === 'string' &&
      canonical(1, code) !== undefined &&
      (!hasSystem || system === 'http://unitsofmeasure.org'),
  ],
  [
    'http://hl7.org/fhir/ValueSet/currencies',
    (code, system, hasSystem) =>
      typeof code === 'string' && currencies().has(code) && (!hasSystem || system === 'urn:iso:std:iso:4217'),
  ],
]);

let knownCurrencies: ReadonlySet<string> | undefined;

/** ISO 4217 with the withdrawn ones, which old claims name. */
const currencies = (): ReadonlySet<string> => (knownCurrencies ??= new Set(Intl.supportedValuesOf('currency')));

const isMediaType = (text: string): boolean =>
  /^[A-Za-z0-9!#$&^_.+-]{1,127}\/[A-Za-z0-9!#$&^_.+*-]{1,127} ?(;|$)/.test(text);

const codeMiss = 'is not a code of the required value set';

/** A check of a required binding on an element of that type; undefined where there is nothing to check. */
export function bindingCheck(type: string, valueSet: string): Check | undefined {
  const isMember = membershipOf(valueSet);
  if (!isMember) return undefined;
  if (type === 'CodeableConcept') {
    return (value, run) => {
      if (!Array.isArray(value?.coding)) {
        if (value?.text !== undefined) fault(run, 'code-invalid', `${codeMiss}: it has no coding`);
        return;
      }
      for (const coding of value.coding) if (isMember(coding?.code, coding?.system, true)) return;
      fault(run, 'code-invalid', `no coding ${codeMiss}`);
    };
  }
  if (type === 'Coding' || type === 'Quantity') {
    return (value, run) => {
      if (typeof value !== 'object' || value === null || (value.code === undefined && value.extension)) return;
      if (!isMember(value.code, value.system, true)) fault(run, 'code-invalid', codeMiss);
    };
  }
  return (value, run) => {
    if (typeof value === 'string' && value !== '' && !isMember(value, undefined, false))
      fault(run, 'code-invalid', codeMiss);
  };
}
