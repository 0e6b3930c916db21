/** What a map is handed, and what it hands back. docs/hl7v2-mapping.md */
import type { Entry } from '../../../interactions/interaction.ts';
import type { Change } from '../../../store/store.ts';
import type { Implants } from '../../implants/room.ts';
import type { QuarantineCode } from '../../intake/quarantine.ts';
import type { Around } from './datatypes.ts';
import type { Drafts } from './drafts.ts';
import type { ReadMessage, Unmapped } from './reading.ts';
import type { Looking } from './whose.ts';

type ImplantRoom = Pick<Implants, 'entriesOf'>;

export interface MapSetting {
  /** Where patients, visits and devices are looked up that are here already. */
  readonly store: Looking;
  /** Canonical base of our own systems and codes. */
  readonly canonical: string;
  /** Absolute URL of the FHIR base. */
  readonly base: string;
  /** IANA zone of times that name none. */
  readonly zone: string;
  readonly now: number;
  /** `DocumentReference/…` of the message as it came in. */
  readonly raw?: string;
  /** Takes what IDCO tells of an implant; without it such a message is not mapped. */
  readonly implants?: ImplantRoom;
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
  readonly quarantine?: { readonly code: QuarantineCode; readonly reason: string };
  /** Parts that were left out: `also` keeps them. */
  readonly asides?: readonly Aside[];
}

/** A part of a message that is kept for somebody to look at, while the rest is taken in. */
export interface Aside {
  /** In the quarantine. */
  readonly id: string;
  readonly code: QuarantineCode;
  readonly reason: string;
}

/** What all maps of one message share, before it is known whom it is about. */
export interface Beginning {
  readonly message: ReadMessage;
  readonly around: Around;
  readonly drafts: Drafts;
  readonly messageKey: string;
  readonly sent: string | undefined;
  readonly setting: MapSetting;
  readonly also: Change[];
  readonly isTest: boolean;
  readonly asides: Aside[];
}

export type Part = Pick<Mapped, 'patient' | 'device' | 'occurred' | 'quarantine'> &
  Partial<Pick<Mapped, 'entries' | 'also'>>;
