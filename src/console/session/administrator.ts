/** The administrator at a page: the token is exchanged for a cookie that ends soon, so that no script can read it and no browser keeps it. docs/decisions/0016-pages-and-cookies.md */
import { createHmac } from 'node:crypto';
import type { Runtime } from '../../runtime.ts';
import { administrator } from '../../smart/access.ts';
import { freshWord, hashOf, isSame } from '../../smart/secrets.ts';
import { type Change, isConflict, type Store } from '../../store/store.ts';
import type { Seat } from './seat.ts';

/** By the SHA-256 of the cookie. */
const KIND = 'page-administrator';
/** How often its last use is written down. */
const ROLL = 60_000;
/** Milliseconds since it began after which it is over in any case. */
const LONGEST = 8 * 3_600_000;

/** Times are milliseconds since 1970. */
interface KeptAdministrator {
  readonly created: number;
  readonly used: number;
  /** Made with the token of its day: with another token it opens nothing. */
  readonly proof: string;
}

export interface AdministratorSessions {
  /** A value for Set-Cookie, and the commit that makes it good. */
  start(): { readonly cookie: string; readonly change: Change };
  /** Of a Cookie header; without `quiet` a note that it was used. */
  find(header: string | undefined, quiet: boolean): Promise<Seat | undefined>;
  /** The change that ends it, and the value for Set-Cookie that forgets it. */
  end(id: string): Change;
  clear(): string;
}

export interface AdministratorParts {
  readonly store: Store;
  readonly runtime: Runtime;
  readonly adminToken: string;
  /** Public URL. */
  readonly url: string;
  /** Milliseconds of rest after which it is over. */
  readonly idle: number;
}

export function administratorSessions(parts: AdministratorParts): AdministratorSessions {
  const { store, runtime, adminToken, url, idle } = parts;
  const isSecure = url.startsWith('https:');
  const name = `${isSecure ? '__Host-' : ''}watchfire-administrator`;
  // Nobody comes to a page of the administrator from elsewhere with a wish.
  const traits = `Path=/; HttpOnly; SameSite=Strict${isSecure ? '; Secure' : ''}`;
  const shape = new RegExp(`(?:^|;\\s*)${name}=([A-Za-z0-9_-]{43})(?=;|$)`, 'g');
  const proofOf = (id: string) => createHmac('sha256', adminToken).update(`page ${id}`).digest('base64url');

  const put = (id: string, kept: KeptAdministrator, expect: number | 'absent'): Change => {
    const rest = Math.min(idle, kept.created + LONGEST - runtime.now());
    return { op: 'put', kind: KIND, key: id, value: kept, expect, expiresIn: Math.max(1, Math.ceil(rest / 1_000)) };
  };

  return {
    start() {
      const word = freshWord(runtime);
      const id = hashOf(word);
      const now = runtime.now();
      const kept = { created: now, used: now, proof: proofOf(id) };
      return { cookie: `${name}=${word}; ${traits}`, change: put(id, kept, 'absent') };
    },
    async find(header = '', quiet) {
      const sent = [...header.matchAll(shape)];
      if (sent.length !== 1) return undefined;
      const id = hashOf(sent[0]![1]!);
      const [found] = await store.get(KIND, [id]);
      const kept: KeptAdministrator | undefined = found?.value;
      const now = runtime.now();
      if (!kept || !isSame(kept.proof, proofOf(id))) return undefined;
      if (kept.used + idle <= now || kept.created + LONGEST <= now) return undefined;
      const isNoted = !quiet && now - kept.used >= ROLL;
      const used = isNoted ? now : kept.used;
      if (isNoted)
        await store.commit([put(id, { ...kept, used }, found!.revision)]).catch((error: unknown) => {
          // Another request was faster, or it was ended just now.
          if (!isConflict(error)) throw error;
        });
      const ends = kept.created + LONGEST;
      return { login: undefined, caller: administrator, id, ends, restEnds: Math.min(used + idle, ends) };
    },
    end: (id) => ({ op: 'drop', kind: KIND, key: id }),
    clear: () => `${name}=; ${traits}; Max-Age=0`,
  };
}
