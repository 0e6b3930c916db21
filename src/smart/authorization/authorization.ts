/** The room of the authorization server on one page: what the doors, the pages and the rest of the house may ask of it. docs/security.md */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type Provider from 'oidc-provider';
import { appended } from '../../audit/trail.ts';
import type { Config } from '../../config.ts';
import type { Log } from '../../log.ts';
import type { Runtime } from '../../runtime.ts';
import type { AuditRow, Store } from '../../store/store.ts';
import type { Client } from '../clients/client.ts';
import type { ClientRoom } from '../clients/open.ts';
import { oauthPaths } from '../discovery.ts';
import { freshWord } from '../secrets.ts';
import type { Sessions } from '../users/sessions.ts';
import type { User } from '../users/user.ts';
import { type Asking, completeAnswer } from './answers.ts';
import { authenticateClient } from './client-authentication.ts';
import { type Forwarded, seenAs } from './forwarded.ts';
import { grantsOf, revokeApp, type UserGrant } from './grants.ts';
import { createInteractions, type Interactions } from './interaction.ts';
import { type Launch, newLaunch } from './launches.ts';
import { grantLife, ID_TOKEN } from './lives.ts';
import { buildProvider } from './provider.ts';
import { createSigningKeys, type SigningKeys } from './signing-keys.ts';
import { createTokens, type Tokens } from './tokens.ts';

export interface AuthorizationParts {
  readonly store: Store;
  readonly runtime: Runtime;
  /** Public URL of the server without a path: the issuer. */
  readonly url: string;
  /** FHIR base. */
  readonly base: string;
  readonly clients: Pick<ClientRoom, 'clients' | 'checkAssertion' | 'holds'>;
  readonly findUser: (login: string) => Promise<User | undefined>;
  readonly useSession: Sessions['use'];
  readonly settings: Config;
  /** HTML of a request that may not go back to where it says it came from. */
  readonly failedPage: (code: string, words: string) => string;
  readonly log: Pick<Log, 'error'>;
}

export interface Authorization {
  readonly tokens: Tokens;
  readonly interactions: Interactions;
  readonly signingKeys: SigningKeys;
  /** Has oidc-provider answer. */
  forward(request: IncomingMessage, response: ServerResponse, forwarded: Forwarded, asking: Asking): Promise<void>;
  /** See `authenticateClient`. */
  authenticate(form: URLSearchParams, authorization: string | undefined, source: string): Promise<Client>;
  /** A new launch handle; committed with the rows. */
  launch(launch: Launch, rows: readonly AuditRow[]): Promise<string>;
  /** What a user has granted, and taking back all that one app was given: false where that was nothing. */
  grantsOf(login: string): Promise<readonly UserGrant[]>;
  revokeApp(login: string, client: string, rows: readonly AuditRow[]): Promise<boolean>;
}

export function createAuthorization(parts: AuthorizationParts): Authorization {
  const { store, runtime, url, base, clients, settings, findUser, log } = parts;
  const findClient = clients.clients.find;
  const asked = new AsyncLocalStorage<Asking>();
  const innerSecret = freshWord(runtime);
  const tokens = createTokens(store, runtime, base);
  const signingKeys = createSigningKeys(store, runtime, ID_TOKEN);

  let built: { readonly of: string; readonly provider: Promise<Provider> } | undefined;
  /** Anew when the keys were rotated, here or elsewhere: whoever has the one before goes on with it. */
  async function provider(): Promise<Provider> {
    const keys = await signingKeys.current();
    const of = keys.map(({ jwk, role }) => `${jwk.kid} ${role}`).join();
    if (built?.of === of) return built.provider;
    const fresh = { of, provider: build(keys) };
    built = fresh;
    // What could not be built is tried again.
    fresh.provider.catch(() => {
      if (built === fresh) built = undefined;
    });
    return fresh.provider;
  }
  async function build(keys: Awaited<ReturnType<SigningKeys['current']>>): Promise<Provider> {
    const made = await buildProvider(
      {
        store,
        runtime,
        url,
        base,
        innerSecret,
        settings,
        findClient,
        findUser,
        useSession: parts.useSession,
        rowOf: (deed) => asked.getStore()!.row(deed),
        forget: tokens.forget,
        failedPage: parts.failedPage,
        onBroken: (error) => log.error('authorization failed', error),
      },
      keys,
    );
    const offered = { issuer: url, takesRegistrations: settings.registration === 'approval' };
    made.use(completeAnswer(offered, findClient, () => asked.getStore()));
    return made;
  }

  return {
    tokens,
    signingKeys,
    interactions: createInteractions({
      store,
      provider,
      base,
      findClient,
      findUser,
      lifeOf: (scopes, client) => grantLife(scopes, client, settings),
    }),
    async forward(request, response, forwarded, asking) {
      const ready = await provider();
      await asked.run(asking, () =>
        ready.callback()(seenAs(request, forwarded, url, innerSecret) as never, response as never),
      );
    },
    authenticate: (form, authorization, source) =>
      authenticateClient(
        {
          findClient,
          holderOf: async (refreshToken) => {
            const stored = await tokens.find(refreshToken);
            return stored?.kind === 'RefreshToken' ? stored.clientId : undefined;
          },
          checkAssertion: clients.checkAssertion,
          tokenUrl: url + oauthPaths.token,
          holds: clients.holds,
          now: runtime.now,
        },
        form,
        authorization,
        source,
      ),
    async launch(launch, rows) {
      const { handle, change } = newLaunch(launch, runtime);
      await store.commit([change, ...rows.map(appended)]);
      return handle;
    },
    grantsOf: (login) => grantsOf(store, login),
    async revokeApp(login, client, rows) {
      const isDone = await revokeApp(store, login, client, rows);
      tokens.forget();
      return isDone;
    },
  };
}
