/** One step of the process of one alert: looks, asks the table, and stores all that follows in one commit, once. docs/escalation.md */
import { parseExact, writeExact } from '../../fhir/json.ts';
import { keyOf, type Resource, type ResourceKey, referenceTo } from '../../fhir/references.ts';
import { insideRequest, ofItself } from '../../interactions/inside.ts';
import type { Conditions, Entry } from '../../interactions/interaction.ts';
import { system } from '../../smart/access.ts';
import { check } from '../../store/lease.ts';
import { type Change, isDeleted, type Lease } from '../../store/store.ts';
import type { ChannelKind } from '../channels/channel.ts';
import { type KeptMessage, keepMessage, type MessagePut } from '../channels/kept.ts';
import { answerPath } from './answer-link.ts';
import { keepProcess, type Process, processKinds } from './kept.ts';
import type { ProcessParts } from './parts.ts';
import { type Plan, planFor } from './plan.ts';
import { quietUntil } from './quiet-hours.ts';
import {
  aboutOf,
  communication,
  communicationRequest,
  consent,
  type Made,
  priorityFor,
  provenance,
  stepId,
  taskAt,
} from './resources.ts';
import { type Answer, type Deed, next, type Stage, type Turn } from './stages.ts';
import { addressOf, backup, clinicians, emergency, type Group, type WhoParts } from './who.ts';
import { whomToAsk } from './whom-to-ask.ts';
import { alertWords, questionWords, relatedWords } from './words.ts';

const caller = system('alerts');
const DAY = 86_400_000;
const asNew: Conditions = { ifNoneMatch: '*' };

const entry = (resource: Resource & { readonly id: string }, conditions: Conditions): Entry => {
  const text = writeExact(resource);
  const url = referenceTo({ type: resource.resourceType, id: resource.id });
  return { fullUrl: url, method: 'PUT', url, body: { text, resource: JSON.parse(text) }, conditions };
};

interface Taking {
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
interface Result {
  readonly made: Made[];
  readonly messages: (Change & MessagePut)[];
  readonly told: string[];
  /** CommunicationRequests that are open afterwards. */
  readonly requests: string[];
  owner: Group['owner'] | undefined;
  output: { readonly text: string; readonly reference: string } | undefined;
}

/** Stages at which it counts who was told before; whatever comes after another one tells everybody anew. */
const isTelling = new Set<Stage>(['ask-patient', 'ask-later', 'notify-clinician', 'notify-backup', 'notify-ems']);

/** Takes the step that is due of the alert whose timer this is. Throws a conflict where somebody was faster: look again. */
export async function takeStep(parts: ProcessParts, timer: string, alert: string, fence: Lease): Promise<void> {
  const { store, runtime, canonical } = parts;
  const [kept] = await store.get(processKinds.process, [alert]);
  const process = kept?.value as Process | undefined;
  if (!kept || !process || process.timer !== timer) {
    await store.commit([{ op: 'drop', kind: processKinds.timer, key: timer, fence }]);
    return;
  }
  const now = runtime.now();
  const setting = { now, canonical };
  const about = aboutOf(process);
  const hasPatient = (process.alert.patient ?? process.alert.wearer) !== undefined;
  const who: WhoParts = {
    ...parts.settings,
    look: store,
    kinds: parts.kinds,
    now,
    mayKnow: (one) => (hasPatient ? parts.mayKnow(one, about) : Promise.resolve(true)),
  };
  const [task, issue] = await Promise.all([
    newest({ type: 'Task', id: process.alert.task }, parts),
    newest({ type: 'DetectedIssue', id: process.alert.issue }, parts),
  ]);
  const plan = await planFor(process.alert.severity, store);
  const [heard, ...later] = process.heard;
  const turn = next(process, heard?.is ?? 'due', plan, {
    now,
    canAsk: plan.askSeconds !== undefined && (await whomToAsk(process, who)).length > 0,
    canCallEms:
      plan.emsSeconds !== undefined &&
      (await addressOf(process, who)) !== undefined &&
      (await emergency(who)) !== undefined,
    quietUntil: quietUntil(now, parts.settings.quietHours),
    isInError: issue?.resource.status === 'entered-in-error',
  });
  const evidence: readonly string[] = (issue?.resource.evidence ?? []).flatMap((one: any) =>
    (one.detail ?? []).map(({ reference }: any) => reference),
  );
  const reason = evidence.find((one) => keyOf(one)?.type === 'Observation');
  const detail = parts.settings.hasDetail ? (task?.resource.description as string | undefined) : undefined;
  const taking: Taking = { parts, process, turn, plan, who, now, detail, reason };
  const result: Result = {
    made: [],
    messages: [],
    told: [...process.told],
    requests: [],
    owner: undefined,
    output: undefined,
  };
  for (const deed of turn.deeds) await deeds[deed]?.(taking, result);
  if (turn.deeds.includes('take-answer')) await takeAnswer(taking, result, heard!);
  const closed = await closeRequests(taking, result);
  const { stage } = turn.standing;
  const hasMoved = stage !== process.stage || turn.deeds.length > 0;
  const entries: Entry[] = [...result.made.map((one) => entry(one, asNew)), ...closed];
  if (hasMoved && task) {
    const until = turn.standing.due;
    const isRaised = turn.deeds.includes('raise-priority') && plan.clinicianSeconds !== undefined;
    const step = { stage, owner: result.owner, until, isRaised, output: result.output };
    entries.push(entry(taskAt(task.resource, step, setting), { ifMatch: task.versionId }));
  }
  // Whoever acknowledged left one: that somebody is looking is said once.
  if (hasMoved && stage !== 'detected' && stage !== 'acknowledged') {
    const targets = [...(task ? [`Task/${process.alert.task}`] : []), ...result.made.map(referenceOf)].filter(
      (one) => !one.startsWith('Communication/'),
    );
    const sources = heard?.by === undefined ? [] : [`Communication/${heard.by}`];
    const isOverride = turn.deeds.includes('override');
    const of = { process, targets, stage, plan: plan.canonical, sources, isOverride };
    if (targets.length > 0) entries.push(entry(provenance(of, setting), asNew));
  }
  const after: Process = {
    ...process,
    ...turn.standing,
    due: turn.standing.due,
    before: turn.standing.before,
    heard: later,
    steps: process.steps + 1,
    requests: result.requests,
    told: isTelling.has(stage) ? [...new Set(result.told)] : [],
  };
  const also = [...keepProcess(after, kept.revision), ...result.messages, check(fence)];
  if (entries.length === 0) await store.commit(also);
  else {
    const asked = { interaction: 'transaction', type: '', entries } as const;
    await parts.dispatch(insideRequest(ofItself(parts.base), asked), caller, also);
  }
  if (result.messages.length > 0) parts.onQueued(result.messages);
}

const referenceOf = ({ resourceType, id }: Made): string => referenceTo({ type: resourceType, id });

async function newest(key: ResourceKey, { store }: Pick<ProcessParts, 'store'>) {
  const [version] = await store.read([key]);
  return !version || isDeleted(version)
    ? undefined
    : { resource: parseExact(version.text) as any, versionId: version.versionId };
}

const deeds: Partial<Record<Deed, (taking: Taking, result: Result) => Promise<void>>> = {
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

async function takeAnswer(
  { parts, process, now }: Taking,
  result: Result,
  heard: { is: string; by?: string },
): Promise<void> {
  const source = `Communication/${heard.by}`;
  if (heard.is === 'ask-later') {
    result.output = { text: heard.is, reference: source };
    return;
  }
  const owner = result.owner;
  const team = owner && 'reference' in owner ? owner.reference : undefined;
  const id = stepId(process, 'consent');
  const answer = heard.is as Answer;
  const said = heard.by === undefined ? undefined : await newest({ type: 'Communication', id: heard.by }, parts);
  const performer: string = said?.resource.sender?.reference ?? process.alert.patient!;
  result.made.push(consent({ id, process, answer, team, source, performer }, { now, canonical: parts.canonical }));
  result.output = { text: answer, reference: `Consent/${id}` };
}

/** What was open and is not any more: answered, or taken back. */
async function closeRequests({ parts, process, turn }: Taking, result: Result): Promise<readonly Entry[]> {
  const isOver = turn.deeds.some((deed) => deed === 'complete' || deed === 'withdraw') || result.requests.length > 0;
  if (!isOver) {
    result.requests.push(...process.requests);
    return [];
  }
  const status = turn.deeds.includes('complete') ? 'completed' : 'revoked';
  const open = process.requests.filter((id) => !result.requests.includes(id));
  const found = await Promise.all(open.map((id) => newest({ type: 'CommunicationRequest', id }, parts)));
  return found.flatMap((one) =>
    one?.resource.status === 'active' ? [entry({ ...one.resource, status }, { ifMatch: one.versionId })] : [],
  );
}
