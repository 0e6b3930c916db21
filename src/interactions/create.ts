/** create, with If-None-Exist. https://hl7.org/fhir/R4/http.html#create */
import { problem } from '../fhir/outcome.ts';
import { freshId, type Runtime } from '../runtime.ts';
import { answer } from './answer.ts';
import type { Interaction } from './interaction.ts';
import { criterionParameters, only, resolve } from './resolve.ts';
import { type Line, settle } from './settle.ts';
import type { WritePath } from './write.ts';

export const create = (writes: WritePath, runtime: Runtime, line: Line): Interaction => ({
  code: 'create',
  right: 'c',
  async handle({ type, body, conditions }, context) {
    if (!body) throw problem('required', 'create needs a resource in the body');
    if (body.resource.resourceType !== type) throw problem('invalid', `the body is not a ${type}`);
    writes.admit(body);
    const key = { type, id: freshId(runtime) };
    const planned = [{ key, method: 'POST', incoming: body, before: undefined }] as const;
    const { ifNoneExist } = conditions;
    if (ifNoneExist === undefined) {
      // What follows from it may meet a neighbour: two readings of one alarm.
      const { versions, effects } = await settle(runtime, () => writes.save(planned, [], context, 201));
      return answer(201, versions[0]!, { effects });
    }
    const parameters = criterionParameters(ifNoneExist);
    return line(`${type}?${ifNoneExist}`, () =>
      settle(runtime, async () => {
        const resolved = await resolve(type, parameters, context);
        const existing = only(type, resolved);
        if (existing) return answer(200, existing);
        const { versions, effects } = await writes.save(planned, [resolved.expectation], context, 201);
        return answer(201, versions[0]!, { effects });
      }),
    );
  },
});
