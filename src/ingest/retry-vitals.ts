/** Takes in again what a device had sent and was refused, in the device's name. See intake/quarantine.ts */
import { deviceIdsOf } from '../fhir/device-ids.ts';
import { parseExact, readJson } from '../fhir/json.ts';
import { problem } from '../fhir/outcome.ts';
import { keyOf } from '../fhir/references.ts';
import { ofItself } from '../interactions/inside.ts';
import { isDeleted, type Store } from '../store/store.ts';
import { ingestAccess } from './access.ts';
import type { Retry } from './intake/quarantine.ts';
import { isGiven } from './mapping.ts';
import type { Vitals } from './vitals.ts';

export interface RetryParts {
  readonly vitals: Vitals;
  readonly store: Pick<Store, 'read'>;
  readonly base: string;
}

/** A reading, or a whole batch of which nothing may be refused any more. */
export const retryVitals =
  ({ vitals, store, base }: RetryParts): Retry =>
  async ({ feed, device: reference = '' }, bytes) => {
    const key = keyOf(reference);
    const [version] = key ? await store.read([key]) : [];
    if (!key || !version || isDeleted(version)) throw problem('business-rule', 'the device is not here any more');
    const payload = parseExact(readJson(bytes).text);
    // A reading out of a batch names no device.
    if (!isGiven(payload.device_id)) payload.device_id = deviceIdsOf(JSON.parse(version.text))[0];
    const caller = { who: `System/${feed}`, access: ingestAccess(reference) };
    const device = { caller, key, deviceId: '' };
    if (isGiven(payload.readings))
      await vitals.batch({ ...payload, mode: undefined }, device, ofItself(base), 'atomic').then(demandAll);
    else await vitals.reading(payload, device, ofItself(base));
  };

function demandAll({ refused = [] }: Awaited<ReturnType<Vitals['batch']>>): void {
  const [first] = refused;
  if (first) throw first.problem;
}
