/** Who wears a device that tells of itself: the patient that it is given to, whose team looks after it. https://hl7.org/fhir/R4/device-definitions.html#Device.patient */
import { keyOf, referenceTo } from '../fhir/references.ts';
import type { Pending } from '../interactions/interaction.ts';
import { resourceNow } from '../interactions/pending.ts';
import type { Look } from '../store/store.ts';

/** `Patient/1`; undefined where nobody does. */
export async function wearerOf(device: string | undefined, pending: Pending, look: Look): Promise<string | undefined> {
  const key = keyOf(device ?? '');
  if (key?.type !== 'Device') return undefined;
  const patient = keyOf((await resourceNow(key, pending, look))?.resource.patient?.reference ?? '');
  return patient?.type === 'Patient' ? referenceTo(patient) : undefined;
}
