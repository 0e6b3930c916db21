/** OAuth of a simulated maker: client credentials by secret, by signed assertion or by certificate, and refresh tokens. RFC 6749, 7523, 8705; domain.md 2.11 */
import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import type { Runtime } from '../../runtime.ts';

export type Environment = 'production' | 'sandbox';
/** `client_id`, `client_secret` and the key of the API. */
export const demo = { client: 'demo', secret: 'demo-secret', key: 'demo-key' } as const;

interface Granted {
  readonly environment: Environment;
  readonly scopes: readonly string[];
  readonly expires: number;
  /** The API key goes with a secret or a certificate; an assertion needs none. */
  readonly needsKey: boolean;
}

export interface TokenAnswer {
  readonly status: number;
  readonly body: object;
  readonly challenge?: string;
}

export interface Tokens {
  grant(ask: TokenAsk): TokenAnswer;
  find(authorization: string | undefined): Granted | undefined;
  /** Forgets the token before its time. */
  revoke(authorization: string | undefined): void;
  /** Tokens that were given out. */
  granted(): number;
}

export interface TokenAsk {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly authorization: string | undefined;
  readonly key: string | undefined;
  readonly hasCertificate: boolean;
  readonly environment: Environment;
}

const LIFE = 3_600;

export interface TokenParts {
  readonly runtime: Runtime;
  readonly scopes: readonly string[];
  /** PEM or JWK of the client that signs assertions; without it none is taken. */
  readonly publicKey?: string;
  readonly tokenPath: string;
}

const algorithms = { RS384: 'sha384', ES384: 'sha384', RS256: 'sha256', ES256: 'sha256' } as const;

export function createTokens({ runtime, scopes, publicKey, tokenPath }: TokenParts): Tokens {
  const issued = new Map<string, Granted>();
  const refreshing = new Map<string, Granted>();
  const seen = new Map<string, number>();
  let count = 0;
  const signer: KeyObject | undefined = !publicKey
    ? undefined
    : publicKey.trimStart().startsWith('{')
      ? createPublicKey({ key: JSON.parse(publicKey), format: 'jwk' })
      : createPublicKey(publicKey);

  const fresh = () => Buffer.from(runtime.random(24)).toString('hex');
  const refuse = (status: number, error: string, error_description: string): TokenAnswer => ({
    status,
    body: { error, error_description },
    ...(status === 401 && { challenge: 'Basic realm="simulated maker"' }),
  });

  function isAsserted(assertion: string): boolean {
    const [head = '', claims = '', signature = ''] = assertion.split('.');
    try {
      const { alg } = JSON.parse(Buffer.from(head, 'base64url').toString());
      const { iss, sub, aud, exp, jti } = JSON.parse(Buffer.from(claims, 'base64url').toString());
      const now = runtime.now() / 1_000;
      const digest = algorithms[alg as keyof typeof algorithms];
      if (!signer || !digest || typeof jti !== 'string' || iss !== demo.client || sub !== demo.client || seen.has(jti))
        return false;
      if (!String(aud).endsWith(tokenPath) || !(exp > now && exp <= now + 300)) return false;
      const key = alg.startsWith('ES') ? { key: signer, dsaEncoding: 'ieee-p1363' as const } : signer;
      if (!verify(digest, Buffer.from(`${head}.${claims}`), key, Buffer.from(signature, 'base64url'))) return false;
      for (const [id, until] of seen) if (until < now) seen.delete(id);
      seen.set(jti, exp);
      return true;
    } catch {
      return false;
    }
  }

  function give(of: Omit<Granted, 'expires'>): TokenAnswer {
    const now = runtime.now();
    for (const tokens of [issued, refreshing])
      for (const [token, { expires }] of tokens) if (expires <= now) tokens.delete(token);
    const [access, refresh] = [fresh(), fresh()];
    issued.set(access, { ...of, expires: now + LIFE * 1_000 });
    refreshing.set(refresh, { ...of, expires: now + 24 * LIFE * 1_000 });
    count++;
    return {
      status: 200,
      body: {
        access_token: access,
        token_type: 'Bearer',
        expires_in: LIFE,
        refresh_token: refresh,
        scope: of.scopes.join(' '),
      },
    };
  }

  function grant({ fields, authorization, key, hasCertificate, environment }: TokenAsk): TokenAnswer {
    const text = (name: string) => (typeof fields[name] === 'string' ? (fields[name] as string) : undefined);
    const [, basic] = /^Basic (.+)$/i.exec(authorization ?? '') ?? [];
    const [user, password] = basic
      ? Buffer.from(basic, 'base64')
          .toString()
          .split(/:(.*)/s)
          .map((part) => decodeURIComponent(part))
      : [text('client_id'), text('client_secret')];
    const assertion = text('client_assertion');
    const isSigned = assertion !== undefined && isAsserted(assertion);
    if (assertion !== undefined ? !isSigned : user !== demo.client || !(password === demo.secret || hasCertificate))
      return refuse(401, 'invalid_client', 'the client is not known, or its secret is wrong');
    if (!isSigned && key !== demo.key) return refuse(401, 'invalid_client', 'the API key is missing or wrong');

    const type = text('grant_type');
    if (type === 'refresh_token') {
      const old = refreshing.get(text('refresh_token') ?? '');
      refreshing.delete(text('refresh_token') ?? '');
      if (!old || old.expires <= runtime.now() || old.environment !== environment)
        return refuse(400, 'invalid_grant', 'the refresh token is not known or was used');
      return give(old);
    }
    if (type !== 'client_credentials')
      return refuse(400, 'unsupported_grant_type', 'client_credentials or refresh_token');
    const asked = text('scope')?.split(' ').filter(Boolean) ?? scopes;
    if (asked.length === 0 || asked.some((scope) => !scopes.includes(scope)))
      return refuse(400, 'invalid_scope', `scopes are ${scopes.join(' ')}`);
    return give({ environment, scopes: asked, needsKey: !isSigned });
  }

  const bearer = (authorization: string | undefined) => /^Bearer (\S+)$/i.exec(authorization ?? '')?.[1] ?? '';
  return {
    grant,
    find(authorization) {
      const found = issued.get(bearer(authorization));
      return found && found.expires > runtime.now() ? found : undefined;
    },
    revoke: (authorization) => void issued.delete(bearer(authorization)),
    granted: () => count,
  };
}
