/** A DetectedIssue that says: what a device sent was not applied, because somebody else's version or a deletion stands. https://hl7.org/fhir/R4/detectedissue.html */
import type { Resource } from '../../fhir/references.ts';
import { isDeleted, type Version } from '../../store/store.ts';
import { filled } from './entries.ts';

export interface NotApplied {
  readonly id: string;
  /** What stands. */
  readonly newest: Version;
  /** What the device sent, where it is new: contained, so that nothing is lost. */
  readonly refused?: object;
  /** Names what is gone: a reference to it would dangle. */
  readonly identifier: object | undefined;
  /** `Patient/1`, `Device/1` */
  readonly patient: string;
  readonly device: string;
  /** When it came, in milliseconds. */
  readonly issued: number;
  readonly canonical: string;
  /** Sentences for people. */
  readonly say: { readonly deleted: string; readonly edited: string };
}

export function readingNotApplied(of: NotApplied): Resource & { readonly id: string } {
  const { id, newest, refused, identifier, patient, device, issued, canonical, say } = of;
  const { type } = newest.key;
  const isGone = isDeleted(newest);
  return filled({
    resourceType: 'DetectedIssue',
    id,
    contained: refused && [{ ...refused, id: 'refused' }],
    status: 'final',
    code: {
      coding: [
        {
          system: `${canonical}/CodeSystem/alert-type`,
          code: 'reading-not-applied',
          display: 'Reading of a device not applied',
        },
      ],
    },
    severity: 'low',
    patient: { reference: patient },
    identifiedDateTime: new Date(issued).toISOString(),
    author: { reference: device },
    implicated: [isGone ? { type, identifier } : { reference: `${type}/${newest.key.id}` }],
    evidence: refused && [{ detail: [{ reference: '#refused' }] }],
    detail: isGone ? say.deleted : say.edited,
  });
}
