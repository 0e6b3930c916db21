/** Resolves an alert in one commit, once: the Flag is over and the Task done, and whoever repeats it or is a moment later is told who it was. docs/cardiac.md */
import { isOvertaken, problem } from '../../fhir/outcome.ts';
import { referenceTo } from '../../fhir/references.ts';
import { insideRequest } from '../../interactions/inside.ts';
import { settle } from '../../interactions/settle.ts';
import type { Change } from '../../store/store.ts';
import { acknowledgingAccess, authorOf, demandAcknowledging } from './access.ts';
import type { AcknowledgeAsked, AcknowledgeParts } from './acknowledge.ts';
import { resolvedEntries } from './entries.ts';
import { standingBeside } from './standing.ts';
import { acknowledgementIn, resolutionIn } from './state.ts';

export interface ResolveAsked extends Omit<AcknowledgeAsked, 'also'> {
  /** Goes into the same commit. Whoever resolves what nobody acknowledged has seen it: a maker is to be told of that. */
  readonly also: (isAcknowledged: boolean) => readonly Change[];
}

export interface Resolved {
  /** Null where its condition ended by itself. */
  readonly by: string | null;
  /** FHIR dateTime. */
  readonly at: string | null;
  /** Whether that was now. */
  readonly isNew: boolean;
}

export function resolve(
  { store, dispatch, runtime, canonical }: AcknowledgeParts,
  { named, changed, caller, origin, also }: ResolveAsked,
): Promise<Resolved> {
  const beside = standingBeside(store, canonical, named);
  return settle(
    runtime,
    async () => {
      await demandAcknowledging(caller, changed);
      const [flag, issue] = await Promise.all([beside('Flag'), beside('DetectedIssue')]);
      if (!flag || !issue)
        throw problem(
          'business-rule',
          'an alert without a Flag ends with its condition, such as a battery that is charged: it is not resolved',
        );
      const { status, period } = flag.resource;
      if (status === 'entered-in-error') throw problem('business-rule', 'this alert was entered in error');
      if (status !== 'active') {
        const before = resolutionIn(flag.resource, issue.resource, canonical);
        const { by, at } = before ?? { by: null, at: period?.end ?? null };
        return { by, at, isNew: false };
      }
      const task = await beside('Task');
      // Over before it began is none: clocks differ.
      const began = Date.parse(period?.start ?? '');
      const now = Number.isNaN(began) ? runtime.now() : Math.max(runtime.now(), began);
      const author = authorOf(caller);
      const entries = resolvedEntries({ flag, issue, task, author, now, canonical });
      const targets = [flag, issue, task].flatMap((one) =>
        one ? [referenceTo({ type: one.resource.resourceType, id: one.resource.id })] : [],
      );
      await dispatch(
        insideRequest(origin, { interaction: 'transaction', type: '', entries }),
        { ...caller, access: acknowledgingAccess(targets) },
        also(acknowledgementIn(issue.resource, canonical) !== undefined),
      );
      const by = 'reference' in author ? author.reference : author.display;
      return { by, at: new Date(now).toISOString(), isNew: true };
    },
    { isOvertaken },
  );
}
