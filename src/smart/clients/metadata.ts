/** Client metadata, read strictly: what is not understood is dropped, what is understood must be safe. https://www.rfc-editor.org/rfc/rfc7591#section-2 */
import { isPlainText } from '../plain-text.ts';
import { isSeedClient, wordsOf } from '../scopes/words.ts';
import {
  type AuthMethod,
  authMethods,
  type ClientClass,
  type ClientMetadata,
  type GrantType,
  grantTypes,
  idTokenAlgorithms,
} from './client.ts';
import { scopesFault } from './client-scopes.ts';
import { BadKeys, readKeySet, signingAlgorithms } from './key-set.ts';
import { hasOwnScheme, isLoopback, isWebUrl, readRedirectUris } from './redirect-uris.ts';
import { badMetadata, badRedirect } from './refused.ts';

/** As it was sent. */
export type AskedMetadata = Readonly<Record<string, unknown>>;

export interface Reading {
  /** What is wrong with a URL that this server will call; undefined where it may. */
  readonly check: (url: string) => { readonly message: string } | undefined;
  /** The client registered by itself: nobody has looked at it. */
  readonly isStranger?: boolean;
}

const pages = ['client_uri', 'logo_uri', 'policy_uri', 'tos_uri', 'initiate_login_uri'] as const;

function text(asked: AskedMetadata, member: string, most: number): string | undefined {
  const value = asked[member];
  if (value === undefined) return undefined;
  if (typeof value !== 'string' || value.trim() === '' || value.length > most || !isPlainText(value))
    throw badMetadata(`${member} must be text of 1 to ${most} characters on one line`);
  return value;
}

function oneOf<T extends string>(asked: AskedMetadata, member: string, allowed: readonly T[]): T | undefined {
  const value = asked[member];
  if (value === undefined) return undefined;
  if (!allowed.includes(value as T)) throw badMetadata(`${member} must be one of ${allowed.join(', ')}`);
  return value as T;
}

function someOf<T extends string>(
  asked: AskedMetadata,
  member: string,
  allowed: readonly T[],
): readonly T[] | undefined {
  const value = asked[member];
  if (value === undefined) return undefined;
  if (!Array.isArray(value) || value.length === 0 || value.some((item) => !allowed.includes(item)))
    throw badMetadata(`${member} must be a list of some of ${allowed.join(', ')}`);
  return allowed.filter((item) => value.includes(item));
}

function listOfTexts(asked: AskedMetadata, member: string, most: number): readonly string[] | undefined {
  const value = asked[member];
  if (value === undefined) return undefined;
  if (!Array.isArray(value) || value.length > most) throw badMetadata(`${member} must be a list of at most ${most}`);
  return value.map((item) => text({ [member]: item }, member, 200) ?? '');
}

function grantsOf(asked: AskedMetadata, scopes: readonly string[]): readonly GrantType[] {
  const named = someOf(asked, 'grant_types', grantTypes);
  if (named === undefined)
    return isSeedClient(scopes.join(' ')) ? ['client_credentials'] : withRefresh(['authorization_code'], scopes);
  if (named.includes('refresh_token') && !named.includes('authorization_code'))
    throw badMetadata('grant_types may have refresh_token only beside authorization_code');
  return withRefresh(named, scopes);
}

/** Who may come back later needs the grant for that; SMART apps rarely write it down. */
const withRefresh = (grants: readonly GrantType[], scopes: readonly string[]): readonly GrantType[] =>
  grants.includes('authorization_code') &&
  scopes.some((scope) => scope === 'offline_access' || scope === 'online_access')
    ? [...new Set<GrantType>([...grants, 'refresh_token'])]
    : grants;

function keysOf(
  asked: AskedMetadata,
  method: AuthMethod,
  check: Reading['check'],
): Pick<ClientMetadata, 'jwks' | 'jwks_uri'> {
  const { jwks } = asked;
  const jwks_uri = text(asked, 'jwks_uri', 2_000);
  if (jwks !== undefined && jwks_uri !== undefined) throw badMetadata('jwks and jwks_uri must not both be given');
  const isNamed = jwks !== undefined || jwks_uri !== undefined;
  if (isNamed !== (method === 'private_key_jwt'))
    throw badMetadata(
      isNamed
        ? 'jwks and jwks_uri need the token_endpoint_auth_method private_key_jwt'
        : 'private_key_jwt needs jwks or jwks_uri',
    );
  if (jwks_uri !== undefined) {
    const fault = check(jwks_uri);
    if (fault) throw badMetadata(`jwks_uri is refused: ${fault.message}`);
    return { jwks_uri };
  }
  if (jwks === undefined) return {};
  try {
    readKeySet(jwks);
  } catch (error) {
    if (error instanceof BadKeys) throw badMetadata(`jwks ${error.message}`);
    throw error;
  }
  return { jwks: { keys: (jwks as { keys: readonly object[] }).keys } };
}

function redirectsOf(
  asked: AskedMetadata,
  { isApp, isPublic, isStranger }: { isApp: boolean; isPublic: boolean; isStranger: boolean },
) {
  const uris = asked.redirect_uris === undefined ? [] : readRedirectUris(asked.redirect_uris, 'redirect_uris');
  if (isApp && uris.length === 0) throw badRedirect('redirect_uris must name where the app is sent back to');
  if (!isApp && uris.length > 0) throw badRedirect('redirect_uris need the grant type authorization_code');
  // A secret that is on a user's machine is none. An administrator may know better: this is how apps are tried out.
  if (isStranger && !isPublic && uris.some((uri) => isLoopback(uri) || hasOwnScheme(uri)))
    throw badRedirect("redirect_uris of a client with a secret or key must not lead to a user's own machine");
  return uris;
}

/** The whole metadata with its defaults, or a refusal in the words of RFC 7591. */
export function readMetadata(sent: AskedMetadata, { check, isStranger = false }: Reading): ClientMetadata {
  // null says no more than leaving a member out.
  const asked: AskedMetadata = Object.fromEntries(Object.entries(sent).filter(([, value]) => value !== null));
  const client_name = text(asked, 'client_name', 200);
  if (client_name === undefined) throw badMetadata('client_name must be given: people are asked by it');
  const scopes = wordsOf(text(asked, 'scope', 16_000) ?? '');
  const grant_types = grantsOf(asked, scopes);
  const isApp = grant_types.includes('authorization_code');
  const hasKeys = asked.jwks !== undefined || asked.jwks_uri !== undefined;
  const method =
    oneOf(asked, 'token_endpoint_auth_method', authMethods) ?? (hasKeys ? 'private_key_jwt' : 'client_secret_basic');
  const isPublic = method === 'none';
  const actsForItself = grant_types.includes('client_credentials');
  if (isPublic && actsForItself) throw badMetadata('client_credentials need a client with a secret or a key');
  const fault = scopesFault(scopes, actsForItself);
  if (fault !== undefined) throw badMetadata(`scope ${fault}`);
  const redirect_uris = redirectsOf(asked, { isApp, isPublic, isStranger });
  const needsNative = redirect_uris.some(hasOwnScheme);
  const application_type = oneOf(asked, 'application_type', ['web', 'native']) ?? (needsNative ? 'native' : 'web');
  if (needsNative && application_type === 'web')
    throw badRedirect('redirect_uris with a scheme of their own need the application_type native');
  if (application_type === 'native' && redirect_uris.some((uri) => uri.startsWith('https:') && isLoopback(uri)))
    throw badRedirect('redirect_uris of a native app to the loopback must be http');
  const isNone = Array.isArray(asked.response_types) && asked.response_types.length === 0;
  if (isNone ? isApp : someOf(asked, 'response_types', ['code']) !== undefined && !isApp)
    throw badMetadata('response_types must be code with the grant type authorization_code, and none without it');
  const token_endpoint_auth_signing_alg = oneOf(asked, 'token_endpoint_auth_signing_alg', signingAlgorithms);
  if (token_endpoint_auth_signing_alg && method !== 'private_key_jwt')
    throw badMetadata('token_endpoint_auth_signing_alg needs the token_endpoint_auth_method private_key_jwt');
  const after = asked.post_logout_redirect_uris;
  const told: ClientMetadata = {
    client_name,
    application_type,
    grant_types,
    response_types: isApp ? ['code'] : [],
    redirect_uris,
    token_endpoint_auth_method: method,
    token_endpoint_auth_signing_alg,
    scope: scopes.join(' '),
    ...keysOf(asked, method, check),
    id_token_signed_response_alg: oneOf(asked, 'id_token_signed_response_alg', idTokenAlgorithms),
    post_logout_redirect_uris: after === undefined ? undefined : readRedirectUris(after, 'post_logout_redirect_uris'),
    ...Object.fromEntries(pages.map((member) => [member, pageOf(asked, member)])),
    contacts: listOfTexts(asked, 'contacts', 10),
    software_id: text(asked, 'software_id', 200),
    software_version: text(asked, 'software_version', 100),
  };
  return withoutGaps(told);
}

function pageOf(asked: AskedMetadata, member: string): string | undefined {
  const url = asked[member];
  if (url === undefined) return undefined;
  if (typeof url !== 'string' || !isWebUrl(url)) throw badMetadata(`${member} must be an https URL`);
  return url;
}

const withoutGaps = (metadata: ClientMetadata): ClientMetadata =>
  Object.fromEntries(Object.entries(metadata).filter(([, value]) => value !== undefined)) as unknown as ClientMetadata;

export const classOf = ({ grant_types, scope }: ClientMetadata): ClientClass => {
  if (isSeedClient(scope)) return 'device';
  return grant_types.includes('authorization_code') ? 'app' : 'backend';
};
