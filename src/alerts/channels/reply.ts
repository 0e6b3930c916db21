/** What an answer over HTTP says of a message. */
import { Problem } from '../../fhir/outcome.ts';
import type { Reply } from '../../outbound/guarded-client.ts';
import type { NotDone, Sent } from './channel.ts';

const LONGEST_WAIT = 3_600_000;

function readWait(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  const wait = /^\d{1,9}$/.test(header) ? Number(header) * 1_000 : Date.parse(header) - now;
  return wait > 0 ? Math.min(wait, LONGEST_WAIT) : undefined;
}

/** `gone`: statuses after which it is no use to try again, and `reason` what they mean. */
export function answered(
  { status, headers }: Reply,
  now: number,
  gone: readonly number[],
  reason: NotDone = 'recipient-unavailable',
): Sent {
  if (status >= 200 && status < 300) return 'sent';
  const isFinal = gone.includes(status);
  return {
    failed: isFinal ? reason : 'system-error',
    reason: `The endpoint answered ${status}`,
    isFinal,
    retryAfter: readWait(headers['retry-after'], now),
  };
}

/** A place that may not be called stays so; what could not be reached may be later. */
export async function attempt(send: () => Promise<Sent>): Promise<Sent> {
  try {
    return await send();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return { failed: 'system-error', reason: error.message, isFinal: error.code === 'business-rule' };
  }
}
