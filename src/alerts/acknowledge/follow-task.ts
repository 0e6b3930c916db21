/** A Task that somebody accepts is an acknowledgement however that is written, and one that is given back takes it back: the mitigation says the same in the same commit. docs/escalation.md */
import { hash } from 'node:crypto';
import type { Derive, Draft } from '../../interactions/interaction.ts';
import { resourceNow } from '../../interactions/pending.ts';
import { uuidv7 } from '../../runtime.ts';
import { alertOfTask, isTaken, wasTaken } from '../process/follow.ts';
import { saveOf } from '../raise.ts';
import { authorOf } from './access.ts';
import { type DeedCode, deedProvenance, withDeed } from './entries.ts';
import { acknowledgementIn } from './state.ts';

export const followAcceptance: Derive = async ({ key, before, after: written }, pending, look, setting) => {
  const { now, canonical, caller } = setting;
  // What the house or a maker does by itself is nobody's deed.
  if (!written || caller.who.startsWith('System/')) return [];
  const [was, is] = [wasTaken(before), isTaken(written)];
  if (was === is) return [];
  const alert = await alertOfTask(key, written, pending, look);
  if (!alert) return [];
  const flag =
    alert.flag === undefined ? undefined : await resourceNow({ type: 'Flag', id: alert.flag }, pending, look);
  // Over: its Task was done by whoever ended it.
  if (alert.flag === undefined ? !alert.open : flag?.resource.status !== 'active') return [];
  const issueKey = { type: 'DetectedIssue', id: alert.issue };
  const issue = await resourceNow(issueKey, pending, look);
  // Whoever acknowledges by /cardiac writes both.
  if (!issue || (acknowledgementIn(issue.resource, canonical) !== undefined) === is) return [];
  const code: DeedCode = is ? 'acknowledged' : 'taken-back';
  const deed = { author: authorOf(caller), date: new Date(now).toISOString(), canonical };
  const targets = [`DetectedIssue/${alert.issue}`, `Task/${key.id}`];
  const id = uuidv7(now, hash('sha256', JSON.stringify([key.id, before?.versionId ?? 0, code]), 'buffer'));
  const provenance: Draft = {
    op: 'save',
    key: { type: 'Provenance', id },
    method: 'PUT',
    resource: { ...deedProvenance(code, targets, deed), id },
    expect: 'absent',
  };
  return [saveOf(issueKey, withDeed(issue.resource, code, deed), issue.expect), provenance];
};
