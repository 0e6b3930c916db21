/** What an outside provider says of itself, and its keys: fetched through the guarded client, believed for a while. https://openid.net/specs/openid-connect-discovery-1_0.html */
import { createLocalJWKSet, type JWTVerifyGetKey } from 'jose';
import { readJson } from '../../../fhir/json.ts';
import type { GuardedClient } from '../../../outbound/guarded-client.ts';
import type { Runtime } from '../../../runtime.ts';

/** What we need of it. */
export interface ProviderMetadata {
  readonly authorizationEndpoint: string;
  readonly tokenEndpoint: string;
  readonly userinfoEndpoint?: string;
  readonly jwksUri: string;
  /** Whether its answers name it: then an answer that does not is not its. https://www.rfc-editor.org/rfc/rfc9207 */
  readonly namesItself: boolean;
}

export interface ProviderFacts {
  metadata(issuer: string): Promise<ProviderMetadata>;
  /** Finds the key of an ID token; an unknown one is looked for anew once a minute at most. */
  keys(issuer: string): JWTVerifyGetKey;
}

/** How long either is believed, in milliseconds. */
const BELIEVED = 10 * 60_000;
const AGAIN = 60_000;
const MOST_KEYS = 50;

/** What an outside provider did that we do not go along with, for the audit row. */
export class OutsideFault extends Error {}

/** One fetch of one JSON object. */
export async function fetched(client: Pick<GuardedClient, 'send'>, call: Parameters<GuardedClient['send']>[0]) {
  const reply = await client.send(call);
  let value: unknown;
  try {
    value = readJson(Buffer.from(reply.body)).value;
  } catch {
    throw new OutsideFault(`answered ${reply.status} without JSON`);
  }
  return { status: reply.status, value: value as Readonly<Record<string, unknown>> };
}

export function createProviderFacts(client: Pick<GuardedClient, 'send'>, runtime: Pick<Runtime, 'now'>): ProviderFacts {
  const known = new Map<string, { value: Promise<ProviderMetadata>; until: number }>();
  const sets = new Map<string, { value: Promise<JWTVerifyGetKey>; until: number; again: number }>();

  async function discover(issuer: string): Promise<ProviderMetadata> {
    const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
    const { status, value } = await fetched(client, { url, method: 'GET', headers: { accept: 'application/json' } });
    if (status !== 200) throw new OutsideFault(`discovery answered ${status}`);
    // Another issuer's endpoints under this one's name are the mix-up itself.
    if (value.issuer !== issuer) throw new OutsideFault('discovery is of another issuer');
    const endpoint = (member: string): string => {
      const given = value[member];
      const isSafe = typeof given === 'string' && URL.canParse(given) && /^https?:$/.test(new URL(given).protocol);
      if (!isSafe || (issuer.startsWith('https:') && !given.startsWith('https:')))
        throw new OutsideFault(`discovery has no good ${member}`);
      return given;
    };
    return {
      authorizationEndpoint: endpoint('authorization_endpoint'),
      tokenEndpoint: endpoint('token_endpoint'),
      ...(value.userinfo_endpoint !== undefined && { userinfoEndpoint: endpoint('userinfo_endpoint') }),
      jwksUri: endpoint('jwks_uri'),
      namesItself: value.authorization_response_iss_parameter_supported === true,
    };
  }

  function metadata(issuer: string): Promise<ProviderMetadata> {
    const now = runtime.now();
    const found = known.get(issuer);
    if (found && found.until > now) return found.value;
    const value = discover(issuer);
    known.set(issuer, { value, until: now + BELIEVED });
    value.catch(() => known.delete(issuer));
    return value;
  }

  async function fetchKeys(issuer: string): Promise<JWTVerifyGetKey> {
    const { jwksUri } = await metadata(issuer);
    const asked = { url: jwksUri, method: 'GET', headers: { accept: 'application/json' } } as const;
    const { status, value } = await fetched(client, asked);
    if (status !== 200 || !Array.isArray(value.keys) || value.keys.length > MOST_KEYS)
      throw new OutsideFault('its keys cannot be read');
    // A secret in a set of public keys, or one that both sides share, proves nothing.
    const keys = value.keys.filter(({ kty, d }) => kty !== 'oct' && d === undefined);
    return createLocalJWKSet({ keys }) as JWTVerifyGetKey;
  }

  function setOf(issuer: string, isMissed: boolean): Promise<JWTVerifyGetKey> {
    const now = runtime.now();
    const found = sets.get(issuer);
    if (found && found.until > now && !(isMissed && found.again <= now)) return found.value;
    const value = fetchKeys(issuer);
    sets.set(issuer, { value, until: now + BELIEVED, again: now + AGAIN });
    value.catch(() => sets.delete(issuer));
    return value;
  }

  return {
    metadata,
    keys: (issuer) => async (header, token) => {
      try {
        return await (await setOf(issuer, false))(header, token);
      } catch (error) {
        if ((error as { code?: unknown }).code !== 'ERR_JWKS_NO_MATCHING_KEY') throw error;
        return (await setOf(issuer, true))(header, token);
      }
    },
  };
}
