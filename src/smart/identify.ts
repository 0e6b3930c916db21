/** From an Authorization header to a Caller: the administrator's token, or a device's key. https://www.rfc-editor.org/rfc/rfc6750 */
import { timingSafeEqual } from 'node:crypto';
import { type Issue, Problem, problem } from '../fhir/outcome.ts';
import { keyOf, type ResourceKey } from '../fhir/references.ts';
import type { Caller } from '../interactions/interaction.ts';
import type { Runtime } from '../runtime.ts';
import type { Store } from '../store/store.ts';
import { administrator, anonymous, type DevicePermission, deviceAccess } from './access.ts';
import { type DeviceKey, noteUse, type RefusedKey, verifyKey } from './device-keys.ts';

/** A caller that came with a device's key. */
export interface DeviceCaller extends Caller {
  readonly device: ResourceKey;
  readonly deviceId: string;
  readonly permissions: readonly DevicePermission[];
}
export const isDevice = (caller: Caller): caller is DeviceCaller => 'device' in caller;

/** Refuses with 401; `reason` and the prefix of the key that was meant go to the audit row only. */
export class NotIdentified extends Problem {
  readonly reason: string;
  readonly key: string;
  constructor({ refused, prefix = '' }: RefusedKey) {
    const issue: Issue = {
      severity: 'error',
      code: 'login',
      diagnostics: 'The bearer token or device key is not valid',
    };
    super([issue], 401, { 'WWW-Authenticate': 'Bearer realm="watchfire", error="invalid_token"' });
    this.reason = refused;
    this.key = prefix;
  }
}

/**
 * Tells who asks. Without a header: `anonymous`; a header that opens nothing is refused with 401. Verified device keys are remembered for five seconds at most, so that a
 * revoked one is refused soon on every server, and at once on this one (`forget`).
 */
export function createIdentify({ store, runtime, adminToken }: { store: Store; runtime: Runtime; adminToken: string }) {
  const adminBytes = Buffer.from(adminToken);
  const remembered = new Map<string, { record: DeviceKey; until: number }>();

  /** Asked anew at each request: whom the device may read changes with its assignment. */
  async function deviceCaller(record: DeviceKey): Promise<DeviceCaller> {
    const [device] = await store.read([record.device]);
    const patient = device?.text ? keyOf(JSON.parse(device.text).patient?.reference ?? '') : undefined;
    return {
      who: `Device/${record.device.id}`,
      key: record.prefix,
      access: deviceAccess(record.device, patient, record.permissions),
      device: record.device,
      deviceId: record.deviceId,
      permissions: record.permissions,
    };
  }

  /** Compares in constant time; the length is no secret. */
  function isAdministrator(token: string): boolean {
    if (token.length !== adminToken.length) return false;
    const bytes = Buffer.from(token);
    return bytes.length === adminBytes.length && timingSafeEqual(bytes, adminBytes);
  }

  async function identify(authorization: string | undefined): Promise<Caller> {
    if (authorization === undefined) return anonymous;
    const token = authorization.startsWith('Bearer ')
      ? authorization.slice(7)
      : /^bearer +(\S+) *$/i.exec(authorization)?.[1];
    if (!token)
      throw problem('login', 'Authorization must be a bearer token', {
        headers: { 'WWW-Authenticate': 'Bearer realm="watchfire"' },
      });
    if (isAdministrator(token)) return administrator;
    const now = runtime.now();
    const known = remembered.get(token);
    if (known && known.until > now && (known.record.expires ?? Number.POSITIVE_INFINITY) > now) {
      return deviceCaller(known.record);
    }
    remembered.delete(token);
    const record = await verifyKey(store, token, now);
    if ('refused' in record) throw new NotIdentified(record);
    if (remembered.size >= 100_000) remembered.delete(remembered.keys().next().value!);
    remembered.set(token, { record, until: now + 5_000 });
    // Losing the race for this row, or the row itself, only makes the time of last use older than it is.
    noteUse(store, record, now).catch(() => undefined);
    return deviceCaller(record);
  }

  return { identify, forget: () => remembered.clear() };
}
