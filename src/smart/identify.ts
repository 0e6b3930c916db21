/** From an Authorization header to a Caller: the administrator's token, a device's key, or a token of our authorization server. https://www.rfc-editor.org/rfc/rfc6750 */
import { type Issue, Problem, problem } from '../fhir/outcome.ts';
import { keyOf, type ResourceKey } from '../fhir/references.ts';
import type { Caller } from '../interactions/interaction.ts';
import type { Runtime } from '../runtime.ts';
import type { Store } from '../store/store.ts';
import { administrator, anonymous, type DevicePermission } from './access.ts';
import { keyOfId } from './authorization/kinds.ts';
import { isAccessToken, type Standing, type Tokens } from './authorization/tokens.ts';
import type { Holds } from './clients/holds.ts';
import { type DeviceKey, noteUse, verifyKey } from './device-keys.ts';
import type { Grant } from './grant.ts';
import type { AccessRoom } from './policies/room.ts';
import { createRemembered } from './remembered.ts';
import { isSame } from './secrets.ts';

/** A caller that came with a device's key. */
export interface DeviceCaller extends Caller {
  readonly device: ResourceKey;
  readonly deviceId: string;
  readonly permissions: readonly DevicePermission[];
}
export const isDevice = (caller: Caller): caller is DeviceCaller => 'device' in caller;

/** A caller that came with an access token. */
export interface TokenCaller extends Caller {
  readonly grant: Grant;
  /** What may be kept, to act in its name later. */
  readonly standing: Standing;
}
export const hasToken = (caller: Caller): caller is TokenCaller => 'grant' in caller;

/** Whoever came with the administrator's own token; a token of ours may open as much under /fhir, and is not that. */
export const isAdministrator = (caller: Caller): boolean => caller.who === administrator.who && !hasToken(caller);

/** Refuses with 401; `reason` and what names the key or token that was meant go to the audit row only. */
export class NotIdentified extends Problem {
  readonly reason: string;
  readonly key: string;
  constructor({ refused, prefix = '' }: { readonly refused: string; readonly prefix?: string }) {
    const issue: Issue = {
      severity: 'error',
      code: 'login',
      diagnostics: 'The bearer token or device key is not valid, or not any more',
    };
    super([issue], 401, { 'WWW-Authenticate': 'Bearer realm="watchfire", error="invalid_token"' });
    this.reason = refused;
    this.key = prefix;
  }
}

export interface IdentifyParts {
  readonly store: Store;
  readonly runtime: Runtime;
  readonly adminToken: string;
  /** Of the authorization server and what its tokens open; left out where there is none. */
  readonly tokens?: Pick<Tokens, 'verify' | 'forget'>;
  readonly accessFor?: AccessRoom['accessFor'];
  /** Slows down who guesses at device keys. */
  readonly holds?: Holds;
  readonly deviceAccess: AccessRoom['deviceAccess'];
}

/** Device keys by this kind are held per source and prefix. */
const KEYS = 'device key';

/**
 * Tells who asks. Without a header: `anonymous`; a header that opens nothing is refused with 401. Verified keys and tokens are
 * remembered for five seconds at most, so that a revoked one is refused soon on every server, and at once on this one (`forget`).
 */
export function createIdentify({ store, runtime, adminToken, tokens, accessFor, holds, deviceAccess }: IdentifyParts) {
  const remembered = createRemembered<DeviceKey>(runtime, 100_000);

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

  async function tokenCaller(token: string): Promise<TokenCaller> {
    const verified = await tokens!.verify(token);
    if ('refused' in verified) throw new NotIdentified({ ...verified, prefix: keyOfId(token).slice(-32) });
    const { grant, standing } = verified;
    return { who: grant.who, key: grant.token, access: await accessFor!(grant), grant, standing };
  }

  /** A wrong key counts against the address that it comes from; the device that owns it comes from elsewhere. */
  async function verifiedKey(token: string, source: string): Promise<DeviceKey> {
    const from = `${source} ${token.slice(0, 12)}`;
    holds?.demand(from, KEYS);
    const now = runtime.now();
    const record = await verifyKey(store, token, now);
    if ('refused' in record) {
      if (record.refused === 'key wrong' || record.refused === 'key unknown') holds?.failed(from, KEYS);
      throw new NotIdentified(record);
    }
    // Losing the race for this row, or the row itself, only makes the time of last use older than it is.
    noteUse(store, record, now).catch(() => undefined);
    return record;
  }

  /** `source`: the network address that asks. */
  async function identify(authorization: string | undefined, source = ''): Promise<Caller> {
    if (authorization === undefined) return anonymous;
    const token = authorization.startsWith('Bearer ')
      ? authorization.slice(7)
      : /^bearer +(\S+) *$/i.exec(authorization)?.[1];
    if (!token)
      throw problem('login', 'Authorization must be a bearer token', {
        headers: { 'WWW-Authenticate': 'Bearer realm="watchfire"' },
      });
    if (isSame(token, adminToken)) return administrator;
    if (tokens && isAccessToken(token)) return tokenCaller(token);
    const record = await remembered.get(token, () => verifiedKey(token, source));
    // It may have expired since it was looked up.
    if (record.expires !== undefined && record.expires <= runtime.now())
      throw new NotIdentified({ refused: 'key expired', prefix: record.prefix });
    return deviceCaller(record);
  }

  return {
    identify,
    forget() {
      remembered.forget();
      tokens?.forget();
    },
  };
}
