/** With which credential and token a maker is asked now: got once for all who wait, renewed before it ends, never by a refresh token. */
import { hash } from 'node:crypto';
import { asProblem, problem } from '../fhir/outcome.ts';
import type { Credentials, MakerAuth } from './maker.ts';
import { authFor, type Token } from './maker-token.ts';

export interface Session {
  readonly credentials: Credentials;
  readonly auth: MakerAuth;
  readonly token?: string;
  /** ms since 1970 UTC. */
  readonly expires: number;
  readonly renews: number;
}

export interface Sessions {
  /** What to ask with. Throws what the maker said to the request for a token, or login where no credential is stored. */
  current(): Promise<Session>;
  /** After a refusal of this one: a fresh one with the same credential, or what another has got meanwhile. */
  renewed(refused: Session): Promise<Session>;
  /** After a refusal of that too: with the credential before, while it is valid; undefined where there is none. */
  other(refused: Session): Promise<Session | undefined>;
  expires(): number | undefined;
}

export interface SessionParts {
  readonly name: string;
  /** Those that are valid now, the newest first. */
  readonly credentials: () => Promise<readonly Credentials[]>;
  /** The ways that the maker knows; the first that a credential suffices for is used. */
  readonly auths: readonly MakerAuth[];
  readonly ask: (credentials: Credentials, auth: MakerAuth) => Promise<Token>;
  readonly now: () => number;
}

/** Share of its life after which a token is renewed. */
const RENEW_AT = 0.8;
/** Milliseconds after which it is looked whether another credential was stored, or this one removed. */
const LOOKED_UP = 60_000;
/** Share of its life for which a token goes on that could not be renewed, before the next try. */
const GO_ON = 0.05;
/** Milliseconds for which a credential that was refused is not shown again: twice as long each time. Another one is shown at once. */
const REFUSED = { base: 60_000, cap: 900_000 };

interface Refused {
  readonly times: number;
  readonly until: number;
  readonly why: string;
}

const isSame = (one: Credentials, other: Credentials): boolean => JSON.stringify(one) === JSON.stringify(other);

export function createSessions({ name, credentials, auths, ask, now }: SessionParts): Sessions {
  let held: Session | undefined;
  let pending: Promise<Session> | undefined;
  let lookedAt = 0;
  /** By a hash of the credential, of those that are valid. */
  let refusals: ReadonlyMap<string, Refused> = new Map();
  const fingerprint = (chosen: Credentials): string => hash('sha256', JSON.stringify(chosen));

  /** A secret that is wrong does not become right by being shown again: makers lock accounts over that. */
  async function tokenFor(chosen: Credentials, auth: MakerAuth): Promise<Token> {
    const print = fingerprint(chosen);
    const before = refusals.get(print);
    if (before && now() < before.until)
      throw problem('login', `${before.why}; it is tried again at ${new Date(before.until).toISOString()}`);
    try {
      const token = await ask(chosen, auth);
      refusals = new Map([...refusals].filter(([other]) => other !== print));
      return token;
    } catch (error) {
      const { code, message: why } = asProblem(error);
      if (code === 'login') {
        const times = (before?.times ?? 0) + 1;
        const until = now() + Math.min(REFUSED.cap, REFUSED.base * 2 ** (times - 1));
        refusals = new Map([...refusals, [print, { times, until, why }]]);
      }
      throw error;
    }
  }

  async function sessionOf(chosen: Credentials): Promise<Session> {
    const auth = authFor(name, auths, chosen);
    if (auth.tokenPath === undefined)
      return { credentials: chosen, auth, expires: now() + LOOKED_UP, renews: now() + LOOKED_UP };
    const { value, life } = await tokenFor(chosen, auth);
    const at = now();
    return { credentials: chosen, auth, token: value, expires: at + life, renews: at + life * RENEW_AT };
  }

  async function open(): Promise<Session> {
    lookedAt = now();
    const valid = await credentials();
    const prints = new Set(valid.map(fingerprint));
    refusals = new Map([...refusals].filter(([print]) => prints.has(print)));
    if (valid.length === 0) throw problem('login', `no credential of ${name} is stored`);
    for (const [at, one] of valid.entries()) {
      try {
        return await sessionOf(one);
      } catch (error) {
        const isLast = at === valid.length - 1;
        if (isLast || (error as { code?: unknown }).code !== 'login') throw error;
      }
    }
    throw problem('login', `no credential of ${name} is accepted`);
  }

  function fresh(): Promise<Session> {
    pending ??= open()
      .then((session) => {
        held = session;
        return session;
      })
      .finally(() => {
        pending = undefined;
      });
    return pending;
  }

  async function isNewest(session: Session): Promise<boolean> {
    if (now() - lookedAt < LOOKED_UP) return true;
    lookedAt = now();
    const [newest] = await credentials();
    return newest !== undefined && isSame(newest, session.credentials);
  }

  async function current(): Promise<Session> {
    if (held && now() < held.renews && (await isNewest(held))) return held;
    const before = held;
    try {
      return await fresh();
    } catch (error) {
      // A fault while it is renewed early costs nothing; a refusal means that it will not be honoured either.
      if (!before?.token || now() >= before.expires || (error as { code?: unknown }).code === 'login') throw error;
      const life = before.expires - before.renews;
      held = { ...before, renews: Math.min(before.expires, now() + (life / (1 - RENEW_AT)) * GO_ON) };
      return held;
    }
  }

  return {
    current,
    async renewed(refused) {
      if (held && held.token === refused.token && isSame(held.credentials, refused.credentials)) held = undefined;
      return current();
    },
    async other(refused) {
      const valid = await credentials();
      const next = valid[valid.findIndex((one) => isSame(one, refused.credentials)) + 1];
      if (next === undefined) return undefined;
      const session = await sessionOf(next);
      held = session;
      return session;
    },
    expires: () => (held?.token === undefined ? undefined : held.expires),
  };
}
