/** Who is let in, and for how long. docs/configuration.md */
import type { Setting } from './setting.ts';
import { oneOf, onOff, optional, whole } from './values.ts';

export interface AccessSettings {
  readonly consent: 'deny-list' | 'opt-in';
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

export const accessSettings: readonly Setting<keyof AccessSettings>[] = [
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
