/** What a decision about one Observation of a reading asks of a transaction: nothing, a new Observation or version, or a DetectedIssue. */
import type { Entry } from '../interactions/interaction.ts';
import type { ObservationSpec } from './mapping.ts';
import { type Circumstances, observe } from './observe.ts';
import type { Decision } from './reading.ts';
import { standingIssue } from './standing.ts';

export function entryOf(spec: ObservationSpec, decision: Decision, at: Circumstances): readonly Entry[] {
  if (decision.does === 'repeat') return [];
  if (decision.does === 'stand') {
    const body = standingIssue(spec, decision.sent, decision.newest, decision.isNews, at);
    return [put(body, { ifNoneMatch: '*' })];
  }
  if (decision.does === 'create') return [put(observe(spec, decision.sent, at), { ifNoneMatch: '*' })];
  const status = decision.does === 'correct' ? 'corrected' : 'amended';
  return [put(observe(spec, decision.sent, { ...at, status }), { ifMatch: decision.versionId })];
}

// No fullUrl: nothing in these resources refers to another entry but by the id that it has already.
const put = (body: Entry['body'] & {}, conditions: Entry['conditions']): Entry => {
  const url = `${body.resource.resourceType}/${body.resource.id}`;
  return { fullUrl: '', method: 'PUT', url, body, conditions };
};
