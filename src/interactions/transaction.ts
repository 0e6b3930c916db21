/** transaction: all entries or none, in one commit. https://hl7.org/fhir/R4/http.html#trules */
import { bundleText } from '../fhir/bundle.ts';
import { type Issue, Problem, problem } from '../fhir/outcome.ts';
import { freshId, type Runtime } from '../runtime.ts';
import { isAbsent, type Version } from '../store/store.ts';
import { answerOf, entryOf, requestOf } from './bundle-answer.ts';
import { entriesOf } from './bundle-entries.ts';
import { nothingToDelete } from './delete.ts';
import type { Context, Entry, FhirAnswer, FhirRequest, Interaction, InteractionCode } from './interaction.ts';
import { type Declared, demandDeclared, demandPermitted } from './permit.ts';
import { settle } from './settle.ts';
import { demandReadable, identify, type Step, withReferences } from './transaction-steps.ts';
import { demandWritable, type Planned, type WritePath } from './write.ts';

const READS: readonly InteractionCode[] = ['read', 'vread', 'search-type', 'search-system', 'history-instance'];
const WRITES: readonly InteractionCode[] = ['create', 'update', 'delete'];
/** The order of https://hl7.org/fhir/R4/http.html#trules: delete, create, update; reads come after the commit. */
const ORDER: readonly InteractionCode[] = ['delete', 'create', 'update'];

interface Surroundings {
  readonly runtime: Runtime;
  readonly declared: Declared;
}

/** Routes every entry and asks whether it is offered and for its right, before anything is looked up. */
function stepsOf(
  entries: readonly Entry[],
  whole: FhirRequest,
  context: Context,
  { runtime, declared }: Surroundings,
): readonly Step[] {
  return entries.map((entry, i) => {
    const at = `Bundle.entry[${i}]`;
    const request = requestOf(entry, whole, at);
    const { interaction } = request;
    if (!WRITES.includes(interaction) && !READS.includes(interaction))
      throw problem('not-supported', `${at}: ${interaction} has no place in a transaction`);
    demandDeclared(request, declared);
    demandPermitted(request, context.caller);
    if (interaction === 'create' || interaction === 'update') demandBody(request, at);
    return { entry, request, at, freshId: freshId(runtime) };
  });
}

function demandBody({ body, type, id, interaction }: FhirRequest, at: string): void {
  if (!body) throw problem('required', `${at}.resource is missing`, { expression: at });
  if (body.resource.resourceType !== type)
    throw problem('invalid', `${at}.resource is not a ${type}`, { expression: at });
  if (interaction === 'update' && id && body.resource.id !== id) {
    throw problem('invalid', `${at}.resource must have the id ${id} of request.url`, { expression: at });
  }
}

/** Validates all, so that one answer names every fault. */
function admitAll(planned: readonly { plan: Planned; at: string }[], writes: WritePath): void {
  const issues: Issue[] = [];
  for (const { plan, at } of planned) {
    try {
      if (plan.incoming) writes.admit(plan.incoming);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      issues.push(
        ...error.issues.map((issue) => ({
          ...issue,
          expression: `${at}.resource${issue.expression ? `.${issue.expression}` : ''}`,
        })),
      );
    }
  }
  if (issues.length > 0) throw new Problem(issues, 422);
}

export const transaction = (writes: WritePath, runtime: Runtime, declared: Declared): Interaction => {
  async function attempt(
    steps: readonly Step[],
    context: Context,
  ): Promise<Pick<FhirAnswer, 'effects'> & { answers: (FhirAnswer | undefined)[] }> {
    const answers: (FhirAnswer | undefined)[] = steps.map(() => undefined);
    const { targets, expectations } = await identify(steps, context);
    await demandReadable(steps, targets, context);
    const bodies = await withReferences(steps, targets, context, expectations);
    const planned: { plan: Planned; at: string; i: number }[] = [];
    for (const [i, target] of targets.entries()) {
      if (!target) continue;
      const { key, before } = target;
      const { interaction } = steps[i]!.request;
      if (target.existing) answers[i] = { status: 200, version: target.existing };
      else if (interaction !== 'delete') {
        planned.push({
          plan: { key, method: interaction === 'create' ? 'POST' : 'PUT', incoming: bodies[i]!, before },
          at: steps[i]!.at,
          i,
        });
      } else if (isAbsent(before)) {
        // Refused where it would be refused if somebody else's were there.
        if (steps[i]!.request.id) await demandWritable(context.caller, key, before, undefined);
        answers[i] = nothingToDelete(context.caller, before);
      } else planned.push({ plan: { key, method: 'DELETE', before }, at: steps[i]!.at, i });
    }
    planned.sort(
      (a, b) => ORDER.indexOf(steps[a.i]!.request.interaction) - ORDER.indexOf(steps[b.i]!.request.interaction),
    );
    admitAll(planned, writes);
    const plans = planned.map(({ plan }) => plan);
    const { versions, effects } = await writes.save(plans, expectations, context, 200);
    for (const [n, { plan, i }] of planned.entries())
      answers[i] = { status: statusOf(plan), version: versions[n] as Version };
    return { answers, effects };
  }

  return {
    code: 'transaction',
    right: '',
    async handle(request, context) {
      const entries = request.entries ?? entriesOf(request.body!);
      const steps = stepsOf(entries, request, context, { runtime, declared });
      // An inside caller adds expectations of its own, so a conflict sends the caller back to look again.
      const { answers, effects } = request.entries
        ? await attempt(steps, context)
        : await settle(runtime, () => attempt(steps, context));
      for (const [i, { request: step }] of steps.entries()) answers[i] ??= await answerOf(step, context);
      const all = answers as FhirAnswer[];
      // Callers inside the house look at the answers; only a client needs the Bundle.
      const text = request.entries
        ? undefined
        : bundleText(
            'transaction-response',
            all.map((answer, i) => entryOf(answer, request, READS.includes(steps[i]!.request.interaction))),
          );
      return { status: 200, text, entries: all, effects };
    },
  };
};

const statusOf = ({ method, before }: Planned) => (method === 'DELETE' ? 204 : isAbsent(before) ? 201 : 200);
