/** The registry of clients: who may ask for tokens, and whether they still may. Told in at most five seconds on every server. https://www.rfc-editor.org/rfc/rfc7591 */
import { problem } from '../../fhir/outcome.ts';
import { settle } from '../../interactions/settle.ts';
import { freshId, type Runtime } from '../../runtime.ts';
import type { Change, Kept, Store } from '../../store/store.ts';
import { purposesOfUse } from '../purposes.ts';
import { createRemembered } from '../remembered.ts';
import { type Client, isOn, kinds, originsOf } from './client.ts';
import { type AskedMetadata, classOf, type Reading, readMetadata } from './metadata.ts';
import { PORTAL } from './portal-client.ts';
import { badMetadata } from './refused.ts';
import { newSecret } from './secret.ts';

const DAY = 86_400;
/** How long a client that registered by itself waits for the administrator, in seconds; then it is forgotten. */
const PENDING = 7 * DAY;
const MOST_PENDING = 100;
/** The longest time for which two secrets are good, in seconds. */
const LONGEST_OVERLAP = 30 * DAY;

export interface Registered {
  readonly client: Client;
  /** Shown once; only its hash is kept. */
  readonly secret?: string;
}

/** What the administrator may say beside the metadata. */
export interface Standing {
  readonly roles?: unknown;
  readonly purpose_of_use?: unknown;
}

/** Further changes for the same commit: the audit row, which names the client. */
export type Also = (clientId: string) => readonly Change[];

export interface Clients {
  /** The client, where it may be used now: undefined for one that is unknown, disabled or waits for approval. */
  find(clientId: string): Promise<Client | undefined>;
  /** Whether a page of this origin belongs to a client that may be used. */
  isOrigin(origin: string): Promise<boolean>;
  /** The client in whatever state, from the store; 404 where there is none. */
  look(clientId: string): Promise<Client>;
  /** In the order of registration, after the one that is named. */
  list(after: string | undefined, count: number): Promise<readonly Client[]>;
  register(asked: AskedMetadata & Standing, also: Also): Promise<Registered>;
  /** By the client itself: pending until `approve`, for a week. */
  registerStranger(asked: AskedMetadata, also: Also): Promise<Registered>;
  /** All metadata anew; a secret is made where there was none and one is needed, and ends where none is. */
  replace(clientId: string, asked: AskedMetadata & Standing, also: Also): Promise<Registered>;
  /** A new secret; the one before holds for so many seconds more. */
  rotate(clientId: string, overlap: number, also: Also): Promise<Registered>;
  approve(clientId: string, also: Also): Promise<Client>;
  /** Every token of it is refused from now on: here at once, elsewhere within five seconds. */
  disable(clientId: string, also: Also): Promise<Client>;
  enable(clientId: string, also: Also): Promise<Client>;
  remove(clientId: string, also: Also): Promise<void>;
}

export interface ClientsRoom {
  readonly store: Store;
  readonly runtime: Runtime;
  readonly check: Reading['check'];
  /** Names of the policies that a client can have. */
  readonly roles: readonly string[];
}

export function createClients({ store, runtime, check, roles }: ClientsRoom): Clients {
  const byId = createRemembered<Client | undefined>(runtime, 10_000);
  const byOrigin = createRemembered<boolean>(runtime, 1_000);

  const keptOf = async (clientId: string): Promise<Kept | undefined> =>
    isClientId(clientId) ? (await store.get(kinds.client, [clientId]))[0] : undefined;

  async function looked(clientId: string): Promise<{ client: Client; revision: number }> {
    const kept = await keptOf(clientId);
    if (!kept) throw problem('not-found', 'no client has this client_id');
    return { client: kept.value, revision: kept.revision };
  }

  function rolesOf(asked: unknown): readonly string[] {
    if (asked === undefined || asked === null) return ['service'];
    if (!Array.isArray(asked) || asked.some((name) => !roles.includes(name)))
      throw badMetadata(`roles must be a list of some of ${roles.join(', ')}`);
    return roles.filter((name) => asked.includes(name));
  }

  /** null says that it is for none. */
  function purposesIn(asked: unknown): Pick<Client, 'purposesOfUse'> {
    if (asked === undefined || asked === null) return {};
    const isSound = Array.isArray(asked) && asked.length > 0 && new Set(asked).size === asked.length;
    if (!isSound || asked.some((code) => !purposesOfUse.includes(code)))
      throw badMetadata('purpose_of_use must be a list of codes below PurposeOfUse in v3-ActReason, each once');
    return { purposesOfUse: asked };
  }

  /** The rows of a client's origins, as they have to be after it became `client`. */
  const originRows = (before: Client | undefined, after: Client | undefined): readonly Change[] => {
    const [old, fresh] = [before, after].map((client) => (client && isOn(client) ? originsOf(client) : []));
    const key = (origin: string) => `${origin} ${(before ?? after)!.clientId}`;
    return [
      ...old!
        .filter((origin) => !fresh!.includes(origin))
        .map((origin): Change => ({ op: 'drop', kind: kinds.origin, key: key(origin) })),
      ...fresh!
        .filter((origin) => !old!.includes(origin))
        .map((origin): Change => ({ op: 'put', kind: kinds.origin, key: key(origin), value: {} })),
    ];
  };

  async function commit(changes: readonly Change[]): Promise<void> {
    try {
      await store.commit(changes);
    } finally {
      byId.forget();
      byOrigin.forget();
    }
  }

  /** Looks again where somebody else changed the client meanwhile. */
  const changed = <T extends { readonly client: Client }>(
    clientId: string,
    change: (client: Client) => T,
    also: Also,
  ): Promise<T> =>
    settle(runtime, async () => {
      const { client, revision } = await looked(clientId);
      const made = change(client);
      await commit([
        {
          op: 'put',
          kind: kinds.client,
          key: clientId,
          value: made.client,
          expect: revision,
          ...(made.client.approved ? {} : { expiresIn: PENDING }),
        },
        ...originRows(client, made.client),
        ...(made.client.approved && !client.approved
          ? [{ op: 'drop', kind: kinds.pending, key: clientId } as const]
          : []),
        ...also(clientId),
      ]);
      return made;
    });

  async function added(asked: AskedMetadata & Standing, approved: boolean, also: Also): Promise<Registered> {
    const metadata = readMetadata(asked, { check, isStranger: !approved });
    const made = needsSecret(metadata.token_endpoint_auth_method) ? newSecret(runtime) : undefined;
    const client: Client = {
      clientId: freshId(runtime),
      metadata,
      secrets: made ? [made.kept] : [],
      class: classOf(metadata),
      roles: approved ? rolesOf(asked.roles) : ['service'],
      ...(approved && purposesIn(asked.purpose_of_use)),
      created: runtime.now(),
      approved,
    };
    const expiresIn = approved ? undefined : PENDING;
    const waits: Change = { op: 'put', kind: kinds.pending, key: client.clientId, value: {}, expiresIn };
    await commit([
      { op: 'put', kind: kinds.client, key: client.clientId, value: client, expect: 'absent', expiresIn },
      ...(approved ? originRows(undefined, client) : [waits]),
      ...also(client.clientId),
    ]);
    return { client, secret: made?.secret };
  }

  return {
    async find(clientId) {
      // Anybody may ask for anything, of any length: what cannot be an id is not remembered.
      if (!isClientId(clientId)) return undefined;
      return byId.get(clientId, async () => {
        const client: Client | undefined = (await keptOf(clientId))?.value;
        return client && isOn(client) ? client : undefined;
      });
    },
    isOrigin: (origin) =>
      byOrigin.get(origin, async () => {
        const from = `${origin} `;
        const [first] = await store.list(kinds.origin, from, 1);
        return first?.key.startsWith(from) === true;
      }),
    look: async (clientId) => (await looked(clientId)).client,
    list: async (after, count) =>
      (await store.list(kinds.client, after === undefined ? '' : `${after}\u0000`, count)).map(({ value }) => value),
    register: (asked, also) => added(asked, true, also),
    async registerStranger(asked, also) {
      // Those who come at the same moment may be a few more than that.
      if ((await store.list(kinds.pending, '', MOST_PENDING)).length >= MOST_PENDING)
        throw problem('throttled', 'too many clients wait for approval; try again later', {
          headers: { 'Retry-After': '3600' },
        });
      return added(asked, false, also);
    },
    replace: (clientId, asked, also) =>
      changed(
        clientId,
        (client) => {
          const metadata = readMetadata(asked, { check });
          const needs = needsSecret(metadata.token_endpoint_auth_method);
          const made = needs && client.secrets.length === 0 ? newSecret(runtime) : undefined;
          const secrets = made ? [made.kept] : needs ? client.secrets : [];
          const named = asked.roles === undefined ? client.roles : rolesOf(asked.roles);
          const { purposesOfUse: before, ...rest } = client;
          const purposes =
            asked.purpose_of_use !== undefined ? purposesIn(asked.purpose_of_use) : before && { purposesOfUse: before };
          return {
            client: { ...rest, metadata, secrets, class: classOf(metadata), roles: named, ...purposes },
            secret: made?.secret,
          };
        },
        also,
      ),
    rotate: (clientId, overlap, also) =>
      changed(
        clientId,
        (client) => {
          if (client.secrets.length === 0) throw problem('business-rule', 'this client has no secret to renew');
          if (!(overlap >= 0 && overlap <= LONGEST_OVERLAP))
            throw problem('value', `overlap_seconds must be a number from 0 to ${LONGEST_OVERLAP}`);
          const { secret, kept } = newSecret(runtime);
          const before = overlap > 0 ? [{ hash: client.secrets[0]!.hash, until: runtime.now() + overlap * 1_000 }] : [];
          return { client: { ...client, secrets: [kept, ...before] }, secret };
        },
        also,
      ),
    approve: async (clientId, also) =>
      (await changed(clientId, (client) => ({ client: { ...client, approved: true } }), also)).client,
    disable: async (clientId, also) =>
      (
        await changed(
          clientId,
          (client) => ({ client: { ...client, disabled: client.disabled ?? runtime.now() } }),
          also,
        )
      ).client,
    enable: async (clientId, also) =>
      (await changed(clientId, ({ disabled: _since, ...client }) => ({ client }), also)).client,
    remove: (clientId, also) =>
      settle(runtime, async () => {
        const { client, revision } = await looked(clientId);
        await commit([
          { op: 'drop', kind: kinds.client, key: clientId, expect: revision },
          { op: 'drop', kind: kinds.pending, key: clientId },
          ...originRows(client, undefined),
          ...also(clientId),
        ]);
      }),
  };
}

/** As they are made here; nothing else is looked for. */
const isClientId = (text: string): boolean =>
  text === PORTAL || /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text);
const needsSecret = (method: string): boolean => method.startsWith('client_secret_');
