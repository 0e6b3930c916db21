/** GET /api/iot/status: a device as the server knows it, in the device's words. https://hl7.org/fhir/R4/device.html */
import { deviceIdsOf } from '../fhir/device-ids.ts';
import { problem } from '../fhir/outcome.ts';
import { keyOf, type ResourceKey } from '../fhir/references.ts';
import { ingestAccess } from '../ingest/access.ts';
import type { DeviceContext } from '../ingest/room.ts';
import { seenOf } from '../interactions/answer.ts';
import { insideRequest, type Origin } from '../interactions/inside.ts';
import type { Access, Dispatch } from '../interactions/interaction.ts';
import { isDeleted, type Store } from '../store/store.ts';

const nameOf = ({ deviceName = [] }: any): string | null =>
  (deviceName.find((name: any) => name.type === 'user-friendly-name') ?? deviceName[0])?.name ?? null;

const typeOf = ({ type }: any): string | null => type?.text ?? type?.coding?.[0]?.display ?? null;

/** The first number of a patient as all lists call it, for a key that may read the patient; for others the id, which says nothing. */
async function numberOf(key: ResourceKey, access: Access, store: Pick<Store, 'read'>): Promise<string> {
  const [kept] = await store.read([key]);
  const [seen] = kept && !isDeleted(kept) ? await seenOf(access, [kept], 'r') : [];
  return (seen && JSON.parse(seen.text).identifier?.[0]?.value) ?? key.id;
}

/** The nine members that devices know; null where there is nothing to say. */
export async function deviceStatus(
  { key, deviceId, caller }: DeviceContext,
  { store, dispatch }: { readonly store: Pick<Store, 'read'>; readonly dispatch: Dispatch },
  origin: Origin,
): Promise<object> {
  const [version] = await store.read([key]);
  if (!version || isDeleted(version)) throw problem('business-rule', 'Device not found in system', { status: 400 });
  const device = JSON.parse(version.text);
  const deviceIds = deviceIdsOf(device);
  const reference = `Device/${key.id}`;
  const newest = await dispatch(
    insideRequest(origin, {
      interaction: 'search-type',
      type: 'Observation',
      parameters: [
        ['device', reference],
        ['_sort', '-date'],
        ['_count', '1'],
      ],
    }),
    { ...caller, access: ingestAccess(reference) },
  );
  const last = newest.text === undefined ? undefined : JSON.parse(newest.text).entry?.[0]?.resource;
  const patient = keyOf(device.patient?.reference ?? '');
  return {
    success: true,
    device_id: deviceIds.includes(deviceId) ? deviceId : (deviceIds[0] ?? deviceId),
    device_name: nameOf(device),
    device_type: typeOf(device),
    is_active: device.status === undefined || device.status === 'active',
    patient_assigned: patient !== undefined,
    patient_id: patient ? await numberOf(patient, caller.access, store) : null,
    api_key_valid: true,
    last_reading: last?.effectiveDateTime ?? null,
  };
}
