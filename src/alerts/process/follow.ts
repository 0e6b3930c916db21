/** What people do that the process listens to: a Task that is accepted or given back, an answer of the patient. docs/escalation.md */
import type { Resource } from '../../fhir/references.ts';
import type { Derive } from '../../interactions/interaction.ts';
import { keptNow, resourceNow } from '../../interactions/pending.ts';
import { isDeleted, type Version } from '../../store/store.ts';
import { type Process, processKinds } from './kept.ts';
import { idIn, isAsking, questionIn } from './question.ts';
import type { Answer } from './stages.ts';
import { tellProcess } from './start.ts';

/** The id of the alert that a Task asks to look at. */
const alertOf = ({ focus, reasonReference }: Resource & { focus?: any; reasonReference?: any }): string | undefined =>
  idIn(focus?.reference, 'Flag') ?? idIn(reasonReference?.reference, 'DetectedIssue');

const statusOf = (version: Version | undefined): string | undefined =>
  version && !isDeleted(version) ? JSON.parse(version.text).status : undefined;

/** Somebody has it: nobody else need be told. */
const taken = new Set(['accepted', 'in-progress', 'completed', 'cancelled', 'rejected', 'failed', 'entered-in-error']);

export const followTask: Derive = async ({ key, before, after: written }, pending, look, { now }) => {
  const was = statusOf(before);
  const is = written?.['status'] as string | undefined;
  if (is === was || !written) return [];
  const [wasTaken, isTaken] = [was !== undefined && taken.has(was), is !== undefined && taken.has(is)];
  const alert = wasTaken === isTaken ? undefined : alertOf(written);
  if (alert === undefined) return [];
  const { value } = await keptNow(processKinds.process, alert, pending, look);
  if ((value as Process | undefined)?.alert.task !== key.id) return [];
  return tellProcess(alert, { is: isTaken ? 'acknowledged' : 'reopened', at: now }, pending, look);
};

const answers = new Set<string>(['allow', 'deny', 'ask-later'] satisfies readonly Answer[]);

/** A Communication by the patient, in response to one of our questions: its first payload says allow, deny or ask-later. */
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
  if (!process || patient === undefined || written['sender']?.reference !== patient) return [];
  if (!isAsking(process, about.request) || !asked.recipient?.some(({ reference }: any) => reference === patient))
    return [];
  return tellProcess(about.alert, { is: answer as Answer, at: now, by: key.id }, pending, look);
};
