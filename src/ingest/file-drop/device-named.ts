/** The Device that a dropped file names: a file brings no key, so its device_id alone says whose it is. https://hl7.org/fhir/R4/device.html */
import { problem } from '../../fhir/outcome.ts';
import type { ResourceKey } from '../../fhir/references.ts';
import { resolve } from '../../interactions/resolve.ts';
import type { Runtime } from '../../runtime.ts';
import { escaped } from '../../search/escapes.ts';
import { administrator } from '../../smart/access.ts';
import type { Store } from '../../store/store.ts';

/** As long as rights are remembered elsewhere. */
const REMEMBERED = 5_000;
/** More devices than send within that time. */
const MOST = 10_000;

/** Throws `business-rule` where none or several have the identifier. */
export type DeviceNamed = (deviceId: string) => Promise<ResourceKey>;

export function createDeviceNamed({
  store,
  base,
  runtime,
}: {
  readonly store: Omit<Store, 'commit'>;
  readonly base: string;
  readonly runtime: Pick<Runtime, 'now'>;
}): DeviceNamed {
  const known = new Map<string, { readonly key: ResourceKey; readonly until: number }>();

  return async (deviceId) => {
    const was = known.get(deviceId);
    if (was && was.until > runtime.now()) return was.key;
    const criterion = [['identifier', escaped(deviceId)]] as const;
    const { found } = await resolve('Device', criterion, { store, caller: administrator, base });
    if (found.length > 1) throw problem('business-rule', 'Several Devices have this device_id', { status: 400 });
    const [device] = found;
    if (!device) throw problem('business-rule', 'Device not found in system', { status: 400 });
    if (known.size >= MOST) known.clear();
    known.set(deviceId, { key: device.key, until: runtime.now() + REMEMBERED });
    return device.key;
  };
}
