/** What is kept of a message that waits to be sent: it is stored in the commit of the step that sends it. docs/escalation.md#what-is-kept */
import type { Change } from '../../store/store.ts';
import type { Message } from './channel.ts';

export interface KeptMessage extends Message {
  readonly alert: string;
  readonly attempts: number;
  /** When it was first tried or written, in milliseconds. */
  readonly since: number;
}

/** `<next try, ISO 8601>|<Communication>`: what is due next comes first. */
export const messageKind = 'alert-message';

/** Counts that outlive a server, by `<channel>|sent`, `|failed`, `|dead`. */
export const countsKind = 'alert-message-count';

export const messageKey = (at: number, id: string): string => `${new Date(at).toISOString()}|${id}`;

export const messageAt = (key: string): number => Date.parse(key.slice(0, key.indexOf('|')));

export const keepMessage = (message: KeptMessage, at: number): Change => ({
  op: 'put',
  kind: messageKind,
  key: messageKey(at, message.id),
  value: message,
});
