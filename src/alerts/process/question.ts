/** A question to a patient, or who is asked in the patient's place: whether it is open, and what an answer leads to, as the table of stages has it before the step is taken. docs/escalation.md#answers */
import { keyOf } from '../../fhir/references.ts';
import type { Look } from '../../store/store.ts';
import { type Process, processKinds } from './kept.ts';
import { type Plan, planFor } from './plan.ts';
import { type Answer, next, type Standing } from './stages.ts';

export const idIn = (reference: string | undefined, type: string): string | undefined => {
  const key = reference === undefined ? undefined : keyOf(reference);
  return key?.type === type ? key.id : undefined;
};

export interface Question {
  readonly alert: string;
  /** Its CommunicationRequest. */
  readonly request: string;
}

/** Of a Communication that asks; undefined for any other. */
export function questionIn(communication: any): Question | undefined {
  const about = communication?.about?.[0]?.reference;
  const alert = idIn(about, 'Flag') ?? idIn(about, 'DetectedIssue');
  const request = idIn(communication?.basedOn?.[0]?.reference, 'CommunicationRequest');
  return alert === undefined || request === undefined ? undefined : { alert, request };
}

/** One that was taken back, or of another alert, decides nothing. */
export const isAsking = ({ requests, stage }: Process, request: string): boolean =>
  requests[0] === request || stage === 'ask-later';

/** What a patient may be told of an answer. */
export type Outcome =
  /** It changes nothing: the question was answered, or too late, or somebody is looking. */
  | 'over'
  | 'told'
  /** While the patient was asked. */
  | 'told-before'
  /** In spite of a no, by the policy for what is life-threatening. */
  | 'told-anyway'
  /** By the queue alone: nobody is sent anything. */
  | 'listed'
  | 'nobody'
  | 'asked-again'
  /** Once the span of the plan is over, without being asked again. */
  | 'told-later';

/** A question as it stands; `revision` is that of the process, which an answer that is promised something expects. */
export interface Asked {
  readonly process: Process;
  readonly revision: number;
  readonly request: string;
  readonly plan: Plan;
}

export async function askedNow(communication: any, look: Pick<Look, 'get' | 'search'>): Promise<Asked | undefined> {
  const question = questionIn(communication);
  if (!question) return undefined;
  const [kept] = await look.get(processKinds.process, [question.alert]);
  if (!kept) return undefined;
  const process = kept.value as Process;
  const plan = await planFor(process.alert.severity, look);
  return { process, revision: kept.revision, request: question.request, plan };
}

export function outcomeOf({ process, request, plan }: Asked, answer: Answer, now: number): Outcome {
  if (!isAsking(process, request)) return 'over';
  const moment = { now, canAsk: true, canCallEms: false };
  // What was heard before comes first: a second answer may find the question answered.
  const before = process.heard.reduce<Standing>(
    (standing, { is }) => next(standing, is, plan, moment).standing,
    process,
  );
  const { standing, deeds } = next(before, answer, plan, moment);
  if (!deeds.includes('take-answer')) return 'over';
  if (standing.stage === 'ask-later' && standing.asked < plan.mostAsks) return 'asked-again';
  if (plan.clinicianSeconds === undefined) return standing.stage === 'denied' ? 'nobody' : 'listed';
  if (before.isTold) return 'told-before';
  if (standing.stage === 'denied') return 'nobody';
  if (standing.stage === 'ask-later') return 'told-later';
  return answer === 'deny' ? 'told-anyway' : 'told';
}
