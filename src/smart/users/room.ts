/** The room of users on one page: who they are, how they sign in, their sessions and factors. */
import type { GuardedClient } from '../../outbound/guarded-client.ts';
import { freshCookie, type SessionCookie, sessionCookie } from './cookie.ts';
import { createDirectory, type Directory } from './directory.ts';
import { createFactors, type FactorsDesk } from './factors.ts';
import { createProviders, type Providers } from './outside/providers.ts';
import type { ProviderSettings } from './outside/settings.ts';
import { createPasskeys, type Passkeys } from './passkeys.ts';
import { type Cost, createPasswords } from './passwords.ts';
import { createSessions, type SessionLimits, type Sessions } from './sessions.ts';
import type { UsersSetting } from './setting.ts';
import { createSignIn, type SignIn } from './sign-in.ts';

export interface UsersRoom {
  readonly directory: Directory;
  readonly signIn: SignIn;
  readonly sessions: Sessions;
  readonly factors: FactorsDesk;
  readonly passkeys: Passkeys;
  readonly providers: Providers;
  readonly cookie: SessionCookie;
  /** For a browser that is shown a form before anybody has signed in. */
  freshCookie(): string;
  readonly setting: UsersSetting;
}

export interface UsersParts extends Omit<UsersSetting, 'passwords'> {
  readonly limits: SessionLimits;
  /** Outside OpenID providers, and the way to them. */
  readonly providers: readonly ProviderSettings[];
  readonly client: Pick<GuardedClient, 'send'>;
  /** What a password's hash costs; for tests that are about something else. */
  readonly cost?: Cost;
}

export function createUsers({ limits, cost, onChange, client, providers, ...parts }: UsersParts): UsersRoom {
  const { store, runtime, url } = parts;
  const passwords = createPasswords(runtime, cost);
  const directory = createDirectory({ ...parts, passwords, onChange });
  const changed = (login: string) => {
    directory.forget();
    onChange(login);
  };
  const setting: UsersSetting = { ...parts, passwords, onChange: changed };
  const passkeys = createPasskeys(store, runtime, url);
  const factors = createFactors(setting, passkeys);
  const signIn = createSignIn(setting, passkeys, factors);
  return {
    directory,
    signIn,
    sessions: createSessions(setting, limits),
    factors,
    providers: createProviders({ setting, directory, signIn, client, providers }),
    passkeys,
    cookie: sessionCookie(url),
    freshCookie: () => freshCookie(runtime),
    setting,
  };
}
