/** What people do that the process listens to: a Task that is accepted or given back, an answer of the patient. docs/escalation.md */
import { keyOf, type Resource, type ResourceKey } from '../../fhir/references.ts';
import type { Derive, Pending } from '../../interactions/interaction.ts';
import { keptNow, resourceNow } from '../../interactions/pending.ts';
import { isDeleted, type Look, type Version } from '../../store/store.ts';
import { type Alert, alertKind } from '../alert.ts';
import { type Process, processKinds } from './kept.ts';
import { idIn, isAsking, questionIn } from './question.ts';
import type { Answer } from './stages.ts';
import { tellProcess } from './start.ts';

/** The alert that this is the Task of: who else names a Flag or a DetectedIssue in one says nothing of it. */
export async function alertOfTask(
  { id }: ResourceKey,
  { focus, reasonReference }: Resource & { focus?: any; reasonReference?: any },
  pending: Pending,
  look: Look,
): Promise<Alert | undefined> {
  const name = idIn(focus?.reference, 'Flag') ?? idIn(reasonReference?.reference, 'DetectedIssue');
  const alert = name === undefined ? undefined : (await keptNow(alertKind, name, pending, look)).value;
  return alert?.task === id ? alert : undefined;
}

/** Somebody has it: nobody else need be told. Who rejects it, fails or calls it off has not. */
const taken = new Set(['accepted', 'in-progress', 'completed']);
export const isTaken = (task: Resource): boolean => taken.has(task['status']);
export const wasTaken = (before: Version | undefined): boolean =>
  before !== undefined && !isDeleted(before) && isTaken(JSON.parse(before.text));

export const followTask: Derive = async ({ key, before, after: written }, pending, look, { now }) => {
  if (!written || wasTaken(before) === isTaken(written)) return [];
  const alert = await alertOfTask(key, written, pending, look);
  // What is over is given back to nobody.
  if (!alert || (!alert.open && !isTaken(written))) return [];
  return tellProcess(alert.id, { is: isTaken(written) ? 'acknowledged' : 'reopened', at: now }, pending, look);
};

const answers = new Set<string>(['allow', 'deny', 'ask-later'] satisfies readonly Answer[]);

const isAmong = (who: string, recipients: readonly any[] | undefined): boolean =>
  recipients?.some(({ reference }) => reference === who) === true;

/** A Communication by the patient, or who was asked in the patient's place, in response to one of our questions: its first payload says allow, deny or ask-later. */
export const followAnswer: Derive = async ({ key, before, after: written }, pending, look, { now }) => {
  if (!written || before || written['status'] !== 'completed') return [];
  const question = idIn(written['inResponseTo']?.[0]?.reference, 'Communication');
  const answer = written['payload']?.[0]?.contentString?.trim();
  if (question === undefined || !answers.has(answer)) return [];
  const asked = (await resourceNow({ type: 'Communication', id: question }, pending, look))?.resource;
  const about = questionIn(asked);
  if (!about) return [];
  const { value } = await keptNow(processKinds.process, about.alert, pending, look);
  const process = value as Process | undefined;
  const patient = process?.alert.patient;
  const sender: string | undefined = written['sender']?.reference;
  if (!process || patient === undefined || sender === undefined || !isAsking(process, about.request)) return [];
  if (!isAmong(sender, asked.recipient)) return [];
  // In the place of the patient answers whom the process itself asked: anybody may have written the message.
  if (sender !== patient) {
    const request = await resourceNow({ type: 'CommunicationRequest', id: about.request }, pending, look);
    if (keyOf(sender)?.type !== 'RelatedPerson' || !isAmong(sender, request?.resource.recipient)) return [];
  }
  return tellProcess(about.alert, { is: answer as Answer, at: now, by: key.id }, pending, look);
};
