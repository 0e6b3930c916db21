/** The tables of mappings/hl7v2, read once: code systems, authorities, units, vital signs, and which field goes where. */
import { readFileSync } from 'node:fs';
import type { Coding } from '../../mapping.ts';
import type { Reasons } from './reading.ts';

/** One line of segments.json. */
export interface Row {
  readonly field: number;
  readonly component?: number;
  /** A name in datatypes.ts; `order` counts the segment, and has no place of its own. */
  readonly as: string;
  /** Path in the resource: `name[]` adds to a list, `address[0].district` sets in its first item. */
  readonly to?: string;
  /** What the value is put into where it says `$`; `@ATND` is a type of participation. */
  readonly in?: unknown;
  /** Of codes: a table of tables.json, or the code system of a value that names none. */
  readonly table?: string;
  /** Of identifiers: their type where they tell none. */
  readonly type?: string;
  readonly system?: string;
  /** Of telecoms: their use where they tell none. */
  readonly use?: string;
}

/** By UCUM unit: values outside cannot be. Inclusive. */
export type Plausible = Readonly<Record<string, readonly [low: number, high: number]>>;

export interface VitalSign {
  readonly name: string;
  readonly profile: string;
  readonly code: readonly Coding[];
  readonly units: readonly string[];
  readonly plausible: Plausible;
  readonly loinc: readonly string[];
  readonly mdc: readonly string[];
}

export interface PressurePart {
  readonly name: string;
  readonly code: readonly Coding[];
  readonly loinc: readonly string[];
  readonly mdc: readonly string[];
  readonly required?: true;
  readonly plausible: Plausible;
}

export interface BloodPressure {
  readonly profile: string;
  readonly code: readonly Coding[];
  readonly unit: string;
  readonly panel: { readonly loinc: readonly string[]; readonly mdc: readonly string[] };
  readonly components: readonly PressurePart[];
}

interface Vitals {
  readonly vitals: readonly VitalSign[];
  readonly bloodPressure: BloodPressure;
  /** What is no vital sign by its code, and raises alerts as one. */
  readonly beside: readonly Pick<VitalSign, 'name' | 'loinc' | 'mdc' | 'plausible'>[];
  /** Codes of a sender's own, by OBX-3.1, OBX-3.3 and, where it is named, MSH-4. */
  readonly locals: readonly { code: string; system: string; facility?: string; vital: string }[];
}

const folder = new URL('../../../../mappings/hl7v2/', import.meta.url);
const load = (name: string) => JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8'));

const tables: Readonly<Record<string, Readonly<Record<string, any>>>> = load('tables');
const systems = new Map<string, string>(Object.entries(load('systems')));
const authorities = new Map<string, string>(Object.entries(load('authorities')));
const units: Readonly<Record<'mdc' | 'spellings', Readonly<Record<string, string>>>> = load('units');
const vitals: Vitals = load('vitals');
export const rows: Readonly<Record<string, readonly Row[]>> = load('segments');
export const reasons: Reasons = load('unmapped');

export const V2 = 'http://terminology.hl7.org/CodeSystem/v2-';
export const MDC = 'urn:iso:std:iso:11073:10101';
export const LOINC = 'http://loinc.org';
export const UCUM = 'http://unitsofmeasure.org';

/** What a code of an HL7 table means in FHIR; undefined where the table has no line for it. */
export const inTable = (table: string, code: string): any =>
  Object.hasOwn(tables[table] ?? {}, code) ? tables[table]![code] : undefined;

/** URI of a code system by its name in HL7 table 0396; undefined for names that mean something only to their sender. */
export function systemOf(name: string): string | undefined {
  const known = systems.get(name) ?? systems.get(name.toUpperCase());
  if (known) return known;
  const table = /^(?:HL7|v2-)(\d{4})$/i.exec(name)?.[1];
  if (table) return V2 + table;
  if (/^[0-2](?:\.\d+){2,}$/.test(name)) return `urn:oid:${name}`;
  return /^(?:https?:|urn:)\S+$/.test(name) ? name : undefined;
}

export const authorityOf = (name: string): string | undefined => authorities.get(name);

/** UCUM code of a unit by its number of IEEE 11073, or as people spell it. */
const own = (table: Readonly<Record<string, string>>, name: string) =>
  Object.hasOwn(table, name) ? table[name] : undefined;
export const unitOfMdc = (code: string): string | undefined => own(units.mdc, code);
export const unitSpelled = (text: string): string | undefined =>
  own(units.spellings, text) ?? own(units.spellings, text.toLowerCase());

const byCode = new Map<string, string>();
for (const { name, loinc, mdc } of [...vitals.vitals, ...vitals.bloodPressure.components]) {
  for (const code of loinc) byCode.set(`${LOINC}|${code}`, name);
  for (const code of mdc) byCode.set(`${MDC}|${code}`, name);
}
const { panel } = vitals.bloodPressure;
for (const code of panel.loinc) byCode.set(`${LOINC}|${code}`, 'panel');
for (const code of panel.mdc) byCode.set(`${MDC}|${code}`, 'panel');

const plausible = new Map<string, Plausible>();
for (const one of [...vitals.vitals, ...vitals.bloodPressure.components, ...vitals.beside]) {
  plausible.set(one.name, one.plausible);
  for (const code of one.loinc) plausible.set(`${LOINC}|${code}`, one.plausible);
  for (const code of one.mdc) plausible.set(`${MDC}|${code}`, one.plausible);
}
/** What a vital sign, or what one of the codings means, can be; undefined where anything can. */
export const plausibleOf = (vital: string | undefined, codings: readonly { system?: string; code?: string }[]) =>
  (vital === undefined ? undefined : plausible.get(vital)) ??
  codings.map(({ system, code }) => plausible.get(`${system}|${code}`)).find((one) => one !== undefined);

export const bloodPressure = vitals.bloodPressure;
export const vitalNamed = (name: string): VitalSign | undefined => vitals.vitals.find((v) => v.name === name);
export const pressureNamed = (name: string): PressurePart | undefined =>
  vitals.bloodPressure.components.find((c) => c.name === name);

/** Name of the vital sign that one of the codings means; by the sender's own table where it names the facility. */
export function vitalOf(
  codings: readonly { system?: string; code?: string }[],
  own: { readonly code: string | undefined; readonly system: string | undefined; readonly facility: string },
): string | undefined {
  for (const { system, code } of codings) {
    const name = byCode.get(`${system}|${code}`);
    if (name) return name;
  }
  const local = vitals.locals.filter(({ code, system }) => code === own.code && system === (own.system ?? 'L'));
  return (local.find((l) => l.facility === own.facility) ?? local.find((l) => l.facility === undefined))?.vital;
}
