/** Where the credentials of makers are kept: each encrypted under a key of its own, which is wrapped under the vault's key. docs/credentials.md */
import { asProblem, problem } from '../fhir/outcome.ts';
import { settle } from '../interactions/settle.ts';
import type { Credentials, Environment } from '../outbound/maker.ts';
import { freshId, type Runtime } from '../runtime.ts';
import { type Change, isConflict, type Kept, type Store } from '../store/store.ts';
import { type Context, seal, unseal } from './envelope.ts';
import type { KeyRing } from './vault-keys.ts';

export const kinds = {
  /** By `<maker>/<environment>`: {@link KeptCredentials}. */
  credential: 'credential',
  /** `store`: the name that binds credentials to this store; `taken/<hash>`: a file that was taken over. */
  vault: 'vault',
} as const;

interface KeptCredential {
  readonly id: string;
  readonly created: number;
  readonly by: string;
  readonly members: readonly string[];
  /** Of one that another has replaced: ms since 1970 UTC. */
  readonly until?: number;
  /** JSON of the credentials, under a key of its own. */
  readonly sealed: string;
  /** That key, under the one that is named. */
  readonly wrapped: string;
  readonly key: string;
}

interface KeptCredentials {
  readonly maker: string;
  readonly environment: Environment;
  /** The newest first. */
  readonly entries: readonly KeptCredential[];
}

/** What may be told of a credential. */
export interface ListedCredential {
  readonly maker: string;
  readonly environment: Environment;
  /** Names of what it holds: `client_id`, `api_key`; never a value. */
  readonly members: readonly string[];
  readonly created: number;
  readonly by: string;
  /** Name of the key that it is wrapped under. */
  readonly key: string;
  /** Until when the one before is valid beside it. */
  readonly previousUntil?: number;
  /** Those among them that no key of this server opens: they are passed over. */
  readonly lost: readonly { readonly created: number; readonly key: string }[];
}

export interface PutOptions {
  /** Who stores it, such as `Client/admin`. */
  readonly by: string;
  /** Milliseconds for which the one before stays valid. */
  readonly overlap: number;
}

export interface Rewrapped {
  readonly rewrapped: number;
  readonly already: number;
}

export interface Vault {
  /** Stores a credential, and what else is handed over, in one commit. Refused with a sentence where there is no key in production. */
  put(maker: string, credentials: Credentials, options: PutOptions, also?: readonly Change[]): Promise<void>;
  /** The changes that store it, for a commit of somebody else; a conflict means: ask again. */
  changes(maker: string, credentials: Credentials, options: PutOptions): Promise<readonly Change[]>;
  /** The newest credential. */
  open(maker: string, environment: Environment): Promise<Credentials | undefined>;
  /** Those that are valid now, the newest first, without those whose key is lost. Throws where that leaves none of several. */
  valid(maker: string, environment: Environment): Promise<readonly Credentials[]>;
  /** Environment of the maker's newest credential. */
  environment(maker: string): Promise<Environment | undefined>;
  list(): Promise<readonly ListedCredential[]>;
  /** False where there was none. */
  remove(maker: string, environment: Environment): Promise<boolean>;
  /** The change that does it, for a commit of somebody else; undefined where there is none. */
  removal(maker: string, environment: Environment): Promise<Change | undefined>;
  /** Wraps everything under the first key anew; what is done is done, so it may be stopped and asked again. */
  rotateKey(): Promise<Rewrapped>;
}

export interface VaultParts {
  readonly store: Pick<Store, 'get' | 'list' | 'commit'>;
  readonly runtime: Pick<Runtime, 'now' | 'random'>;
  readonly ring: KeyRing;
}

const KEY = 32;
/** More makers and environments than anybody has. */
const MOST = 1_000;

/** Not to be opened by anything that this server has; a service of keys that does not answer is another matter. */
const isLost = (error: unknown): boolean => asProblem(error).code === 'business-rule';

const keyOf = (maker: string, environment: Environment): string => `${maker}/${environment}`;

export function createVault({ store, runtime, ring }: VaultParts): Vault {
  let storeName: Promise<string> | undefined;

  /** Made by whoever stores the first credential; goes along when a store moves house. */
  async function nameOfStore(): Promise<string> {
    const [kept] = await store.get(kinds.vault, ['store']);
    if (kept) return kept.value;
    const value = freshId(runtime);
    await store
      .commit([{ op: 'put', kind: kinds.vault, key: 'store', value, expect: 'absent' }])
      .catch((error: unknown) => {
        if (!isConflict(error)) throw error;
      });
    const [made] = await store.get(kinds.vault, ['store']);
    return made!.value;
  }

  async function contextOf({ maker, environment }: Omit<KeptCredentials, 'entries'>, id: string): Promise<Context> {
    storeName ??= nameOfStore().catch((error: unknown) => {
      storeName = undefined;
      throw error;
    });
    return ['watchfire credential', await storeName, maker, environment, id];
  }

  function demandKey() {
    if (ring.first) return ring.first;
    throw problem(
      'business-rule',
      'no credential can be stored: in the production profile set WATCHFIRE_VAULT_KEY, WATCHFIRE_VAULT_KEY_FILE or WATCHFIRE_VAULT_KEY_SERVICE first',
    );
  }

  async function sealed(credentials: Credentials, maker: string, by: string): Promise<KeptCredential> {
    const first = demandKey();
    const id = freshId(runtime);
    const context = await contextOf({ maker, environment: credentials.environment }, id);
    const key = Buffer.from(runtime.random(KEY));
    const given = Object.entries(credentials).filter(([, value]) => value !== undefined);
    const plain = Buffer.from(JSON.stringify(Object.fromEntries(given)));
    const { wrapped, name } = await first.wrap(key, context);
    const members = given.map(([member]) => member).filter((member) => member !== 'environment');
    const text = seal(key, plain, context, runtime);
    key.fill(0);
    return { id, created: runtime.now(), by, members, sealed: text, wrapped, key: name };
  }

  async function keyIn(of: KeptCredentials, { id, wrapped, key }: KeptCredential): Promise<Uint8Array> {
    const named = ring.all.find((one) => one.isNamed(key));
    if (named) return named.unwrap(wrapped, await contextOf(of, id));
    throw problem(
      'business-rule',
      `the credential of ${of.maker} cannot be opened with this key: it is wrapped under ${key}, a key that this server does not have`,
    );
  }

  const isKnown = ({ key }: KeptCredential): boolean => ring.all.some((one) => one.isNamed(key));

  async function opened(of: KeptCredentials, entry: KeptCredential): Promise<Credentials> {
    const key = await keyIn(of, entry);
    return JSON.parse(unseal(key, entry.sealed, await contextOf(of, entry.id)).toString());
  }

  const look = async (maker: string, environment: Environment): Promise<Kept | undefined> =>
    (await store.get(kinds.credential, [keyOf(maker, environment)]))[0];

  const all = (): Promise<readonly Kept[]> => store.list(kinds.credential, '', MOST);

  async function changes(
    maker: string,
    credentials: Credentials,
    { by, overlap }: PutOptions,
  ): Promise<readonly Change[]> {
    const { environment } = credentials;
    const kept = await look(maker, environment);
    const [before] = (kept?.value as KeptCredentials | undefined)?.entries ?? [];
    const fresh = await sealed(credentials, maker, by);
    const former = before && overlap > 0 ? [{ ...before, until: runtime.now() + overlap }] : [];
    const value: KeptCredentials = { maker, environment, entries: [fresh, ...former] };
    const key = keyOf(maker, environment);
    return [{ op: 'put', kind: kinds.credential, key, value, expect: kept?.revision ?? 'absent' }];
  }

  /** Looks again where somebody else was quicker. */
  const again = <T>(work: () => Promise<T>): Promise<T> => settle(runtime, work);

  async function valid(maker: string, environment: Environment): Promise<readonly Credentials[]> {
    const kept = (await look(maker, environment))?.value as KeptCredentials | undefined;
    const entries = kept?.entries.filter(({ until = Number.POSITIVE_INFINITY }) => until > runtime.now()) ?? [];
    const tried = await Promise.allSettled(entries.map((entry) => opened(kept!, entry)));
    const found = tried.flatMap((one) => (one.status === 'fulfilled' ? one.value : []));
    for (const one of tried)
      if (one.status === 'rejected' && (found.length === 0 || !isLost(one.reason))) throw one.reason;
    return found;
  }

  async function removal(maker: string, environment: Environment): Promise<Change | undefined> {
    const kept = await look(maker, environment);
    return kept && { op: 'drop', kind: kinds.credential, key: kept.key, expect: kept.revision };
  }

  /** How many were wrapped anew: none where somebody else was quicker. */
  async function rewrap(row: string, name: string): Promise<number> {
    const [kept] = await store.get(kinds.credential, [row]);
    const of = kept?.value as KeptCredentials | undefined;
    if (!kept || !of || of.entries.every((entry, at) => entry.key === name || (at > 0 && !isKnown(entry)))) return 0;
    const entries: KeptCredential[] = [];
    for (const entry of of.entries) {
      // One that has been replaced and cannot be opened holds up nothing.
      if (entry !== of.entries[0] && !isKnown(entry)) {
        entries.push(entry);
        continue;
      }
      const context = await contextOf(of, entry.id);
      const { wrapped, name: key } = await demandKey().wrap(await keyIn(of, entry), context);
      entries.push({ ...entry, wrapped, key });
    }
    const value: KeptCredentials = { ...of, entries };
    await store.commit([{ op: 'put', kind: kinds.credential, key: row, value, expect: kept.revision }]);
    return 1;
  }

  return {
    changes,
    put: (maker, credentials, options, also = []) =>
      again(async () => void (await store.commit([...also, ...(await changes(maker, credentials, options))]))),
    async open(maker, environment) {
      const kept = (await look(maker, environment))?.value as KeptCredentials | undefined;
      return kept && opened(kept, kept.entries[0]!);
    },
    valid,
    async environment(maker) {
      const own = (await all()).map(({ value }) => value as KeptCredentials).filter((of) => of.maker === maker);
      const newest = own.sort((one, other) => other.entries[0]!.created - one.entries[0]!.created)[0];
      return newest?.environment;
    },
    async list() {
      return (await all()).map(({ value }) => {
        const { maker, environment, entries } = value as KeptCredentials;
        const [{ members, created, by, key } = entries[0]!, former] = entries;
        const isValid = former?.until !== undefined && former.until > runtime.now();
        const lost = entries.filter((entry, at) => (at === 0 || isValid) && !isKnown(entry));
        return {
          maker,
          environment,
          members,
          created,
          by,
          key,
          lost: lost.map((entry) => ({ created: entry.created, key: entry.key })),
          ...(isValid && { previousUntil: former.until }),
        };
      });
    },
    remove: (maker, environment) =>
      again(async () => {
        const drop = await removal(maker, environment);
        if (drop) await store.commit([drop]);
        return drop !== undefined;
      }),
    removal,
    async rotateKey() {
      const name = await demandKey().name();
      const rows = await all();
      let rewrapped = 0;
      for (const { key } of rows) rewrapped += await again(() => rewrap(key, name));
      return { rewrapped, already: rows.length - rewrapped };
    },
  };
}
