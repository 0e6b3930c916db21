/** Acknowledges an alert in one commit, once: whoever repeats it or is a moment later is told who was first. docs/cardiac.md */
import { isOvertaken, problem } from '../../fhir/outcome.ts';
import { referenceTo } from '../../fhir/references.ts';
import { insideRequest, type Origin } from '../../interactions/inside.ts';
import type { Caller, Dispatch } from '../../interactions/interaction.ts';
import { settle } from '../../interactions/settle.ts';
import type { Runtime } from '../../runtime.ts';
import type { Change, Store } from '../../store/store.ts';
import { acknowledgingAccess, authorOf, demandAcknowledging } from './access.ts';
import { acknowledgementEntries } from './entries.ts';
import { standingBeside } from './standing.ts';
import { type Acknowledgement, acknowledgementIn } from './state.ts';

export interface AcknowledgeParts {
  readonly store: Pick<Store, 'search' | 'vread'>;
  readonly dispatch: Dispatch;
  readonly runtime: Pick<Runtime, 'now'>;
  readonly canonical: string;
}

export interface AcknowledgeAsked {
  /** As the caller sees it: the Flag, or the DetectedIssue of an alert that has none. */
  readonly named: any;
  /** What the caller must be allowed to change: the Flag, or the Task. */
  readonly changed: any;
  readonly caller: Caller;
  readonly origin: Origin;
  /** Goes into the same commit: the audit row of the door, what the maker is told. */
  readonly also: () => readonly Change[];
}

/** Somebody else wrote what was to be written. */

/** Resolves with who was first, and whether that was now. */
export function acknowledge(
  { store, dispatch, runtime, canonical }: AcknowledgeParts,
  { named, changed, caller, origin, also }: AcknowledgeAsked,
): Promise<Acknowledgement & { readonly isNew: boolean }> {
  const beside = standingBeside(store, canonical, named);
  return settle(
    runtime,
    async () => {
      await demandAcknowledging(caller, changed);
      const issue = await beside('DetectedIssue');
      if (!issue) throw problem('business-rule', 'this alert has no DetectedIssue that could be acknowledged');
      const before = acknowledgementIn(issue.resource, canonical);
      if (before) return { ...before, isNew: false };
      const task = await beside('Task');
      const now = runtime.now();
      const author = authorOf(caller);
      const entries = acknowledgementEntries({ issue, task, author, now, canonical });
      const targets = [issue, task].flatMap((one) =>
        one ? [referenceTo({ type: one.resource.resourceType, id: one.resource.id })] : [],
      );
      await dispatch(
        insideRequest(origin, { interaction: 'transaction', type: '', entries }),
        { ...caller, access: acknowledgingAccess(targets) },
        also(),
      );
      const by = 'reference' in author ? author.reference : author.display;
      return { by, at: new Date(now).toISOString(), isNew: true };
    },
    { isOvertaken },
  );
}
