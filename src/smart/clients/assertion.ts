/** A client proves who it is by a signed assertion. Whatever can be judged without a key is, before anything is computed. https://hl7.org/fhir/smart-app-launch/client-confidential-asymmetric.html#authenticating-to-the-token-endpoint */
import type { Runtime } from '../../runtime.ts';
import { isConflict, type Store } from '../../store/store.ts';
import { hashOf } from '../secrets.ts';
import { type Client, kinds } from './client.ts';
import type { Clients } from './clients.ts';
import type { Holds } from './holds.ts';
import { type ClientKey, signingAlgorithms } from './key-set.ts';
import type { KeySets } from './key-sets.ts';
import { OAuthRefusal } from './refused.ts';
import { BadJwt, isSignedBy, type ReadJwt, readJwt } from './verify-jwt.ts';

export const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/** How far two clocks may be apart, and how long an assertion may live; seconds. */
const TOLERANCE = 30;
const LONGEST_LIFE = 300;
const LONGEST_TEXT = 200;

/** Of the form that was posted. */
export interface AssertionForm {
  readonly client_assertion?: unknown;
  readonly client_assertion_type?: unknown;
  readonly client_id?: unknown;
}

export interface AssertionsRoom {
  readonly store: Pick<Store, 'commit'>;
  readonly runtime: Pick<Runtime, 'now'>;
  readonly clients: Pick<Clients, 'find'>;
  readonly keySets: KeySets;
  readonly holds: Holds;
}

/**
 * Gives the client that the assertion proves, once: a second time it is refused, on whichever server of the store. `tokenUrl` is
 * the one audience, `source` the address that it came from. Throws OAuthRefusal `invalid_client` (401), or throttled (429).
 */
export type CheckAssertion = (form: AssertionForm, tokenUrl: string, source: string) => Promise<Client>;

export function createCheckAssertion({ store, runtime, clients, keySets, holds }: AssertionsRoom): CheckAssertion {
  async function keyOf(jwt: ReadJwt, client: Client | undefined): Promise<{ client: Client; key: ClientKey }> {
    if (!client) throw refused(unproven, 'client unknown');
    const { jwks_uri, token_endpoint_auth_method, token_endpoint_auth_signing_alg: registered } = client.metadata;
    if (token_endpoint_auth_method !== 'private_key_jwt')
      throw refused('the client is registered for another way to authenticate', 'method not registered');
    const { alg, jku, kid } = jwt.header;
    if (registered !== undefined && alg !== registered)
      throw refused(`alg must be ${registered}`, 'alg not registered');
    if (jku !== undefined && jku !== jwks_uri) throw refused('jku must be the registered jwks_uri', 'jku foreign');
    const key = await keySets.keyOf(client, kid as string);
    if (typeof key === 'string') throw refused(unproven, key);
    return { client, key };
  }

  /** The insert is the check: of all who bring it, on all servers, one gets through. */
  async function spend({ iss, jti, exp }: Readonly<Record<string, unknown>>): Promise<void> {
    const key = hashOf(JSON.stringify([iss, jti]));
    const expiresIn = Math.max(1, Math.ceil((exp as number) - runtime.now() / 1_000)) + 2 * TOLERANCE;
    try {
      await store.commit([{ op: 'put', kind: kinds.jti, key, value: {}, expect: 'absent', expiresIn }]);
    } catch (error) {
      if (isConflict(error))
        throw refused('the assertion was used before: each needs a jti of its own', 'jti replayed');
      throw error;
    }
  }

  return async (form, tokenUrl, source) => {
    const named = namedBy(form);
    const suspect = `${source} ${named ?? ''}`;
    const demand = () => holds.demand(suspect, 'client');
    demand();
    try {
      const jwt = readAssertion(form, tokenUrl, runtime.now() / 1_000);
      const { client, key } = await keyOf(jwt, await clients.find(jwt.claims.iss as string));
      // Others from there may have failed meanwhile. From here to the count of this failure nobody comes between.
      demand();
      verdict(jwt, key);
      await spend(jwt.claims);
      holds.succeeded(suspect, 'client');
      return client;
    } catch (error) {
      if (!(error instanceof OAuthRefusal)) throw error;
      holds.failed(suspect, 'client');
      throw new OAuthRefusal('invalid_client', error.message, { reason: error.reason, clientId: named });
    }
  };
}

/** Of one sentence for all that would tell a stranger who is registered, and with which keys. */
const unproven = 'the client is not registered with the key of this assertion';
const refused = (sentence: string, reason: string): OAuthRefusal =>
  new OAuthRefusal('invalid_client', sentence, { reason: `assertion: ${reason}` });

/** Whom the assertion speaks of, for holds and the audit row; nothing is believed yet. */
function namedBy({ client_assertion }: AssertionForm): string | undefined {
  try {
    const { iss } = readJwt(client_assertion).claims;
    return typeof iss === 'string' && isShort(iss) ? iss : undefined;
  } catch {
    return undefined;
  }
}

function verdict(jwt: ReadJwt, key: ClientKey): void {
  if (jwt.header.alg !== key.alg) throw refused(unproven, 'alg not the key’s');
  if (!isSignedBy(jwt, key)) throw refused(unproven, 'signature wrong');
}

const isShort = (text: unknown): text is string =>
  typeof text === 'string' && text.length >= 1 && text.length <= LONGEST_TEXT;
const isTime = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value) && value > 0;

function readAssertion(form: AssertionForm, tokenUrl: string, now: number): ReadJwt {
  if (form.client_assertion_type !== assertionType)
    throw refused(`client_assertion_type must be ${assertionType}`, 'type wrong');
  let jwt: ReadJwt;
  try {
    jwt = readJwt(form.client_assertion);
  } catch (error) {
    if (!(error instanceof BadJwt)) throw error;
    throw refused('client_assertion must be a signed JWT of at most 8192 characters', error.message);
  }
  checkHeader(jwt.header);
  checkClaims(jwt.claims, tokenUrl, now);
  if (form.client_id !== undefined && form.client_id !== jwt.claims.iss)
    throw refused('client_id must be the iss of the assertion', 'client_id other than iss');
  return jwt;
}

/** Keys that come along (jwk, x5c, x5u) are never looked at. */
function checkHeader({ alg, kid, typ, crit, b64 }: ReadJwt['header']): void {
  if (!signingAlgorithms.some((known) => known === alg))
    throw refused(`alg must be ${signingAlgorithms.join(' or ')}`, 'alg not permitted');
  if (crit !== undefined || b64 !== undefined) throw refused('crit and b64 are not supported', 'crit or b64');
  if (typ !== undefined && !(typeof typ === 'string' && typ.toUpperCase() === 'JWT'))
    throw refused('typ must be JWT', 'typ other than JWT');
  if (!isShort(kid)) throw refused(`kid must be text of 1 to ${LONGEST_TEXT} characters`, 'kid malformed');
}

function checkClaims({ iss, sub, aud, exp, iat, nbf, jti }: ReadJwt['claims'], tokenUrl: string, now: number): void {
  if (!isShort(iss) || iss !== sub) throw refused('iss and sub must both be the client_id', 'iss other than sub');
  const [audience, ...others] = Array.isArray(aud) ? aud : [aud];
  if (audience !== tokenUrl || others.length > 0)
    throw refused(`aud must be ${tokenUrl}, letter by letter, and nothing else`, 'aud wrong');
  if (!isTime(exp)) throw refused('exp must be a number of seconds', 'exp missing or malformed');
  if (exp + TOLERANCE <= now) throw refused('the assertion has expired', 'expired');
  if (exp > now + LONGEST_LIFE + TOLERANCE || (isTime(iat) && exp - iat > LONGEST_LIFE))
    throw refused('exp must be at most five minutes ahead', 'exp too far ahead');
  for (const [name, at] of [
    ['iat', iat],
    ['nbf', nbf],
  ] as const) {
    if (at === undefined) continue;
    if (!isTime(at)) throw refused(`${name} must be a number of seconds`, `${name} malformed`);
    if (at > now + TOLERANCE) throw refused(`${name} must not be in the future`, `${name} in the future`);
  }
  if (!isShort(jti)) throw refused(`jti must be text of 1 to ${LONGEST_TEXT} characters`, 'jti missing or malformed');
}
