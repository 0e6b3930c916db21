/** update, update as create, conditional update. https://hl7.org/fhir/R4/http.html#update */
import { problem } from '../fhir/outcome.ts';
import { freshId, type Runtime } from '../runtime.ts';
import { type Change, isAbsent, type Version } from '../store/store.ts';
import { answer } from './answer.ts';
import { demandConditions } from './conditions.ts';
import type { Context, FhirRequest, Incoming, Interaction } from './interaction.ts';
import { only, resolve } from './resolve.ts';
import { type Line, lineKeyOf, settle } from './settle.ts';
import { demandWritable, type WritePath } from './write.ts';

/** The newest version of what is to be changed. Refuses before a condition can tell a stranger which version that is. */
export async function newestFor(request: FhirRequest, { store, caller }: Context): Promise<Version | undefined> {
  const key = { type: request.type, id: request.id };
  const [before] = await store.read([key]);
  await demandWritable(caller, key, before, request.body?.resource);
  return before;
}

export const update = (writes: WritePath, runtime: Runtime, line: Line): Interaction => {
  async function put(request: FhirRequest, body: Incoming, expectations: readonly Change[], context: Context) {
    const key = { type: request.type, id: request.id };
    const before = await newestFor(request, context);
    demandConditions(request.conditions, key, before);
    const status = isAbsent(before) ? 201 : 200;
    const { versions, effects } = await writes.save(
      [{ key, method: 'PUT', incoming: body, before }],
      expectations,
      context,
      status,
    );
    return answer(status, versions[0]!, { effects });
  }

  async function conditional(request: FhirRequest, body: Incoming, context: Context) {
    const { type, parameters } = request;
    const resolved = await resolve(type, parameters, context);
    const existing = only(type, resolved);
    const sent = body.resource.id;
    if (existing && sent !== undefined && sent !== existing.key.id) {
      throw problem('invalid', `the criterion finds ${type}/${existing.key.id}, but the body names another id`);
    }
    const id = existing?.key.id ?? sent ?? freshId(runtime);
    return put({ ...request, id }, body, [resolved.expectation], context);
  }

  return {
    code: 'update',
    right: 'u',
    async handle(request, context) {
      const { type, id, body } = request;
      if (!body) throw problem('required', 'update needs a resource in the body');
      if (body.resource.resourceType !== type) throw problem('invalid', `the body is not a ${type}`);
      if (id && body.resource.id !== id) throw problem('invalid', `the body must have the id ${id} of the URL`);
      writes.admit(body);
      return line(lineKeyOf(request), () =>
        settle(runtime, () => (id ? put(request, body, [], context) : conditional(request, body, context))),
      );
    },
  };
};
