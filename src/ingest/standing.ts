/** Says that a device's reading was not applied, because somebody else's version or a deletion stands. https://hl7.org/fhir/R4/detectedissue.html */
import { createHash } from 'node:crypto';
import { parseExact, writeExact } from '../fhir/json.ts';
import type { Incoming } from '../interactions/interaction.ts';
import { uuidv7 } from '../runtime.ts';
import { isDeleted, type Version } from '../store/store.ts';
import type { ObservationSpec, Sent } from './mapping.ts';
import { type Circumstances, observe, readingIdentifier } from './observe.ts';

const say = {
  deleted: 'The device sent this reading again after it was deleted here. The deletion was left standing.',
  edited: 'The device sent this reading again after somebody else changed it here. That version was left standing.',
};

/** The DetectedIssue; what the device sent is contained where it is new, so that nothing is lost. */
export function standingIssue(
  spec: ObservationSpec,
  sent: Sent,
  newest: Version,
  isNews: boolean,
  at: Circumstances,
): Incoming {
  const parts = [at.id, newest.versionId, JSON.stringify(sent), 'DetectedIssue'];
  const id = uuidv7(at.issued, createHash('sha256').update(parts.join('|')).digest());
  const { meta: _meta, ...refused } = parseExact(observe(spec, sent, { ...at, id: 'refused' }).text);
  // A reference to a resource that is gone would dangle: its identifier names it still.
  const implicated = isDeleted(newest)
    ? { type: 'Observation', identifier: readingIdentifier(at, spec.name) }
    : { reference: `Observation/${at.id}` };
  const text = writeExact({
    resourceType: 'DetectedIssue',
    id,
    ...(isNews ? { contained: [refused] } : {}),
    status: 'final',
    code: {
      coding: [
        {
          system: `${at.canonical}/CodeSystem/alert-type`,
          code: 'reading-not-applied',
          display: 'Reading of a device not applied',
        },
      ],
    },
    severity: 'low',
    patient: { reference: at.patient },
    identifiedDateTime: new Date(at.issued).toISOString(),
    author: { reference: at.device },
    implicated: [implicated],
    ...(isNews ? { evidence: [{ detail: [{ reference: '#refused' }] }] } : {}),
    detail: isDeleted(newest) ? say.deleted : say.edited,
  });
  return { text, resource: JSON.parse(text) };
}
