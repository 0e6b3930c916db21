/** OBX-5 by the type that OBX-2 names, as what an Observation can hold. https://build.fhir.org/ig/HL7/v2-to-fhir/ConceptMap-segment-obx-to-observation.html */
import { hash } from 'node:crypto';
import { ExactNumber } from '../../../fhir/json.ts';
import { isBase64 } from '../../../fhir/primitives.ts';
import { clean, filled } from '../../intake/entries.ts';
import type { Segment } from '../wire/message.ts';
import { type Around, conceptOf, dateTime, notTold } from './datatypes.ts';
import { numberOf, unitOf } from './quantity.ts';
import type { Part, ReadMessage } from './reading.ts';
import { timeOf } from './times.ts';

/** A document in a message, before it is decided where it stands. */
export interface Document {
  readonly contentType: string;
  readonly bytes?: Buffer;
  readonly url?: string;
}

export interface Value {
  /** One for each repetition: `{ valueQuantity }`. Lines of text are one. */
  readonly values: readonly Readonly<Record<string, any>>[];
  readonly documents: readonly Document[];
  /** Lines, where it is text. */
  readonly text?: string;
  /** A sentence where something is there that cannot be read. */
  readonly fault?: string;
}

const LONGEST = 1_000_000;
const TEXTS = new Set(['ST', 'FT', 'TX', 'VARIES', '']);
export const isText = (type: string): boolean => TEXTS.has(type);

const asText = (part: Part) => {
  const text = clean(part.whole(), LONGEST);
  return text === undefined ? undefined : { valueString: text };
};

/** `<5`, `>= 10.0`, as some write them in place of SN. */
function comparedOf(text: string): { comparator?: string; value: ExactNumber } | undefined {
  const [, comparator, number] = /^\s*(<=|>=|<|>)?\s*(\S+)\s*$/.exec(text) ?? [];
  const value = number === undefined ? undefined : numberOf(number);
  return value && filled({ comparator, value });
}

function structured(part: Part, unit: any): any {
  const [comparator, first, separator, second] = [part.get(1), part.get(2), part.get(3), part.get(4)];
  const [one, two] = [first, second].map((text) => (text === undefined ? undefined : numberOf(text)));
  if (one && separator === '-' && two)
    return { valueRange: { low: { value: one, ...unit }, high: { value: two, ...unit } } };
  if (one && (separator === ':' || separator === '/') && two)
    return { valueRatio: { numerator: { value: one, ...unit }, denominator: { value: two } } };
  if (one && separator === undefined && second === undefined) {
    const isEqual = comparator === undefined || comparator === '=';
    if (isEqual) return { valueQuantity: { value: one, ...unit } };
    if (['<', '>', '<=', '>='].includes(comparator)) return { valueQuantity: { value: one, comparator, ...unit } };
  }
  return asText(part);
}

/** https://hl7.org/fhir/R4/datatypes.html#SampledData; how fast it was sampled is told elsewhere, or not. */
function sampled(parts: readonly Part[], segment: Segment, unit: any): any {
  const data = parts.flatMap((part, i) =>
    Array.from({ length: Math.max(1, segment.components(5, i + 1)) }, (_, c) => {
      const text = part.get(c + 1);
      const number = text === undefined ? undefined : numberOf(text);
      return number ? number.text : 'E';
    }),
  );
  return {
    valueSampledData: {
      origin: { value: new ExactNumber('0'), ...unit },
      _period: notTold(),
      dimensions: 1,
      data: data.join(' '),
    },
  };
}

const TOP = new Set(['application', 'audio', 'image', 'model', 'multipart', 'text', 'video']);

function contentTypeOf(type: string | undefined, subtype: string | undefined): string {
  const [top, sub] = [type?.toLowerCase() ?? '', subtype?.toLowerCase() ?? ''];
  if (sub === 'pdf') return 'application/pdf';
  if (sub === 'rtf') return 'application/rtf';
  if (TOP.has(top) && /^[a-z0-9][a-z0-9.+-]*$/.test(sub)) return `${top}/${sub}`;
  if (top === 'ft' || top === 'tx' || top === 'text') return 'text/plain';
  return 'application/octet-stream';
}

/** ED: source, type, subtype, encoding, data. A part of it may be wrapped in lines. */
function encapsulated(part: Part): Document | string | undefined {
  const contentType = contentTypeOf(part.get(2), part.get(3));
  part.get(1);
  const encoding = part.get(4)?.toLowerCase() ?? 'base64';
  const data = part.get(5);
  if (data === undefined) return 'OBX-5 names a document and holds none';
  if (encoding === 'a') return { contentType, bytes: Buffer.from(data, 'utf8') };
  // No repeated groups below: over some megabytes they run out of stack.
  const packed = data.replace(/\s+/g, '');
  if (encoding === 'hex') {
    return packed !== '' && packed.length % 2 === 0 && !/[^0-9a-f]/i.test(packed)
      ? { contentType, bytes: Buffer.from(packed, 'hex') }
      : 'a document in OBX-5 says it is hexadecimal, and is not';
  }
  return isBase64(packed)
    ? { contentType, bytes: Buffer.from(packed, 'base64') }
    : 'a document in OBX-5 says it is base64, and is not';
}

function pointer(part: Part): Document | string {
  const contentType = contentTypeOf(part.get(3), part.get(4));
  part.get(2);
  const url = part.get(1);
  return url !== undefined && /^https?:\/\/[^\s]+$/.test(url)
    ? { contentType, url }
    : 'a pointer in OBX-5 leads nowhere that can be followed from here';
}

const converters: Readonly<Record<string, (part: Part, unit: any, around: Around) => any>> = {
  NM(part, unit) {
    const told = comparedOf(part.get(1) ?? '');
    return told ? { valueQuantity: { ...told, ...unit } } : asText(part);
  },
  SN: structured,
  CQ: (part, unit) => {
    const value = numberOf(part.get(1) ?? '');
    return value ? { valueQuantity: { value, ...unit, ...(part.get(2) ? unitOf(part.part(2)) : {}) } } : asText(part);
  },
  DT: timed,
  DTM: timed,
  TS: timed,
  TM(part) {
    const time = timeOf(part.get(1) ?? '');
    return time ? { valueTime: time } : asText(part);
  },
  DR(part, _unit, around) {
    const [start, end] = [part.get(1), part.get(2)].map((text) => text && dateTime(text, around));
    return start || end ? { valuePeriod: filled({ start: start || undefined, end: end || undefined }) } : asText(part);
  },
  NR(part, unit) {
    const [low, high] = [part.get(1), part.get(2)].map((text) => (text ? numberOf(text) : undefined));
    if (!low && !high) return asText(part);
    return { valueRange: filled({ low: low && { value: low, ...unit }, high: high && { value: high, ...unit } }) };
  },
};

function timed(part: Part, _unit: any, around: Around): any {
  const text = part.get(1);
  const told = text && dateTime(text, around);
  return told ? { valueDateTime: told } : asText(part);
}

const coded = (part: Part, _unit: any, around: Around) => {
  const concept = conceptOf(part, around);
  return concept && { valueCodeableConcept: concept };
};
const CODED = new Set(['CWE', 'CE', 'CF', 'CNE', 'IS', 'ID', 'CD']);

export function valueIn(message: ReadMessage, segment: Segment, around: Around): Value {
  const type = (segment.get(2) ?? '').toUpperCase();
  const [unitPart] = message.parts(segment, 6);
  const unit = unitOf(unitPart);
  const parts = message.parts(segment, 5);
  if (isText(type)) {
    const lines = parts.flatMap((part) => clean(part.whole(), LONGEST) ?? []);
    const text = lines.join('\n');
    // A number that says it is text, with a unit, is a number.
    const told = unitPart && lines.length === 1 ? comparedOf(text) : undefined;
    if (told) return { values: [{ valueQuantity: { ...told, ...unit } }], documents: [] };
    return lines.length === 0
      ? { values: [], documents: [] }
      : { values: [{ valueString: text }], documents: [], text };
  }
  if (type === 'ED' || type === 'RP') {
    const read = parts.map((part) => (type === 'ED' ? encapsulated(part) : pointer(part)));
    return {
      values: [],
      documents: read.filter((one): one is Document => typeof one === 'object'),
      ...filled({ fault: read.find((one) => typeof one === 'string') }),
    };
  }
  if (type === 'NA' || type === 'MA')
    return { values: parts.length > 0 ? [sampled(parts, segment, unit)] : [], documents: [] };
  const convert = CODED.has(type) ? coded : (converters[type] ?? asText);
  return { values: parts.flatMap((part) => convert(part, unit, around) ?? []), documents: [] };
}

/** Documents up to this size stand in what names them; whoever reads a report reads all that is in it. */
const INLINE = 256 * 1024;
/** MongoDB stores 16 MB as one document, and base64 is a third longer. */
const LARGEST = 11 * 1024 * 1024;

/** An Attachment; `keep` puts the bytes of a large one beside it and tells its url. One that nothing holds is in the message. */
export function attachmentOf(
  { contentType, bytes, url }: Document,
  title: string | undefined,
  keep: (contentType: string, data: string) => string,
  raw: string | undefined,
): any {
  if (!bytes) return filled({ contentType, url, title });
  const data = bytes.toString('base64');
  const said = { contentType, size: bytes.length, hash: hash('sha1', bytes, 'base64') };
  const where = bytes.length <= INLINE ? { data } : { url: bytes.length > LARGEST ? raw : keep(contentType, data) };
  return filled({ ...said, ...where, title });
}
