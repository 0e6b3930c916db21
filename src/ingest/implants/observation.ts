/** One Observation for all that an implant told on one occasion, and one for each value that charts show. https://hl7.org/fhir/R4/observation.html */
import { ExactNumber } from '../../fhir/json.ts';
import type { Resource } from '../../fhir/references.ts';
import { clean, filled, stableId } from '../intake/entries.ts';
import { readingInstant } from '../observe.ts';
import { codeOf } from './device.ts';
import type { Item } from './kept.ts';
import { isDateTime } from './patient.ts';
import { decimalOf, MDC, termOf, unitOf, valueName } from './terms.ts';
import type { Term } from './told.ts';

type Made = Resource & { readonly id: string };

const UCUM = 'http://unitsofmeasure.org';
const CIED = 'http://hl7.org/fhir/uv/cardx-cied';
const INSTANCE = `${CIED}/StructureDefinition/instance-idco`;
const GATEWAY = 'http://hl7.org/fhir/StructureDefinition/observation-gatewayDevice';
const ABSENT = 'http://terminology.hl7.org/CodeSystem/data-absent-reason';
const VALUE = 'http://terminology.hl7.org/CodeSystem/v3-ObservationValue';
const CATEGORY = 'http://terminology.hl7.org/CodeSystem/observation-category';
const HEART_RATE = 'http://hl7.org/fhir/StructureDefinition/heartrate';
const offScale = {
  '<': {
    system: 'http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation',
    code: '<',
    display: 'Off scale low',
  },
  '>': {
    system: 'http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation',
    code: '>',
    display: 'Off scale high',
  },
} as const;
const QUESTIONABLE = {
  system: 'http://hl7.org/fhir/uv/pocd/CodeSystem/measurement-status',
  code: 'questionable',
  display: 'Questionable',
};
const absences = new Set([
  'unknown',
  'asked-unknown',
  'temp-unknown',
  'not-asked',
  'asked-declined',
  'masked',
  'not-applicable',
  'unsupported',
  'as-text',
  'error',
  'not-a-number',
  'negative-infinity',
  'positive-infinity',
  'not-performed',
  'not-permitted',
]);
const categoryOf = (code: string, display: string) => [{ coding: [{ system: CATEGORY, code, display }] }];
export const procedureCategory = categoryOf('procedure', 'Procedure');
const certain = [{ system: VALUE, code: 'DEVRPT', display: 'device reported' }];
const uncertain = [...certain, { system: VALUE, code: 'UNCERTREL', display: 'uncertain reliability' }];

/** All that an Observation of an implant needs besides its value. */
export interface Setting {
  readonly canonical: string;
  /** Id by which the implant is kept, and what it is called by. */
  readonly implant: string;
  readonly cied: string;
  readonly maker: string;
  /** `Device/1`, `Patient/1` */
  readonly device: string;
  readonly patient: string;
  /** `Device/2` that carried the data home. */
  readonly monitor?: string;
  /** As sent, and in milliseconds. */
  readonly at: string;
  readonly instant: number;
  /** When it came in, in milliseconds. */
  readonly issued: number;
  /** The occasion's name, and the maker's id of the transmission. */
  readonly name: string;
  readonly transmission?: string;
  readonly status: 'final' | 'preliminary' | 'corrected' | 'amended';
  /** False where nothing was told that a panel could hold; true where left out. */
  readonly hasPanel?: boolean;
}

export const effectiveOf = ({ at, instant }: Pick<Setting, 'at' | 'instant'>): string =>
  isDateTime(at) ? at : new Date(instant).toISOString();

/** The id of an Observation of the occasion: `panel`, or the key of an item. */
export const observationIdOf = (
  { implant, name, instant }: Pick<Setting, 'implant' | 'name' | 'instant'>,
  part: string,
): string => stableId(instant, implant, 'observation', name, part);

/** Clocks differ; a time further ahead than this is not to be relied on. */
const AHEAD = 5 * 60_000;

export const labelsOf = ({ instant, issued }: Pick<Setting, 'instant' | 'issued'>, term?: Term) =>
  term?.questionable || instant > issued + AHEAD ? uncertain : certain;

/** `value[x]`, or why there is none. */
function saidBy(term: Term) {
  const { quantity, coded, text, dateTime, absent } = term;
  if (absent !== undefined) {
    const code = absences.has(absent) ? absent : 'unknown';
    return { dataAbsentReason: { coding: [{ system: ABSENT, code }] } };
  }
  if (quantity) {
    const unit = unitOf(quantity.unit) || (termOf(term.code)?.unit ?? '');
    const isKnown = !term.vendor && termOf(term.code)?.unit !== undefined;
    const isUcum = isKnown || /^[A-Za-z%[\]{}/.0-9_*^-]{1,40}$/.test(unit);
    return {
      valueQuantity: filled({
        value: new ExactNumber(decimalOf(quantity.value) ?? '0'),
        comparator: quantity.comparator,
        unit: clean(unit, 100),
        ...(isUcum && unit !== '' ? { system: UCUM, code: unit } : {}),
      }),
    };
  }
  if (coded) {
    const code = clean(coded.code, 200);
    const system = coded.system ?? (code !== undefined && /^7[5-7]\d{4}$/.test(code) ? MDC : undefined);
    const display = (system === MDC && code !== undefined ? valueName(code) : undefined) ?? clean(coded.display, 500);
    if (code === undefined) return { valueCodeableConcept: { text: display ?? '-' } };
    if (/\s\s|^\s|\s$/.test(code)) return { valueCodeableConcept: { text: display ?? code } };
    return { valueCodeableConcept: { coding: [filled({ system, code, display })] } };
  }
  if (isDateTime(dateTime)) return { valueDateTime: dateTime };
  const said = clean(dateTime ?? text, 100_000);
  return said === undefined
    ? { dataAbsentReason: { coding: [{ system: ABSENT, code: 'unknown' }] } }
    : { valueString: said };
}

function interpretationOf({ quantity, questionable, absent }: Term) {
  const comparator = absent === undefined ? quantity?.comparator?.[0] : undefined;
  const said = [
    ...(comparator === '<' || comparator === '>' ? [{ coding: [offScale[comparator]] }] : []),
    ...(questionable ? [{ coding: [QUESTIONABLE] }] : []),
  ];
  return said.length > 0 ? { interpretation: said } : {};
}

const instanceOf = ({ instance }: Term) =>
  instance === undefined || !Number.isInteger(instance)
    ? {}
    : { extension: [{ url: INSTANCE, valueInteger: instance }] };

/** The Observation of the whole occasion: a component for each term. */
export function panel(items: Iterable<Item>, at: Setting): Made {
  const { canonical, cied, maker } = at;
  const identifier =
    at.transmission === undefined
      ? { system: `${canonical}/sid/device-reading`, value: `${cied}|${readingInstant(at.instant)}` }
      : { system: `${canonical}/sid/transmission`, value: clean(at.transmission, 500) ?? '-' };
  return {
    resourceType: 'Observation',
    id: observationIdOf(at, 'panel'),
    meta: { profile: [`${canonical}/StructureDefinition/idco-observation`], security: labelsOf(at) },
    ...(at.monitor ? { extension: [{ url: GATEWAY, valueReference: { reference: at.monitor } }] } : {}),
    identifier: [identifier],
    status: at.status,
    category: procedureCategory,
    code: {
      coding: [
        { system: `${CIED}/CodeSystem/CardXCIED`, code: 'IDCO', display: 'Implantable Device Cardiac Observation' },
      ],
    },
    subject: { reference: at.patient },
    effectiveDateTime: effectiveOf(at),
    issued: new Date(at.issued).toISOString(),
    device: { reference: at.device },
    component: [...items].map(({ term }) => ({
      ...instanceOf(term),
      code: codeOf(term, maker, canonical),
      ...saidBy(term),
      ...interpretationOf(term),
    })),
  };
}

/** What the customer's tables call it; undefined where it stands in the panel alone. */
export const kindOf = ({ term, kind }: Item): string | undefined =>
  term.absent === undefined && (term.quantity ?? term.coded ?? term.text) !== undefined
    ? (kind ?? (term.vendor ? undefined : termOf(term.code)?.kind))
    : undefined;

/** The Observation of one value, derived from the panel. */
export function measurement(key: string, item: Item, all: ReadonlyMap<string, Item>, at: Setting): Made {
  const { canonical, cied, maker } = at;
  const { term } = item;
  const spec = term.vendor ? undefined : termOf(term.code);
  const kind = kindOf(item)!;
  const channel = spec?.channel ?? item.channel;
  const instant = readingInstant(at.instant);
  const isLive = spec?.loinc?.code === '8867-4';
  const loinc = spec?.loinc ? [{ system: 'http://loinc.org', ...spec.loinc }] : [];
  const value = saidBy(term);
  // The heart rate profile knows one code for its unit.
  if (isLive && 'valueQuantity' in value) Object.assign(value.valueQuantity!, { unit: 'beats/minute', code: '/min' });
  const name = [cied, instant, kind, channel, term.instance].filter((part) => part !== undefined).join('|');
  return filled({
    resourceType: 'Observation',
    id: observationIdOf(at, key),
    meta: {
      profile: [...(isLive ? [HEART_RATE] : []), `${canonical}/StructureDefinition/cied-measurement`],
      security: labelsOf(at, term),
    },
    ...instanceOf(term),
    identifier: [
      { system: `${canonical}/sid/device-reading`, value: key.includes('~') ? `${name}|${key.split('~')[1]}` : name },
      ...(item.id === undefined
        ? []
        : [{ system: `${canonical}/sid/maker-reading/${maker}`, value: clean(item.id) ?? '-' }]),
    ],
    status: at.status,
    category: isLive ? categoryOf('vital-signs', 'Vital Signs') : procedureCategory,
    code: {
      coding: [...loinc, ...codeOf(term, maker, canonical).coding],
      text: channel === undefined ? kind : `${kind} ${channel}`,
    },
    subject: { reference: at.patient },
    effectiveDateTime: effectiveOf(at),
    issued: new Date(at.issued).toISOString(),
    ...value,
    ...interpretationOf(term),
    device: { reference: at.device },
    derivedFrom: [{ reference: `Observation/${observationIdOf(at, 'panel')}` }],
    component: pulseWidth(item, all, at),
  });
}

/** A threshold means little without the width of the pulses that it was found at. */
function pulseWidth({ term }: Item, all: ReadonlyMap<string, Item>, { maker, canonical }: Setting) {
  const offset = Number(term.code) - 722176;
  if (term.vendor || !(offset >= 0 && offset < 4)) return [];
  const width = all.get(`${722240 + offset}|${term.instance ?? ''}|`);
  return width?.term.quantity ? [{ code: codeOf(width.term, maker, canonical), ...saidBy(width.term) }] : [];
}
