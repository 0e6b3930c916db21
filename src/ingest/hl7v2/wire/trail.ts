/** The row of the audit trail that says that a message came, from whom, and what it was answered. docs/hl7v2.md */
import { appended } from '../../../audit/trail.ts';
import type { AuditRow, Change } from '../../../store/store.ts';
import type { Verdict } from './acknowledge.ts';
import type { Hl7Message } from './message.ts';

/** Where a message comes from. */
export interface Sender {
  readonly address: string;
  readonly requestId: string;
  readonly who: string;
  /** Prefix of its token. */
  readonly key?: string;
  /** HTTP has to answer also who wishes no acknowledgement. */
  readonly mustAnswer?: boolean;
}

/** What a message says of its sender, as far as it may stand in a row. */
function senderIn({ application, facility }: Partial<Hl7Message>): string {
  const names = [application, facility].filter(Boolean).join(' ');
  return names.replace(/[^\x20-\x7e]/g, '?').slice(0, 200) || 'nobody who says who';
}

/** `reason` is a code or a word, never a value of the message. */
export function rowOf(
  now: number,
  message: Hl7Message | undefined,
  { who, key = '', address, requestId }: Sender,
  verdict: Verdict,
  { target, reason }: Pick<AuditRow, 'target'> & { readonly reason?: string },
): Change {
  return appended({
    at: now,
    who,
    key,
    interaction: 'hl7v2-message',
    action: 'C',
    target,
    patients: '',
    status: verdict === 'AA' ? 200 : 422,
    requestId,
    address,
    query: '',
    reason: [`from ${senderIn(message ?? {})}`, reason].filter(Boolean).join(': '),
  });
}
