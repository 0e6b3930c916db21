/** Passwords as argon2id hashes with their parameters beside them, so that these may grow. https://www.rfc-editor.org/rfc/rfc9106 */
import { argon2, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { problem } from '../../fhir/outcome.ts';
import type { Runtime } from '../../runtime.ts';
import { freshWord } from '../secrets.ts';
import { LONGEST } from './password-rules.ts';

const derive = promisify(argon2);

/** What a hash costs: KiB of memory, passes over it, lanes. */
export interface Cost {
  readonly memory: number;
  readonly passes: number;
  readonly parallelism: number;
}

export interface PasswordRecord extends Cost {
  readonly algorithm: 'argon2id';
  /** base64url */
  readonly salt: string;
  readonly hash: string;
}

/** The least that OWASP advises for argon2id: 19 MiB, two passes. About 30 ms of one core. */
const cost: Cost = { memory: 19_456, passes: 2, parallelism: 1 };

const HASH_BYTES = 32;
/** Hashes at a time: each holds its memory and one of the few threads that files and names need too. */
const AT_ONCE = 2;
const MOST_WAITING = 64;

export interface Passwords {
  keep(password: string): Promise<PasswordRecord>;
  /** Without a record it takes as long as with one and is false: whether a login exists cannot be told by time. */
  matches(record: PasswordRecord | undefined, password: string): Promise<boolean>;
  isOutdated(record: PasswordRecord): boolean;
}

/** Lets few in at a time; refuses with 503 where too many wait. */
function createGate() {
  let inside = 0;
  const waiting: (() => void)[] = [];
  return async <T>(work: () => Promise<T>): Promise<T> => {
    if (inside >= AT_ONCE) {
      if (waiting.length >= MOST_WAITING)
        throw problem('transient', 'too many people are signing in; try again', { headers: { 'Retry-After': '2' } });
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else inside++;
    try {
      return await work();
    } finally {
      // Whoever waits takes this place over.
      const next = waiting.shift();
      if (next) next();
      else inside--;
    }
  };
}

export function createPasswords(runtime: Pick<Runtime, 'random'>, asked: Cost = cost): Passwords {
  const through = createGate();
  const decoy: PasswordRecord = {
    algorithm: 'argon2id',
    ...asked,
    salt: freshWord(runtime, 16),
    hash: freshWord(runtime, HASH_BYTES),
  };

  const hashOf = (password: string, salt: string, { memory, passes, parallelism }: Cost): Promise<Buffer> =>
    through(() =>
      derive('argon2id', {
        message: Buffer.from(password.normalize('NFKC')),
        nonce: Buffer.from(salt, 'base64url'),
        memory,
        passes,
        parallelism,
        tagLength: HASH_BYTES,
      }),
    );

  return {
    async keep(password) {
      const salt = freshWord(runtime, 16);
      const hash = await hashOf(password, salt, asked);
      return { algorithm: 'argon2id', ...asked, salt, hash: hash.toString('base64url') };
    },
    async matches(record, password) {
      // No password is longer, whoever's it is.
      if (password.length > 4 * LONGEST) return false;
      const { salt, hash, ...spent } = record ?? decoy;
      const isSame = timingSafeEqual(await hashOf(password, salt, spent), Buffer.from(hash, 'base64url'));
      return isSame && record !== undefined;
    },
    isOutdated: ({ memory, passes, parallelism }) =>
      memory !== asked.memory || passes !== asked.passes || parallelism !== asked.parallelism,
  };
}
