/** One step of the process of one alert: looks, asks the table, and stores all that follows in one commit, once. docs/escalation.md */
import { parseExact, writeExact } from '../../fhir/json.ts';
import { keyOf, type Resource, type ResourceKey, referenceTo } from '../../fhir/references.ts';
import { insideRequest, ofItself } from '../../interactions/inside.ts';
import type { Conditions, Entry } from '../../interactions/interaction.ts';
import { system } from '../../smart/access.ts';
import { check } from '../../store/lease.ts';
import { isDeleted, type Lease } from '../../store/store.ts';
import { deeds, type Result, type Taking } from './deeds.ts';
import { keepProcess, type Process, processKinds } from './kept.ts';
import type { ProcessParts } from './parts.ts';
import { planFor } from './plan.ts';
import { quietUntil } from './quiet-hours.ts';
import { aboutOf, consent, type Made, provenance, stepId, taskAt } from './resources.ts';
import { type Answer, next, type Stage } from './stages.ts';
import { addressOf, emergency, type WhoParts } from './who.ts';
import { whomToAsk } from './whom-to-ask.ts';

const caller = system('alerts');
const asNew: Conditions = { ifNoneMatch: '*' };

const entry = (resource: Resource & { readonly id: string }, conditions: Conditions): Entry => {
  const text = writeExact(resource);
  const url = referenceTo({ type: resource.resourceType, id: resource.id });
  return { fullUrl: url, method: 'PUT', url, body: { text, resource: JSON.parse(text) }, conditions };
};

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
