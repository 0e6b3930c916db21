/** vread: one version of one resource. https://hl7.org/fhir/R4/http.html#vread */
import { isDeleted } from '../store/store.ts';
import { gone, isSeen, isUnchanged, notFound } from './answer.ts';
import type { Interaction } from './interaction.ts';
import { shapeOf, shown } from './shaping.ts';

export const vread: Interaction = {
  code: 'vread',
  right: 'r',
  async handle(request, { store, caller }) {
    const shape = shapeOf(request);
    const key = { type: request.type, id: request.id };
    const version = request.versionId === undefined ? undefined : await store.vread(key, request.versionId);
    if (!version) throw notFound({ type: key.type, id: `${key.id}/_history/${request.versionId ?? ''}` });
    if (isDeleted(version)) throw caller.access.unrestricted ? gone(version) : notFound(key);
    if (!isSeen(caller.access, version)) throw notFound(key);
    return shown(isUnchanged(request, version) ? 304 : 200, version, shape);
  },
};
