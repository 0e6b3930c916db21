/** One OBX, taken apart: what it is of, when, how far it can be relied on. HL7 v2.5.1 section 7.4.2, reference tables 0078 and 0085 */
import { clean, filled } from '../../intake/entries.ts';
import type { Segment } from '../wire/message.ts';
import { type Around, addressOf, conceptOf, dateTime, entityOf, organizationOf, personOf } from './datatypes.ts';
import { numberOf } from './quantity.ts';
import type { Part, ReadMessage } from './reading.ts';
import { inTable, MDC, vitalOf } from './tables.ts';
import { type Value, valueIn } from './value.ts';

export interface Result {
  readonly segment: Segment;
  /** undefined where it does not say what it is of. */
  readonly code: any;
  /** `system|code`, or the text: the same for the same thing. */
  readonly codeKey: string;
  /** Number of IEEE 11073; '' for anything else. */
  readonly mdc: string;
  /** The vital sign that it is, or a part of: `heart-rate`, `systolic`, `panel`. */
  readonly vital?: string;
  /** OBX-4 */
  readonly sub: string;
  /** OBX-14, FHIR dateTime. */
  readonly time?: string;
  readonly status: string;
  readonly value: Value;
  readonly unit: Part | undefined;
  readonly absent?: string;
  readonly interpretation: readonly any[];
  readonly range: readonly any[];
  readonly security: readonly any[];
  /** Everything else, as elements of an Observation. */
  readonly rest: any;
  /** OBX-18: identifiers of the instrument. */
  readonly equipment: any[];
  readonly notes: any[];
  readonly performers: any[];
  /** Where it was measured, as extensions. */
  readonly places: any[];
  /** OBX-21 */
  readonly identifier: readonly any[];
}

const MEASUREMENT_STATUS = 'http://hl7.org/fhir/uv/pocd/CodeSystem/measurement-status';
const INTERPRETATION = 'http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation';
const OBSERVATION_VALUE = 'http://terminology.hl7.org/CodeSystem/v3-ObservationValue';
export const HTEST = {
  system: 'http://terminology.hl7.org/CodeSystem/v3-ActReason',
  code: 'HTEST',
  display: 'test health data',
};
const ANALYSED = 'http://hl7.org/fhir/StructureDefinition/observation-analysis-date-time';

/** What OBX-8 says: of the value, or of the measurement (IHE PCD). */
function judged(parts: readonly Part[], around: Around) {
  const interpretation: any[] = [];
  const security: any[] = [];
  let absent: string | undefined;
  for (const part of parts) {
    const code = part.get(1)?.toUpperCase();
    const quality = code && inTable('quality', code);
    const meant = code && inTable('0078', code);
    if (quality) {
      absent ??= quality.absent;
      if (quality.security) security.push({ system: OBSERVATION_VALUE, code: quality.security });
      if (quality.reason) security.push(HTEST);
      if (quality.status) interpretation.push({ coding: [{ system: MEASUREMENT_STATUS, code: quality.status }] });
      if (quality.text) interpretation.push({ text: quality.text });
    } else {
      const concept = conceptOf(part, around, 'v2-0078');
      if (meant) {
        const coding = { system: INTERPRETATION, code: meant };
        interpretation.push(filled({ coding: [coding], text: concept?.text }));
      } else if (concept) interpretation.push(concept);
    }
  }
  return { interpretation, security, absent };
}

/** Text as it is written; its ends as numbers where it has two. */
function rangeOf(part: Part, unit: any): any {
  const text = clean(part.whole());
  if (text === undefined) return undefined;
  const ends = /^\s*([+-]?[\d.]+)\s*(?:-|to|_|–)\s*([+-]?[\d.]+)\s*$/i.exec(text);
  const [low, high] = [ends?.[1], ends?.[2]].map((end) => (end ? numberOf(end) : undefined));
  const limits = low && high ? { low: { value: low, ...unit }, high: { value: high, ...unit } } : {};
  return { ...limits, text };
}

export function resultOf(message: ReadMessage, segment: Segment, around: Around): Result {
  segment.get(1);
  const [named] = message.parts(segment, 3);
  const code = named && conceptOf(named, around);
  const [coding] = code?.coding ?? [];
  const [sub] = message.parts(segment, 4);
  const value = valueIn(message, segment, around);
  const unit = value.values[0]?.valueQuantity;
  const { value: _value, comparator: _comparator, ...inUnit } = unit ?? {};
  const { interpretation, security, absent } = judged(message.parts(segment, 8), around);
  const told = segment.get(11)?.trim() || undefined;
  const status = told === undefined ? 'unknown' : (inTable('0085', told.toUpperCase()) ?? 'unknown');
  if (told !== undefined && inTable('0085', told.toUpperCase()) === undefined)
    around.warn('a code that is not in the table 0085');
  const at = segment.get(14)?.trim();
  const analysed = segment.get(19)?.trim();
  const many = (field: number, read: (part: Part, around: Around) => any): any[] =>
    message.parts(segment, field).flatMap((part) => read(part, around) ?? []);
  const [method] = many(17, conceptOf);
  const [bodySite] = many(20, conceptOf);
  const producer = many(15, (part) => {
    const concept = conceptOf(part, around);
    const display = concept?.text ?? concept?.coding?.[0]?.code;
    return display && { type: 'Organization', display };
  });
  const [organization] = many(23, organizationOf);
  const [address] = many(24, addressOf);
  const laboratory =
    organization &&
    address &&
    filled({
      resourceType: 'Organization',
      id: 'performer',
      identifier: organization.identifier && [organization.identifier],
      name: organization.display,
      address: [address],
    });
  const vital = vitalOf(code?.coding ?? [], {
    code: named?.get(1),
    system: named?.get(3),
    facility: around.facility,
  });
  return {
    segment,
    code,
    codeKey: coding ? `${coding.system ?? ''}|${coding.code}` : (code?.text ?? ''),
    mdc: code?.coding?.find((c: any) => c.system === MDC)?.code ?? '',
    ...filled({ vital, time: at ? dateTime(at, around) : undefined, absent }),
    sub: clean(sub?.whole(), 200) ?? '',
    status,
    value,
    unit: message.parts(segment, 6)[0],
    interpretation,
    range: many(7, (part) => rangeOf(part, inUnit)),
    security,
    rest: filled({
      contained: laboratory && [laboratory],
      method,
      bodySite,
      extension: analysed
        ? [{ url: ANALYSED, valueDateTime: dateTime(analysed, around) }].filter((e) => e.valueDateTime)
        : undefined,
    }),
    equipment: many(18, entityOf),
    notes: [],
    places: [],
    performers: [
      ...producer,
      ...many(16, personOf),
      ...(laboratory ? [{ reference: '#performer' }] : organization ? [organization] : []),
      ...many(25, personOf),
    ],
    identifier: many(21, entityOf),
  };
}

/** NTE as an Annotation. */
export function noteOf(message: ReadMessage, segment: Segment, around: Around): any {
  segment.get(1);
  const text = message
    .parts(segment, 3)
    .flatMap((part) => clean(part.whole(), 100_000) ?? [])
    .join('\n');
  if (text === '') return undefined;
  const [author] = message.parts(segment, 5).flatMap((part) => personOf(part, around) ?? []);
  const at = segment.get(6)?.trim();
  return filled({ authorReference: author, time: at ? dateTime(at, around) : undefined, text });
}
