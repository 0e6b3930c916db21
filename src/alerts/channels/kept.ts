/** What is kept of a message that waits to be sent: it is stored in the commit of the step that sends it. docs/escalation.md#what-is-kept */
import type { Change } from '../../store/store.ts';
import type { Message } from './channel.ts';

export interface KeptMessage extends Message {
  readonly alert: string;
  /** Its CommunicationRequest. */
  readonly request: string;
  /** A question to the patient, an alert that somebody is to look at, a call for help, or the word of what was and is over. */
  readonly purpose: 'question' | 'alert' | 'help' | 'over';
  /** Said instead where the alert is over before anybody knows of it; left out where nobody need know then. */
  readonly ifOver?: { readonly subject: string; readonly text: string };
  readonly attempts: number;
  /** When it was first tried or written, in milliseconds. */
  readonly since: number;
}

/** `<next try, ISO 8601>|<Communication>`: what is due next comes first. */
export const messageKind = 'alert-message';

/** Counts that outlive a server, by `<channel>|sent`, `|failed`, `|dead`, `|withdrawn`. */
export const countsKind = 'alert-message-count';

export const messageKey = (at: number, id: string): string => `${new Date(at).toISOString()}|${id}`;

export const messageAt = (key: string): number => Date.parse(key.slice(0, key.indexOf('|')));

export interface MessagePut {
  readonly key: string;
  readonly value: KeptMessage;
}

export const keepMessage = (message: KeptMessage, at: number): Extract<Change, { op: 'put' }> & MessagePut => ({
  op: 'put',
  kind: messageKind,
  key: messageKey(at, message.id),
  value: message,
});
