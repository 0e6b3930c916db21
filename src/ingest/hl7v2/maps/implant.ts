/** IHE PCD-09: what an implant tells of itself (IDCO), handed on in the house's words. https://www.ihe.net/uploadedFiles/Documents/PCD/IHE_PCD_TF_Vol2.pdf, docs/implants.md */
import { readFileSync } from 'node:fs';
import { parseExact, writeExact } from '../../../fhir/json.ts';
import type { Entry } from '../../../interactions/interaction.ts';
import type { Change } from '../../../store/store.ts';
import type { Implant, ImplantType, Interrogation, Lead, PatientTold, Term, Told } from '../../implants/told.ts';
import { filled } from '../../intake/entries.ts';
import { quarantineChange, quarantineId } from '../../intake/quarantine.ts';
import type { Segment } from '../wire/message.ts';
import { type Around, dateTime } from './datatypes.ts';
import { addHeader } from './header.ts';
import { withLabels } from './labels.ts';
import type { Beginning, Part } from './mapped.ts';
import { isDeviceNumber, personIn } from './patient.ts';
import type { ReadMessage } from './reading.ts';
import { noteOf, type Result, resultOf } from './result.ts';
import { codeOf, dayOf, termCode, termOf, textOf } from './term.ts';

interface Words {
  readonly types: Readonly<Record<string, ImplantType>>;
  readonly makers: Readonly<Record<string, { readonly maker: string; readonly manufacturer: string }>>;
  readonly device: Readonly<Record<'type' | 'model' | 'serial' | 'manufacturer' | 'implanted', string>>;
  readonly lead: Readonly<Record<string, keyof Lead>>;
  readonly episode: { readonly id: string; readonly first: number; readonly last: number };
  readonly session: { readonly at: string; readonly type: string };
}
const words: Words = JSON.parse(
  readFileSync(new URL('../../../../mappings/hl7v2/implants.json', import.meta.url), 'utf8'),
);

/** Words come from outside: `constructor` is none of ours. */
const wordIn = <T>(table: Readonly<Record<string, T>>, word: string | undefined): T | undefined =>
  word !== undefined && Object.hasOwn(table, word) ? table[word] : undefined;

const EPISODES = 'hl7v2-episode';

/** A number of the IDC nomenclature: partition 11 of IEEE 11073. */
const isIdc = (code: string | undefined): boolean => code !== undefined && /^7[23]\d{4}$/.test(code);

/** It names its device in PID-3 as IDCO does, or tells what only implants tell. */
export const isImplant = (message: ReadMessage): boolean => {
  if (message.type !== 'ORU') return false;
  const pid = message.first('PID');
  const namesDevice =
    pid !== undefined && message.parts(pid, 3).some((part) => /^model:.*\/serial:/i.test(part.get(1) ?? ''));
  return namesDevice || message.all('OBX').some((obx) => isIdc(obx.get(3)) && /^MDC/.test(obx.get(3, 3) ?? ''));
};

interface Session {
  readonly obr: Segment | undefined;
  readonly results: readonly Result[];
  readonly notes: readonly string[];
}

function sessionsOf(message: ReadMessage, around: Around): readonly Session[] {
  const groups = message.groups('OBR', ['ORC', 'PID']);
  return groups.map(({ head, rest }) => {
    const results = rest.filter(({ name }) => name === 'OBX').map((segment) => resultOf(message, segment, around));
    const notes = rest
      .filter(({ name }) => name === 'NTE')
      .flatMap((segment) => noteOf(message, segment, around)?.text ?? []);
    return { obr: head, results, notes };
  });
}

function implantOf(message: ReadMessage, pid: Segment, results: readonly Result[], around: Around): Implant {
  const [number] = message.parts(pid, 3).filter(isDeviceNumber);
  const [, model, serial] = /^model:(.*)\/serial:(.*)$/i.exec(number?.get(1) ?? '') ?? [];
  const find = (term: string) => results.find((result) => termCode(result) === term);
  const { device } = words;
  const [type, maker, implanted] = [find(device.type), find(device.manufacturer), find(device.implanted)];
  const short = (maker && codeOf(maker)) ?? number?.part(4).get(1);
  const known = short === undefined ? undefined : wordIn(words.makers, short.toUpperCase());
  const leads = new Map<string, Record<string, string>>();
  for (const result of results) {
    const property = wordIn(words.lead, termCode(result));
    if (property === undefined) continue;
    const said =
      property === 'implanted'
        ? dayOf(result)
        : property === 'location'
          ? (codeOf(result) ?? textOf(result))
          : textOf(result);
    if (said !== undefined) leads.set(result.sub, { ...leads.get(result.sub), [property]: said });
  }
  const serialSaid = find(device.serial);
  const modelSaid = find(device.model);
  return filled({
    maker: known?.maker ?? 'hl7v2',
    manufacturer: known?.manufacturer ?? (maker && textOf(maker)) ?? short ?? around.sender,
    model: model || (modelSaid && textOf(modelSaid)) || '',
    serial: serial || (serialSaid && textOf(serialSaid)) || '',
    type: (type && wordIn(words.types, codeOf(type))) ?? 'other',
    implanted: implanted && dayOf(implanted),
    status: 'active' as const,
    leads: [...leads.values()] as readonly Lead[],
  });
}

function patientTold(resource: any): PatientTold {
  const [name] = resource.name ?? [];
  const identifiers = (resource.identifier ?? []).map((i: any) =>
    filled({ system: i.system, value: i.value, type: i.type?.coding?.[0]?.code }),
  );
  const said = filled({
    family: name?.family,
    given: name?.given,
    birthDate: resource.birthDate,
    gender: resource.gender,
  });
  return { identifiers, ...said };
}

const statuses: Readonly<Record<string, Interrogation['status']>> = { F: 'final', C: 'corrected' };

function interrogationOf(session: Session, implant: Implant, beginning: Beginning): Interrogation | undefined {
  const { message, around, sent } = beginning;
  const { obr, results, notes } = session;
  const find = (term: string) => results.find((result) => termCode(result) === term);
  const told = obr?.get(7)?.trim();
  const own = find(words.session.at)?.value.values[0]?.['valueDateTime'];
  const at = [told ? dateTime(told, around) : undefined, own, sent].find((time) => time?.includes('T'));
  if (at === undefined) return undefined;
  const instant = Date.parse(at);
  if (obr) for (const field of [1, 2]) message.parts(obr, field).forEach((part) => void part.whole());
  const number = obr && message.parts(obr, 3)[0]?.get(1);
  const kind = obr && message.parts(obr, 4)[0];
  kind?.whole();
  const terms = results.flatMap((result) => (result.value.documents.length > 0 ? [] : (termOf(result) ?? [])));
  const remarks = notes.map((text): Term => ({ code: 'NTE', name: 'Remark of the sender', text, vendor: true }));
  const reports = results.flatMap(({ value, code }) =>
    value.documents.flatMap(({ bytes, contentType }) =>
      bytes
        ? [filled({ contentType, data: bytes.toString('base64'), title: code?.text ?? code?.coding?.[0]?.display })]
        : [],
    ),
  );
  if (reports.length > 1) around.warn('of several documents of one interrogation the first is its report');
  return {
    terms: [...terms, ...remarks],
    ...filled({
      id: number ?? `${implant.model}/${implant.serial}|${instant}`,
      at,
      instant,
      session: kind && (kind.get(1) ?? kind.get(2)),
      status: statuses[obr?.get(25)?.trim().toUpperCase() ?? ''] ?? ('preliminary' as const),
      report: reports[0],
    }),
  };
}

/** Terms of one episode have one instance number; who has told of the episode before, tells nothing new. */
async function withoutKnownEpisodes(
  one: Interrogation,
  implant: Implant,
  { setting, around }: Beginning,
): Promise<{ readonly interrogation: Interrogation; readonly also: readonly Change[] }> {
  const { id, first, last } = words.episode;
  const isOfEpisode = ({ code }: Term) => Number(code) >= first && Number(code) <= last;
  const named = one.terms.filter((term) => term.code === id && term.text !== undefined);
  if (named.length === 0) return { interrogation: one, also: [] };
  const keyOf = ({ text }: Term) => `${implant.model}|${implant.serial}|${text}`.toLowerCase();
  const kept = await setting.store.get(EPISODES, named.map(keyOf));
  const also: Change[] = [];
  const known = new Set<number | undefined>();
  for (const [i, term] of named.entries()) {
    const before = kept[i];
    if (!before) also.push({ op: 'put', kind: EPISODES, key: keyOf(term), value: { of: one.id }, expect: 'absent' });
    else if (before.value.of !== one.id) known.add(term.instance);
  }
  if (known.size === 0) return { interrogation: one, also };
  around.warn('an episode that an earlier interrogation told is stored with that one');
  const terms = one.terms.filter((term) => !(isOfEpisode(term) && known.has(term.instance)));
  return { interrogation: { ...one, terms }, also };
}

/** A patient that is made by this message has all that PID says. */
const withPerson =
  (person: any) =>
  (entry: Entry): Entry => {
    if (entry.body?.resource.resourceType !== 'Patient' || entry.conditions.ifNoneMatch !== '*') return entry;
    const { identifier, name, ...made } = parseExact(entry.body.text);
    const text = writeExact({
      ...made,
      ...person,
      id: made.id,
      ...filled({ name: person.name ?? name }),
      identifier: person.identifier ?? identifier,
    });
    return { ...entry, body: { text, resource: JSON.parse(text) } };
  };

const SEVERAL = {
  code: 'unmapped',
  reason: 'a message of an implant has one PID: nobody knows whose the sessions of several are',
} as const;

export async function mapImplant(beginning: Beginning): Promise<Part> {
  const { message, around, drafts, messageKey, setting, sent, isTest } = beginning;
  const pid = message.first('PID');
  if (!pid) return { quarantine: { code: 'no-patient', reason: 'the message has no PID segment' } };
  if (message.all('PID').length > 1) return { quarantine: SEVERAL };
  if (!setting.implants) return { quarantine: { code: 'unmapped', reason: 'what implants tell is not taken in here' } };
  const pv1 = message.first('PV1');
  for (let field = 1; pv1 && field <= pv1.last; field++)
    message.leave(pv1, field, 'what an implant tells belongs to no visit but to its own session');
  const sessions = sessionsOf(message, around);
  const faulty = sessions.flatMap(({ results }) => results).find(({ value }) => value.fault);
  if (faulty?.value.fault) return { quarantine: { code: 'unreadable', reason: faulty.value.fault } };
  const results = sessions.flatMap((session) => session.results);
  const implant = implantOf(message, pid, results, around);
  const person = personIn(message, pid, around).resource;
  const patient = patientTold(person);
  const also: Change[] = [];
  const interrogations: Interrogation[] = [];
  for (const session of sessions) {
    const one = interrogationOf(session, implant, beginning);
    if (!one) return { quarantine: { code: 'unreadable', reason: 'neither OBR-7 nor MSH-7 tells when it was' } };
    const { interrogation, also: kept } = await withoutKnownEpisodes(one, implant, beginning);
    also.push(...kept);
    interrogations.push(interrogation);
  }
  const told: Told = { implant, patient, interrogations, readings: [], alerts: [] };
  const made = await setting.implants.entriesOf(told, setting.raw);
  const { quarantined } = made.outcome;
  const [aside] = quarantined;
  if (made.entries.length === 0 && aside) return { quarantine: { code: aside.code, reason: aside.reason } };
  for (const [i, one] of quarantined.entries()) {
    const id = quarantineId('hl7v2', messageKey, 'implant', i);
    also.push(quarantineChange(id, { ...one, feed: 'hl7v2' }));
  }
  const focus = made.device ? [made.device] : [];
  const subject = made.patient ?? made.device ?? '';
  if (subject !== '')
    addHeader({
      message,
      around,
      drafts,
      subject,
      patientKey: '',
      visitKey: '',
      messageKey,
      aside: () => {},
      focus,
      ...filled({ sent }),
    });
  // One Provenance speaks for the whole message.
  const own = made.entries.filter(({ url }) => !url.startsWith('Provenance/')).map(withPerson(person));
  const entries = isTest ? own.map(withLabels(message)) : own;
  return {
    entries: [...entries, ...(await drafts.entries())],
    also: [...made.also, ...also],
    ...filled({ patient: made.patient, device: made.device, occurred: interrogations[0]?.at }),
  };
}
