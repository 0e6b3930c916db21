/** The link by which a patient, or who is asked in the patient's place, answers without signing in: it names one question, is signed, and ends. docs/escalation.md#answers */
import { createHmac, timingSafeEqual } from 'node:crypto';

export interface AnswerLink {
  /** Communication that asked. */
  readonly communication: string;
  /** Milliseconds; afterwards the link opens nothing. */
  readonly until: number;
}

const signatureOf = (key: Uint8Array, text: string): Buffer =>
  createHmac('sha256', key).update(`alert-answer|${text}`).digest();

/** Path below the server's URL. */
export function answerPath(key: Uint8Array, { communication, until }: AnswerLink): string {
  const text = `${communication}.${Math.floor(until / 1_000)}`;
  return `/alert-answers/${text}.${signatureOf(key, text).toString('base64url')}`;
}

/** Undefined for what is none of ours, or over. */
export function readAnswerLink(key: Uint8Array, token: string, now: number): AnswerLink | undefined {
  const [, text, communication, seconds, signature] =
    /^(([A-Za-z0-9-]{1,64})\.(\d{1,12}))\.([A-Za-z0-9_-]{43})$/.exec(token) ?? [];
  if (text === undefined) return undefined;
  if (!timingSafeEqual(signatureOf(key, text), Buffer.from(signature!, 'base64url'))) return undefined;
  const until = Number(seconds) * 1_000;
  return now >= until ? undefined : { communication: communication!, until };
}
