/** Whether a message that waits is still to be sent, and in which words: what it says may be over by then. docs/escalation.md#withdrawn */
import { parseExact } from '../../fhir/json.ts';
import { any, type Criterion, plainQuery } from '../../search/query.ts';
import { isDeleted, type Look } from '../../store/store.ts';
import { isKnownIn } from '../acknowledge/state.ts';
import { type Alert, alertKind } from '../alert.ts';
import type { KeptMessage } from '../channels/kept.ts';
import type { Verdict } from '../channels/outbox.ts';
import { isAtLeast } from '../channels/queue.ts';
import { type Process, processKinds } from './kept.ts';
import { planFor } from './plan.ts';
import { outcomeOf } from './question.ts';

export interface JudgeParts {
  readonly store: Pick<Look, 'read' | 'search' | 'get'>;
  readonly canonical: string;
}

const asItIs: Verdict = {};
const over: Verdict = { withdrawn: 'Withdrawn: the alert was over before this was sent' };
const mistaken: Verdict = { withdrawn: 'Withdrawn: the alert was an error' };
const held: Verdict = { withdrawn: 'Withdrawn: somebody had taken the alert before this was sent' };
const answered: Verdict = { withdrawn: 'Withdrawn: the question was over before this was sent' };
const refused: Verdict = {
  withdrawn: 'Withdrawn: the patient had said no before this was sent',
  code: 'patient-objection',
};

export const createJudge =
  ({ store, canonical }: JudgeParts) =>
  async (message: KeptMessage): Promise<Verdict> => {
    const { alert: id, purpose, request } = message;
    const [[kept], [alert]] = await Promise.all([store.get(processKinds.process, [id]), store.get(alertKind, [id])]);
    if (!kept) return asItIs;
    const process = kept.value as Process;
    if (purpose === 'over') return isInError(await issueOf(process.alert)) ? mistaken : asItIs;
    const isOver = (alert?.value as Alert | undefined)?.open === false;
    if (purpose === 'question') {
      if (isOver) return over;
      const plan = await planFor(process.alert.severity, store);
      const asked = { process, revision: kept.revision, request, plan };
      // Who wants to be asked later has answered: the next question is another message.
      return process.stage === 'ask-later' || outcomeOf(asked, 'allow', 0) === 'over' ? answered : asItIs;
    }
    if (process.isDenied && !(await planFor(process.alert.severity, store)).overridesDenial) return refused;
    if (isOver) return (await isNews(message, process)) ? { said: message.ifOver! } : over;
    // Whoever sees that help was called may rely on it: that somebody has the alert takes no call back.
    return purpose === 'alert' && (await isHeld(process)) ? held : asItIs;

    /** What is life-threatening, and was over before anybody heard how bad it is. */
    async function isNews({ ifOver, priority }: KeptMessage, { alert, before }: Process): Promise<boolean> {
      if (!ifOver || before !== undefined) return false;
      const issue = await issueOf(alert);
      if (isInError(issue) || isKnownIn(issue, canonical)) return false;
      const sent = await sentOf(alert.id);
      // Who was asked is the patient, or related to the patient: those are never told.
      const isAsked = (one: any) => /^(Patient|RelatedPerson)\//.test(one.recipient?.[0]?.reference ?? '');
      return !sent.some((one) => isAtLeast(one.priority, priority) && !isAsked(one));
    }

    /** Somebody has accepted the Task, also where no step has been taken since, or none was left to take. */
    async function isHeld({ stage, heard, alert }: Process): Promise<boolean> {
      const last = heard.findLast(({ is }) => is === 'acknowledged' || is === 'reopened' || is === 'raised')?.is;
      if (last !== undefined) return last === 'acknowledged';
      return stage === 'acknowledged' || (stage === 'closed' && isKnownIn(await issueOf(alert), canonical));
    }

    async function issueOf({ issue: id }: Process['alert']): Promise<any> {
      const [version] = await store.read([{ type: 'DetectedIssue', id }]);
      return version && !isDeleted(version) ? parseExact(version.text) : undefined;
    }

    /** Communications about the alert that their channels took. */
    async function sentOf(alert: string): Promise<readonly any[]> {
      const first = `${canonical}/sid/alert|`;
      const asked = await found('CommunicationRequest', {
        is: 'key',
        name: 'CommunicationRequest.group-identifier',
        first,
        second: alert,
      });
      if (asked.length === 0) return [];
      const of = asked.map(({ id }) => ({
        is: 'reference' as const,
        name: 'Communication.based-on',
        target: `CommunicationRequest/${id}`,
      }));
      return (await found('Communication', any(of))).filter(({ status }) => status === 'completed');
    }

    async function found(type: string, where: Criterion): Promise<readonly any[]> {
      const { matches } = await store.search(plainQuery(type, where, MOST), undefined);
      return matches.map(({ text, key }) => ({ ...JSON.parse(text), id: key.id }));
    }
  };

const MOST = 1_000;

const isInError = (issue: any): boolean => issue?.status === 'entered-in-error';
