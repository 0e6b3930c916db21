/** Admin routes: device keys, secrets of Subscriptions, facts of the store. Only for the administrator's token. */
import { type Request, type RequestHandler, type Response, Router } from 'express';
import { appended } from '../audit/trail.ts';
import { problem } from '../fhir/outcome.ts';
import { only, resolve } from '../interactions/resolve.ts';
import { settle } from '../interactions/settle.ts';
import type { Runtime } from '../runtime.ts';
import { escaped } from '../search/escapes.ts';
import { administrator } from '../smart/access.ts';
import { issueKey, keyActivity, keysOfDevice, type ListedKey, listKeys, revokeKey } from '../smart/device-keys.ts';
import type { Store } from '../store/store.ts';
import { setSecret } from '../subscriptions/secret.ts';
import { afterOf, countOf, isoOf, membersOf, onlyAdministrator, pageOf, reply } from './admin-desk.ts';
import { visitOf } from './app.ts';

export interface AdminRoom {
  readonly store: Store;
  /** FHIR base. */
  readonly base: string;
  readonly runtime: Runtime;
  /** Called when a key was revoked, so that nobody goes on with a remembered one. */
  readonly forget: () => void;
  /** Facts about the store for `watchfire status`. */
  readonly facts: () => Promise<object>;
  /** Further routers for the administrator alone: clients, users. */
  readonly rooms?: readonly RequestHandler[];
}

function nameOf(value: unknown): string {
  if (value === undefined) return 'key';
  if (typeof value !== 'string' || value === '' || value.length > 200)
    throw problem('value', 'key_name must be text of 1 to 200 characters');
  return value;
}

function daysOf(value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'number' || !(value > 0 && value <= 36_500))
    throw problem('value', 'expires_in_days must be a number of days, at most 36500');
  return value;
}

function permissionsOf(value: unknown): readonly string[] | undefined {
  if (value === undefined) return undefined;
  if (!Array.isArray(value) || value.length === 0) throw problem('value', 'permissions must be a list of names');
  return value;
}

export function adminRouter({ store, base, runtime, forget, facts, rooms = [] }: AdminRoom): RequestHandler {
  const router = Router({ caseSensitive: true });

  router.use(onlyAdministrator);

  async function deviceOf(deviceId: string) {
    const resolved = await resolve('Device', [['identifier', escaped(deviceId)]], {
      store,
      caller: administrator,
      base,
    });
    const device = only('Device', resolved);
    if (!device) throw problem('not-found', 'no Device has this identifier');
    return device.key;
  }

  router.post('/devices/:device_id/keys', async (request, response) => {
    const asked = await membersOf(request);
    const deviceId = request.params.device_id;
    const device = await deviceOf(deviceId);
    const { key, kept, changes } = issueKey(
      {
        device,
        deviceId,
        keyName: nameOf(asked.key_name),
        expiresInDays: daysOf(asked.expires_in_days),
        permissions: permissionsOf(asked.permissions),
      },
      runtime,
    );
    const deed = { interaction: 'admin-key-create', action: 'C', status: 201, target: `Device/${device.id}` };
    await store.commit([...changes, appended(visitOf(response).row(deed))]);
    reply(request, response, 201, { key, prefix: kept.prefix, expires_at: isoOf(kept.expires) });
  });

  const listed = async (request: Request, response: Response, found: readonly ListedKey[], more: object = {}) => {
    const keys = found.map((key) => ({
      prefix: key.prefix,
      key_name: key.keyName,
      device_id: key.deviceId,
      permissions: key.permissions,
      created_at: isoOf(key.created),
      expires_at: isoOf(key.expires),
      revoked_at: isoOf(key.revoked),
      last_used_at: isoOf(key.lastUsed),
    }));
    await visitOf(response).record({ interaction: 'admin-key-list', action: 'R', status: 200 });
    reply(request, response, 200, { keys, ...more });
  };
  router.get('/devices/:device_id/keys', async (request, response) =>
    listed(request, response, await keysOfDevice(store, request.params.device_id)),
  );
  router.get('/keys', async (request, response) => {
    const count = countOf(request, 1_000);
    const found = await listKeys(store, afterOf(request), count + 1);
    const { page, next } = pageOf('/admin/keys', found, count, ({ prefix }) => prefix);
    await listed(request, response, page, { next });
  });

  router.delete('/keys/:prefix', async (request, response) => {
    const { prefix } = request.params;
    const row = visitOf(response).row({ interaction: 'admin-key-revoke', action: 'D', status: 200 });
    // The key may be in use at this moment, and note that.
    await settle(runtime, async () =>
      store.commit([...(await revokeKey(store, prefix, runtime.now())), appended(row)]),
    );
    forget();
    reply(request, response, 200, { prefix, revoked: true });
  });

  router.get('/keys/:prefix/activity', async (request, response) => {
    const { prefix } = request.params;
    const rows = await keyActivity(store, prefix, countOf(request));
    await visitOf(response).record({ interaction: 'admin-key-activity', action: 'R', status: 200 });
    const activity = rows.map(({ at, interaction, status, address, reason }) => ({
      at: isoOf(at),
      interaction,
      status,
      address,
      error: reason || null,
    }));
    reply(request, response, 200, { prefix, activity });
  });

  router.post('/subscriptions/:id/secret', async (request, response) => {
    const { secret } = await membersOf(request);
    if (secret !== undefined && typeof secret !== 'string')
      throw problem('value', 'secret must be text that begins with whsec_');
    const { id } = request.params;
    const deed = { interaction: 'admin-subscription-secret', action: 'U', status: 200, target: `Subscription/${id}` };
    const made = await setSecret({ store, runtime, id, secret, also: [appended(visitOf(response).row(deed))] });
    reply(request, response, 200, made);
  });

  router.get('/store', async (request, response) => {
    const found = await facts();
    await visitOf(response).record({ interaction: 'admin-store', action: 'R', status: 200 });
    reply(request, response, 200, found);
  });

  for (const room of rooms) router.use(room);

  return router;
}
