/** What the deeds of a step come to: who is asked or told, in which words, by which messages. docs/escalation.md#what-is-written */
import type { Change } from '../../store/store.ts';
import type { ChannelKind } from '../channels/channel.ts';
import { type KeptMessage, keepMessage, type MessagePut } from '../channels/kept.ts';
import { answerPath } from './answer-link.ts';
import type { Process } from './kept.ts';
import type { ProcessParts } from './parts.ts';
import type { Plan } from './plan.ts';
import { aboutOf, communication, communicationRequest, type Made, priorityFor, stepId } from './resources.ts';
import type { Deed, Turn } from './stages.ts';
import { addressOf, backup, clinicians, emergency, type Group, type WhoParts } from './who.ts';
import { whomToAsk } from './whom-to-ask.ts';
import { alertWords, questionWords, relatedWords } from './words.ts';

const DAY = 86_400_000;

export interface Taking {
  readonly parts: ProcessParts;
  readonly process: Process;
  readonly turn: Turn;
  readonly plan: Plan;
  readonly who: WhoParts;
  readonly now: number;
  readonly detail: string | undefined;
  readonly reason: string | undefined;
}

/** What a step adds up to while it is put together. */
export interface Result {
  readonly made: Made[];
  readonly messages: (Change & MessagePut)[];
  readonly told: string[];
  /** CommunicationRequests that are open afterwards. */
  readonly requests: string[];
  owner: Group['owner'] | undefined;
  output: { readonly text: string; readonly reference: string } | undefined;
}

/** What the deeds of the table add to a step; those that are not here are done where it is put together. */
export const deeds: Partial<Record<Deed, (taking: Taking, result: Result) => Promise<void>>> = {
  async ask(taking, result) {
    const recipients = await whomToAsk(taking.process, taking.who);
    const [first] = recipients;
    if (!first) return;
    const { patient, severity } = taking.process.alert;
    // What was noticed is the patient's own: it goes to no phone of anybody else.
    const words = first.reference === patient ? questionWords(severity, taking.detail) : relatedWords(severity);
    const owner = { reference: first.reference! };
    result.owner = owner;
    request('ask', { owner, recipients }, words, taking.turn.standing.due, taking, result);
  },
  async 'tell-alongside'(taking, result) {
    const { plan, turn } = taking;
    const until = turn.standing.due! + (plan.clinicianSeconds ?? 0) * 1_000;
    const owner = result.owner;
    await tell('notify-clinician', clinicians(taking.process, plan.clinicians, taking.who), until, taking, result);
    result.owner = owner;
  },
  async 'tell-clinician'(taking, result) {
    const { process, plan, turn, who } = taking;
    if (process.isTold && (process.stage === 'ask-patient' || process.stage === 'ask-later')) {
      // Told while the patient was asked: their request stays open, and their time begins.
      result.requests.push(...process.requests.slice(1));
      result.owner = (await clinicians(process, plan.clinicians, who)).owner;
      return;
    }
    await tell('notify-clinician', clinicians(process, plan.clinicians, who), turn.standing.due, taking, result);
  },
  async 'tell-over'(taking, result) {
    await tell('over', clinicians(taking.process, taking.plan.clinicians, taking.who), taking.now, taking, result);
    // Nobody is to do anything about it any more.
    result.owner = undefined;
    result.requests.length = 0;
  },
  'tell-backup': (taking, result) =>
    tell(
      'notify-backup',
      backup(taking.process, taking.plan.backup, taking.who),
      taking.turn.standing.due,
      taking,
      result,
    ),
  async 'tell-ems'(taking, result) {
    const { process, who, turn } = taking;
    const group = await emergency(who);
    if (!group) return;
    const words = alertWords(process.alert.severity, 'notify-ems', taking.detail);
    const text = `${words.text} The address is: ${await addressOf(process, who)}.`;
    result.owner = group.owner;
    request('notify-ems', group, { ...words, text }, turn.standing.due, taking, result);
  },
};

async function tell(
  stage: string,
  looking: Promise<Group>,
  until: number | undefined,
  taking: Taking,
  result: Result,
): Promise<void> {
  const group = await looking;
  result.owner = group.owner;
  // Without a deadline it waits in the queue: nobody is woken.
  const isQuiet = taking.plan.clinicianSeconds === undefined;
  const words = alertWords(taking.process.alert.severity, stage, taking.detail);
  if (!isQuiet) request(stage, group, words, until, taking, result);
}

const purposes: Readonly<Record<string, KeptMessage['purpose']>> = {
  ask: 'question',
  over: 'over',
  'notify-ems': 'help',
};

/** One CommunicationRequest, and for each recipient and channel a Communication and a message that waits. */
function request(
  name: string,
  { recipients }: Group,
  words: { readonly subject: string; readonly text: string },
  until: number | undefined,
  { parts, process, turn, plan, reason, detail, now }: Taking,
  result: Result,
): void {
  const setting = { now, canonical: parts.canonical };
  const id = stepId(process, name);
  const priority = priorityFor(process.alert.severity, turn.deeds.includes('raise-priority'));
  const { text, subject } = words;
  const [replaces] = turn.deeds.includes('complete') ? [] : process.requests;
  const common = { process, text, priority };
  result.requests.push(id);
  const purpose = purposes[name] ?? 'alert';
  const ifOver = alertWords(process.alert.severity, 'over', detail);
  const status = name === 'over' ? 'completed' : 'active';
  result.made.push(communicationRequest({ ...common, id, status, recipients, until, replaces, reason }, setting));
  for (const [i, to] of recipients.entries()) {
    const contacts = to.contacts.filter(({ kind }) => parts.kinds.has(kind));
    // Without an address nobody is told, though the request names who was meant.
    if (contacts.length > 0 && to.reference !== undefined && name !== 'ask') result.told.push(to.reference);
    for (const contact of contacts) {
      const message = stepId(process, name, i, contact.kind, contact.value);
      const path =
        name === 'ask'
          ? answerPath(parts.linkKey, { communication: message, until: now + DAY })
          : `/cardiac/?alert=${process.alert.id}`;
      result.made.push(
        communication({ ...common, id: message, to, kind: contact.kind as ChannelKind, request: id }, setting),
      );
      result.messages.push(
        keepMessage(
          {
            id: message,
            to: contact,
            subject,
            text,
            link: `${parts.url}${path}`,
            priority,
            about: aboutOf(process),
            alert: process.alert.id,
            request: id,
            purpose,
            ...(purpose === 'alert' && plan.isLifeThreatening && { ifOver }),
            attempts: 0,
            since: now,
          },
          now,
        ),
      );
    }
  }
}
