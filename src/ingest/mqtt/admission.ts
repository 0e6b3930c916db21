/** Who may connect by MQTT: a device, by the name that it bears and its key. The key stays as good or bad as it is by HTTP. */
import { deviceIdsOf } from '../../fhir/device-ids.ts';
import { type Problem, problem } from '../../fhir/outcome.ts';
import type { Caller } from '../../interactions/interaction.ts';
import { type DeviceCaller, isDevice } from '../../smart/identify.ts';
import { isDeleted, type Store } from '../../store/store.ts';
import type { DeviceContext } from '../room.ts';

export interface AdmissionParts {
  readonly store: Pick<Store, 'read'>;
  readonly identify: (authorization: string | undefined, source?: string) => Promise<Caller>;
}

export interface Credentials {
  readonly username: string;
  readonly password: string;
  /** Network address. */
  readonly source: string;
}

/** A device whose key may write vitals. */
export type Admitted = DeviceContext & { readonly caller: DeviceCaller };

/** Throws 401 for a key that opens nothing, 403 for one that is no key of this device or may not write. */
export type Admit = (credentials: Credentials) => Promise<Admitted>;

const forbidden = (why: string): Problem => problem('forbidden', why);

// In a topic these stand for other devices, or for nothing that can be sent.
const isWild = (name: string): boolean => /[+#\u0000-\u001f\u007f]/.test(name) || name.length > 255;

export function createAdmission({ store, identify }: AdmissionParts): Admit {
  return async ({ username, password, source }) => {
    const caller = await identify(`Bearer ${password}`, source);
    if (!isDevice(caller)) throw forbidden('MQTT is for devices and their keys');
    if (!caller.permissions.includes('can_write_vitals')) throw forbidden('the key may not write vitals');
    const [version] = await store.read([caller.device]);
    const names = version && !isDeleted(version) ? deviceIdsOf(JSON.parse(version.text)) : [];
    if (!names.includes(username) || isWild(username)) throw forbidden('the user name is no name of the device');
    return { caller, key: caller.device, deviceId: username };
  };
}
