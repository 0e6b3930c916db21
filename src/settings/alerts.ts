/** Whom alerts are told to, and by which ways. docs/escalation.md, docs/configuration.md */
import { isMailAddress } from '../outbound/mail.ts';
import { isSecret } from '../outbound/signing.ts';
import { readSmtpUrl, type SmtpServer } from '../outbound/smtp.ts';
import type { Setting } from './setting.ts';
import { oneOf, onOff, optional, secret, whole, zone } from './values.ts';

export interface AlertSettings {
  /** How many warnings of one patient are told by themselves, and within how long. */
  readonly alertFlood: { readonly count: number; readonly minutes: number };
  /** Whether people are told at all. */
  readonly escalation: boolean;
  readonly alertTeam: string | undefined;
  readonly alertInbox: string | undefined;
  readonly alertEmergency: string | undefined;
  /** Minutes since midnight. */
  readonly alertQuietHours: { readonly from: number; readonly to: number } | undefined;
  readonly alertZone: string;
  readonly alertMessages: 'link' | 'text';
  readonly alertWebhookSecret: string | undefined;
  readonly smtp: SmtpServer | undefined;
  readonly smtpFrom: string | undefined;
  readonly smtpAuthority: string | undefined;
  readonly smsGateway: string | undefined;
  readonly smsToken: string | undefined;
  readonly pushContact: string | undefined;
  /** Whether readings are looked through for scores, trends and silent devices. */
  readonly alertWatch: boolean;
  readonly news2WindowMinutes: number;
  /** For devices that are no implants, instead of their own rhythm. */
  readonly silentHours: number | undefined;
  readonly silentImplantDays: number;
  readonly silentGraceSeconds: number;
}

const text = (given: string) => given;
const referenceTo =
  (...types: readonly string[]) =>
  (given: string) => {
    const [, type] = /^([A-Za-z]+)\/[A-Za-z0-9\-.]{1,64}$/.exec(given) ?? [];
    if (type === undefined || !types.includes(type))
      throw new Error(`must be a reference to a ${types.join(' or ')}, such as ${types[0]}/1`);
    return given;
  };
const address = (given: string) => {
  if (!isMailAddress(given)) throw new Error('must be one address of mail, without a name');
  return given;
};
const inbox = (given: string) => {
  const isMail = given.startsWith('mailto:') && isMailAddress(given.slice(7));
  if (!isMail && !/^tel:\+?[0-9-]{5,20}$/.test(given) && !/^https?:\/\/\S+$/.test(given))
    throw new Error('must be mailto:, tel: or the URL of a webhook');
  return given;
};
const hours = (given: string) => {
  const [, fromHour, fromMinute, toHour, toMinute] =
    /^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)$/.exec(given) ?? [];
  if (fromHour === undefined) throw new Error('must be two times of day, such as 22:00-07:00');
  return { from: Number(fromHour) * 60 + Number(fromMinute), to: Number(toHour) * 60 + Number(toMinute) };
};
const signingSecret = (given: string) => {
  if (!isSecret(given)) throw new Error('must be whsec_ and base64 of 24 to 64 bytes');
  return given;
};
const contact = (given: string) => {
  if (!(given.startsWith('mailto:') && isMailAddress(given.slice(7))) && !/^https:\/\/\S+$/.test(given))
    throw new Error('must be mailto: or an https URL');
  return given;
};

const flood = (given: string) => {
  const [, count, minutes] = /^([1-9]\d{0,3})\/([1-9]\d{0,3})$/.exec(given) ?? [];
  if (count === undefined) throw new Error('must be a count and minutes, such as 10/10');
  return { count: Number(count), minutes: Number(minutes) };
};

export const alertSettings: readonly Setting<keyof AlertSettings>[] = [
  {
    name: 'WATCHFIRE_ALERT_FLOOD',
    aliases: [],
    key: 'alertFlood',
    fallback: '10/10',
    parse: flood,
    meaning:
      'So many warnings of one patient within so many minutes are told by themselves; one alert stands for those that follow. Critical ones are told each.',
  },
  {
    name: 'WATCHFIRE_ESCALATION',
    aliases: [],
    key: 'escalation',
    fallback: 'true',
    parse: onOff,
    meaning:
      'Whether this server works the process of alerts: asks patients, tells clinicians, escalates. Alerts are raised and kept either way.',
  },
  {
    name: 'WATCHFIRE_ALERT_CARE_TEAM',
    aliases: [],
    key: 'alertTeam',
    fallback: '',
    parse: optional(referenceTo('CareTeam')),
    meaning: 'The CareTeam that is told of alerts of patients without one, and as the backup: `CareTeam/1`.',
  },
  {
    name: 'WATCHFIRE_ALERT_INBOX',
    aliases: [],
    key: 'alertInbox',
    fallback: '',
    parse: optional(inbox),
    meaning: 'Where alerts go that nobody else is there for: `mailto:`, `tel:`, or the URL of a webhook.',
  },
  {
    name: 'WATCHFIRE_ALERT_EMERGENCY',
    aliases: [],
    key: 'alertEmergency',
    fallback: '',
    parse: optional(referenceTo('HealthcareService', 'Organization')),
    meaning:
      'The emergency service, `HealthcareService/1`, whose telecom is written to where a PlanDefinition switches that on and the address of the patient is known.',
  },
  {
    name: 'WATCHFIRE_ALERT_QUIET_HOURS',
    aliases: [],
    key: 'alertQuietHours',
    fallback: '',
    parse: optional(hours),
    meaning: 'Times of day between which nobody is told of what is not life-threatening, such as `22:00-07:00`.',
  },
  {
    name: 'WATCHFIRE_ALERT_ZONE',
    aliases: [],
    key: 'alertZone',
    fallback: 'UTC',
    parse: zone,
    meaning: 'Time zone of the quiet hours.',
  },
  {
    name: 'WATCHFIRE_ALERT_MESSAGES',
    aliases: [],
    key: 'alertMessages',
    fallback: 'link',
    parse: oneOf('link', 'text'),
    meaning:
      '`link`: a message says that there is an alert and where; `text`: it also says what was noticed. Values and names stand in neither.',
  },
  {
    name: 'WATCHFIRE_ALERT_WEBHOOK_SECRET',
    aliases: [],
    key: 'alertWebhookSecret',
    fallback: '',
    parse: optional(signingSecret),
    meaning: 'Secret that webhooks of alerts are signed with, `whsec_...`; without one there are no webhooks.',
  },
  {
    name: 'WATCHFIRE_SMTP_URL',
    aliases: [],
    key: 'smtp',
    fallback: '',
    parse: optional(readSmtpUrl),
    meaning:
      'Mail server: `smtp://user:password@host:587` with STARTTLS, `smtps://` with TLS from the start, `smtp-plain://` without; no e-mail where it is not set.',
  },
  {
    name: 'WATCHFIRE_SMTP_FROM',
    aliases: [],
    key: 'smtpFrom',
    fallback: '',
    parse: optional(address),
    meaning: 'Address that mail comes from; no e-mail where it is not set.',
  },
  {
    name: 'WATCHFIRE_SMTP_AUTHORITY',
    aliases: [],
    key: 'smtpAuthority',
    fallback: '',
    parse: optional(text),
    meaning: 'PEM file of the authority of the mail server, where it is no public one.',
  },
  {
    name: 'WATCHFIRE_SMS_GATEWAY',
    aliases: [],
    key: 'smsGateway',
    fallback: '',
    parse: optional(text),
    meaning: 'JSON file that says how the SMS gateway is told; no SMS where it is not set.',
  },
  {
    name: 'WATCHFIRE_SMS_TOKEN',
    aliases: [],
    key: 'smsToken',
    fallback: '',
    parse: optional(secret),
    meaning: 'What `{token}` in that file stands for.',
  },
  {
    name: 'WATCHFIRE_PUSH_CONTACT',
    aliases: [],
    key: 'pushContact',
    fallback: '',
    parse: optional(contact),
    meaning:
      'Who push services may write to about this server, `mailto:` or an https URL; no web push where it is not set.',
  },
  {
    name: 'WATCHFIRE_ALERT_WATCH',
    aliases: [],
    key: 'alertWatch',
    fallback: 'true',
    parse: onOff,
    meaning: 'Whether this server derives NEWS2 and trends from readings and watches for silent devices.',
  },
  {
    name: 'WATCHFIRE_SCORE_WINDOW_MINUTES',
    aliases: [],
    key: 'news2WindowMinutes',
    fallback: '60',
    parse: whole(1, 1_440),
    meaning: 'No reading that is older beside the newest one counts for NEWS2.',
  },
  {
    name: 'WATCHFIRE_SILENT_HOURS',
    aliases: [],
    key: 'silentHours',
    fallback: '',
    parse: optional(whole(1, 8_760)),
    meaning:
      'Hours after which a device that is no implant counts as silent; where it is not set, its own rhythm decides.',
  },
  {
    name: 'WATCHFIRE_SILENT_IMPLANT_DAYS',
    aliases: [],
    key: 'silentImplantDays',
    fallback: '14',
    parse: whole(1, 365),
    meaning: 'Days without contact after which the monitor of an implant counts as silent.',
  },
  {
    name: 'WATCHFIRE_SILENT_GRACE_SECONDS',
    aliases: [],
    key: 'silentGraceSeconds',
    fallback: '120',
    parse: whole(1, 86_400),
    meaning:
      'Seconds that devices have to come back to a server that has just begun, before any of them counts as silent.',
  },
];
