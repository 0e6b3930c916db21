/** vread: one version of one resource. https://hl7.org/fhir/R4/http.html#vread */
import { isDeleted } from '../store/store.ts';
import { gone, isSeen, isSeenNow, isUnchanged, notFound } from './answer.ts';
import type { Interaction } from './interaction.ts';
import { shapeOf, shown } from './shaping.ts';

export const vread: Interaction = {
  code: 'vread',
  right: 'r',
  async handle(request, { store, caller }) {
    const shape = shapeOf(request);
    const key = { type: request.type, id: request.id };
    const version = request.versionId === undefined ? undefined : await store.vread(key, request.versionId);
    // In the same words for what is hidden, was deleted or never was.
    const missing = () => notFound({ type: key.type, id: `${key.id}/_history/${request.versionId ?? ''}` });
    if (!version) throw missing();
    if (isDeleted(version)) throw caller.access.unrestricted ? gone(version) : missing();
    if (!(await isSeen(caller.access, version)) || !(await isSeenNow(caller.access, key, store))) throw missing();
    return shown(isUnchanged(request, version) ? 304 : 200, version, shape, caller.access);
  },
};
