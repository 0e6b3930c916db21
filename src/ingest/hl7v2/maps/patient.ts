/** PID and MRG: who it is about, found by number or made; A40 leads from the number that was given up to the one that stays. https://build.fhir.org/ig/HL7/v2-to-fhir/ConceptMap-segment-pid-to-patient.html */
import { filled } from '../../intake/entries.ts';
import type { Segment } from '../wire/message.ts';
import { type Around, identifierOf } from './datatypes.ts';
import type { Drafts, Identifier } from './drafts.ts';
import type { Part, ReadMessage } from './reading.ts';
import { type Filled, fill } from './rows.ts';

/** Types of numbers that identify a patient, the best first. HL7 table 0203 */
const NUMBERS = ['MR', 'PI', 'MRN', 'PT', 'EPI', 'MPI', 'PE', 'PN', 'MA', 'HC'];

/** PID-3 of IDCO names the device first: `model:D233/serial:123456`, of type U. */
export const isDeviceNumber = (part: Part): boolean =>
  part.get(5) === 'U' || /^model:.*\/serial:/i.test(part.get(1) ?? '');

const codeOf = (identifier: any): string | undefined => identifier.type?.coding?.[0]?.code;

/** The one that a patient is found by. */
export function numberOfPatient(identifiers: readonly any[]): Identifier | undefined {
  const rank = (identifier: any) => {
    const code = codeOf(identifier);
    const at = code === undefined ? NUMBERS.length : NUMBERS.indexOf(code);
    return at < 0 ? NUMBERS.length + 1 : at;
  };
  const usable = identifiers.filter((identifier) => codeOf(identifier) !== 'AN');
  return [...usable].sort((a, b) => rank(a) - rank(b))[0];
}

export interface Person {
  readonly reference: string;
  readonly number: Identifier;
  readonly said: any;
}

/** What PID says; the device of PID-3 is no number of the patient. */
export function personIn(message: ReadMessage, segment: Segment, around: Around): Filled {
  const filledIn = fill(message, segment, around);
  const { resource: patient } = filledIn;
  const devices = new Set(
    message
      .parts(segment, 3)
      .filter(isDeviceNumber)
      .map((part) => part.get(1)),
  );
  const identifier = (patient.identifier ?? []).filter((i: any) => !devices.has(i.value));
  const birth = message.parts(segment, 7)[0]?.get(1);
  if (birth !== undefined && birth.length > 8) {
    const time = fill(message, segment, around, { name: 'birthTime' }).resource.birthTime;
    if (time?.includes('T'))
      patient._birthDate = {
        extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/patient-birthTime', valueDateTime: time }],
      };
  }
  // Only one of each is allowed: what tells more stays.
  if (patient.deceasedDateTime !== undefined) delete patient.deceasedBoolean;
  if (patient.multipleBirthInteger !== undefined) delete patient.multipleBirthBoolean;
  if (patient.extension) patient.extension = oneOfEach(patient.extension);
  // A county with no address of its own is none.
  if (patient.address?.length === 1 && Object.keys(patient.address[0]).join() === 'district') delete patient.address;
  return { ...filledIn, resource: filled({ resourceType: 'Patient', ...patient, identifier: unique(identifier) }) };
}

/** Of several races one extension tells all. */
function oneOfEach(extensions: readonly any[]): readonly any[] {
  const byUrl = new Map<string, any>();
  for (const one of extensions) {
    const before = byUrl.get(one.url);
    if (!before?.extension || !one.extension) byUrl.set(one.url, one);
    else {
      const text = (e: any) => e.extension.find((x: any) => x.url === 'text')?.valueString;
      const others = [...before.extension, ...one.extension].filter((x: any) => x.url !== 'text');
      const texts = [text(before), text(one)].filter(Boolean).join(', ');
      byUrl.set(one.url, {
        url: one.url,
        extension: [...others, ...(texts ? [{ url: 'text', valueString: texts }] : [])],
      });
    }
  }
  return [...byUrl.values()];
}

const keyOf = (identifier: any) => `${identifier.system}|${identifier.value}`;
const unique = (identifiers: readonly any[]) => [...new Map(identifiers.map((i) => [keyOf(i), i])).values()];

/** How the items of a list are told apart: what is said replaces those of the same kind, and leaves the others. */
const kinds: Readonly<Record<string, (item: any) => string>> = {
  identifier: keyOf,
  name: ({ use }) => use ?? 'official',
  address: ({ use }) => use ?? 'home',
  telecom: ({ system, use }) => `${system}|${use ?? 'home'}`,
  extension: ({ url }) => url,
};

/** A patient with what the message says laid over it, and what it wants removed taken out. */
function withSaid(existing: any, said: any, removed: Filled['removed'] = []): any {
  const { resourceType: _type, id: _id, meta: _meta, ...elements } = said;
  const next = { ...existing };
  for (const [name, value] of Object.entries<any>(elements)) {
    if (name.startsWith('deceased') || name.startsWith('multipleBirth')) {
      const stem = name.startsWith('deceased') ? 'deceased' : 'multipleBirth';
      for (const other of Object.keys(next)) if (other.startsWith(stem)) delete next[other];
    }
    const kind = kinds[name];
    if (!kind) next[name] = value;
    else {
      const news = new Set(value.map(kind));
      next[name] = [...(existing[name] ?? []).filter((item: any) => !news.has(kind(item))), ...value];
    }
  }
  if (said.birthDate !== undefined && said._birthDate === undefined && said.birthDate !== existing.birthDate)
    delete next._birthDate;
  for (const { element, url } of removed) {
    // Numbers are given up by a merge alone.
    if (element === 'identifier') continue;
    if (url === undefined) {
      delete next[element];
      delete next[`_${element}`];
    } else {
      const left = (next.extension ?? []).filter((e: any) => e.url !== url);
      if (left.length > 0) next.extension = left;
      else delete next.extension;
    }
  }
  return next;
}

const linkOf = (other: string, type: 'replaces' | 'replaced-by') => ({ other: { reference: other }, type });

/**
 * The patient of a message. `updates`: the message tells about the person (ADT) and is no older than what was told before; every
 * other only finds one, or makes one that is missing.
 */
export async function patientOf(
  { resource: said, removed }: Filled,
  drafts: Drafts,
  updates: boolean,
  warn: (sentence: string) => void,
): Promise<Person | undefined> {
  const number = numberOfPatient(said.identifier ?? []);
  if (number === undefined) return undefined;
  const found = await drafts.find('Patient', number);
  const successor = found?.resource.active === false && found.resource.link?.find((l: any) => l.type === 'replaced-by');
  if (successor) {
    warn('the patient was merged into another, whose record it goes to');
    return { reference: successor.other.reference, number, said };
  }
  const merge = updates ? (existing: any) => withSaid(existing, said, removed) : undefined;
  const reference = await drafts.named({ ...said, active: true }, number, merge);
  return { reference, number, said };
}

/**
 * A40: the record of MRG-1 is no longer active and leads to the one that stays, which leads back. What points to it stays as it is.
 */
export async function mergePatients(
  message: ReadMessage,
  segment: Segment,
  survivor: Person,
  around: Around,
  drafts: Drafts,
): Promise<boolean> {
  const given = message.parts(segment, 1).flatMap((part) => identifierOf(part, around) ?? []);
  const number = numberOfPatient(given);
  if (number === undefined || keyOf(number) === keyOf(survivor.number)) return false;
  const retired = await drafts.find('Patient', number);
  const gone = (existing: any) => ({
    ...existing,
    active: false,
    link: [
      ...(existing.link ?? []).filter((l: any) => l.type !== 'replaced-by'),
      linkOf(survivor.reference, 'replaced-by'),
    ],
  });
  let retiredReference: string;
  if (retired) {
    retiredReference = `Patient/${retired.key.id}`;
    if (retiredReference === survivor.reference) return false;
    drafts.change(retired, gone(retired.resource));
  } else {
    retiredReference = await drafts.named(gone({ resourceType: 'Patient', identifier: unique(given) }), number);
  }
  const link = linkOf(retiredReference, 'replaces');
  const has = (patient: any) => patient.link?.some((l: any) => l.other?.reference === retiredReference);
  await drafts.amend(survivor.reference, (patient: any) =>
    has(patient) ? patient : { ...patient, link: [...(patient.link ?? []), link] },
  );
  return true;
}
