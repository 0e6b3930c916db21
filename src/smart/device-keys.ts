/**
 * API keys of devices: shown once, kept as a hash, looked up by prefix, with expiry, permissions, revocation and last use.
 * A key reads `wfk_<8 characters>_<43 characters>`; the first two parts are its prefix. The last part carries 256 random bits.
 */
import { problem } from '../fhir/outcome.ts';
import type { ResourceKey } from '../fhir/references.ts';
import type { Runtime } from '../runtime.ts';
import { everyKept } from '../store/every-kept.ts';
import type { Change, Kept, Store, StoredAuditRow } from '../store/store.ts';
import { type DevicePermission, devicePermissions } from './access.ts';
import { freshWord, hashOf, isSame } from './secrets.ts';

const KIND = 'device-key';
const DAY = 86_400_000;

/** What is kept of a key. Times are milliseconds since 1970. */
export interface DeviceKey {
  readonly prefix: string;
  readonly hash: string;
  readonly keyName: string;
  readonly device: ResourceKey;
  /** The value of Device.identifier that its messages name. */
  readonly deviceId: string;
  readonly permissions: readonly DevicePermission[];
  readonly created: number;
  readonly expires?: number;
  readonly revoked?: number;
  readonly lastUsed?: number;
}

export type ListedKey = Omit<DeviceKey, 'hash'>;

export interface NewKey {
  readonly device: ResourceKey;
  readonly deviceId: string;
  readonly keyName: string;
  readonly expiresInDays?: number;
  readonly permissions?: readonly string[];
}

const prefixOf = (key: string) => /^(wfk_[A-Za-z0-9]{8})_[A-Za-z0-9_-]{43}$/.exec(key)?.[1];
const alphabet = 'abcdefghijklmnopqrstuvwxyz0123456789';

/** A new key and the changes that keep it. The key itself is in no change: it cannot be shown again. */
export function issueKey(
  asked: NewKey,
  runtime: Runtime,
): { key: string; kept: DeviceKey; changes: readonly Change[] } {
  const permissions = asked.permissions ?? ['can_write_vitals'];
  for (const permission of permissions) {
    if (!devicePermissions.includes(permission as DevicePermission)) {
      throw problem('value', `permissions: must be some of ${devicePermissions.join(', ')}`);
    }
  }
  const tag = Array.from(runtime.random(8), (byte) => alphabet[byte % alphabet.length]).join('');
  const prefix = `wfk_${tag}`;
  const key = `${prefix}_${freshWord(runtime)}`;
  const kept: DeviceKey = {
    prefix,
    hash: hashOf(key),
    keyName: asked.keyName,
    device: asked.device,
    deviceId: asked.deviceId,
    permissions: permissions as DevicePermission[],
    created: runtime.now(),
    expires: asked.expiresInDays === undefined ? undefined : runtime.now() + asked.expiresInDays * DAY,
  };
  return { key, kept, changes: [{ op: 'put', kind: KIND, key: prefix, value: kept, expect: 'absent' }] };
}

/** Why a key opens nothing, and which one was meant where that is known; for the audit row, never for the answer. */
export interface RefusedKey {
  readonly refused: 'key malformed' | 'key unknown' | 'key wrong' | 'key revoked' | 'key expired';
  readonly prefix?: string;
}

/** The key's record when it is good now, else why not. One look-up by prefix, then a comparison in constant time. */
export async function verifyKey(store: Store, key: string, now: number): Promise<DeviceKey | RefusedKey> {
  const prefix = prefixOf(key);
  if (!prefix) return { refused: 'key malformed' };
  const [kept] = await store.get(KIND, [prefix]);
  if (!kept) return { refused: 'key unknown' };
  const record = kept.value as DeviceKey;
  if (!isSame(hashOf(key), record.hash)) return { refused: 'key wrong', prefix };
  if (record.revoked !== undefined) return { refused: 'key revoked', prefix };
  if (record.expires !== undefined && record.expires <= now) return { refused: 'key expired', prefix };
  return record;
}

async function keptKey(store: Store, prefix: string): Promise<Kept> {
  const [kept] = await store.get(KIND, [prefix]);
  if (!kept) throw problem('not-found', `no device key has the prefix ${prefix}`);
  return kept;
}

/** Ends a key for good. Whoever repeats it changes nothing. */
export async function revokeKey(store: Store, prefix: string, now: number): Promise<readonly Change[]> {
  const { value, revision } = await keptKey(store, prefix);
  if (value.revoked !== undefined) return [];
  return [{ op: 'put', kind: KIND, key: prefix, value: { ...value, revoked: now }, expect: revision }];
}

/** What was done with a key, also in vain, newest first. */
export async function keyActivity(store: Store, prefix: string, count: number): Promise<readonly StoredAuditRow[]> {
  await keptKey(store, prefix);
  return store.audit({ key: prefix, count });
}

/** Remembers that a key was used; at most once a minute, since its own row says no more than that. */
export async function noteUse(store: Store, record: DeviceKey, now: number): Promise<void> {
  const kept = await keptKey(store, record.prefix);
  if (now - (kept.value.lastUsed ?? 0) < 60_000) return;
  await store.commit([
    { op: 'put', kind: KIND, key: record.prefix, value: { ...kept.value, lastUsed: now }, expect: kept.revision },
  ]);
}

const withoutHash = ({ value: { hash: _hash, ...record } }: Kept): ListedKey => record;

/** By prefix, those after the one that is named, without their hashes. */
export const listKeys = async (store: Store, after: string | undefined, count: number): Promise<readonly ListedKey[]> =>
  (await store.list(KIND, after === undefined ? '' : `${after}\u0000`, count)).map(withoutHash);

/** Those of one device. Looks through all keys: for people, not for requests of devices. */
export const keysOfDevice = async (store: Store, deviceId: string): Promise<readonly ListedKey[]> =>
  (await everyKept(KIND, store)).map(withoutHash).filter((key) => key.deviceId === deviceId);
