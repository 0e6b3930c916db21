/** An ID token, checked as strictly as the specification allows. https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation */
import { hash } from 'node:crypto';
import type { JWTVerifyGetKey } from 'jose';
import { errors, type JWTPayload, jwtVerify } from 'jose';
import { isSame } from '../../secrets.ts';
import { OutsideFault } from './metadata.ts';

export interface ExpectedToken {
  readonly issuer: string;
  readonly clientId: string;
  readonly nonce: string;
  readonly algorithms: readonly string[];
  /** That came along; its hash is checked where the ID token has one. */
  readonly accessToken?: string;
  readonly now: number;
}

const LARGEST = 32_768;
/** Seconds that two clocks may differ. */
const TOLERATED = 30;
/** Seconds that an ID token may be old: it comes straight from the token endpoint. */
const OLDEST = 600;

/** The claims, or OutsideFault that says what is wrong, without a value of the token. */
export async function checkIdToken(
  token: unknown,
  keys: JWTVerifyGetKey,
  expected: ExpectedToken,
): Promise<JWTPayload & { sub: string }> {
  if (typeof token !== 'string' || token.length > LARGEST || token.split('.').length !== 3)
    throw new OutsideFault('ID token malformed');
  const { issuer, clientId, algorithms, now } = expected;
  let checked: Awaited<ReturnType<typeof jwtVerify>>;
  try {
    checked = await jwtVerify(token, keys, {
      issuer,
      audience: clientId,
      algorithms: [...algorithms],
      clockTolerance: TOLERATED,
      maxTokenAge: OLDEST,
      currentDate: new Date(now),
      requiredClaims: ['iss', 'aud', 'sub', 'exp', 'iat', 'nonce'],
    });
  } catch (error) {
    if (error instanceof errors.JWTClaimValidationFailed || error instanceof errors.JWTExpired)
      throw new OutsideFault(`ID token ${error.claim} wrong`);
    if (error instanceof errors.JOSEError) throw new OutsideFault(`ID token ${faults[error.code] ?? 'wrong'}`);
    throw error;
  }
  const { payload, protectedHeader } = checked;
  const { typ = 'JWT', alg } = protectedHeader;
  // A logout token or an access token that is a JWT may be signed by the same key, for the same client.
  if (typ.toUpperCase() !== 'JWT' || payload.events !== undefined) throw new OutsideFault('ID token is another token');
  const { sub, aud, azp, nonce, at_hash: accessHash } = payload;
  if (typeof sub !== 'string' || sub === '' || sub.length > 255) throw new OutsideFault('ID token sub wrong');
  const isForOthersToo = Array.isArray(aud) && aud.length > 1;
  if (azp === undefined ? isForOthersToo : azp !== clientId) throw new OutsideFault('ID token azp wrong');
  if (!isSame(nonce, expected.nonce)) throw new OutsideFault('ID token nonce wrong');
  if (accessHash !== undefined && !isSame(accessHash, halfHash(expected.accessToken ?? '', alg)))
    throw new OutsideFault('ID token at_hash wrong');
  return payload as JWTPayload & { sub: string };
}

const faults: Readonly<Record<string, string>> = {
  ERR_JWS_SIGNATURE_VERIFICATION_FAILED: 'signature wrong',
  ERR_JOSE_ALG_NOT_ALLOWED: 'alg not allowed',
  ERR_JWKS_NO_MATCHING_KEY: 'key unknown',
  ERR_JWKS_MULTIPLE_MATCHING_KEYS: 'key not named',
};

/** The left half of the hash that goes with the signature. https://openid.net/specs/openid-connect-core-1_0.html#CodeIDToken */
function halfHash(text: string, alg: string): string {
  const bytes = hash(alg === 'EdDSA' ? 'sha512' : `sha${alg.slice(2)}`, text, 'buffer');
  return bytes.subarray(0, bytes.length / 2).toString('base64url');
}
