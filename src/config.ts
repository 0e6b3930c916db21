/** Every setting of the server, in one table; the only reader of the environment. docs/configuration.md is this table in prose. */
import {
  hostPorts,
  httpUrl,
  oneOf,
  onOff,
  optional,
  release,
  secret,
  storeUrl,
  whole,
} from './process/setting-values.ts';

export type Profile = 'development' | 'production';

export interface Config {
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
  readonly consent: 'deny-list' | 'opt-in';
  readonly profile: Profile;
  readonly logLevel: string;
  readonly metrics: boolean;
  readonly drainSeconds: number;
  /** Whether there is an authorization server: SMART apps, backend services, users. */
  readonly oauth: boolean;
  readonly tokenSeconds: number;
  readonly backendTokenSeconds: number;
  readonly deviceTokenSeconds: number;
  readonly refreshDays: number;
  readonly offlineDays: number;
  readonly sessionIdleMinutes: number;
  readonly sessionHours: number;
  readonly registration: 'off' | 'approval';
  /** File of the outside OpenID providers. */
  readonly openidProviders: string | undefined;
}

export interface Setting {
  readonly name: string;
  /** Names that our customer's documents use for the same thing. */
  readonly aliases: readonly string[];
  readonly key: keyof Config;
  /** As an operator would write it; '' where there is none. */
  readonly fallback: string;
  /** One sentence for docs/configuration.md and --help. */
  readonly meaning: string;
  /** The value, or an Error whose message says what is accepted. */
  readonly parse: (text: string) => unknown;
}

export const settings: readonly Setting[] = [
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
    name: 'WATCHFIRE_CONSENT',
    aliases: [],
    key: 'consent',
    fallback: 'deny-list',
    parse: oneOf('deny-list', 'opt-in'),
    meaning:
      '`deny-list`: roles and scopes open what no Consent of the patient denies; `opt-in`: of a patient only what a Consent permits besides.',
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
  {
    name: 'WATCHFIRE_OAUTH',
    aliases: ['OAUTH2_ENABLED'],
    key: 'oauth',
    fallback: 'true',
    parse: onOff,
    meaning:
      "Whether there is an authorization server under `/oauth` for users, SMART apps and backend services; without one `/oauth` is not found, and the administrator's token and device keys are the only ones.",
  },
  {
    name: 'WATCHFIRE_TOKEN_SECONDS',
    aliases: [],
    key: 'tokenSeconds',
    fallback: '900',
    parse: whole(60, 86_400),
    meaning: 'How long an access token lives that an app gets for a user.',
  },
  {
    name: 'WATCHFIRE_BACKEND_TOKEN_SECONDS',
    aliases: [],
    key: 'backendTokenSeconds',
    fallback: '300',
    parse: whole(60, 86_400),
    meaning: 'The same for a backend service in its own name.',
  },
  {
    name: 'WATCHFIRE_DEVICE_TOKEN_SECONDS',
    aliases: [],
    key: 'deviceTokenSeconds',
    fallback: '3600',
    parse: whole(60, 86_400),
    meaning: 'The same for a client whose scopes are `device_data patient_data alerts`.',
  },
  {
    name: 'WATCHFIRE_REFRESH_DAYS',
    aliases: [],
    key: 'refreshDays',
    fallback: '7',
    parse: whole(1, 365),
    meaning:
      'How long an app may refresh its tokens with `online_access` at most, however often it does; the end of the browser’s session ends it before.',
  },
  {
    name: 'WATCHFIRE_OFFLINE_DAYS',
    aliases: [],
    key: 'offlineDays',
    fallback: '90',
    parse: whole(1, 3_650),
    meaning: 'The same with `offline_access`, which no session ends.',
  },
  {
    name: 'WATCHFIRE_SESSION_IDLE_MINUTES',
    aliases: [],
    key: 'sessionIdleMinutes',
    fallback: '15',
    parse: whole(1, 1_440),
    meaning: 'After so long without a request a signed-in user signs in again.',
  },
  {
    name: 'WATCHFIRE_SESSION_HOURS',
    aliases: [],
    key: 'sessionHours',
    fallback: '12',
    parse: whole(1, 168),
    meaning: 'The same after so long, whatever the user does.',
  },
  {
    name: 'WATCHFIRE_REGISTRATION',
    aliases: [],
    key: 'registration',
    fallback: 'off',
    parse: oneOf('off', 'approval'),
    meaning:
      '`approval`: apps may register by themselves at `/oauth/register`, and wait until an administrator lets them in.',
  },
  {
    name: 'WATCHFIRE_OPENID_PROVIDERS',
    aliases: [],
    key: 'openidProviders',
    fallback: '',
    parse: optional((text) => text),
    meaning: 'JSON file with outside OpenID providers that users may sign in with.',
  },
];

/** Stops the start with a sentence that names the setting. */
export class ConfigError extends Error {}

/** Reads every setting. An unknown WATCHFIRE_* name or a bad value is a ConfigError that names it, without its value. */
export function readConfig(environment: Readonly<Record<string, string | undefined>> = process.env): Config {
  const known = new Set(settings.map(({ name }) => name));
  for (const name of Object.keys(environment)) {
    if (name.startsWith('WATCHFIRE_') && !known.has(name) && !name.startsWith('WATCHFIRE_TEST_')) {
      throw new ConfigError(`${name} is not a setting of this version; docs/configuration.md lists them all`);
    }
  }
  const config: Record<string, unknown> = {};
  for (const { name, aliases, key, fallback, parse } of settings) {
    const given = [name, ...aliases].find((candidate) => environment[candidate]);
    try {
      config[key] = parse(given ? environment[given]! : fallback);
    } catch (error) {
      throw new ConfigError(`${given ?? name} ${(error as Error).message}`);
    }
  }
  if (config.profile === 'production') demandOwnToken(config.adminToken as string | undefined);
  return config as unknown as Config;
}

function demandOwnToken(token = ''): void {
  const fault =
    (token === '' && 'must be set in the production profile') ||
    (token.length < 32 && 'must have at least 32 characters in the production profile') ||
    (/your[-_]|change[-_]?me|super[-_]?secret|secret[-_]?key|password|example/i.test(token) &&
      'is one of an example: make one of your own, such as by openssl rand -hex 32');
  if (fault) throw new ConfigError(`WATCHFIRE_ADMIN_TOKEN ${fault}`);
}
