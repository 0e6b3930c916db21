/** Takes an acknowledgement back, within ten seconds and by whom it was: it is marked, never deleted, and the alert waits again. docs/cardiac.md */
import { isOvertaken, problem } from '../../fhir/outcome.ts';
import { referenceTo } from '../../fhir/references.ts';
import { insideRequest } from '../../interactions/inside.ts';
import { settle } from '../../interactions/settle.ts';
import { isDeleted } from '../../store/store.ts';
import { isTaken } from '../process/follow.ts';
import { acknowledgingAccess, authorOf, demandAcknowledging } from './access.ts';
import type { AcknowledgeAsked, AcknowledgeParts } from './acknowledge.ts';
import { type Author, type Standing, takenBackEntries } from './entries.ts';
import { standingBeside } from './standing.ts';
import { acknowledgementIn, resolutionIn } from './state.ts';

/** Milliseconds. */
const WINDOW = 10_000;

/** What was written since is the acknowledgement and a step of the process. */
const MOST_VERSIONS = 10;

/** Whose the Task was when it waited; undefined where it has gone to somebody else since. */
async function ownerBefore({ resource, versionId }: Standing, author: Author, store: AcknowledgeParts['store']) {
  const name = ({ reference, display }: any = {}) => reference ?? display;
  if (name(resource.owner) !== name(author)) return undefined;
  const key = { type: 'Task', id: resource.id };
  for (let at = versionId - 1; at > Math.max(0, versionId - MOST_VERSIONS); at--) {
    const version = await store.vread(key, at);
    const before = version && !isDeleted(version) ? JSON.parse(version.text) : undefined;
    if (before && !isTaken(before)) return before.owner ?? 'nobody';
  }
  return 'nobody';
}

/** Resolves with whether there was something to take back: whoever repeats it is told no. 422 where it is too late or was somebody else's. */
export function undo(
  { store, dispatch, runtime, canonical }: AcknowledgeParts,
  { named, changed, caller, origin, also }: AcknowledgeAsked,
): Promise<boolean> {
  const beside = standingBeside(store, canonical, named);
  return settle(
    runtime,
    async () => {
      await demandAcknowledging(caller, changed);
      const issue = await beside('DetectedIssue');
      const before = acknowledgementIn(issue?.resource, canonical);
      if (!issue || !before) return false;
      // After the DetectedIssue, which the commit expects as it was read: whoever resolves changes both.
      const flag = (await beside('Flag'))?.resource ?? named;
      if (resolutionIn(flag, issue.resource, canonical))
        throw problem('business-rule', 'this alert has been resolved: there is nothing to wait for again');
      const author = authorOf(caller);
      const isOwn = before.by === ('reference' in author ? author.reference : author.display);
      if (!isOwn) throw problem('business-rule', 'only who acknowledged an alert may take that back');
      const now = runtime.now();
      if (now - Date.parse(before.at) > WINDOW)
        throw problem('business-rule', 'an acknowledgement may be taken back for ten seconds');
      const task = await beside('Task');
      const owner = task && (await ownerBefore(task, author, store));
      const entries = takenBackEntries({ issue, task, author, owner, now, canonical });
      const targets = [issue, task].flatMap((one) =>
        one ? [referenceTo({ type: one.resource.resourceType, id: one.resource.id })] : [],
      );
      await dispatch(
        insideRequest(origin, { interaction: 'transaction', type: '', entries }),
        { ...caller, access: acknowledgingAccess(targets) },
        also(),
      );
      return true;
    },
    { isOvertaken },
  );
}
