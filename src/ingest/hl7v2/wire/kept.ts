/** What is remembered of a message, so that sending it again gets the same answer and stores nothing. docs/hl7v2.md */
import { hash } from 'node:crypto';
import type { Change, Kept } from '../../../store/store.ts';
import type { Verdict } from './acknowledge.ts';
import type { Hl7Message } from './message.ts';

export const messageKind = 'hl7v2-message';

/** How long, in seconds: senders repeat within minutes, engines replay a queue of days. */
const KEPT = 30 * 24 * 3_600;

export interface KeptMessage {
  /** Of the bytes. */
  readonly hash: string;
  readonly verdict: Verdict;
  /** As it was sent, without its frame; left out where the sender wished none. */
  readonly answer?: string;
  /** When it came, ms since 1970. */
  readonly at: number;
  /** `DocumentReference/…` */
  readonly raw: string;
  /** Id in the quarantine. */
  readonly quarantine?: string;
}

/** The same however its lines end, and for those around it. */
export const hashOf = (bytes: Uint8Array): string => {
  let from = 0;
  let end = bytes.length;
  while (from < end && bytes[from]! <= 0x20) from++;
  while (end > from && bytes[end - 1]! <= 0x20) end--;
  const message = bytes.subarray(from, end);
  if (!message.includes(0x0a)) return hash('sha256', message, 'hex');
  const text = Buffer.from(message).toString('latin1').replace(/\r?\n/g, '\r');
  return hash('sha256', Buffer.from(text, 'latin1'), 'hex');
};

/** MSH-3, MSH-4 and MSH-10; of what has none, the bytes. */
export const keyOfMessage = (message: Hl7Message | undefined, contentHash: string): string =>
  message === undefined || message.controlId === ''
    ? `bytes:${contentHash}`
    : hash('sha256', JSON.stringify([message.application, message.facility, message.controlId]), 'hex');

/** Expects that nobody else has answered it meanwhile. */
export const keepMessage = (key: string, value: KeptMessage, before: Kept | undefined): Change => ({
  op: 'put',
  kind: messageKind,
  key,
  value,
  expect: before?.revision ?? 'absent',
  expiresIn: KEPT,
});
