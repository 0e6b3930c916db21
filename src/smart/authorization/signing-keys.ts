/** The keys that sign ID tokens: kept in the store and shared by its servers, one that signs and one that comes next for each algorithm. https://openid.net/specs/openid-connect-core-1_0.html#RotateSigKeys */
import { generateKeyPair } from 'node:crypto';
import { promisify } from 'node:util';
import { appended } from '../../audit/trail.ts';
import { settle } from '../../interactions/settle.ts';
import type { Runtime } from '../../runtime.ts';
import type { AuditRow, Store } from '../../store/store.ts';
import { idTokenAlgorithms } from '../clients/client.ts';
import { createRemembered } from '../remembered.ts';
import { freshWord } from '../secrets.ts';
import { kinds } from './kinds.ts';

/** A private key as JWK, with what it is for. It signs by its one `alg`; RSA keys that were made before they had one sign RS256 and RS384. */
export interface SigningKey {
  readonly jwk: { readonly kid: string; readonly kty: string; readonly [member: string]: unknown };
  /** `next` is published long before it signs, so that whoever remembers our keys knows it by then. */
  readonly role: 'signs' | 'next' | 'past';
  /** Milliseconds since 1970 until which tokens may be about that a `past` key signed. */
  readonly until?: number;
}

interface Ring {
  readonly keys: readonly SigningKey[];
  readonly rotated: number;
}

export interface SigningKeys {
  /** Those that sign first; at most five seconds old. */
  current(): Promise<readonly SigningKey[]>;
  /** The next keys sign from now on, and new ones come after them. */
  rotate(rows: readonly AuditRow[]): Promise<readonly SigningKey[]>;
}

const KEY = 'ring';
/** Milliseconds after which keys are rotated by themselves. */
const AGE = 90 * 86_400_000;
const order = ['signs', 'next', 'past'];
const generate = promisify(generateKeyPair);

/** `longest`: seconds that anything lives which these keys sign. */
export function createSigningKeys(store: Store, runtime: Runtime, longest: number): SigningKeys {
  const remembered = createRemembered<Ring>(runtime, 1);

  async function newKeys(role: SigningKey['role']): Promise<readonly SigningKey[]> {
    const rsa = () => generate('rsa', { modulusLength: 2_048 });
    const pairs = await Promise.all([rsa(), rsa(), generate('ec', { namedCurve: 'P-384' })]);
    return pairs.map(({ privateKey }, at) => {
      const kid = freshWord(runtime, 12);
      const made = privateKey.export({ format: 'jwk' }) as { kty: string };
      return { role, jwk: { ...made, kid, use: 'sig', alg: idTokenAlgorithms[at] } };
    });
  }

  /** The ring as it is stored after `change`, or as another server left it that came first. */
  const changed = (change: (ring: Ring | undefined) => Promise<Ring | undefined>, rows: readonly AuditRow[] = []) =>
    settle(runtime, async (): Promise<Ring> => {
      const [kept] = await store.get(kinds.signingKey, [KEY]);
      const ring = await change(kept?.value);
      if (ring === undefined) return kept!.value;
      const expect = kept?.revision ?? 'absent';
      await store.commit([{ op: 'put', kind: kinds.signingKey, key: KEY, value: ring, expect }, ...rows.map(appended)]);
      remembered.forget();
      return ring;
    });

  async function turned({ keys }: Ring): Promise<Ring> {
    const now = runtime.now();
    const next: Readonly<Record<string, SigningKey['role']>> = { next: 'signs', signs: 'past', past: 'past' };
    const kept = keys
      .filter(({ until }) => until === undefined || until > now)
      .map(({ jwk, role, until }): SigningKey => {
        const became = next[role]!;
        return became === 'past' ? { jwk, role: became, until: until ?? now + longest * 1_000 } : { jwk, role: became };
      });
    return { keys: [...kept, ...(await newKeys('next'))], rotated: now };
  }

  const isOld = (ring: Ring) => runtime.now() - ring.rotated > AGE;

  async function read(): Promise<Ring> {
    const [kept] = await store.get(kinds.signingKey, [KEY]);
    const ring: Ring | undefined = kept?.value;
    if (ring !== undefined && !isOld(ring)) return ring;
    return changed(async (found) => {
      if (found === undefined)
        return { keys: [...(await newKeys('signs')), ...(await newKeys('next'))], rotated: runtime.now() };
      return isOld(found) ? turned(found) : undefined;
    });
  }

  const published = ({ keys }: Ring): readonly SigningKey[] =>
    keys
      .filter(({ until }) => until === undefined || until > runtime.now())
      .sort((a, b) => order.indexOf(a.role) - order.indexOf(b.role));

  return {
    current: async () => published(await remembered.get(KEY, read)),
    async rotate(rows) {
      await read();
      return published(await changed((ring) => turned(ring!), rows));
    },
  };
}
