/** A mapping document, compiled at load: which field of a payload becomes which Observation. See mappings/iot-vitals/README.md. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ExactNumber } from '../fhir/json.ts';
import { problem } from '../fhir/outcome.ts';

export interface Coding {
  readonly system: string;
  readonly code: string;
  readonly display?: string;
}

/** A unit as it is written, and the values that a body or a device can have in it. */
export interface UnitSpec {
  readonly unit: string;
  /** UCUM */
  readonly code: string;
  /** Values outside cannot be: they are refused. Inclusive. */
  readonly plausible: readonly [number, number];
  /** Values outside are beyond what the instrument is specified for: kept, and labelled as uncertain. Inclusive. */
  readonly specified?: readonly [number, number];
}

export interface ValueSpec {
  readonly field: string;
  readonly number: 'integer' | 'decimal';
  /** Its unit where it is always the same; else the field that names one of `units`. */
  readonly unit?: UnitSpec;
  readonly unitField?: string;
  readonly units?: Readonly<Record<string, UnitSpec>>;
  /** A field of the same Observation that this value must be greater than. */
  readonly above?: string;
}

export interface ComponentSpec {
  readonly code: readonly Coding[];
  readonly value: ValueSpec;
}

export interface ObservationSpec {
  /** Names it in identifiers and in what is kept; never changes. */
  readonly name: string;
  /** `device`: about the device itself, no measurement of the patient. */
  readonly about?: 'device';
  readonly profile: readonly string[];
  readonly category?: 'vital-signs' | 'laboratory';
  readonly code: readonly Coding[];
  readonly value?: ValueSpec;
  readonly components?: readonly ComponentSpec[];
}

export interface MappingDocument {
  readonly name: string;
  readonly device: string;
  readonly timestamp: string;
  readonly notes: string;
  readonly signalQuality: string;
  readonly observations: readonly ObservationSpec[];
}

/** What a device sent for one Observation: the digits as written. Kept, so that a repeat is told from a correction. */
export interface Sent {
  readonly values: Readonly<Record<string, string>>;
  readonly units?: Readonly<Record<string, string>>;
  readonly notes?: string;
  readonly quality?: string;
}

/** One payload, taken apart. Nothing is looked up yet. */
export interface Parsed {
  readonly deviceId: string | undefined;
  /** As sent. */
  readonly timestamp: string;
  /** Milliseconds since 1970. */
  readonly instant: number;
  readonly sent: ReadonlyMap<string, Sent>;
  /** Fields of the payload that meant nothing here. */
  readonly ignored: readonly string[];
}

export interface Mapping {
  readonly name: string;
  readonly spec: ReadonlyMap<string, ObservationSpec>;
  /**
   * Takes a payload (numbers exact) apart. Throws `required` (400) for what is missing, `value` (400) for a wrong type, an
   * unknown unit or a timestamp more than 5 minutes ahead of `now`.
   */
  parse(payload: any, now: number): Parsed;
  /** Throws `processing` (422) for a value that cannot be. */
  demandPlausible(name: string, sent: Sent): void;
}

const AHEAD = 5 * 60_000;
const LONGEST_NOTE = 4_096;

export const valuesOf = (spec: ObservationSpec): readonly ValueSpec[] =>
  spec.value ? [spec.value] : spec.components!.map(({ value }) => value);

export const unitOf = (value: ValueSpec, sent: Sent): UnitSpec =>
  value.unit ?? value.units![sent.units![value.field]!]!;

/** Devices send null for what they leave out. */
export const isGiven = (value: unknown): boolean => value !== undefined && value !== null;
const wrong = (sentence: string) => problem('value', sentence);
const implausible = (sentence: string) => problem('processing', sentence);

function numberIn(payload: any, field: string, kind: 'integer' | 'decimal'): string {
  const value = payload[field];
  if (!(value instanceof ExactNumber))
    throw wrong(`${field} must be ${kind === 'integer' ? 'an integer' : 'a number'}`);
  if (kind === 'integer' && !Number.isInteger(Number(value.text))) throw wrong(`${field} must be an integer`);
  return value.text;
}

function stringIn(payload: any, field: string): string {
  const value = payload[field];
  if (typeof value !== 'string') throw wrong(`${field} must be a string`);
  return value;
}

/** Milliseconds of an ISO 8601 timestamp with seconds and a zone; refuses any other form and days that no calendar has. */
export function instantOf(timestamp: string, field: string): number {
  const parts =
    /^(\d{4})-(\d\d)-(\d\d)T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?(Z|[+-](?:0\d|1[0-4]):[0-5]\d)$/.exec(timestamp);
  if (!parts) throw wrong(`${field} must be an ISO 8601 date and time with a zone, such as 2025-11-17T10:30:00Z`);
  const [year, month, day] = [Number(parts[1]), Number(parts[2]), Number(parts[3])];
  const calendar = new Date(Date.UTC(year, month - 1, day));
  if (year < 1 || calendar.getUTCMonth() !== month - 1 || calendar.getUTCDate() !== day) {
    throw wrong(`${field} names a day that does not exist`);
  }
  return Date.parse(timestamp);
}

/** Without the control characters that FHIR strings may not hold; undefined where nothing is left. */
function noteIn(payload: any, field: string): string | undefined {
  if (!isGiven(payload[field])) return undefined;
  const note = stringIn(payload, field);
  if (note.length > LONGEST_NOTE) throw wrong(`${field} must be at most ${LONGEST_NOTE} characters long`);
  const clean = note.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/g, '');
  return clean.trim() === '' ? undefined : clean;
}

export function compileMapping(document: MappingDocument): Mapping {
  const spec = new Map(document.observations.map((observation) => [observation.name, observation]));
  const known = new Set([document.device, document.timestamp, document.notes, document.signalQuality]);

  const readers = document.observations.map((observation) => {
    const values = valuesOf(observation);
    return (payload: any, used: Set<string>, shared: Pick<Sent, 'notes' | 'quality'>): Sent | undefined => {
      const digits: Record<string, string> = {};
      const units: Record<string, string> = {};
      for (const { field, number, unitField, units: choices } of values) {
        if (!isGiven(payload[field])) continue;
        digits[field] = numberIn(payload, field, number);
        used.add(field);
        if (!unitField) continue;
        if (!isGiven(payload[unitField])) throw problem('required', `${unitField} is required with ${field}`);
        const unit = stringIn(payload, unitField);
        if (!Object.hasOwn(choices!, unit)) {
          throw wrong(`${unitField} must be ${Object.keys(choices!).join(' or ')}`);
        }
        units[field] = unit;
        used.add(unitField);
      }
      if (Object.keys(digits).length === 0) return undefined;
      return {
        values: digits,
        ...(Object.keys(units).length > 0 ? { units } : {}),
        ...(observation.about === 'device' ? {} : shared),
      };
    };
  });

  return {
    name: document.name,
    spec,
    parse(payload, now) {
      const missing = [document.timestamp].filter((field) => !isGiven(payload[field]));
      if (missing.length > 0) throw problem('required', `Missing required fields (${missing.join(', ')})`);
      const timestamp = stringIn(payload, document.timestamp);
      const instant = instantOf(timestamp, document.timestamp);
      if (instant > now + AHEAD) throw wrong(`${document.timestamp} lies more than 5 minutes in the future`);
      const notes = noteIn(payload, document.notes);
      const quality = isGiven(payload[document.signalQuality])
        ? numberIn(payload, document.signalQuality, 'decimal')
        : undefined;
      const shared = { ...(notes === undefined ? {} : { notes }), ...(quality === undefined ? {} : { quality }) };
      const used = new Set(known);
      const sent = new Map<string, Sent>();
      let vitals = 0;
      for (const [i, observation] of document.observations.entries()) {
        const one = readers[i]!(payload, used, shared);
        if (!one) continue;
        sent.set(observation.name, one);
        if (observation.about !== 'device') vitals++;
      }
      if (vitals === 0) throw problem('required', 'No vital sign measurements provided');
      const deviceId = isGiven(payload[document.device]) ? stringIn(payload, document.device) : undefined;
      const ignored = Object.keys(payload).filter((field) => !used.has(field) && isGiven(payload[field]));
      return { deviceId, timestamp, instant, sent, ignored };
    },
    demandPlausible(name, sent) {
      const quality = Number(sent.quality ?? 100);
      if (!(quality >= 0 && quality <= 100)) throw implausible(`${document.signalQuality} must be from 0 to 100`);
      for (const value of valuesOf(spec.get(name)!)) {
        const text = sent.values[value.field];
        if (text === undefined) continue;
        const { plausible, code } = unitOf(value, sent);
        if (!(Number(text) >= plausible[0] && Number(text) <= plausible[1])) {
          throw implausible(
            `${value.field} is implausible: it must be from ${plausible[0]} to ${plausible[1]} ${code}`,
          );
        }
        const other = value.above === undefined ? undefined : sent.values[value.above];
        if (other !== undefined && !(Number(text) > Number(other))) {
          throw implausible(`${value.field} must be greater than ${value.above}`);
        }
      }
    },
  };
}

/** The digits as they were written first, where the number is the same: 98 after 98.0 says nothing new. */
const newDigits = (was: string | undefined, now: string): string =>
  was !== undefined && Number(was) === Number(now) ? was : now;

/** What is known after another post of the same reading: a field that it leaves out keeps what was sent before. */
export function mergeSent(was: Sent | undefined, now: Sent): Sent {
  if (!was) return now;
  const units = { ...was.units, ...now.units };
  const notes = now.notes ?? was.notes;
  const quality = now.quality === undefined ? was.quality : newDigits(was.quality, now.quality);
  const values = Object.entries(now.values).map(([field, text]) => [field, newDigits(was.values[field], text)]);
  return {
    values: { ...was.values, ...Object.fromEntries(values) },
    ...(Object.keys(units).length > 0 ? { units } : {}),
    ...(notes === undefined ? {} : { notes }),
    ...(quality === undefined ? {} : { quality }),
  };
}

const sameTexts = (a: Readonly<Record<string, string>> = {}, b: Readonly<Record<string, string>> = {}): boolean =>
  Object.keys(a).length === Object.keys(b).length && Object.keys(a).every((field) => a[field] === b[field]);

/** How `now`, merged with it, differs from `was`: not at all, by a value that was already sent, or only by something added. */
export function difference(was: Sent, now: Sent): 'none' | 'added' | 'changed' {
  const isChanged = Object.keys(was.values).some(
    (field) => was.values[field] !== now.values[field] || was.units?.[field] !== now.units?.[field],
  );
  if (isChanged) return 'changed';
  const isSame = sameTexts(was.values, now.values) && was.notes === now.notes && was.quality === now.quality;
  return isSame ? 'none' : 'added';
}

/** The mapping document of a folder under mappings/, compiled. */
export const loadMapping = (folder: string): Mapping =>
  compileMapping(JSON.parse(readFileSync(join(folder, 'mapping.json'), 'utf8')));
