/** The authorization server itself: oidc-provider, set to what SMART demands and to nothing more. https://hl7.org/fhir/smart-app-launch/app-launch.html */
import type Provider from 'oidc-provider';
import type { ClientMetadata, Configuration, KoaContextWithOIDC } from 'oidc-provider';
import type { Runtime } from '../../runtime.ts';
import type { Store } from '../../store/store.ts';
import { type Client, idTokenAlgorithms } from '../clients/client.ts';
import { isRegistered } from '../clients/redirect-uris.ts';
import { pageHeaders } from '../pages/serve.ts';
import { identityScopes } from '../scopes/words.ts';
import type { Sessions } from '../users/sessions.ts';
import type { RowOf, User } from '../users/user.ts';
import { createDemands } from './asked-scopes.ts';
import { boundTo, type CarriesContext, contextOf } from './context.ts';
import { INTERACTION, useLaunch } from './launches.ts';
import { CODE, ID_TOKEN, type LifeSettings, tokenLife } from './lives.ts';
import { modelsOver } from './models.ts';
import type { SigningKey } from './signing-keys.ts';

export interface ProviderParts {
  readonly store: Store;
  readonly runtime: Runtime;
  /** Issuer: the public URL of the server, without a path. */
  readonly url: string;
  readonly base: string;
  /**
   * Clients prove who they are before oidc-provider is asked (client-authentication.ts); to it they then come with this
   * password, which never leaves the process. So nobody gets past our door with a method that a client is not registered for.
   */
  readonly innerSecret: string;
  readonly settings: LifeSettings & { readonly sessionHours: number };
  readonly findClient: (clientId: string) => Promise<Client | undefined>;
  readonly findUser: (login: string) => Promise<User | undefined>;
  readonly useSession: Sessions['use'];
  readonly rowOf: RowOf;
  readonly forget: () => void;
  /** HTML of a request that may not go back to where it says it came from. */
  readonly failedPage: (code: string, words: string) => string;
  readonly onBroken: (error: unknown) => void;
}

const metadataOf = ({ clientId, metadata }: Client, innerSecret: string): ClientMetadata => ({
  client_id: clientId,
  client_name: metadata.client_name,
  application_type: metadata.application_type,
  grant_types: [...metadata.grant_types],
  response_types: [...metadata.response_types],
  // Not form_post: it needs a script of ours on a page of ours.
  response_modes: ['query', 'fragment'],
  redirect_uris: [...metadata.redirect_uris],
  id_token_signed_response_alg: metadata.id_token_signed_response_alg ?? 'RS256',
  ...(metadata.token_endpoint_auth_method === 'none'
    ? { token_endpoint_auth_method: 'none' }
    : { token_endpoint_auth_method: 'client_secret_post', client_secret: innerSecret }),
});

const seconds = (milliseconds: number) => Math.floor(milliseconds / 1_000);

/** Loaded when it is first needed: it takes longer than the rest of the house. */
export async function buildProvider(parts: ProviderParts, keys: readonly SigningKey[]): Promise<Provider> {
  const { default: OidcProvider, errors, interactionPolicy } = await import('oidc-provider');
  const { store, runtime, url, base, settings, findUser } = parts;
  const demands = createDemands({
    errors,
    base,
    findClient: parts.findClient,
    useLaunch: (handle, clientId) => useLaunch(store, handle, clientId),
  });

  const policy = interactionPolicy.base();
  const login = policy.get('login')!;
  // Who is signed in is known by our own session, which ends when idle: the pages look at it each time.
  login.checks.remove('no_session');
  login.checks.add(
    new interactionPolicy.Check('no_sign_in', 'the user has to sign in', 'login_required', ({ oidc }) =>
      oidc.result?.login ? interactionPolicy.Check.NO_NEED_TO_PROMPT : interactionPolicy.Check.REQUEST_PROMPT,
    ),
  );

  const grantOf = (ctx: KoaContextWithOIDC) =>
    ctx.oidc.entities.Grant as (CarriesContext & { exp: number }) | undefined;

  const configuration: Configuration = {
    adapter: modelsOver({
      store,
      runtime,
      base,
      clientOf: async (clientId) => {
        const client = await parts.findClient(clientId);
        return client && metadataOf(client, parts.innerSecret);
      },
      rowOf: parts.rowOf,
      forget: parts.forget,
      refuseReuse: () => {
        throw new errors.InvalidGrant('used already');
      },
    }),
    jwks: { keys: keys.map(({ jwk }) => jwk) },
    enabledJWA: { idTokenSigningAlgValues: [...idTokenAlgorithms] },
    clientDefaults: { id_token_signed_response_alg: 'RS256' },
    clientAuthMethods: ['none', 'client_secret_post'],
    responseTypes: ['code'],
    scopes: [...identityScopes],
    claims: { openid: ['sub'], fhirUser: ['fhirUser'], profile: ['profile'] },
    pkce: { required: () => true },
    allowOmittingSingleRegisteredRedirectUri: false,
    extraParams: demands.parameters,
    features: {
      devInteractions: { enabled: false },
      dPoP: { enabled: false },
      userinfo: { enabled: false },
      rpInitiatedLogout: { enabled: false },
      pushedAuthorizationRequests: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        useGrantedResource: () => true,
        // SMART says aud where RFC 8707 says resource; checked, narrowed, then one and the same.
        async defaultResource(ctx, _client, granted) {
          if (granted) return granted;
          await demands.narrow(ctx);
          return ctx.oidc.route === 'token' || ctx.oidc.params!.aud !== undefined ? base : (undefined as any);
        },
        async getResourceServerInfo(ctx, resource) {
          if (resource !== base) throw new errors.InvalidTarget();
          const client = await demands.narrow(ctx);
          const source = ctx.oidc.entities.AuthorizationCode ?? ctx.oidc.entities.RefreshToken;
          return {
            scope: source?.scope ?? String(ctx.oidc.params!.scope ?? ''),
            audience: base,
            accessTokenFormat: 'opaque',
            accessTokenTTL: tokenLife(client, settings),
          };
        },
      },
    },
    extraTokenClaims: (ctx, token) => {
      const context = token.kind === 'AccessToken' ? contextOf(grantOf(ctx) ?? {}) : undefined;
      return context && { ...context };
    },
    issueRefreshToken: async (_ctx, client, source) =>
      client.grantTypeAllowed('refresh_token') &&
      (source.scopes.has('offline_access') || source.scopes.has('online_access')),
    rotateRefreshToken: true,
    expiresWithSession: () => false,
    revokeGrantPolicy: () => true,
    // Each sign-in is for one patient in one context: nothing is taken over from the last one.
    loadExistingGrant: async (ctx) => {
      const grantId = ctx.oidc.result?.consent?.grantId;
      return grantId === undefined ? undefined : ctx.oidc.provider.Grant.find(grantId);
    },
    async findAccount(ctx, sub) {
      const user = await findUser(sub);
      if (!user || user.disabled !== undefined) return undefined;
      const context = contextOf(grantOf(ctx) ?? {});
      if (context !== undefined && context.epoch !== user.epoch) return undefined;
      const bound = context && boundTo(context);
      // Who comes with a code or a refresh token is there: the session does not rest meanwhile.
      if (bound !== undefined && !(await parts.useSession(bound))) return undefined;
      const fhirUser = `${base}/${user.fhirUser}`;
      return { accountId: sub, claims: () => ({ sub, fhirUser, profile: fhirUser }) };
    },
    interactions: { policy, url: (_ctx, { uid }) => `/oauth/interaction/${uid}` },
    cookies: {
      names: { session: 'watchfire_authorize', interaction: 'watchfire_interaction', resume: 'watchfire_resume' },
      long: { httpOnly: true, sameSite: 'lax', path: '/oauth/authorize' },
      short: { httpOnly: true, sameSite: 'lax' },
    },
    routes: {
      authorization: '/oauth/authorize',
      token: '/oauth/token',
      jwks: '/oauth/jwks',
      end_session: '/oauth/end',
    },
    ttl: {
      AccessToken: (_ctx, token) => token.resourceServer?.accessTokenTTL ?? settings.tokenSeconds,
      ClientCredentials: (_ctx, token) => token.resourceServer?.accessTokenTTL ?? settings.backendTokenSeconds,
      AuthorizationCode: CODE,
      IdToken: ID_TOKEN,
      RefreshToken: (ctx) => Math.max(1, (grantOf(ctx)?.exp ?? 0) - seconds(runtime.now())),
      Interaction: INTERACTION,
      Session: settings.sessionHours * 3_600,
      Grant: settings.offlineDays * 86_400,
    },
    renderError: (ctx, { error, error_description }) => {
      ctx.set(pageHeaders());
      ctx.type = 'html';
      ctx.body = parts.failedPage(error, error_description ?? '');
    },
  };

  const provider = new OidcProvider(url, configuration);
  // Host and scheme come from the configured URL, in headers that are set by us on every request.
  provider.proxy = true;
  (provider as NodeJS.EventEmitter).on('error', parts.onBroken);
  provider.on('server_error', (_ctx: unknown, error: unknown) => parts.onBroken(error));
  Object.defineProperty(provider.Client.prototype, 'redirectUriAllowed', {
    value(this: { redirectUris: readonly string[]; applicationType: 'web' | 'native' }, uri: unknown) {
      const registered = { redirect_uris: this.redirectUris, application_type: this.applicationType };
      return typeof uri === 'string' && isRegistered(uri, registered);
    },
  });
  return provider;
}
