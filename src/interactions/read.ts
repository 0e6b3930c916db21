/** read: the current version of one resource. https://hl7.org/fhir/R4/http.html#read */
import { isDeleted } from '../store/store.ts';
import { gone, isSeen, isUnchanged, notFound } from './answer.ts';
import type { Interaction } from './interaction.ts';
import { shapeOf, shown } from './shaping.ts';

export const read: Interaction = {
  code: 'read',
  right: 'r',
  async handle(request, { store, caller }) {
    const shape = shapeOf(request);
    const key = { type: request.type, id: request.id };
    const [version] = await store.read([key]);
    if (!version) throw notFound(key);
    if (isDeleted(version)) throw caller.access.unrestricted ? gone(version) : notFound(key);
    if (!(await isSeen(caller.access, version))) throw notFound(key); // a foreign id answers like a missing one
    return shown(isUnchanged(request, version) ? 304 : 200, version, shape, caller.access);
  },
};
