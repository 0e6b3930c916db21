/** Builds the Observation of one measured thing, profile-valid, digits and units as sent. https://hl7.org/fhir/R4/observation.html */
import { hash } from 'node:crypto';
import { interpretationOf, judge, type Person, type Verdict } from '../alerts/interpret.ts';
import type { Thresholds } from '../alerts/thresholds.ts';
import type { Incoming } from '../interactions/interaction.ts';
import { uuidv7 } from '../runtime.ts';
import { type Coding, type ObservationSpec, type Sent, type UnitSpec, unitOf, type ValueSpec } from './mapping.ts';

const UCUM = 'http://unitsofmeasure.org';
const OBSERVATION_VALUE = 'http://terminology.hl7.org/CodeSystem/v3-ObservationValue';
const INTERPRETATION = 'http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation';
const MEASUREMENT_STATUS = 'http://hl7.org/fhir/uv/pocd/CodeSystem/measurement-status';
const words = { N: 'Normal', L: 'Low', LL: 'Critical low', H: 'High', HH: 'Critical high' } as const;
const categoryOf = (code: string, display: string) => ({
  coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code, display }],
});
const categories = {
  'vital-signs': categoryOf('vital-signs', 'Vital Signs'),
  laboratory: categoryOf('laboratory', 'Laboratory'),
} as const;

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
  uuidv7(instant, hash('sha256', `${device}|${readingInstant(instant)}|${name}`, 'buffer'));

/** Identifies a reading where no id is known: `DEV001|2025-11-17T10:30:00.000Z|heart_rate`. */
export const readingIdentifier = (at: Pick<Circumstances, 'canonical' | 'deviceId' | 'instant'>, name: string) => ({
  system: `${at.canonical}/sid/device-reading`,
  value: `${at.deviceId}|${readingInstant(at.instant)}|${name}`,
});

/** JSON text of what never changes: codes, units, labels; serialised once. */
const texts = new WeakMap<object, string>();
function once(value: object): string {
  let text = texts.get(value);
  if (text === undefined) texts.set(value, (text = JSON.stringify(value)));
  return text;
}

/** What follows the value in a Quantity, by unit. */
const unitTails = new WeakMap<UnitSpec, string>();
function quantity(value: string, spec: UnitSpec): string {
  let tail = unitTails.get(spec);
  if (tail === undefined) {
    tail = JSON.stringify({ unit: spec.unit, system: UCUM, code: spec.code }).slice(1);
    unitTails.set(spec, tail);
  }
  return `{"value":${value},${tail}`;
}

/** `"name":[...]` for texts of items; undefined for none. */
const listOf = (name: string, items: readonly string[]) =>
  items.length > 0 ? `"${name}":[${items.join(',')}]` : undefined;
/** An object of members that are given. */
const objectOf = (...members: readonly (string | undefined)[]) =>
  `{${members.filter((member) => member !== undefined).join(',')}}`;
const quoted = (text: string) => JSON.stringify(text);

const interpretations = Object.fromEntries(
  Object.entries(words).map(([code, display]) => [code, once({ coding: [{ system: INTERPRETATION, code, display }] })]),
);

function interpretation(verdicts: readonly Verdict[]): readonly string[] {
  const codes = new Set(verdicts.map(interpretationOf).filter((code) => code !== undefined));
  if (codes.size > 1) codes.delete('N');
  return [...codes].map((code) => interpretations[code]!);
}

/** The Observation as it goes to the write path. */
export function observe(spec: ObservationSpec, sent: Sent, at: Circumstances): Incoming {
  const isAboutDevice = spec.about === 'device';
  const verdicts: Verdict[] = [];
  const judged = (coding: readonly Coding[], value: ValueSpec): readonly string[] => {
    const text = sent.values[value.field];
    if (text === undefined || isAboutDevice) return [];
    const measured = { coding, value: Number(text), unit: unitOf(value, sent).code };
    const verdict = judge(measured, at.person, at.instant, at.thresholds);
    if (!verdict) return [];
    verdicts.push(verdict);
    return interpretation([verdict]);
  };
  const components = spec.components?.map(({ code, value }) => {
    const text = sent.values[value.field];
    const coded = `"code":{"coding":${once(code)}}`;
    if (text === undefined) return objectOf(coded, `"dataAbsentReason":${once(notPerformed)}`);
    return objectOf(
      coded,
      `"valueQuantity":${quantity(text, unitOf(value, sent))}`,
      listOf('interpretation', judged(code, value)),
    );
  });
  if (spec.value) judged(spec.code, spec.value);
  const quality = sent.quality === undefined ? undefined : Number(sent.quality);
  const isQuestionable = quality !== undefined && quality < GOOD_QUALITY;
  const signalQuality = `${at.canonical}/StructureDefinition/signal-quality`;
  const vitalSign = { system: `${at.canonical}/sid/vital-sign`, value: String(at.vitalSignId) };
  const identifiers = [readingIdentifier(at, spec.name), vitalSign];
  const text = objectOf(
    '"resourceType":"Observation"',
    `"id":"${at.id}"`,
    `"meta":${objectOf(spec.profile.length > 0 ? `"profile":${once(spec.profile)}` : undefined, `"security":${once(labels(spec, sent, quality))}`, `"tag":[${sourceTag(at.canonical)}]`)}`,
    sent.quality === undefined
      ? undefined
      : `"extension":[{"url":${quoted(signalQuality)},"valueQuantity":${quantity(sent.quality, percent)}}]`,
    `"identifier":${JSON.stringify(identifiers)}`,
    `"status":"${at.status}"`,
    spec.category ? `"category":[${once(categories[spec.category])}]` : undefined,
    `"code":{"coding":${once(spec.code)}}`,
    `"subject":{"reference":${quoted(isAboutDevice ? at.device : at.patient)}}`,
    `"effectiveDateTime":${quoted(at.timestamp)}`,
    `"issued":"${new Date(at.issued).toISOString()}"`,
    spec.value ? `"valueQuantity":${quantity(sent.values[spec.value.field]!, unitOf(spec.value, sent))}` : undefined,
    listOf('interpretation', [...interpretation(verdicts), ...(isQuestionable ? [once(questionable)] : [])]),
    sent.notes === undefined ? undefined : `"note":[{"text":${quoted(sent.notes)}}]`,
    `"device":{"reference":${quoted(at.device)}}`,
    components && listOf('component', components),
  );
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

/** So that what devices sent is found by a tag, beside what people entered. profiles/CodeSystem-data-source.json */
const sourceTags = new Map<string, string>();
function sourceTag(canonical: string): string {
  let text = sourceTags.get(canonical);
  if (text === undefined) {
    text = JSON.stringify({ system: `${canonical}/CodeSystem/data-source`, code: 'device', display: 'Device' });
    sourceTags.set(canonical, text);
  }
  return text;
}

const certain = [{ system: OBSERVATION_VALUE, code: 'DEVRPT', display: 'device reported' }];
const uncertain = [...certain, { system: OBSERVATION_VALUE, code: 'UNCERTREL', display: 'uncertain reliability' }];

/** Who says so, and whether it can be relied on. https://hl7.org/fhir/R4/security-labels.html */
function labels(spec: ObservationSpec, sent: Sent, quality: number | undefined) {
  const isBeyondInstrument = [spec.value, ...(spec.components ?? []).map(({ value }) => value)].some((value) => {
    const text = value && sent.values[value.field];
    const specified = text === undefined ? undefined : unitOf(value!, sent).specified;
    return specified !== undefined && (Number(text) < specified[0] || Number(text) > specified[1]);
  });
  const isUncertain = isBeyondInstrument || (quality !== undefined && quality < POOR_QUALITY);
  return isUncertain ? uncertain : certain;
}
