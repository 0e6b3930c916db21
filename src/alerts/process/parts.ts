/** What the process of alerts is built on, and what its site has set. docs/escalation.md */
import type { Config } from '../../config.ts';
import type { Dispatch } from '../../interactions/interaction.ts';
import type { Log } from '../../log.ts';
import type { Runtime } from '../../runtime.ts';
import type { Store } from '../../store/store.ts';
import type { ChannelKind, Contact } from '../channels/channel.ts';
import type { MessagePut } from '../channels/kept.ts';
import type { QuietHours } from './quiet-hours.ts';

/** What a site decides. */
export interface ProcessSettings {
  /** `CareTeam/1` that is told where a patient has none. */
  readonly team: string | undefined;
  readonly inbox: Contact | undefined;
  /** `HealthcareService/1` or `Organization/1`. */
  readonly emergency: string | undefined;
  readonly quietHours: QuietHours | undefined;
  /** Whether a message says what was noticed, beside the link. */
  readonly hasDetail: boolean;
}

/** What the site has set, in the words of the process. */
export const processSettings = (config: Config): ProcessSettings => ({
  team: config.alertTeam,
  inbox: config.alertInbox === undefined ? undefined : inboxOf(config.alertInbox),
  emergency: config.alertEmergency,
  quietHours: config.alertQuietHours && { ...config.alertQuietHours, zone: config.alertZone },
  hasDetail: config.alertMessages === 'text',
});

function inboxOf(text: string): Contact {
  if (text.startsWith('mailto:')) return { kind: 'email', value: text.slice(7) };
  return text.startsWith('tel:') ? { kind: 'sms', value: text.slice(4) } : { kind: 'webhook', value: text };
}

export interface ProcessParts {
  readonly store: Store;
  readonly dispatch: Dispatch;
  readonly runtime: Runtime;
  /** Public URL without a path, and the FHIR base below it. */
  readonly url: string;
  readonly base: string;
  readonly canonical: string;
  readonly log: Pick<Log, 'error' | 'warn'>;
  readonly settings: ProcessSettings;
  /** The channels that there are. */
  readonly kinds: ReadonlySet<ChannelKind>;
  /** 32 bytes that links are signed with. */
  readonly linkKey: Uint8Array;
  /** Whether consents let somebody (`Practitioner/1`) know of an alert (`Flag/1`). */
  readonly mayKnow: (who: string, about: string) => Promise<boolean>;
  /** These wait to be sent. */
  readonly onQueued: (messages: readonly MessagePut[]) => void;
}
