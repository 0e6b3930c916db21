/** Says that a device's reading was not applied, because somebody else's version or a deletion stands. https://hl7.org/fhir/R4/detectedissue.html */
import { createHash } from 'node:crypto';
import { parseExact, writeExact } from '../fhir/json.ts';
import type { Incoming } from '../interactions/interaction.ts';
import { uuidv7 } from '../runtime.ts';
import type { Version } from '../store/store.ts';
import { readingNotApplied } from './intake/reading-not-applied.ts';
import type { ObservationSpec, Sent } from './mapping.ts';
import { type Circumstances, observe, readingIdentifier } from './observe.ts';

const say = {
  deleted: 'The device sent this reading again after it was deleted here. The deletion was left standing.',
  edited: 'The device sent this reading again after somebody else changed it here. That version was left standing.',
};

/** The DetectedIssue; what the device sent is contained where it is new. */
export function standingIssue(
  spec: ObservationSpec,
  sent: Sent,
  newest: Version,
  isNews: boolean,
  at: Circumstances,
): Incoming {
  const { patient, device, issued, canonical } = at;
  const parts = [at.id, newest.versionId, JSON.stringify(sent), 'DetectedIssue'];
  const id = uuidv7(issued, createHash('sha256').update(parts.join('|')).digest());
  const { meta: _meta, ...refused } = parseExact(observe(spec, sent, { ...at, id: 'refused' }).text);
  const issue = readingNotApplied({
    id,
    newest,
    ...(isNews && { refused }),
    identifier: readingIdentifier(at, spec.name),
    patient,
    device,
    issued,
    canonical,
    say,
  });
  const text = writeExact(issue);
  return { text, resource: JSON.parse(text) };
}
