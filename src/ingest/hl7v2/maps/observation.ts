/** A Result as an Observation: vital signs claim their profile where they fulfil it, two pressures are one. https://hl7.org/fhir/R4/observation-vitalsigns.html */
import { filled } from '../../intake/entries.ts';
import { absentReason } from './datatypes.ts';
import type { Result } from './result.ts';
import { bloodPressure, pressureNamed, UCUM, vitalNamed } from './tables.ts';

/** What the Observations of one OBR have in common. */
export interface Shared {
  readonly subject: string;
  readonly encounter?: string;
  /** OBR-7, for who tells no time of its own. */
  readonly time?: string;
  readonly period?: any;
  readonly issued?: string;
  /** Of https://hl7.org/fhir/R4/valueset-observation-category.html */
  readonly category?: string;
  readonly specimen?: string;
  readonly device?: string;
}

const CATEGORY = 'http://terminology.hl7.org/CodeSystem/observation-category';
const SUB = 'http://hl7.org/fhir/StructureDefinition/observation-v2-subid';

/** Why there is no value, where there is none. */
const reasonless: Readonly<Record<string, string>> = {
  registered: 'temp-unknown',
  cancelled: 'not-performed',
  'entered-in-error': 'error',
};

/** `{beats}/min` is `/min` with a remark; the profiles want it without. */
const withoutRemarks = (code: string): string => code.replace(/\{[^}]*\}/g, '') || '1';

function inVitalUnit(quantity: any, units: readonly string[]): any {
  if (quantity?.system !== UCUM) return undefined;
  const code = units.includes(quantity.code) ? quantity.code : withoutRemarks(quantity.code);
  return units.includes(code) ? { ...quantity, code } : undefined;
}

const codings = (own: readonly any[], said: any) => {
  const first = new Set(own.map(({ system, code }) => `${system}|${code}`));
  const others = (said?.coding ?? []).filter((c: any) => !first.has(`${c.system}|${c.code}`));
  return filled({ coding: [...own, ...others], text: said?.text });
};

export const categoryOf = (code: string) => ({ coding: [{ system: CATEGORY, code }] });

const effectiveOf = (time: string | undefined, { time: fallback, period }: Shared) =>
  time !== undefined
    ? { effectiveDateTime: time }
    : period !== undefined
      ? { effectivePeriod: period }
      : filled({ effectiveDateTime: fallback });

const isDayOrBetter = (effective: any): boolean =>
  /^\d{4}-\d\d-\d\d/.test(effective.effectiveDateTime ?? effective.effectivePeriod?.start ?? '');

const metaOf = (profile: string | undefined, security: readonly any[]) => {
  const meta = filled({ profile: profile && [profile], security });
  return Object.keys(meta).length > 0 ? meta : undefined;
};

/** https://hl7.org/fhir/extensions/StructureDefinition-observation-v2-subid.html */
const subOf = (sub: string) =>
  sub === '' ? [] : [{ url: SUB, extension: [{ url: 'original-sub-identifier', valueString: sub }] }];

export function observationOf(result: Result, shared: Shared): any {
  const { code, value, status, absent, rest, sub, performers } = result;
  const vital = result.vital ? vitalNamed(result.vital) : undefined;
  const values = absent === undefined || result.interpretation.length > 0 ? value.values : [];
  const held = absent === undefined ? values : [];
  const quantity = vital && held.length === 1 ? inVitalUnit(held[0]!['valueQuantity'], vital.units) : undefined;
  const effective = effectiveOf(result.time, shared);
  const isVital = vital !== undefined && (quantity !== undefined || held.length === 0) && isDayOrBetter(effective);
  const reason = held.length === 0 ? (absent ?? reasonless[status] ?? 'unknown') : undefined;
  const coded = vital ? codings(vital.code, code) : code;
  // R4 has one value: several of the same are components of the same code.
  const many = held.length > 1 ? { component: held.map((one) => ({ code: coded, ...one })) } : {};
  const category = isVital ? 'vital-signs' : shared.category;
  const { extension = [], ...others } = rest;
  return filled({
    resourceType: 'Observation',
    meta: metaOf(isVital ? vital.profile : undefined, result.security),
    ...others,
    extension: [...extension, ...result.places, ...subOf(sub)],
    identifier: result.identifier,
    status,
    category: category && [categoryOf(category)],
    code: coded,
    subject: { reference: shared.subject },
    encounter: shared.encounter && { reference: shared.encounter },
    ...effective,
    issued: shared.issued,
    performer: performers,
    ...(quantity ? { valueQuantity: quantity } : held.length === 1 ? held[0] : {}),
    ...many,
    dataAbsentReason: reason && absentReason(reason),
    interpretation: result.interpretation,
    note: result.notes,
    specimen: shared.specimen && { reference: shared.specimen },
    device: shared.device && { reference: shared.device },
    referenceRange: result.range,
  });
}

/** Systolic, diastolic and mean of one measurement; `panel` is the OBX that names them together, where there is one. */
export function pressureOf(parts: readonly Result[], panel: Result | undefined, shared: Shared): any {
  const [first] = parts;
  const time = first!.time ?? panel?.time;
  const effective = effectiveOf(time, shared);
  const component = bloodPressure.components.flatMap(({ name, code, required }): readonly any[] => {
    const part = parts.find(({ vital }) => vital === name);
    if (!part) return required ? [{ code: { coding: code }, dataAbsentReason: absentReason('unknown') }] : [];
    const quantity = part.absent === undefined ? part.value.values[0]?.['valueQuantity'] : undefined;
    const value = inVitalUnit(quantity, [bloodPressure.unit]) ?? quantity;
    return [
      filled({
        code: codings(pressureNamed(name)!.code, part.code),
        ...(value
          ? { valueQuantity: value }
          : { dataAbsentReason: absentReason(part.absent ?? reasonless[part.status] ?? 'unknown') }),
        interpretation: part.interpretation,
        referenceRange: part.range,
      }),
    ];
  });
  const fulfils =
    isDayOrBetter(effective) && component.every(({ valueQuantity: q }: any) => !q || q.code === bloodPressure.unit);
  const all = panel ? [panel, ...parts] : parts;
  const { extension = [], ...others } = Object.assign({}, ...all.map(({ rest }) => rest).reverse());
  const subs = [...new Set(all.map(({ sub }) => sub))];
  return filled({
    resourceType: 'Observation',
    meta: metaOf(fulfils ? bloodPressure.profile : undefined, distinct(all.flatMap(({ security }) => security))),
    ...others,
    extension: [...extension, ...all.flatMap(({ places }) => places), ...subs.slice(0, 1).flatMap(subOf)],
    identifier: all.flatMap(({ identifier }) => identifier),
    status: first!.status,
    category: [categoryOf('vital-signs')],
    code: codings(bloodPressure.code, panel?.code),
    subject: { reference: shared.subject },
    encounter: shared.encounter && { reference: shared.encounter },
    ...effective,
    issued: shared.issued,
    performer: distinct(all.flatMap(({ performers }) => performers)),
    note: all.flatMap(({ notes }) => notes),
    device: shared.device && { reference: shared.device },
    component,
  });
}

const distinct = <T>(items: readonly T[]): readonly T[] => [
  ...new Map(items.map((item) => [JSON.stringify(item), item])).values(),
];
