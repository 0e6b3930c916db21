/** PID and MRG: who it is about, found by number or made; A40 leads from the number that was given up to the one that stays. https://build.fhir.org/ig/HL7/v2-to-fhir/ConceptMap-segment-pid-to-patient.html */
import { referenceTo } from '../../../fhir/references.ts';
import { filled } from '../../intake/entries.ts';
import type { Segment } from '../wire/message.ts';
import { type Around, identifierOf } from './datatypes.ts';
import type { Drafts } from './drafts.ts';
import type { Found, Identifier } from './identified.ts';
import type { Mapped } from './mapped.ts';
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
  /** Of the one who stays. */
  readonly reference: string;
  /** Of the one who has the number: another, where that was merged. */
  readonly own: string;
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
  if (found) {
    const own = referenceTo(found.key);
    const last = found.resource.active === false ? await drafts.whose.lastOf(own) : own;
    if (last !== own) {
      warn('the patient was merged into another, whose record it goes to');
      return { reference: last, own, number, said };
    }
  }
  const identifier =
    found && !updates ? said.identifier : await ownNumbers(said.identifier, number, found, drafts, warn);
  const person = { ...said, identifier };
  const merge = updates ? (existing: any) => withSaid(existing, person, removed) : undefined;
  const reference = await drafts.named({ ...person, active: true }, number, merge);
  return { reference, own: reference, number, said };
}

/** The numbers without those of another patient: with them, the next message would find the wrong one of two. */
async function ownNumbers(
  said: readonly any[],
  number: Identifier,
  found: Found | undefined,
  drafts: Drafts,
  warn: (sentence: string) => void,
): Promise<readonly any[]> {
  const has = new Set((found?.resource.identifier ?? []).map(keyOf));
  const own = found && referenceTo(found.key);
  const isOfAnother = await Promise.all(
    said.map(async (one) => {
      // A family has one account; nobody is found by it.
      if (keyOf(one) === keyOf(number) || has.has(keyOf(one)) || codeOf(one) === 'AN') return false;
      const other = await drafts.find('Patient', one);
      if (!other) return false;
      const reference = referenceTo(other.key);
      const last = await drafts.whose.lastOf(reference);
      return last !== own && (other.resource.active !== false || last !== reference);
    }),
  );
  if (isOfAnother.includes(true)) warn('a number of the message is one of another patient, and was not added');
  return said.filter((_, i) => !isOfAnother[i]);
}

const CIRCLE = {
  code: 'conflict',
  reason: 'PID-3 was merged into the patient of MRG-1 before: one of two merges must be wrong',
} as const;
const ELSEWHERE = { code: 'conflict', reason: 'the patient of MRG-1 was merged into another before' } as const;
const NO_MERGE = { code: 'unmapped', reason: 'A40 names in MRG-1 no number of a patient to be given up' } as const;

/**
 * A40: the record of MRG-1 is no longer active and leads to the one that stays, which leads back. What points to it stays as it is. Merges of
 * merges are chained, so that it does not matter in which order they are told. Why it cannot be done, where it cannot.
 */
export async function mergePatients(
  message: ReadMessage,
  segment: Segment | undefined,
  { own, number: survivor }: Person,
  around: Around,
  drafts: Drafts,
): Promise<Mapped['quarantine']> {
  const given = segment ? message.parts(segment, 1).flatMap((part) => identifierOf(part, around) ?? []) : [];
  const number = numberOfPatient(given);
  if (number === undefined) return NO_MERGE;
  const same = () => void around.warn('MRG-1 names no other patient: nothing was merged');
  if (keyOf(number) === keyOf(survivor)) return same();
  const retired = await drafts.find('Patient', number);
  const gone = (existing: any) => ({
    ...existing,
    active: false,
    link: [...(existing.link ?? []).filter((l: any) => l.type !== 'replaced-by'), linkOf(own, 'replaced-by')],
  });
  let retiredReference: string;
  if (retired) {
    retiredReference = `Patient/${retired.key.id}`;
    if (retiredReference === own) return same();
    const [ours, theirs] = [await drafts.whose.chainOf(own), await drafts.whose.chainOf(retiredReference)];
    if (ours.includes(retiredReference)) return CIRCLE;
    if (theirs.length > 1) return theirs.at(-1) === ours.at(-1) ? undefined : ELSEWHERE;
    drafts.change(retired, gone(retired.resource));
  } else {
    retiredReference = await drafts.named(gone({ resourceType: 'Patient', identifier: unique(given) }), number);
  }
  const link = linkOf(retiredReference, 'replaces');
  const has = (patient: any) => patient.link?.some((l: any) => l.other?.reference === retiredReference);
  await drafts.amend(own, (patient: any) =>
    has(patient) ? patient : { ...patient, link: [...(patient.link ?? []), link] },
  );
  return undefined;
}
