/** Signing in at an outside OpenID provider: the code flow with PKCE, state and nonce, safe from mix-up. https://openid.net/specs/openid-connect-core-1_0.html#CodeFlowAuth */
import { hash } from 'node:crypto';
import { SignJWT } from 'jose';
import { type Problem, problem } from '../../../fhir/outcome.ts';
import type { GuardedClient } from '../../../outbound/guarded-client.ts';
import { isConflict } from '../../../store/store.ts';
import { freshWord, hashOf } from '../../secrets.ts';
import { createCeremonies } from '../ceremonies.ts';
import type { Directory } from '../directory.ts';
import { recordedRefusal, suspectOf, type UsersSetting } from '../setting.ts';
import type { Attempt, SignIn, SignInStep } from '../sign-in.ts';
import { checkIdToken } from './id-token.ts';
import { createProviderFacts, fetched, OutsideFault, type ProviderMetadata } from './metadata.ts';
import { userBy } from './person.ts';
import type { ProviderSettings } from './settings.ts';

export interface Providers {
  /** For the buttons of the sign-in page. */
  readonly list: readonly { readonly name: string; readonly title: string }[];
  /** The address to send the browser to. `cookie` is what the browser has, session or not; it has to come back with the same one. */
  begin(name: string, asked: { readonly cookie: string; readonly to: Destination }): Promise<string>;
  /** After the browser came back to `/oauth/outside/<name>/callback`. 401 where that leads to nobody; 404 for an unknown name. */
  finish(name: string, back: Back): Promise<{ readonly step: SignInStep; readonly to: Destination }>;
}

/** Paths of this server: the sign-in that it is part of, and where that leads. */
export interface Destination {
  readonly path: string;
  readonly onward: string;
}

export interface Back extends Attempt {
  /** Of the query string, each at most once. */
  readonly parameters: Readonly<Record<string, string | undefined>>;
  readonly cookie: string | undefined;
}

interface Ceremony {
  readonly name: string;
  readonly nonce: string;
  readonly verifier: string;
  /** Hash of the browser's cookie: who began is who comes back. */
  readonly browser: string;
  readonly to: Destination;
}

/** How long somebody may take over there, in seconds. */
const PATIENCE = 600;

type Texts = Readonly<Record<string, string>>;
interface Credentials {
  readonly form: Texts;
  readonly headers: Texts;
}

export interface ProvidersRoom {
  readonly setting: UsersSetting;
  readonly directory: Directory;
  readonly signIn: Pick<SignIn, 'admit'>;
  readonly client: Pick<GuardedClient, 'send'>;
  readonly providers: readonly ProviderSettings[];
}

const refusal = (): Problem =>
  problem('login', 'signing in there led to nobody here; try again, or ask who runs this server');

export function createProviders({ setting, directory, signIn, client, providers }: ProvidersRoom): Providers {
  const { store, runtime, url, holds } = setting;
  const facts = createProviderFacts(client, runtime);
  const ceremonies = createCeremonies<Ceremony>('user-outside-sign-in', store, runtime, PATIENCE);
  const fresh = () => freshWord(runtime);
  const byName = new Map(providers.map((provider) => [provider.name, provider]));
  /** Of each provider its own: where an answer comes in says whose it must be. */
  const callbackOf = ({ name }: ProviderSettings) => `${url}/oauth/outside/${name}/callback`;

  function providerOf(name: string): ProviderSettings {
    const provider = byName.get(name);
    if (!provider) throw problem('not-found', 'there is no such provider');
    return provider;
  }

  async function begin(name: string, { cookie, to }: { cookie: string; to: Destination }): Promise<string> {
    const provider = providerOf(name);
    if (!isOurs(to.path) || !isOurs(to.onward)) throw problem('value', 'the way back must be a path of this server');
    const { authorizationEndpoint } = await facts.metadata(provider.issuer).catch(unreachable);
    const [nonce, verifier] = [fresh(), fresh()];
    const state = await ceremonies.begin({ name, nonce, verifier, browser: hashOf(cookie), to });
    const address = new URL(authorizationEndpoint);
    for (const [parameter, value] of Object.entries({
      response_type: 'code',
      client_id: provider.clientId,
      redirect_uri: callbackOf(provider),
      scope: provider.scopes.join(' '),
      state,
      nonce,
      code_challenge: hash('sha256', verifier, 'base64url'),
      code_challenge_method: 'S256',
    }))
      address.searchParams.set(parameter, value);
    return address.href;
  }

  const unreachable = (): never => {
    throw problem('transient', 'the provider cannot be reached; try again later', { headers: { 'Retry-After': '10' } });
  };

  /** Who we are to the token endpoint. */
  async function credentials(provider: ProviderSettings, { tokenEndpoint }: ProviderMetadata): Promise<Credentials> {
    const { clientId, secret, key, secretIn } = provider;
    if (key) {
      const now = Math.floor(runtime.now() / 1_000);
      const assertion = await new SignJWT({ iss: clientId, sub: clientId, aud: tokenEndpoint, jti: fresh() })
        .setProtectedHeader({ alg: key.alg, typ: 'JWT', ...(key.kid !== undefined && { kid: key.kid }) })
        .setIssuedAt(now)
        .setExpirationTime(now + 60)
        .sign(key.key);
      const type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
      return { form: { client_id: clientId, client_assertion_type: type, client_assertion: assertion }, headers: {} };
    }
    if (secretIn === 'client_secret_post')
      return { form: { client_id: clientId, client_secret: secret! }, headers: {} };
    // Each half as in a form, by RFC 6749 section 2.3.1.
    const [user, password] = [clientId, secret!].map((part) => new URLSearchParams({ '': part }).toString().slice(1));
    const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
    return { form: {}, headers: { authorization } };
  }

  /** The claims that the code stands for. */
  async function claimsFor(code: string, provider: ProviderSettings, { nonce, verifier }: Ceremony) {
    const metadata = await facts.metadata(provider.issuer);
    const { form, headers } = await credentials(provider, metadata);
    const body = new URLSearchParams({
      grant_type: 'authorization_code',
      code,
      redirect_uri: callbackOf(provider),
      code_verifier: verifier,
      ...form,
    });
    const { status, value } = await fetched(client, {
      url: metadata.tokenEndpoint,
      method: 'POST',
      headers: { ...headers, accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' },
      body: body.toString(),
    });
    if (status !== 200) throw new OutsideFault(`token endpoint answered ${status}${wordOf(value.error)}`);
    const accessToken = typeof value.access_token === 'string' ? value.access_token : undefined;
    const { issuer, clientId, algorithms } = provider;
    const expected = { issuer, clientId, nonce, algorithms, accessToken, now: runtime.now() };
    const claims = await checkIdToken(value.id_token, facts.keys(issuer), expected);
    return provider.userinfo ? { ...(await userinfo(metadata, accessToken, claims.sub)), ...claims } : claims;
  }

  async function userinfo({ userinfoEndpoint }: ProviderMetadata, accessToken: string | undefined, sub: string) {
    if (userinfoEndpoint === undefined || accessToken === undefined) throw new OutsideFault('there is no userinfo');
    const headers = { accept: 'application/json', authorization: `Bearer ${accessToken}` };
    const { status, value } = await fetched(client, { url: userinfoEndpoint, method: 'GET', headers });
    if (status !== 200 || value.sub !== sub) throw new OutsideFault('userinfo is of somebody else, or refused');
    return value;
  }

  async function finish(name: string, { parameters, cookie, source, row }: Back) {
    const provider = providerOf(name);
    const suspect = suspectOf(source, name);
    holds.demand(suspect, 'outside');
    try {
      const ceremony = await taken(parameters.state, name, cookie);
      const { namesItself } = await facts.metadata(provider.issuer);
      const { iss, error, code } = parameters;
      if (iss === undefined ? namesItself : iss !== provider.issuer) throw new OutsideFault('answer of another issuer');
      if (error !== undefined) throw new OutsideFault(`refused there${wordOf(error)}`);
      if (code === undefined || code.length > 2_048) throw new OutsideFault('answer without a code');
      const claims = await claimsFor(code, provider, ceremony);
      const user = await userBy(claims, provider, { store, base: `${url}/fhir`, directory }, row);
      if (user.disabled !== undefined) throw new OutsideFault('user disabled');
      const proofs = [claims.acr, claims.amr].flat();
      const step = await signIn.admit(
        user,
        ['outside'],
        provider.secondFactor.some((value) => proofs.includes(value)),
      );
      return { step, to: ceremony.to };
    } catch (error) {
      if (!(error instanceof OutsideFault)) throw error;
      holds.failed(suspect, 'outside');
      const reason = `provider ${name}: ${error.message}`;
      throw await recordedRefusal(setting, row({ interaction: 'sign-in', status: 401, reason }), refusal());
    }
  }

  /** What was kept when it began, once. */
  async function taken(state: string | undefined, name: string, cookie: string | undefined): Promise<Ceremony> {
    const found = await ceremonies.look(state ?? '');
    if (!found) throw new OutsideFault('state unknown');
    if (found.value.name !== name) throw new OutsideFault('state of another provider');
    if (cookie === undefined || found.value.browser !== hashOf(cookie))
      throw new OutsideFault('state of another browser');
    await store.commit([ceremonies.taken(state!, found)]).catch((error: unknown) => {
      throw isConflict(error) ? new OutsideFault('state used twice') : error;
    });
    return found.value;
  }

  return { list: providers.map(({ name, title }) => ({ name, title })), begin, finish };
}

const isOurs = (path: string) => /^\/(?![/\\])[\x21-\x7e]*$/.test(path);

/** An error code of OAuth, for the audit row; anything else is not repeated. */
const wordOf = (error: unknown): string =>
  typeof error === 'string' && /^[a-z_]{1,60}$/.test(error) ? `, ${error}` : '';
