/** Asks a maker for an access token in the ways that makers want to be asked. https://www.rfc-editor.org/rfc/rfc6749#section-4.4, https://www.rfc-editor.org/rfc/rfc7523, https://www.rfc-editor.org/rfc/rfc8705 */
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { SignJWT } from 'jose';
import { problem } from '../fhir/outcome.ts';
import type { Runtime } from '../runtime.ts';
import { freshId } from '../runtime.ts';
import type { Call } from './guarded-client.ts';
import type { Credentials, MakerAuth, MakerReply } from './maker.ts';
import { readReply } from './read-reply.ts';

export interface Token {
  readonly value: string;
  /** Milliseconds that it lives. */
  readonly life: number;
}

/** Where a maker does not say how long a token lives. */
const usualLife = 300_000;
/** However long it says: a token that was forgotten in between is asked for anew within a day. */
const longestLife = 86_400_000;
/** Seconds. */
const assertionLife = 240;

/** What {@link authFor} has seen to. */
export const demanded = (
  credentials: Credentials,
  member: 'client_secret' | 'api_key' | 'private_key' | 'certificate',
): string => credentials[member]!;

const needs = {
  'client-secret': ['client_secret'],
  'private-key-jwt': ['private_key'],
  'mutual-tls': ['certificate', 'private_key'],
  'api-key': ['api_key'],
} as const satisfies Readonly<Record<MakerAuth['kind'], readonly (keyof Credentials)[]>>;

/** A credential with a certificate is for mutual TLS, though its key could sign too. */
const suffices = (held: Credentials, { kind }: MakerAuth): boolean =>
  needs[kind].every((member) => held[member] !== undefined) &&
  (kind !== 'private-key-jwt' || held.certificate === undefined);

/** The first way of a maker that a credential suffices for. */
export const wayFor = (auths: readonly MakerAuth[], held: Credentials): MakerAuth | undefined =>
  auths.find((auth) => suffices(held, auth));

/** The same; throws `login` where there is none. */
export function authFor(name: string, auths: readonly MakerAuth[], held: Credentials): MakerAuth {
  const found = wayFor(auths, held);
  if (found) return found;
  const ways = [...new Set(auths.map(({ kind }) => needs[kind].join(' and ')))].join(', or ');
  throw problem('login', `the stored credential of ${name} lacks what it asks for: ${ways}`);
}

function privateKeyOf(text: string): KeyObject {
  try {
    return text.trimStart().startsWith('{')
      ? createPrivateKey({ key: JSON.parse(text), format: 'jwk' })
      : createPrivateKey(text);
  } catch {
    throw problem('login', 'the private_key of the stored credential is neither PEM nor a JWK');
  }
}

async function assertion(
  auth: MakerAuth,
  credentials: Credentials,
  url: string,
  runtime: Pick<Runtime, 'now' | 'random'>,
): Promise<string> {
  const key = privateKeyOf(demanded(credentials, 'private_key'));
  const seconds = Math.floor(runtime.now() / 1_000);
  const alg = auth.algorithm ?? (key.asymmetricKeyType === 'ec' ? 'ES384' : 'RS384');
  return new SignJWT({})
    .setProtectedHeader({ alg, typ: 'JWT', ...(auth.keyId && { kid: auth.keyId }) })
    .setIssuer(credentials.client_id)
    .setSubject(credentials.client_id)
    .setAudience(auth.audience ?? url)
    .setJti(freshId(runtime))
    .setIssuedAt(seconds)
    .setExpirationTime(seconds + assertionLife)
    .sign(key)
    .catch(() => {
      throw problem('login', `the private_key of the stored credential cannot sign with ${alg}`);
    });
}

/** RFC 6749 wants both halves form-encoded before they are joined. */
const formEncoded = (text: string): string => new URLSearchParams([['', text]]).toString().slice(1);
const basic = (id: string, secret: string): string =>
  `Basic ${Buffer.from(`${formEncoded(id)}:${formEncoded(secret)}`).toString('base64')}`;

/** The request that asks for a token at `url`. */
export async function tokenCall(
  auth: MakerAuth,
  credentials: Credentials,
  url: string,
  runtime: Pick<Runtime, 'now' | 'random'>,
): Promise<Pick<Call, 'url' | 'method' | 'headers' | 'body'>> {
  const fields: Record<string, string> = { grant_type: 'client_credentials', ...(auth.scope && { scope: auth.scope }) };
  const headers: Record<string, string> = { accept: 'application/json' };
  if (auth.kind === 'private-key-jwt') {
    fields.client_id = credentials.client_id;
    fields.client_assertion_type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
    fields.client_assertion = await assertion(auth, credentials, url, runtime);
  } else if (auth.kind === 'mutual-tls') {
    fields.client_id = credentials.client_id;
  } else if (auth.inBody || auth.json) {
    fields.client_id = credentials.client_id;
    fields.client_secret = demanded(credentials, 'client_secret');
  } else {
    headers.authorization = basic(credentials.client_id, demanded(credentials, 'client_secret'));
  }
  headers['content-type'] = auth.json ? 'application/json' : 'application/x-www-form-urlencoded';
  return {
    url,
    method: 'POST',
    headers,
    body: auth.json ? JSON.stringify(fields) : new URLSearchParams(fields).toString(),
  };
}

/** The token in an answer of 2xx. A `refresh_token` in it is left alone: the credential asks again. */
export function tokenIn(reply: MakerReply): Token {
  const read = readReply(reply);
  if (read.is === 'unreadable') throw problem('transient', `a token was asked for, but ${read.sentence}`);
  const { access_token: value, token_type: type = 'Bearer', expires_in: life } = Object(read.value);
  if (typeof value !== 'string' || !/^[\x21-\x7e]{1,16384}$/.test(value) || !/^bearer$/i.test(String(type)))
    throw problem('transient', 'a token was asked for, but the answer holds no bearer token', { status: 502 });
  const seconds = Number(life);
  return { value, life: seconds > 0 ? Math.min(seconds * 1_000, longestLife) : usualLife };
}
