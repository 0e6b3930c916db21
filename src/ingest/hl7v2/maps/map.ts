/** What an HL7 v2 message becomes in FHIR. https://build.fhir.org/ig/HL7/v2-to-fhir, docs/hl7v2-mapping.md */
import { clean, filled } from '../../intake/entries.ts';
import type { Hl7Message, Segment } from '../wire/message.ts';
import { addAbout } from './about.ts';
import { addAppointment } from './appointment.ts';
import type { Around } from './datatypes.ts';
import { addDocument } from './document.ts';
import { createDrafts } from './drafts.ts';
import { addToVisit, encounterOf, visitIn, visitNumber } from './encounter.ts';
import { addHeader } from './header.ts';
import { isImplant, mapImplant } from './implant.ts';
import type { Making } from './making.ts';
import type { Beginning, Mapped, MapSetting, Part } from './mapped.ts';
import { orderOf } from './order.ts';
import { mergePatients, numberOfPatient, patientOf, personIn } from './patient.ts';
import { type ReadMessage, readingOf } from './reading.ts';
import { addReport } from './report.ts';
import { HTEST } from './result.ts';
import { inTable, reasons, V2 } from './tables.ts';
import { dateTimeOf } from './times.ts';

export type { Mapped, MapSetting } from './mapped.ts';

/** Events of ADT that have a map. A28 and A31 tell of a person alone. */
const ADT = new Set('A01 A02 A03 A04 A05 A08 A11 A12 A13 A14 A28 A31 A38 A40'.split(' '));
const PERSON_ALONE = new Set(['A28', 'A31', 'A40']);

const NO_PATIENT = {
  code: 'no-patient',
  reason: 'the message names no patient: no number stands in PID-3, PID-2 or PID-4',
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
    drafts: createDrafts(setting.store, labels, warn),
    messageKey: `${message.application}|${message.facility}|${message.controlId}`,
    sent: told(msh.get(7), around),
    setting,
    also: [],
    isTest,
  };
  const mapped = await mapAny(beginning);
  // Told only to who asks: it takes a look at every part of the message.
  let unread: ReturnType<ReadMessage['unread']> | undefined;
  const left = () => (unread ??= message.unread(reasons));
  return {
    entries: [],
    also: [],
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
  const made: Making[] = [];
  for (const { head, rest } of groups) {
    const making = await mapPerson(head, rest, beginning);
    if (!making) return { quarantine: NO_PATIENT };
    made.push(making);
  }
  const [first] = made;
  addHeader({ ...first!, focus: made.flatMap(({ focus }) => focus) });
  return {
    entries: await drafts.entries(),
    also,
    patient: first!.subject,
    ...filled({ device: first!.device, occurred: first!.occurred ?? beginning.sent }),
  };
}

/** One PID with what stands under it; undefined where it has no number. */
async function mapPerson(pid: Segment, rest: readonly Segment[], beginning: Beginning): Promise<Making | undefined> {
  const { message, around, drafts, messageKey, sent, setting, also } = beginning;
  const { store, raw } = setting;
  const isAdt = message.type === 'ADT';
  const person = personIn(message, pid, around);
  const number = numberOfPatient(person.resource.identifier ?? []);
  if (!number) return undefined;
  const happened = told(message.first('EVN')?.get(2), around) ?? sent;
  const at = happened === undefined ? undefined : Date.parse(happened);
  const order = isAdt ? await orderOf('person', number, at, store) : undefined;
  if (order && !order.isNews)
    around.warn('newer news of this person are here: what the message says of it is kept as history');
  also.push(...(order?.also ?? []));
  const patient = (await patientOf(person, drafts, order?.isNews === true, around.warn))!;

  const common = {
    message,
    around,
    drafts,
    subject: patient.reference,
    patientKey: `${number.system}|${number.value}`,
    messageKey,
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
    if (visit || isAdt) addToVisit(said, common, pv1);
    const turn = isAdt && visit ? await orderOf('visit', visit, at, store) : undefined;
    if (turn && !turn.isNews)
      around.warn('newer news of this visit are here: what the message says of it is kept as history');
    also.push(...(turn?.also ?? []));
    encounter = await encounterOf({ ...common, visitKey }, said, message.event, isAdt && turn?.isNews !== false);
    if (encounter) focus.unshift(encounter);
    else leaveVisit(message, pv1);
  }
  const making: Making = { ...common, visitKey, focus, ...filled({ encounter }) };
  await mapRest(rest, making, order?.isNews !== false);
  const mrg = rest.find(({ name }) => name === 'MRG');
  if (mrg && message.event === 'A40' && !(await mergePatients(message, mrg, patient, around, drafts)))
    around.warn('MRG-1 names no other patient: nothing was merged');
  making.occurred ??= happened;
  return making;
}

async function mapRest(rest: readonly Segment[], making: Making, isNews: boolean): Promise<void> {
  const { message } = making;
  if (message.type === 'ADT') {
    if (isNews) addAbout(making);
    const results = rest.filter(({ name }) => name === 'OBX' || name === 'NTE');
    if (results.some(({ name }) => name === 'OBX')) await addReport(undefined, results, undefined, making);
  } else if (message.type === 'SIU') addAppointment(making);
  else if (message.type === 'MDM') {
    const txa = rest.find(({ name }) => name === 'TXA')!;
    addDocument(txa, rest.slice(rest.indexOf(txa) + 1), making);
  } else await mapResults(rest, making);
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
  for (const { obr, rest: under, orc: before } of orders) {
    if (obr || hasResult(under)) await addReport(obr, under, before, making);
  }
}

const hasResult = (segments: readonly Segment[]): boolean => segments.some(({ name }) => name === 'OBX');

function leaveVisit(message: ReadMessage, pv1: Segment): void {
  for (let field = 2; field <= pv1.last; field++)
    message.leave(pv1, field, 'a visit without a number cannot be told from another');
}
