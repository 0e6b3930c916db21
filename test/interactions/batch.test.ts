import { describe, expect, it } from '@jest/globals';
import { problem } from '../../src/fhir/outcome.ts';
import { batch } from '../../src/interactions/batch.ts';
import type { Context, Entry, FhirRequest } from '../../src/interactions/interaction.ts';
import { fullAccess } from '../../src/smart/access.ts';

const request: FhirRequest = {
  interaction: 'batch',
  type: '',
  id: '',
  parameters: [],
  conditions: {},
  strict: false,
  base: 'http://here/fhir',
  requestId: 'r',
  address: '',
};

/** A batch of reads of these ids, over a gate that breaks, refuses or answers by id. */
async function answersTo(...ids: string[]) {
  const entries: Entry[] = ids.map((id) => ({ fullUrl: '', method: 'GET', url: `Patient/${id}`, conditions: {} }));
  const caller = { who: 'Client/x', access: fullAccess };
  const dispatch: Context['dispatch'] = async ({ id }) => {
    if (id === 'broken') throw new TypeError('a secret of the inside');
    if (id === 'refused') throw problem('not-found', 'not here');
    return { status: 200, text: `{"resourceType":"Patient","id":"${id}"}` };
  };
  return batch.handle({ ...request, entries }, { dispatch, caller } as unknown as Context);
}

describe('An entry of a batch', () => {
  it('that breaks is answered with one fixed sentence, and harms no other', async () => {
    const { status, text, entries } = await answersTo('a', 'broken', 'refused', 'b');
    expect([status, text]).toEqual([200, expect.not.stringContaining('secret')]);
    expect(JSON.parse(text!).entry.map(({ response }: any) => response.status)).toEqual([
      '200 OK',
      '500 Internal Server Error',
      '404 Not Found',
      '200 OK',
    ]);
    expect(entries!.map(({ cause }) => cause)).toEqual([undefined, expect.any(TypeError), undefined, undefined]);
  });

  it('keeps its place among many', async () => {
    const ids = Array.from({ length: 50 }, (_, i) => `p${i}`);
    const { text } = await answersTo(...ids);
    expect(JSON.parse(text!).entry.map(({ resource }: any) => resource.id)).toEqual(ids);
  });
});
