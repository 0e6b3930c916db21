/** Data types of HL7 v2 as those of FHIR. HL7 v2.5.1 chapter 2.A, https://build.fhir.org/ig/HL7/v2-to-fhir/datatype_maps.html */
import { clean, filled } from '../../intake/entries.ts';
import type { Part } from './reading.ts';
import { authorityOf, inTable, systemOf, V2 } from './tables.ts';
import { dateOf, dateTimeOf } from './times.ts';

/** What holds for a whole message. */
export interface Around {
  readonly canonical: string;
  readonly zone: string;
  /** Who sends, as a piece of a URL: systems of its own begin with it. */
  readonly sender: string;
  readonly facility: string;
  warn(sentence: string): void;
  assume(sentence: string): void;
}

const DATA_ABSENT = 'http://hl7.org/fhir/StructureDefinition/data-absent-reason';

/** A code system or authority that means something only to its sender. */
export const ownSystem = (kind: 'CodeSystem' | 'sid', name: string, { canonical, sender }: Around): string => {
  // Authorities have the same name whoever speaks of them; codes of `L` are everybody's own.
  const words = kind === 'CodeSystem' ? [sender, name] : [name || sender];
  return `${canonical}/${kind}/hl7v2/${words.filter(Boolean).map(encodeURIComponent).join('/') || 'unnamed'}`;
};

/** HD or the last parts of an EI: namespace, universal id, its type. */
export function authorityIn(part: Part, from: number, around: Around): string | undefined {
  const [namespace, id, type] = [part.get(from), part.get(from + 1), part.get(from + 2)?.toUpperCase()];
  const known = (id && authorityOf(id)) ?? (namespace && authorityOf(namespace));
  if (namespace === 'EUI-64' || namespace === 'EUI64') return EUI64;
  if (known) return known;
  if (id !== undefined) {
    // What says it is one and is none, is a name like any other.
    if (isOid(id)) return `urn:oid:${id}`;
    if (isUuid(id)) return `urn:uuid:${id.toLowerCase()}`;
    if (type === 'EUI-64' || type === 'EUI64') return EUI64;
    if (type === 'URI' && /^[a-z][a-z0-9+.-]*:\S+$/i.test(id)) return id;
    return ownSystem('sid', id, around);
  }
  return namespace === undefined ? undefined : ownSystem('sid', namespace, around);
}

/** X.660 sets no limit; a field of megabytes is no OID. */
const isOid = (id: string): boolean => id.length <= 255 && /^[0-2](?:\.(?:0|[1-9]\d*))+$/.test(id);
const isUuid = (id: string): boolean => /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i.test(id);

/** The identifier system of IEEE EUI-64 in the guides for personal health devices. */
export const EUI64 = 'urn:oid:1.2.840.10004.1.1.1.0.0.1.0.0.1.2680';

/** As those guides write it: `FE-ED-AB-EE-DE-AD-77-C3`. */
export const eui64Of = (value: string): string =>
  /^[0-9a-f]{16}$/i.test(value) ? value.toUpperCase().match(/../g)!.join('-') : value;

/** A value as FHIR's code; undefined where it is a text. https://hl7.org/fhir/R4/datatypes.html#code */
export function codeIn(value: string | undefined): string | undefined {
  const text = clean(value, 500);
  return text !== undefined && /^\S+(?: \S+)*$/.test(text) ? text : undefined;
}

const typed = (value: string | undefined): any => {
  const code = codeIn(value);
  return code && { coding: [{ system: `${V2}0203`, code }] };
};

/** CX. Without an authority it belongs to its sender. */
export function identifierOf(part: Part, around: Around, asked: { type?: string; system?: string } = {}): any {
  const value = clean(part.get(1), 500);
  if (value === undefined) return undefined;
  const type = part.get(5) ?? asked.type;
  const facility = clean(part.part(6).get(1), 200);
  const period = periodOf(part.get(7), part.get(8), around);
  const system = authorityIn(part.part(4), 1, around) ?? asked.system ?? ownSystem('sid', '', around);
  return filled({ type: typed(type), system, value, period, assigner: facility && { display: facility } });
}

/** EI. */
export function entityOf(part: Part, around: Around, asked: { type?: string } = {}): any {
  const value = clean(part.get(1), 500);
  if (value === undefined) return undefined;
  const system = authorityIn(part, 2, around) ?? ownSystem('sid', '', around);
  return {
    ...(asked.type ? { type: typed(asked.type) } : {}),
    system,
    value: system === EUI64 ? eui64Of(value) : value,
  };
}

function periodOf(start: string | undefined, end: string | undefined, around: Around): any {
  const from = start && dateTime(start, around);
  const to = end && dateTime(end, around);
  return from || to ? filled({ start: from || undefined, end: to || undefined }) : undefined;
}

export function dateTime(value: string, around: Around): string | undefined {
  const told = dateTimeOf(value, around.zone);
  if (!told) around.warn('a value that should be a time is none');
  if (told?.assumed) around.assume(`times that name no zone are of ${around.zone}`);
  return told?.text;
}

/** FHIR's instant: undefined where only a day is told. */
export function instantOf(value: string, around: Around): string | undefined {
  const text = dateTime(value, around);
  return text?.includes('T') ? text : undefined;
}

export function dateIn(value: string, around: Around): string | undefined {
  const text = dateOf(value);
  if (!text) around.warn('a value that should be a date is none');
  return text;
}

/** CWE, CE, CNE, CF, IS and ID. `fallback`: `v2-0007`, the table of a code that names no system. */
export function conceptOf(part: Part, around: Around, fallback?: string): any {
  const codings = [
    codingOf(part, [1, 2, 3, 7, 14], around, fallback),
    codingOf(part, [4, 5, 6, 8, 17], around),
    codingOf(part, [10, 11, 12, 13, 20], around),
  ].filter((c) => c !== undefined);
  const named = codings.filter((c) => c.code !== undefined);
  const text = clean(part.get(9)) ?? codings.find((c) => c.display !== undefined)?.display;
  if (named.length === 0 && text === undefined) return undefined;
  return filled({ coding: named, text });
}

function codingOf(
  part: Part,
  [code, display, system, version, oid]: readonly number[],
  around: Around,
  fallback?: string,
): any {
  const value = part.get(code!);
  const shown = clean(part.get(display!));
  if (value === undefined && shown === undefined) return undefined;
  const name = part.get(system!);
  const told = part.get(oid!);
  const from =
    (name && systemOf(name)) ??
    (told && /^[0-2](?:\.\d+){2,}$/.test(told) ? `urn:oid:${told}` : undefined) ??
    (name ? ownSystem('CodeSystem', name, around) : fallback && (systemOf(fallback) ?? undefined));
  const told_ = codeIn(value);
  return filled({
    system: from || undefined,
    version: clean(part.get(version!), 100),
    code: told_,
    display: shown ?? (told_ === undefined ? clean(value) : undefined),
  });
}

/** XPN. */
export function nameOf(part: Part, around: Around): any {
  const family = clean(part.part(1).get(1) ?? part.get(1));
  const given = [part.get(2), ...(part.get(3)?.split(/\s+/) ?? [])].flatMap((name) => clean(name) ?? []);
  const type = part.get(7);
  const suffix = [part.get(4), part.get(6), part.get(14)].flatMap((text) => clean(text) ?? []);
  const period = periodOf(part.get(12) ?? part.part(10).get(1), part.get(13) ?? part.part(10).get(2), around);
  if (family === undefined && given.length === 0) return undefined;
  return filled({
    use: type && inTable('0200', type),
    family,
    given,
    prefix: [part.get(5)].flatMap((text) => clean(text) ?? []),
    suffix,
    period,
  });
}

/** XAD. */
export function addressOf(part: Part, around: Around): any {
  const street = [part.part(1).get(1), part.get(2), part.get(19)].flatMap((line) => clean(line) ?? []);
  const type = part.get(7);
  const address = filled({
    use: type && inTable('0190', type),
    type: type === 'M' ? 'postal' : undefined,
    line: street,
    city: clean(part.get(3)),
    district: clean(part.get(9)),
    state: clean(part.get(4)),
    postalCode: clean(part.get(5)),
    country: clean(part.get(6)),
    period: periodOf(part.get(13) ?? part.part(12).get(1), part.get(14) ?? part.part(12).get(2), around),
  });
  return Object.keys(address).some((key) => key !== 'use' && key !== 'type') ? address : undefined;
}

/** XTN, in its old form (the number alone) and its new one. */
export function telecomOf(part: Part, around: Around, use?: string): any {
  const equipment = part.get(3);
  const kind = part.get(2);
  const [country, area, local, extension] = [part.get(5), part.get(6), part.get(7), part.get(8)];
  const mail = clean(part.get(4));
  const pieces = [country && `+${country.replace(/^\+/, '')}`, area && `(${area})`, local].filter(Boolean).join(' ');
  const number = clean(part.get(1)) ?? clean(part.get(12)) ?? clean(pieces);
  const value = mail ?? (number && (extension ? `${number} x${extension}` : number));
  if (value === undefined) return undefined;
  const system = mail ? 'email' : ((equipment && inTable('0202', equipment)) ?? (kind === 'NET' ? 'email' : 'phone'));
  const isMobile = equipment === 'CP' || kind === 'PRS';
  return filled({
    system,
    value,
    use: isMobile ? 'mobile' : ((kind && inTable('0201', kind)) ?? use),
    period: periodOf(part.get(13), part.get(14), around),
  });
}

export const displayOfName = ({ prefix = [], given = [], family, suffix = [] }: any): string | undefined =>
  clean([...prefix, ...given, family, ...suffix].filter(Boolean).join(' '));

/** Where the parts of an XCN, an NDL's name (CNN) and a name's own parts stand. */
const XCN = { authority: 9, type: 13, facility: 14 };

/** XCN: who it is, by identifier and name. Nobody is made a Practitioner by a message. */
export function personOf(part: Part, around: Around): any {
  const value = clean(part.get(1), 200);
  const family = clean(part.part(2).get(1) ?? part.get(2));
  const display = displayOfName({
    prefix: [clean(part.get(6))].filter(Boolean),
    given: [part.get(3), part.get(4)].map((name) => clean(name)).filter(Boolean),
    family,
    suffix: [part.get(5), part.get(7)].map((text) => clean(text)).filter(Boolean),
  });
  if (value === undefined && display === undefined) return undefined;
  const type = part.get(XCN.type);
  const npi = type === 'NPI' ? 'http://hl7.org/fhir/sid/us-npi' : undefined;
  const authority = authorityIn(part.part(XCN.authority), 1, around);
  const assigner = clean(part.part(XCN.facility).get(1), 200);
  const system = npi ?? authority ?? ownSystem('sid', '', around);
  return filled({
    type: 'Practitioner',
    identifier: value && filled({ type: typed(type), system, value, assigner: assigner && { display: assigner } }),
    display,
  });
}

/** XON: by identifier and name, as persons are. */
export function organizationOf(part: Part, around: Around): any {
  const display = clean(part.get(1));
  const value = clean(part.get(10) ?? part.get(3), 200);
  const type = part.get(7);
  const system = authorityIn(part.part(6), 1, around) ?? ownSystem('sid', '', around);
  if (value === undefined && display === undefined) return undefined;
  return filled({ type: 'Organization', identifier: value && filled({ type: typed(type), system, value }), display });
}

/** PL: where it is, as it is written on a door. */
export function locationOf(part: Part, around: Around): any {
  const place = [part.get(1), part.get(2), part.get(3)].filter((text) => text !== undefined);
  const within = [part.get(8), part.get(7), part.part(4).get(1)].filter((text) => text !== undefined);
  const described = clean(part.get(9));
  const display = described ?? clean([...place, ...within].join(', '));
  if (display === undefined) return undefined;
  const value = clean(place.join('^'), 200);
  return filled({
    type: 'Location',
    identifier: value && { system: `${ownSystem('sid', part.part(4).get(1) ?? '', around)}/location`, value },
    display,
  });
}

/** Something has to stand there, and it is not told. */
export const notTold = (code = 'unknown'): any => ({ extension: [{ url: DATA_ABSENT, valueCode: code }] });

/** CodeableConcept in place of a value that is missing. */
export const absentReason = (code: string): any => ({
  coding: [{ system: 'http://terminology.hl7.org/CodeSystem/data-absent-reason', code }],
});
