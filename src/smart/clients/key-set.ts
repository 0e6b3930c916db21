/** The public keys of a client: read strictly, looked up by kid. https://www.rfc-editor.org/rfc/rfc7517 */
import { createPublicKey, type KeyObject } from 'node:crypto';

/** Of client assertions. */
export const signingAlgorithms = ['RS384', 'ES384'] as const;
export type SigningAlgorithm = (typeof signingAlgorithms)[number];

export interface ClientKey {
  readonly key: KeyObject;
  /** What it may verify; undefined for a key of no use here. */
  readonly alg: SigningAlgorithm;
}
/** By kid. A Map, so that no kid ever meets what every object answers to. */
export type KeySet = ReadonlyMap<string, ClientKey>;

const MOST = 50;
const LONGEST_KID = 200;
const RSA_LEAST = 2_048;
/** Larger ones cost the server more than a signature is worth. */
const RSA_MOST = 8_192;
const curves: ReadonlySet<unknown> = new Set(['P-256', 'P-384']);
/** Of private keys, and the bytes of a symmetric one. */
const secretMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];

/** What is wrong with a set, as the rest of a sentence. */
export class BadKeys extends Error {}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The keys that assertions can be verified with; BadKeys where the set holds what no public set should, or nothing of use. */
export function readKeySet(jwks: unknown): KeySet {
  if (!isObject(jwks) || !Array.isArray(jwks.keys)) throw new BadKeys('must be an object with a list of keys');
  if (jwks.keys.length > MOST) throw new BadKeys(`may have ${MOST} keys`);
  const kids = new Set<string>();
  const usable = new Map<string, ClientKey>();
  for (const [at, jwk] of jwks.keys.entries()) {
    const fault = (said: string) => new BadKeys(`${said}, at keys[${at}]`);
    if (!isObject(jwk) || typeof jwk.kty !== 'string') throw fault('must hold keys with a kty');
    if (jwk.kty === 'oct' || secretMembers.some((member) => member in jwk))
      throw fault('must hold public keys alone, no private or symmetric one');
    const { kid } = jwk;
    if (kid !== undefined) {
      if (typeof kid !== 'string' || kid === '' || kid.length > LONGEST_KID)
        throw fault(`must name each key by a kid of 1 to ${LONGEST_KID} characters`);
      if (kids.has(kid)) throw fault('must not give two keys one kid');
      kids.add(kid);
    }
    const read = readKey(jwk, fault);
    if (read && kid !== undefined) usable.set(kid, read);
  }
  if (usable.size === 0)
    throw new BadKeys('must hold a key with a kid for RS384 (RSA of 2048 bits or more) or ES384 (P-384)');
  return usable;
}

/** Keys of kinds that are not understood are passed over, as the RFC wants; weak ones of known kinds are not. */
function readKey(jwk: Readonly<Record<string, unknown>>, fault: (said: string) => BadKeys): ClientKey | undefined {
  if (jwk.kty !== 'RSA' && jwk.kty !== 'EC') return undefined;
  if (jwk.kty === 'EC' && !curves.has(jwk.crv)) throw fault('must have EC keys on the curve P-256 or P-384');
  let key: KeyObject;
  try {
    // Of the members that say what the key is, and no others: what a library makes of the rest is not ours to know.
    const { kty, n, e, crv, x, y } = jwk;
    key = createPublicKey({ key: { kty, n, e, crv, x, y } as Record<string, string>, format: 'jwk' });
  } catch {
    throw fault('must hold well-formed keys');
  }
  if (jwk.kty === 'RSA') {
    const { modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {};
    if (modulusLength < RSA_LEAST) throw fault(`must have RSA keys of ${RSA_LEAST} bits or more`);
    if (modulusLength > RSA_MOST || publicExponent < 3n || publicExponent >= 1n << 32n || publicExponent % 2n === 0n)
      throw fault('must have RSA keys of common size and exponent');
  }
  const alg = jwk.kty === 'RSA' ? 'RS384' : 'ES384';
  const isOther = (jwk.alg !== undefined && jwk.alg !== alg) || jwk.crv === 'P-256';
  const isForOther =
    (jwk.use !== undefined && jwk.use !== 'sig') ||
    (Array.isArray(jwk.key_ops) && !jwk.key_ops.includes('verify')) ||
    isOther;
  return isForOther ? undefined : { key, alg };
}
