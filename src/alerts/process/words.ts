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

/** `detail` is what was noticed, where the site wants it in its messages. */
export function questionWords(severity: AlertSeverity, detail: string | undefined, isPatient = true): Words {
  const [device, team] = isPatient
    ? ['your device', 'your care team']
    : ['a device of somebody you are related to', 'the care team'];
  return {
    subject: `Watchfire: ${device} asks you a question`,
    text: [
      `${urgency[severity]} of ${device} is there.`,
      detail,
      `May ${team} be told? Please answer by the link: yes, no, or ask me later.`,
    ]
      .filter(Boolean)
      .join(' '),
  };
}

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
