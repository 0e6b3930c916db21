/** What an HL7 v2 message becomes in FHIR. https://build.fhir.org/ig/HL7/v2-to-fhir, docs/hl7v2-mapping.md */
import { Problem } from '../../../fhir/outcome.ts';
import type { Change } from '../../../store/store.ts';
import { clean, filled } from '../../intake/entries.ts';
import { quarantineId, quarantineNew } from '../../intake/quarantine.ts';
import type { Hl7Message, Segment } from '../wire/message.ts';
import { addAbout } from './about.ts';
import { addAppointment } from './appointment.ts';
import type { Around } from './datatypes.ts';
import { addDocument } from './document.ts';
import { createDrafts } from './drafts.ts';
import { addToVisit, encounterOf, isBeside, visitIn, visitNumber } from './encounter.ts';
import { addHeader } from './header.ts';
import { isImplant, mapImplant } from './implant.ts';
import type { Making } from './making.ts';
import type { Beginning, Mapped, MapSetting, Part } from './mapped.ts';
import { orderOf, timeInOrder } from './order.ts';
import { mergePatients, numberOfPatient, patientOf, personIn } from './patient.ts';
import { type ReadMessage, readingOf } from './reading.ts';
import { addReport } from './report.ts';
import { HTEST } from './result.ts';
import { inTable, reasons, V2 } from './tables.ts';
import { dateTimeOf } from './times.ts';
import { turn } from './turns.ts';

export type { Mapped, MapSetting } from './mapped.ts';

/** Events of ADT that have a map. A28 and A31 tell of a person alone. */
const ADT = new Set('A01 A02 A03 A04 A05 A08 A11 A12 A13 A14 A28 A31 A38 A40'.split(' '));
const PERSON_ALONE = new Set(['A28', 'A31', 'A40']);

const NO_PATIENT = {
  code: 'no-patient',
  reason: 'the message names no patient: no number stands in PID-3, PID-2 or PID-4',
} as const;

const MOST_INVITED = 20;
const INVITED = { code: 'unmapped', reason: `an appointment may have ${MOST_INVITED} patients` } as const;

const NO_DOCUMENT = {
  code: 'unmapped',
  reason: 'a PID has no TXA under it: a TXA stands after the PID it is about',
} as const;

/** Why a message of this type is not taken in; undefined where it has a map. */
function refusalOf({ type, event, first }: ReadMessage): Mapped['quarantine'] {
  const isMapped =
    type === 'ORU' ||
    (type === 'ADT' && ADT.has(event)) ||
    (type === 'MDM' && first('TXA') !== undefined) ||
    (type === 'SIU' && first('SCH') !== undefined);
  if (isMapped) return undefined;
  const reason =
    type === 'ACK'
      ? 'it is an acknowledgement, and no message to take in'
      : 'messages of this type and event have no map, or lack the segment that they are about';
  return { code: 'unmapped', reason };
}

/**
 * Looks, decides, writes nothing. The same message maps to the same ids. Where the commit is overtaken (409, 412), map again: what was
 * found may be another meanwhile.
 */
export async function mapMessage(sent: Hl7Message, setting: MapSetting): Promise<Mapped> {
  const message = readingOf(sent);
  const warnings = new Set<string>();
  const assumptions = new Set<string>();
  const warn = (sentence: string) => void warnings.add(sentence);
  const msh = message.first('MSH')!;
  const [application, facility] = [3, 4].map((field) => clean(msh.get(field), 100) ?? '');
  const around: Around = {
    canonical: setting.canonical,
    zone: setting.zone,
    facility: facility!,
    sender: facility || application || '',
    warn,
    assume: (sentence) => void assumptions.add(sentence),
  };
  const processing = msh.get(11)?.trim().toUpperCase() ?? '';
  const isTest = inTable('doNotAlarm', processing) !== undefined;
  const labels = isTest ? { security: [HTEST], tag: [{ system: `${V2}0103`, code: processing }] } : {};
  const beginning: Beginning = {
    message,
    around,
    drafts: createDrafts(setting.store, labels, warn, setting.now),
    messageKey: `${message.application}|${message.facility}|${message.controlId}`,
    sent: told(msh.get(7), around),
    setting,
    also: [],
    isTest,
    asides: [],
  };
  const mapped = await mapAny(beginning).catch((error: unknown): Part => {
    // What one patient has is never overwritten by what is told of another.
    if (error instanceof Problem && error.code === 'conflict')
      return { quarantine: { code: 'conflict', reason: error.message } };
    throw error;
  });
  // Told only to who asks: it takes a look at every part of the message.
  let unread: ReturnType<ReadMessage['unread']> | undefined;
  const left = () => (unread ??= message.unread(reasons));
  return {
    entries: [],
    also: [],
    asides: beginning.asides,
    ...mapped,
    get unmapped() {
      return left().unmapped;
    },
    get fields() {
      return left().fields;
    },
    warnings: [...warnings],
    assumptions: [...assumptions],
  };
}

/** When an event happened, in milliseconds, by a clock that is not ahead of ours. */
function happenedAt({ message, around, setting }: Beginning): number | undefined {
  const written = [message.first('EVN')?.get(2), message.first('MSH')?.get(7)].find((value) => told(value, around));
  const time = written === undefined ? undefined : dateTimeOf(written, around.zone);
  if (!time) return undefined;
  const { at, isAhead } = timeInOrder(Date.parse(time.text), !time.assumed, setting.now);
  if (isAhead) around.warn('the time of the event has not come yet: it counts as when it was received');
  return at;
}

/** An instant, where a time of day was told. */
function told(value: string | undefined, around: Around): string | undefined {
  const time = value ? dateTimeOf(value, around.zone) : undefined;
  if (time?.assumed) around.assume(`times that name no zone are of ${around.zone}`);
  return time?.text.includes('T') ? time.text : undefined;
}

async function mapAny(beginning: Beginning): Promise<Part> {
  const { message, drafts, also } = beginning;
  const quarantine = refusalOf(message);
  if (quarantine) return { quarantine };
  if (isImplant(message)) return mapImplant(beginning);
  const groups = message.groups('PID');
  if (groups.length === 0) return { quarantine: NO_PATIENT };
  // Each of them is told of all that is booked.
  if (message.type === 'SIU' && groups.length > MOST_INVITED) return { quarantine: INVITED };
  const made: Making[] = [];
  for (const [i, { head, rest }] of groups.entries()) {
    await turn(i);
    const making = await mapPerson(head, rest, beginning);
    if ('quarantine' in making) return making;
    made.push(making);
  }
  const [first] = made;
  addHeader({ ...first!, focus: made.flatMap(({ focus }) => focus) });
  return {
    entries: await drafts.entries(),
    also: [...also, ...(await setAside(beginning, first!.subject))],
    // A message of several patients is shown to none of them.
    ...(made.every(({ subject }) => subject === first!.subject) && { patient: first!.subject }),
    ...filled({ device: first!.device, occurred: first!.occurred ?? beginning.sent }),
  };
}

/** Results that cannot be, each once. */
function setAside({ asides, setting }: Beginning, patient: string): Promise<readonly Change[]> {
  const { store, raw, now: at } = setting;
  const about = filled({ raw, patient: patient.startsWith('urn:') ? undefined : patient });
  return quarantineNew(
    store,
    asides.map(({ id, ...why }) => [id, { feed: 'hl7v2', at, ...why, ...about, state: 'open' }]),
  );
}

/** One PID with what stands under it. */
async function mapPerson(
  pid: Segment,
  rest: readonly Segment[],
  beginning: Beginning,
): Promise<Making | Required<Pick<Mapped, 'quarantine'>>> {
  const { message, around, drafts, messageKey, sent, setting, also, asides } = beginning;
  const { raw } = setting;
  const isAdt = message.type === 'ADT';
  const person = personIn(message, pid, around);
  const number = numberOfPatient(person.resource.identifier ?? []);
  if (!number) return { quarantine: NO_PATIENT };
  const happened = told(message.first('EVN')?.get(2), around) ?? sent;
  const at = isAdt ? happenedAt(beginning) : undefined;
  const order = isAdt ? await orderOf('person', number, at, setting) : undefined;
  if (order && !order.isNews)
    around.warn('newer news of this person are here: what the message says of it is kept as history');
  also.push(...(order?.also ?? []));
  const patient = (await patientOf(person, drafts, order?.isNews === true, around.warn))!;

  const patientKey = `${number.system}|${number.value}`;
  drafts.about(patient.reference, patientKey);
  const common = {
    message,
    around,
    drafts,
    subject: patient.reference,
    patientKey,
    messageKey,
    aside(segment: Segment, reason: string) {
      const which = `${segment.name}[${message.position(segment) + 1}]`;
      const id = quarantineId('hl7v2', messageKey, segment.name, message.sentIn(segment));
      asides.push({ id, code: 'implausible', reason: `${which}: ${reason}` });
      around.warn(`${which} was set aside: ${reason}`);
      message.taken(segment);
    },
    ...filled({ sent, raw }),
  };
  const focus = isAdt ? [patient.reference] : [];
  const pv1 = rest.find(({ name }) => name === 'PV1');
  let encounter: string | undefined;
  let visitKey = '';
  if (pv1 && !(isAdt && PERSON_ALONE.has(message.event))) {
    const said = visitIn(common, pv1);
    const visit = visitNumber(said);
    visitKey = visit ? `${visit.system}|${visit.value}` : '';
    if (visit || isAdt) addToVisit(said, rest, common, pv1);
    const stay = visit && (await drafts.findOf('Encounter', visit, patient.reference));
    const isOther = visit && stay && isBeside(stay, visit, patientKey);
    const one = isOther ? { system: `${patientKey}|${visit.system}`, value: visit.value } : visit;
    const turn = isAdt && one ? await orderOf('visit', one, at, setting) : undefined;
    if (turn && !turn.isNews)
      around.warn('newer news of this visit are here: what the message says of it is kept as history');
    also.push(...(turn?.also ?? []));
    encounter = await encounterOf({ ...common, visitKey }, said, message.event, isAdt && turn?.isNews !== false, stay);
    if (encounter) focus.unshift(encounter);
    else leaveVisit(message, pv1);
  }
  const making: Making = { ...common, visitKey, focus, ...filled({ encounter }) };
  if (isAdt && message.event === 'A40') {
    const mrg = rest.find(({ name }) => name === 'MRG');
    const quarantine = await mergePatients(message, mrg, patient, around, drafts);
    if (quarantine) return { quarantine };
  }
  const refusal = await mapRest(rest, making, order?.isNews !== false);
  if (refusal) return { quarantine: refusal };
  making.occurred ??= happened;
  return making;
}

/** Why not, where it cannot be. */
async function mapRest(rest: readonly Segment[], making: Making, isNews: boolean): Promise<Mapped['quarantine']> {
  const { message } = making;
  if (message.type === 'ADT') {
    if (isNews) addAbout(rest, making);
    const results = rest.filter(({ name }) => name === 'OBX' || name === 'NTE');
    if (results.some(({ name }) => name === 'OBX')) await addReport(undefined, results, undefined, making);
  } else if (message.type === 'SIU') addAppointment(making);
  else if (message.type === 'MDM') {
    const txa = rest.find(({ name }) => name === 'TXA');
    if (!txa) return NO_DOCUMENT;
    addDocument(txa, rest.slice(rest.indexOf(txa) + 1), making);
  } else await mapResults(rest, making);
  return undefined;
}

/** Each OBR with the ORC before it; what stands before the first OBR belongs to the patient. */
async function mapResults(rest: readonly Segment[], making: Making): Promise<void> {
  const orders: { obr?: Segment; orc?: Segment; rest: Segment[] }[] = [{ rest: [] }];
  let orc: Segment | undefined;
  for (const segment of rest) {
    if (segment.name === 'ORC') orc = segment;
    else if (segment.name === 'OBR') {
      orders.push({ obr: segment, rest: [], ...(orc && { orc }) });
      orc = undefined;
    } else if (!(orders.length === 1 && ['NTE', 'PRT', 'SPM'].includes(segment.name) && !hasResult(orders[0]!.rest)))
      orders.at(-1)!.rest.push(segment);
  }
  for (const [i, { obr, rest: under, orc: before }] of orders.entries()) {
    await turn(i);
    if (obr || hasResult(under)) await addReport(obr, under, before, making);
  }
}

const hasResult = (segments: readonly Segment[]): boolean => segments.some(({ name }) => name === 'OBX');

function leaveVisit(message: ReadMessage, pv1: Segment): void {
  for (let field = 2; field <= pv1.last; field++)
    message.leave(pv1, field, 'a visit without a number cannot be told from another');
}
