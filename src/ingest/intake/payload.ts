/** What came over a wire, out of the store again, byte by byte as it came. https://hl7.org/fhir/R4/binary.html */
import { problem } from '../../fhir/outcome.ts';
import { keyOf } from '../../fhir/references.ts';
import { isDeleted, type Store } from '../../store/store.ts';
import type { Quarantined } from './quarantine.ts';

/** Of `DocumentReference/1`, its parts put together. Throws `not-found` where one is gone. */
async function rawBytes(store: Pick<Store, 'read'>, reference: string): Promise<Buffer> {
  const found = async (references: readonly string[]) => {
    const versions = await store.read(references.map((one) => keyOf(one)!));
    if (versions.some((version) => version === undefined || isDeleted(version))) {
      throw problem('not-found', 'the payload is not here any more');
    }
    return versions.map((version) => JSON.parse(version!.text));
  };
  const [document] = await found([reference]);
  const parts = await found(document.content.map((one: any) => one.attachment.url));
  return Buffer.concat(parts.map(({ data = '' }) => Buffer.from(data, 'base64')));
}

/** What would be tried again: the row alone, as JSON, where one row of what came is quarantined. */
export async function payloadOf(one: Quarantined, store: Pick<Store, 'read'>): Promise<Buffer> {
  if (one.row !== undefined) return Buffer.from(JSON.stringify(one.row));
  if (one.raw === undefined) throw problem('not-found', 'no payload was kept');
  return rawBytes(store, one.raw);
}
