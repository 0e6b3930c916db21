/** Where the server listens, what it keeps and what it says about itself. docs/configuration.md */
import type { Setting } from './setting.ts';
import { hostPorts, httpUrl, oneOf, onOff, optional, release, secret, storeUrl, whole } from './values.ts';

export type Profile = 'development' | 'production';

export interface ServerSettings {
  readonly port: number;
  readonly host: string;
  readonly data: string;
  /** `sqlite`, or a MongoDB URI: it may hold a password, so it is never shown. */
  readonly store: string;
  readonly mongodbAcceptRelease: string | undefined;
  readonly adminToken: string | undefined;
  readonly baseUrl: string | undefined;
  readonly canonical: string;
  readonly outboundAllow: readonly string[];
  readonly auditReads: 'strict' | 'prompt';
  readonly references: 'open' | 'checked';
  readonly profile: Profile;
  readonly logLevel: string;
  readonly metrics: boolean;
  readonly drainSeconds: number;
}

export const serverSettings: readonly Setting<keyof ServerSettings>[] = [
  {
    name: 'WATCHFIRE_PORT',
    aliases: [],
    key: 'port',
    fallback: '8080',
    parse: whole(0, 65_535),
    meaning: 'TCP port to listen on; 0 takes a free one.',
  },
  {
    name: 'WATCHFIRE_HOST',
    aliases: [],
    key: 'host',
    fallback: '127.0.0.1',
    parse: (text) => text,
    meaning: 'Address to listen on; `0.0.0.0` for all.',
  },
  {
    name: 'WATCHFIRE_DATA',
    aliases: [],
    key: 'data',
    fallback: './data',
    parse: (text) => text,
    meaning: 'Folder of the store, the lock file and the admin token.',
  },
  {
    name: 'WATCHFIRE_STORE',
    aliases: ['DATABASE_URL'],
    key: 'store',
    fallback: 'sqlite',
    parse: storeUrl,
    meaning:
      'Storage engine: `sqlite`, embedded in the data folder, or a `mongodb://` or `mongodb+srv://` URI of a replica set or sharded cluster; the database in its path, else `watchfire`.',
  },
  {
    name: 'WATCHFIRE_MONGODB_ACCEPT_RELEASE',
    aliases: [],
    key: 'mongodbAcceptRelease',
    fallback: '',
    parse: optional(release),
    meaning:
      'The exact release of a MongoDB server, such as `8.0.16`, whose known data-loss or memory-disclosure faults are accepted; any other faulty release stops the start.',
  },
  {
    name: 'WATCHFIRE_ADMIN_TOKEN',
    aliases: [],
    key: 'adminToken',
    fallback: '',
    parse: optional(secret),
    meaning:
      'Bearer token of the administrator, without blanks; without it one is made at first start and kept in `admin-token` in the data folder. The production profile demands it, with at least 32 characters and none that stand in examples.',
  },
  {
    name: 'WATCHFIRE_BASE_URL',
    aliases: [],
    key: 'baseUrl',
    fallback: '',
    parse: optional(httpUrl),
    meaning: 'Public URL of the server, without `/fhir`, for links in answers; without it the address it listens on.',
  },
  {
    name: 'WATCHFIRE_CANONICAL',
    aliases: [],
    key: 'canonical',
    fallback: 'https://example.org/fhir',
    parse: httpUrl,
    meaning:
      'Prefix of our own identifier and code systems; written into the store at first start, a different value later is refused.',
  },
  {
    name: 'WATCHFIRE_OUTBOUND_ALLOW',
    aliases: [],
    key: 'outboundAllow',
    fallback: '',
    parse: hostPorts,
    meaning: 'List of `host:port`, separated by commas, that webhooks may reach although private or plain http.',
  },
  {
    name: 'WATCHFIRE_AUDIT_READS',
    aliases: [],
    key: 'auditReads',
    fallback: 'strict',
    parse: oneOf('strict', 'prompt'),
    meaning: '`strict`: the audit row of a read is on disk before its body leaves; `prompt`: within 100 ms.',
  },
  {
    name: 'WATCHFIRE_REFERENCES',
    aliases: [],
    key: 'references',
    fallback: 'open',
    parse: oneOf('open', 'checked'),
    meaning: '`checked` refuses references to resources of this server that do not exist.',
  },
  {
    name: 'WATCHFIRE_PROFILE',
    aliases: [],
    key: 'profile',
    fallback: 'development',
    parse: oneOf('development', 'production'),
    meaning: '`production` demands the admin token from the environment and asks for it before the portal is shown.',
  },
  {
    name: 'WATCHFIRE_LOG_LEVEL',
    aliases: ['LOG_LEVEL'],
    key: 'logLevel',
    fallback: 'info',
    parse: (text) => oneOf('fatal', 'error', 'warn', 'info', 'debug', 'silent')(text.toLowerCase()),
    meaning: 'Least severe log line that is written.',
  },
  {
    name: 'WATCHFIRE_METRICS',
    aliases: ['METRICS_ENABLED'],
    key: 'metrics',
    fallback: 'true',
    parse: onOff,
    meaning: 'Whether `/metrics` answers.',
  },
  {
    name: 'WATCHFIRE_DRAIN_SECONDS',
    aliases: [],
    key: 'drainSeconds',
    fallback: '25',
    parse: whole(0, 600),
    meaning: 'How long SIGTERM waits for requests in flight.',
  },
];
