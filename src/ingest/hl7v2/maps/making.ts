/** What the maps of one message share while they make its resources. */
import type { Segment } from '../wire/message.ts';
import type { Around } from './datatypes.ts';
import type { Drafts } from './drafts.ts';
import type { ReadMessage } from './reading.ts';

export interface Making {
  readonly message: ReadMessage;
  readonly around: Around;
  readonly drafts: Drafts;
  /** `Patient/…`, or the fullUrl of a new one. */
  readonly subject: string;
  /** The number that the message names the patient by: the same before and after the patient is stored. */
  readonly patientKey: string;
  readonly encounter?: string;
  /** The number of the visit; '' where it has none. */
  readonly visitKey: string;
  /** Names the message: sender and MSH-10. */
  readonly messageKey: string;
  /** MSH-7, FHIR instant. */
  readonly sent?: string;
  /** `DocumentReference/…` of the message. */
  readonly raw?: string;
  /** What the message is about, for its MessageHeader. */
  readonly focus: string[];
  /** Keeps a result out, for somebody to look at; the rest is taken in. */
  readonly aside: (segment: Segment, reason: string) => void;
  device?: string;
  occurred?: string;
}
