/** The terms of the IDC nomenclature that this house knows, compiled once from mappings/idc/terms.json: found by number, never by name. docs/implants.md */
import { existsSync, readFileSync } from 'node:fs';
import { canonical } from '../../fhir/units.ts';
import type { ImplantType, Term } from './told.ts';

export const MDC = 'urn:iso:std:iso:11073:10101';

/** Inclusive; null where there is no such end. */
export type Interval = readonly [low: number | null, high: number | null];

export interface TermSpec {
  readonly code: string;
  readonly name: string;
  readonly type: 'code' | 'string' | 'dateTime' | 'Quantity';
  /** UCUM; the limits are in it. */
  readonly unit?: string;
  readonly channel?: string;
  /** `reading_type` of the customer's tables: what has one becomes an Observation of its own, too. */
  readonly kind?: string;
  readonly loinc?: { readonly code: string; readonly display: string };
  /** Values outside cannot be. */
  readonly reject?: readonly [number, number];
  /** Values outside are to be looked at, by the type of the implant, or `*`. */
  readonly warn?: Readonly<Record<string, Interval>>;
  readonly alias?: readonly string[];
  readonly inferred?: true;
}

interface TermsFile {
  readonly terms: readonly TermSpec[];
  readonly values: readonly { readonly code: string; readonly name: string }[];
  /** Spellings of units, by what makers write. */
  readonly units: Readonly<Record<string, string>>;
}

const folder = new URL('../../../mappings/idc/', import.meta.url);
const read = (name: string) => JSON.parse(readFileSync(new URL(name, folder), 'utf8'));

const file: TermsFile = read('terms.json');
const byCode: ReadonlyMap<string, TermSpec> = new Map(file.terms.map((term) => [term.code, term]));
const codes: ReadonlyMap<string, string> = new Map(
  file.terms.flatMap(({ code, name, alias = [] }) => [name, ...alias].map((one) => [one.toUpperCase(), code] as const)),
);
const valueNames: ReadonlyMap<string, string> = new Map(file.values.map(({ code, name }) => [code, name]));
const valueCodes: ReadonlyMap<string, string> = new Map(
  file.values.map(({ code, name }) => [name.toUpperCase(), code]),
);
const units: ReadonlyMap<string, string> = new Map(Object.entries(file.units));

/** Second codings; an operator without a licence removes the file. */
const snomed: { readonly system: string; readonly types: Readonly<Record<string, string>> } | undefined = existsSync(
  new URL('snomed.json', folder),
)
  ? read('snomed.json')
  : undefined;

export const termOf = (code: string): TermSpec | undefined => byCode.get(code);
/** Those that the customer's tables have a name for. */
export const termsWithKind = file.terms.filter((term): term is TermSpec & { readonly kind: string } => 'kind' in term);
/** The name of an enumerated value by its number. */
export const valueName = (code: string): string | undefined => valueNames.get(code);

const isNumber = (code: string): boolean => /^\d+$/.test(code);

/** With numbers for names, old ones too, of the term and of its value. */
export function numbered(term: Term): Term {
  const { code, coded, vendor } = term;
  const number = vendor || isNumber(code) ? code : (codes.get(code.toUpperCase()) ?? code);
  const value = coded && !isNumber(coded.code) ? valueCodes.get(coded.code.toUpperCase()) : undefined;
  if (number === code && value === undefined) return term;
  return { ...term, code: number, ...(value === undefined ? {} : { coded: { code: value } }) };
}

export const snomedOf = (type: ImplantType) => {
  const code = snomed?.types[type];
  return code === undefined ? [] : [{ system: snomed!.system, code }];
};

/** UCUM for a unit as somebody writes it; as it is where nothing better is known. */
export const unitOf = (written: string): string => units.get(written.trim()) ?? written.trim();

/** A number of the IDC nomenclature or of its neighbours: partition 11, and the numbers of vital signs in partition 2. */
export const isMdc = ({ code, vendor }: Pick<Term, 'code' | 'vendor'>): boolean =>
  !vendor && (byCode.has(code) || /^7[23]\d{4}$/.test(code));

/** A number as JSON has it, its digits as sent; undefined where it is none. `3,02` is none: nobody knows what the comma means. */
export function decimalOf(text: string): string | undefined {
  const parts = /^\s*\+?(-?)(\d*)(?:\.(\d*))?([eE][+-]?\d{1,3})?\s*$/.exec(text);
  if (!parts || (parts[2] === '' && (parts[3] ?? '') === '')) return undefined;
  const [, sign, whole, fraction, exponent = ''] = parts;
  const digits = `${sign}${whole!.replace(/^0+(?=\d)/, '') || '0'}${fraction ? `.${fraction}` : ''}${exponent}`;
  return Number.isFinite(Number(digits)) && digits.length <= 40 ? digits : undefined;
}

/** The value in a term's unit; undefined where the unit is none of its kind. */
function inUnitOf(value: number, unit: string, of: string): number | undefined {
  if (unit === of) return value;
  const given = canonical(value, unit);
  const one = canonical(1, of);
  if (!given || !one || given.code !== one.code || one.value === 0) return undefined;
  return Number((given.value / one.value).toPrecision(9));
}

export type Fault = 'unreadable' | 'implausible';

/** Why a value cannot be taken in: no number, no unit of its kind, or outside of what can be. */
export function faultOf({ code, quantity, absent, vendor }: Term): Fault | undefined {
  if (quantity === undefined || absent !== undefined) return undefined;
  const digits = decimalOf(quantity.value);
  if (digits === undefined) return 'unreadable';
  const spec = vendor ? undefined : termOf(code);
  if (spec?.unit === undefined) return undefined;
  const unit = unitOf(quantity.unit);
  const value = unit === '' ? Number(digits) : inUnitOf(Number(digits), unit, spec.unit);
  if (value === undefined) return 'unreadable';
  if (spec.reject === undefined || quantity.comparator !== undefined) return undefined;
  return value < spec.reject[0] || value > spec.reject[1] ? 'implausible' : undefined;
}
