/** E-mail over one submission server. docs/escalation.md#channels */
import { isMailAddress, mailText } from '../../outbound/mail.ts';
import { type Letter, SmtpRefused } from '../../outbound/smtp.ts';
import type { Runtime } from '../../runtime.ts';
import type { Channel } from './channel.ts';

export const email = (
  deliver: (letter: Letter, signal: AbortSignal) => Promise<void>,
  runtime: Pick<Runtime, 'now'>,
  from: string,
): Channel => ({
  kind: 'email',
  async send({ id, to, subject, text, link, priority }, signal) {
    if (!isMailAddress(to.value))
      return { failed: 'recipient-unavailable', reason: 'The address is none of mail', isFinal: true };
    const words = link === undefined ? text : `${text}\n\n${link}\n`;
    const mail = { id, from, to: to.value, subject, text: words, isUrgent: priority === 'stat', at: runtime.now() };
    try {
      await deliver({ from, to: to.value, text: mailText(mail) }, signal);
      return 'sent';
    } catch (error) {
      if (!(error instanceof SmtpRefused)) throw error;
      // Only what is said of the recipient is about the recipient; all else is for the operator to mend.
      const isFinal = error.at === 'RCPT TO' && error.code >= 500;
      return { failed: isFinal ? 'recipient-unavailable' : 'system-error', reason: error.message, isFinal };
    }
  },
});
