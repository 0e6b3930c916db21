/** What an HL7 v2 message becomes in FHIR. https://build.fhir.org/ig/HL7/v2-to-fhir, docs/hl7v2-mapping.md */
import type { Entry } from '../../../interactions/interaction.ts';
import type { Change, Look } from '../../../store/store.ts';
import type { Hl7Message } from '../wire/message.ts';
import type { Unmapped } from './reading.ts';

export interface MapSetting {
  /** Where patients, visits and devices are looked up that are here already. */
  readonly store: Look;
  /** Canonical base of our own systems and codes. */
  readonly canonical: string;
  /** Absolute URL of the FHIR base. */
  readonly base: string;
  /** IANA zone of times that name none. */
  readonly zone: string;
  readonly now: number;
  /** `DocumentReference/…` of the message as it came in. */
  readonly raw?: string;
}

export interface Mapped {
  /** For one transaction. Nothing, where the message tells nothing new. */
  readonly entries: readonly Entry[];
  /** Goes into the same commit; holds what was looked at, so that a conflict sends back to map again. */
  readonly also: readonly Change[];
  readonly unmapped: readonly Unmapped[];
  /** Populated fields, and those of which something was taken. */
  readonly fields: { readonly populated: number; readonly mapped: number };
  /** Sentences without a value of the message. */
  readonly warnings: readonly string[];
  /** What had to be taken for granted, such as a zone: for the Provenance. */
  readonly assumptions: readonly string[];
  /** `Patient/…`, or the fullUrl of one that the entries create. */
  readonly patient?: string;
  readonly device?: string;
  /** When it happened, as told; FHIR dateTime. */
  readonly occurred?: string;
  readonly quarantine?: {
    readonly code: 'no-patient' | 'no-device' | 'unreadable' | 'unmapped' | 'refused';
    readonly reason: string;
  };
}

/** Looks, decides, writes nothing. The same message maps to the same ids. */
export async function mapMessage(_message: Hl7Message, _setting: MapSetting): Promise<Mapped> {
  const quarantine = { code: 'unmapped', reason: 'messages are not mapped yet' } as const;
  const fields = { populated: 0, mapped: 0 };
  return { entries: [], also: [], unmapped: [], fields, warnings: [], assumptions: [], quarantine };
}
