/** Says that something an implant told was not applied, because somebody else's version or a deletion stands. https://hl7.org/fhir/R4/detectedissue.html */
import type { Entry } from '../../interactions/interaction.ts';
import { isDeleted, type Version } from '../../store/store.ts';
import { asNew, filled, put, stableId } from '../intake/entries.ts';
import type { Setting } from './observation.ts';

const say = {
  deleted: 'The device sent this again after it was deleted here. The deletion was left standing.',
  edited: 'The device sent something new for this after somebody else changed it here. That version was left standing.',
};

/** What the device sent is contained, so that nothing is lost. */
export function notApplied(sent: any, newest: Version, at: Setting): Entry {
  const { meta: _meta, ...refused } = sent;
  const { type, id } = newest.key;
  const isGone = isDeleted(newest);
  const issue = filled({
    resourceType: 'DetectedIssue',
    id: stableId(at.issued, 'not-applied', type, id, newest.versionId, JSON.stringify(refused)),
    contained: [{ ...refused, id: 'refused' }],
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
    // A reference to a resource that is gone would dangle.
    implicated: isGone ? [{ type, identifier: refused.identifier?.[0] }] : [{ reference: `${type}/${id}` }],
    evidence: [{ detail: [{ reference: '#refused' }] }],
    detail: isGone ? say.deleted : say.edited,
  });
  return put(issue, asNew);
}
