/** What comes in besides requests: makers that are asked, files, HL7 v2, MQTT; and where their credentials are kept. docs/configuration.md */
import type { Setting } from './setting.ts';
import { httpUrl, onOff, optional, secret, whole, zone } from './values.ts';

export interface FeedSettings {
  readonly pollSeconds: number;
  readonly vaultKey: string | undefined;
  readonly vaultKeyFile: string | undefined;
  readonly vaultKeyService: string | undefined;
  readonly vaultKeyServiceToken: string | undefined;
  readonly credentialStoragePath: string | undefined;
  readonly mllpPort: number | undefined;
  readonly mllpCertificate: string | undefined;
  readonly mllpKey: string | undefined;
  readonly mllpClientAuthority: string | undefined;
  readonly mllpZone: string;
  readonly mqttPort: number | undefined;
  readonly mqttCertificate: string | undefined;
  readonly mqttKey: string | undefined;
  readonly iotInbox: string | undefined;
  readonly iotArchive: string | undefined;
  readonly iotFailed: string | undefined;
  readonly iotWatch: boolean;
  readonly iotCleanupDays: number | undefined;
}

const text = (given: string) => given;
const port = optional(whole(0, 65_535));

export const feedSettings: readonly Setting<keyof FeedSettings>[] = [
  {
    name: 'WATCHFIRE_POLL_SECONDS',
    aliases: [],
    key: 'pollSeconds',
    fallback: '60',
    parse: whole(1, 86_400),
    meaning: 'How often the makers of implants are asked for news.',
  },
  {
    name: 'WATCHFIRE_VAULT_KEY',
    aliases: ['SECRET_KEY'],
    key: 'vaultKey',
    fallback: '',
    parse: optional(text),
    meaning:
      'Key that the stored credentials of makers are encrypted under: 32 bytes as base64 or 64 hexadecimal digits, or a word of at least 32 bytes; after a comma the one before it while a change is under way.',
  },
  {
    name: 'WATCHFIRE_VAULT_KEY_FILE',
    aliases: [],
    key: 'vaultKeyFile',
    fallback: '',
    parse: optional(text),
    meaning: 'File that holds this key instead; only its owner may read it.',
  },
  {
    name: 'WATCHFIRE_VAULT_KEY_SERVICE',
    aliases: [],
    key: 'vaultKeyService',
    fallback: '',
    parse: optional(httpUrl),
    meaning: 'URL of a key service that wraps and unwraps the keys of credentials instead.',
  },
  {
    name: 'WATCHFIRE_VAULT_KEY_SERVICE_TOKEN',
    aliases: [],
    key: 'vaultKeyServiceToken',
    fallback: '',
    parse: optional(secret),
    meaning: 'Bearer token that the key service is shown.',
  },
  {
    name: 'CREDENTIAL_STORAGE_PATH',
    aliases: [],
    key: 'credentialStoragePath',
    fallback: '',
    parse: optional(text),
    meaning:
      'File, or folder of files, of credentials that an earlier system encrypted with Fernet, taken over at start; only their owner may read them.',
  },
  {
    name: 'WATCHFIRE_MLLP_PORT',
    aliases: [],
    key: 'mllpPort',
    fallback: '',
    parse: port,
    meaning: 'TCP port on which HL7 v2 messages are taken in by MLLP; off where it is not set.',
  },
  {
    name: 'WATCHFIRE_MLLP_CERTIFICATE',
    aliases: [],
    key: 'mllpCertificate',
    fallback: '',
    parse: optional(text),
    meaning: 'PEM file of the certificate with which MLLP goes over TLS.',
  },
  {
    name: 'WATCHFIRE_MLLP_KEY',
    aliases: [],
    key: 'mllpKey',
    fallback: '',
    parse: optional(text),
    meaning: 'PEM file of its private key.',
  },
  {
    name: 'WATCHFIRE_MLLP_CLIENT_AUTHORITY',
    aliases: [],
    key: 'mllpClientAuthority',
    fallback: '',
    parse: optional(text),
    meaning: 'PEM file of the authority whose certificates senders must show; without it none is asked for.',
  },
  {
    name: 'WATCHFIRE_MLLP_ZONE',
    aliases: [],
    key: 'mllpZone',
    fallback: 'UTC',
    parse: zone,
    meaning: 'Time zone of HL7 v2 times that name none.',
  },
  {
    name: 'WATCHFIRE_MQTT_PORT',
    aliases: [],
    key: 'mqttPort',
    fallback: '',
    parse: port,
    meaning: 'TCP port on which device gateways publish by MQTT; off where it is not set.',
  },
  {
    name: 'WATCHFIRE_MQTT_CERTIFICATE',
    aliases: [],
    key: 'mqttCertificate',
    fallback: '',
    parse: optional(text),
    meaning: 'PEM file of the certificate with which MQTT goes over TLS.',
  },
  {
    name: 'WATCHFIRE_MQTT_KEY',
    aliases: [],
    key: 'mqttKey',
    fallback: '',
    parse: optional(text),
    meaning: 'PEM file of its private key.',
  },
  {
    name: 'IOT_INBOX_DIR',
    aliases: [],
    key: 'iotInbox',
    fallback: '',
    parse: optional(text),
    meaning: 'Folder into which devices drop files of readings; off where it is not set.',
  },
  {
    name: 'IOT_ARCHIVE_DIR',
    aliases: [],
    key: 'iotArchive',
    fallback: '',
    parse: optional(text),
    meaning: 'Folder to which files go that were taken in, by day.',
  },
  {
    name: 'IOT_FAILED_DIR',
    aliases: [],
    key: 'iotFailed',
    fallback: '',
    parse: optional(text),
    meaning: 'Folder to which files go that could not be, each with its reason beside it.',
  },
  {
    name: 'WATCHFIRE_IOT_WATCH',
    aliases: [],
    key: 'iotWatch',
    fallback: 'true',
    parse: onOff,
    meaning:
      'Whether the server looks into the inbox by itself; `false` where `watchfire process-iot-data` is run by cron or systemd.',
  },
  {
    name: 'WATCHFIRE_IOT_CLEANUP_DAYS',
    aliases: [],
    key: 'iotCleanupDays',
    fallback: '',
    parse: optional(whole(1, 36_500)),
    meaning: 'After so many days archived files are removed, once a day; never where it is not set.',
  },
];
