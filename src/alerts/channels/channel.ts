/** What a way to reach somebody is: it takes one message and says what became of it. docs/escalation.md#channels */

export type ChannelKind = 'webhook' | 'email' | 'sms' | 'web-push';

/** Where somebody is reached. */
export interface Contact {
  readonly kind: ChannelKind;
  /** An address of mail, a number in E.164, a URL, or the key of a push subscription. */
  readonly value: string;
}

export interface Message {
  /** Id of its Communication; the same for every try. */
  readonly id: string;
  readonly to: Contact;
  /** Says nothing of a patient. */
  readonly subject: string;
  readonly text: string;
  readonly link?: string;
  readonly priority: 'routine' | 'urgent' | 'asap' | 'stat';
  /** `Flag/1`, for receivers that read FHIR. */
  readonly about: string;
}

/** Codes of http://terminology.hl7.org/CodeSystem/communication-not-done-reason. */
export type NotDone =
  | 'unknown'
  | 'system-error'
  | 'invalid-phone-number'
  | 'recipient-unavailable'
  | 'patient-objection';

export type Sent =
  | 'sent'
  /** `reason` is a sentence without anything that the receiver wrote. A final failure is not tried again. */
  | {
      readonly failed: NotDone;
      readonly reason: string;
      readonly isFinal: boolean;
      /** Milliseconds. */
      readonly retryAfter?: number;
    };

export interface Channel {
  readonly kind: ChannelKind;
  /** Never throws for what the receiver does. */
  send(message: Message, signal: AbortSignal): Promise<Sent>;
}

/** The channels of a server by what they are for; one that is not configured is not there. */
export type Channels = ReadonlyMap<ChannelKind, Channel>;
