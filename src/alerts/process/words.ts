/** What people are told of an alert: that there is one, how urgent it is and where to look. No value, no name of a patient. docs/escalation.md#messages */
import type { AlertSeverity } from '../alert.ts';

const urgency: Readonly<Record<AlertSeverity, string>> = {
  critical: 'A critical alert',
  warning: 'A warning',
  info: 'A notice',
};

export interface Words {
  readonly subject: string;
  readonly text: string;
}

const please = 'Please answer by the link: yes, no, or ask me later.';

/** `detail` is what was noticed, where the site wants it in its messages. */
export const questionWords = (severity: AlertSeverity, detail: string | undefined): Words => ({
  subject: 'Watchfire: your device asks you a question',
  text: [`${urgency[severity]} of your device is there.`, detail, `May your care team be told? ${please}`]
    .filter(Boolean)
    .join(' '),
});

/** To who is related to the patient, who is never told what was noticed. */
export const relatedWords = (severity: AlertSeverity): Words => ({
  subject: 'Watchfire: you are asked a question',
  text: `You are asked about a device of somebody you are related to: ${urgency[severity].toLowerCase()} is there. May the care team be told? ${please}`,
});

export const alertWords = (severity: AlertSeverity, stage: string, detail: string | undefined): Words =>
  stage === 'over'
    ? {
        subject: `Watchfire: ${urgency[severity].toLowerCase()} was there`,
        text: [`${urgency[severity]} was there, and was over before anybody could be told.`, detail]
          .filter(Boolean)
          .join(' '),
      }
    : {
        subject: `Watchfire: ${urgency[severity].toLowerCase()} waits for you`,
        text: [`${urgency[severity]} waits for somebody to look.`, why[stage], detail].filter(Boolean).join(' '),
      };

const why: Readonly<Record<string, string>> = {
  'notify-backup': 'Those who were told first have not answered.',
  'notify-ems': 'Nobody has answered. Please send help.',
};
