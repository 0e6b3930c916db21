/** Builds the Observation of one measured thing, profile-valid, digits and units as sent. https://hl7.org/fhir/R4/observation.html */
import { createHash } from 'node:crypto';
import { interpretationOf, judge, type Person, type Verdict } from '../alerts/interpret.ts';
import type { Thresholds } from '../alerts/thresholds.ts';
import { ExactNumber, writeExact } from '../fhir/json.ts';
import type { Incoming } from '../interactions/interaction.ts';
import { uuidv7 } from '../runtime.ts';
import { type Coding, type ObservationSpec, type Sent, type UnitSpec, unitOf, type ValueSpec } from './mapping.ts';

const UCUM = 'http://unitsofmeasure.org';
const OBSERVATION_VALUE = 'http://terminology.hl7.org/CodeSystem/v3-ObservationValue';
const INTERPRETATION = 'http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation';
const MEASUREMENT_STATUS = 'http://hl7.org/fhir/uv/pocd/CodeSystem/measurement-status';
const words = { N: 'Normal', L: 'Low', LL: 'Critical low', H: 'High', HH: 'Critical high' } as const;
const categories = { 'vital-signs': 'Vital Signs', laboratory: 'Laboratory' } as const;

/** A signal of this quality and better says nothing; below, the value is questionable. */
const GOOD_QUALITY = 80;
const POOR_QUALITY = 50;

/** All that an Observation needs besides what was sent. */
export interface Circumstances {
  readonly id: string;
  readonly status: 'final' | 'corrected' | 'amended';
  /** As the device names itself, and its resource. */
  readonly deviceId: string;
  readonly device: string;
  readonly patient: string;
  readonly person: Person;
  /** As sent, and in milliseconds. */
  readonly timestamp: string;
  readonly instant: number;
  /** When we received it, in milliseconds. */
  readonly issued: number;
  readonly vitalSignId: number;
  readonly canonical: string;
  readonly thresholds: Thresholds;
}

export const readingInstant = (instant: number): string => new Date(instant).toISOString();

/** The same reading of the same device has the same id for ever. */
export const observationId = (device: string, instant: number, name: string): string =>
  uuidv7(
    instant,
    createHash('sha256')
      .update(`${device}|${readingInstant(instant)}|${name}`)
      .digest(),
  );

/** Identifies a reading where no id is known: `DEV001|2025-11-17T10:30:00.000Z|heart_rate`. */
export const readingIdentifier = (at: Pick<Circumstances, 'canonical' | 'deviceId' | 'instant'>, name: string) => ({
  system: `${at.canonical}/sid/device-reading`,
  value: `${at.deviceId}|${readingInstant(at.instant)}|${name}`,
});

const quantity = (text: string, { unit, code }: UnitSpec) => ({
  value: new ExactNumber(text),
  unit,
  system: UCUM,
  code,
});

const interpretation = (verdicts: readonly Verdict[]) => {
  const codes = new Set(verdicts.map(interpretationOf).filter((code) => code !== undefined));
  if (codes.size > 1) codes.delete('N');
  return [...codes].map((code) => ({ coding: [{ system: INTERPRETATION, code, display: words[code] }] }));
};

const whenAny = <T>(name: string, list: readonly T[]) => (list.length > 0 ? { [name]: list } : {});

/** The Observation as it goes to the write path. */
export function observe(spec: ObservationSpec, sent: Sent, at: Circumstances): Incoming {
  const isAboutDevice = spec.about === 'device';
  const verdictOn = (coding: readonly Coding[], value: ValueSpec): Verdict | undefined => {
    const text = sent.values[value.field];
    if (text === undefined || isAboutDevice) return undefined;
    return judge({ coding, value: Number(text), unit: unitOf(value, sent).code }, at.person, at.instant, at.thresholds);
  };
  const verdicts: Verdict[] = [];
  const judged = (coding: readonly Coding[], value: ValueSpec) => {
    const verdict = verdictOn(coding, value);
    if (verdict) verdicts.push(verdict);
    return verdict ? whenAny('interpretation', interpretation([verdict])) : {};
  };
  const components = spec.components?.map(({ code, value }) => {
    const text = sent.values[value.field];
    if (text === undefined) return { code: { coding: code }, dataAbsentReason: notPerformed };
    return { code: { coding: code }, valueQuantity: quantity(text, unitOf(value, sent)), ...judged(code, value) };
  });
  if (spec.value) judged(spec.code, spec.value);
  const quality = sent.quality === undefined ? undefined : Number(sent.quality);
  const isQuestionable = quality !== undefined && quality < GOOD_QUALITY;
  const text = writeExact({
    resourceType: 'Observation',
    id: at.id,
    meta: { ...whenAny('profile', spec.profile), security: labels(spec, sent, quality) },
    ...(sent.quality === undefined
      ? {}
      : {
          extension: [
            {
              url: `${at.canonical}/StructureDefinition/signal-quality`,
              valueQuantity: quantity(sent.quality, percent),
            },
          ],
        }),
    identifier: [
      readingIdentifier(at, spec.name),
      ...(isAboutDevice ? [] : [{ system: `${at.canonical}/sid/vital-sign`, value: String(at.vitalSignId) }]),
    ],
    status: at.status,
    ...(spec.category ? { category: [categoryOf(spec.category)] } : {}),
    code: { coding: spec.code },
    subject: { reference: isAboutDevice ? at.device : at.patient },
    effectiveDateTime: at.timestamp,
    issued: new Date(at.issued).toISOString(),
    ...(spec.value ? { valueQuantity: quantity(sent.values[spec.value.field]!, unitOf(spec.value, sent)) } : {}),
    ...whenAny('interpretation', [...interpretation(verdicts), ...(isQuestionable ? [questionable] : [])]),
    ...(sent.notes === undefined ? {} : { note: [{ text: sent.notes }] }),
    device: { reference: at.device },
    ...(components ? { component: components } : {}),
  });
  return { text, resource: JSON.parse(text) };
}

const percent: UnitSpec = { unit: '%', code: '%', plausible: [0, 100] };
const notPerformed = {
  coding: [
    {
      system: 'http://terminology.hl7.org/CodeSystem/data-absent-reason',
      code: 'not-performed',
      display: 'Not Performed',
    },
  ],
};
const questionable = { coding: [{ system: MEASUREMENT_STATUS, code: 'questionable', display: 'Questionable' }] };

const categoryOf = (category: 'vital-signs' | 'laboratory') => ({
  coding: [
    {
      system: 'http://terminology.hl7.org/CodeSystem/observation-category',
      code: category,
      display: categories[category],
    },
  ],
});

/** Who says so, and whether it can be relied on. https://hl7.org/fhir/R4/security-labels.html */
function labels(spec: ObservationSpec, sent: Sent, quality: number | undefined) {
  const isBeyondInstrument = [spec.value, ...(spec.components ?? []).map(({ value }) => value)].some((value) => {
    const text = value && sent.values[value.field];
    const specified = text === undefined ? undefined : unitOf(value!, sent).specified;
    return specified !== undefined && (Number(text) < specified[0] || Number(text) > specified[1]);
  });
  const isUncertain = isBeyondInstrument || (quality !== undefined && quality < POOR_QUALITY);
  return [
    { system: OBSERVATION_VALUE, code: 'DEVRPT', display: 'device reported' },
    ...(isUncertain ? [{ system: OBSERVATION_VALUE, code: 'UNCERTREL', display: 'uncertain reliability' }] : []),
  ];
}
