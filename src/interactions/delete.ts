/** delete, conditional delete of one. https://hl7.org/fhir/R4/http.html#delete */
import type { Runtime } from '../runtime.ts';
import { type Change, isAbsent, type Version } from '../store/store.ts';
import { answer } from './answer.ts';
import { demandConditions } from './conditions.ts';
import type { Caller, Context, FhirAnswer, FhirRequest, Interaction } from './interaction.ts';
import { only, resolve } from './resolve.ts';
import { type Line, lineKeyOf, settle } from './settle.ts';
import { newestFor } from './update.ts';
import type { WritePath } from './write.ts';

/** That something was there once is told to those alone who may see everything, as by a read. */
export const nothingToDelete = ({ access }: Caller, tombstone: Version | undefined): FhirAnswer =>
  tombstone && access.unrestricted ? answer(204, tombstone) : { status: 204 };

export const remove = (writes: WritePath, runtime: Runtime, line: Line): Interaction => {
  async function one(request: FhirRequest, expectations: readonly Change[], context: Context): Promise<FhirAnswer> {
    const key = { type: request.type, id: request.id };
    const before = await newestFor(request, context);
    demandConditions(request.conditions, key, before);
    if (isAbsent(before)) return nothingToDelete(context.caller, before);
    const { versions, effects } = await writes.save([{ key, method: 'DELETE', before }], expectations, context, 204);
    return answer(204, versions[0]!, { effects });
  }

  async function conditional(request: FhirRequest, context: Context): Promise<FhirAnswer> {
    const resolved = await resolve(request.type, request.parameters, context);
    const existing = only(request.type, resolved);
    if (!existing) return { status: 204 };
    return one({ ...request, id: existing.key.id }, [resolved.expectation], context);
  }

  return {
    code: 'delete',
    right: 'd',
    handle: (request, context) =>
      line(lineKeyOf(request), () =>
        settle(runtime, () => (request.id ? one(request, [], context) : conditional(request, context))),
      ),
  };
};
