/** oidc-provider's models over the store: kept under the SHA-256 of their ids, used once, dropped together with their grant. https://github.com/panva/node-oidc-provider/blob/main/docs/README.md#adapter */
import type { Adapter, AdapterPayload, ClientMetadata } from 'oidc-provider';
import { appended } from '../../audit/trail.ts';
import type { Runtime } from '../../runtime.ts';
import { type Change, isConflict, type Kept, type Store } from '../../store/store.ts';
import type { RowOf } from '../users/user.ts';
import { boundTo, contextOf } from './context.ts';
import { grantKeyOf, revokeGrant, type UserGrant } from './grants.ts';
import { keyOfId, kinds } from './kinds.ts';

export interface ModelParts {
  readonly store: Store;
  readonly runtime: Pick<Runtime, 'now'>;
  /** FHIR base: the resource that all scopes are granted on. */
  readonly base: string;
  /** The client as oidc-provider takes it; undefined where it is unknown or off. */
  readonly clientOf: (clientId: string) => Promise<ClientMetadata | undefined>;
  /** An audit row of the request under way. */
  readonly rowOf: RowOf;
  /** Throws the refusal of a code or refresh token that is used again. */
  readonly refuseReuse: () => never;
  /** Called when tokens were taken back. */
  readonly forget: () => void;
}

/** Seconds for which the same client may repeat a refresh token: two tabs of an app, an answer that was lost. */
const GRACE = 30;
/** Seconds for which a used code is remembered beyond its life, so that a thief who comes late is noticed. */
const USED_CODE = 24 * 3_600;

const grantable: ReadonlySet<string> = new Set(['AccessToken', 'RefreshToken', 'AuthorizationCode']);

/** The id of an interaction or token stands in what is kept of it only as its key. */
const hidden = (payload: AdapterPayload, id: string, key: string): unknown =>
  JSON.parse(JSON.stringify(payload).replaceAll(id, key));
const shown = ({ key, value }: Kept, id: string): AdapterPayload =>
  JSON.parse(JSON.stringify(value).replaceAll(key, id));

/** The adapter of each model, for oidc-provider's `adapter`. */
export const modelsOver =
  (parts: ModelParts) =>
  (model: string): Adapter => {
    if (model === 'Client') return clientsOnly(parts.clientOf);
    const { store, runtime, rowOf, forget, refuseReuse } = parts;
    const kind = kinds.model(model);

    async function find(id: string): Promise<AdapterPayload | undefined> {
      const [kept] = await store.get(kind, [keyOfId(id)]);
      if (!kept) return undefined;
      const payload = shown(kept, id);
      if (payload.consumed === undefined) return payload;
      if (model === 'RefreshToken' && (await isInGrace(kept.key))) return { ...payload, consumed: undefined };
      await noteReuse(payload);
      return payload;
    }

    const isInGrace = async (key: string): Promise<boolean> => (await store.get(kinds.grace, [key]))[0] !== undefined;

    /** Somebody else has the code or token too: all that came of it ends, before anybody learns that this was noticed. */
    async function noteReuse({ grantId, clientId }: AdapterPayload): Promise<void> {
      const what = model === 'AuthorizationCode' ? 'authorization code' : 'refresh token';
      const row = rowOf({
        interaction: 'security',
        status: 400,
        who: `Client/${clientId}`,
        reason: `${what} used again, its grant is revoked`,
      });
      await revokeGrant(store, grantKeyOf(grantId!), [row]);
      forget();
    }

    return {
      find,
      async upsert(id, payload, expiresIn) {
        const key = keyOfId(id);
        const value: any = hidden(payload, id, key);
        if (model === 'Interaction' && value.session) delete value.session.cookie;
        const changes: Change[] = [{ op: 'put', kind, key, value, expiresIn }];
        if (grantable.has(model) && payload.grantId !== undefined) {
          const member = `${grantKeyOf(payload.grantId)}/${model}/${key}`;
          changes.push({ op: 'put', kind: kinds.ofGrant, key: member, value: {}, expiresIn });
        }
        if (model === 'ClientCredentials') {
          // All that is committed for such a token: the row goes along, and nobody waits for the disk a second time.
          const who = `Client/${payload.clientId}`;
          changes.push(appended(rowOf({ interaction: 'oauth-token', status: 200, who, target: who })));
        }
        if (model === 'Session')
          changes.push({ op: 'put', kind: kinds.sessionUid, key: keyOfId(payload.uid!), value: { key }, expiresIn });
        const context = model === 'Grant' ? contextOf(payload) : undefined;
        if (context !== undefined) {
          const grant: UserGrant = {
            key,
            client: payload.clientId!,
            scopes:
              (payload.resources as Record<string, string> | undefined)?.[parts.base] ??
              (payload.openid as { scope?: string } | undefined)?.scope ??
              '',
            patient: context.patient,
            granted: runtime.now(),
            bound: boundTo(context),
            expires: runtime.now() + (expiresIn ?? 0) * 1_000,
          };
          changes.push({ op: 'put', kind: kinds.ofUser, key: `${context.user}/${key}`, value: grant, expiresIn });
        }
        await store.commit(changes);
      },
      async consume(id) {
        const key = keyOfId(id);
        const [kept] = await store.get(kind, [key]);
        if (!kept) refuseReuse();
        const { value, revision } = kept!;
        if (value.consumed !== undefined) {
          if (model === 'RefreshToken' && (await isInGrace(key))) return;
          refuseReuse();
        }
        const left = Math.max(1, value.exp - Math.floor(runtime.now() / 1_000));
        const expiresIn = model === 'AuthorizationCode' ? left + USED_CODE : left;
        const used = { ...value, consumed: Math.floor(runtime.now() / 1_000) };
        const changes: Change[] = [{ op: 'put', kind, key, value: used, expect: revision, expiresIn }];
        if (model === 'RefreshToken') changes.push({ op: 'put', kind: kinds.grace, key, value: {}, expiresIn: GRACE });
        try {
          await store.commit(changes);
        } catch (error) {
          if (!isConflict(error)) throw error;
          // Another was faster by a moment; for a refresh token that is what the grace is for.
          if (model !== 'RefreshToken') refuseReuse();
        }
      },
      async destroy(id) {
        if (model === 'Grant') {
          await revokeGrant(store, keyOfId(id), []);
          forget();
        } else await store.commit([{ op: 'drop', kind, key: keyOfId(id) }]);
      },
      /** Whoever revokes by a grant destroys the Grant too, and with it all of its tokens. */
      revokeByGrantId: async () => undefined,
      async findByUid(uid) {
        const [named] = await store.get(kinds.sessionUid, [keyOfId(uid)]);
        if (!named) return undefined;
        const [kept] = await store.get(kind, [named.value.key]);
        return kept?.value;
      },
      findByUserCode: async () => undefined,
    };
  };

/** Ends the authorization session of this uid: somebody else signs in at the same browser. */
export async function dropSession(store: Store, uid: string): Promise<void> {
  const key = keyOfId(uid);
  const [named] = await store.get(kinds.sessionUid, [key]);
  if (!named) return;
  await store.commit([
    { op: 'drop', kind: kinds.sessionUid, key },
    { op: 'drop', kind: kinds.model('Session'), key: named.value.key },
  ]);
}

/** Clients are registered elsewhere; here they are only looked up. */
const clientsOnly = (clientOf: ModelParts['clientOf']): Adapter => {
  const never = async () => {
    throw new Error('clients are registered by the administrator');
  };
  return {
    find: clientOf as Adapter['find'],
    upsert: never,
    destroy: never,
    consume: never,
    revokeByGrantId: never,
    findByUid: async () => undefined,
    findByUserCode: async () => undefined,
  };
};
