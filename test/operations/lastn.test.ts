/** Which Observations $lastn takes for the last ones, over the real server. https://hl7.org/fhir/R4/observation-operation-lastn.html */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openHouse, type TestHouse } from '../support/house.ts';

const vital = 'http://terminology.hl7.org/CodeSystem/observation-category';
let house: TestHouse;

const codings = (...codes: string[]) => ({
  coding: codes.map((one) => {
    const [system, code] = one.split('|');
    return { ...(system && { system }), code };
  }),
});
const at = (effectiveDateTime: string) => ({ effectiveDateTime });

async function keep(patient: string, id: string, code: object, more: object): Promise<void> {
  const answer = await house.update({
    resourceType: 'Observation',
    id,
    status: 'final',
    category: [{ coding: [{ system: vital, code: 'vital-signs' }] }],
    code,
    subject: { reference: `Patient/${patient}` },
    ...more,
  });
  expect(answer.status).toBe(201);
}

async function lastn(query: string): Promise<string[]> {
  const { status, body } = await house.ask('GET', `/fhir/Observation/$lastn?${query}`);
  expect(status).toBe(200);
  return (body.entry ?? []).map(({ resource }: any) => resource.id);
}
const all = (patient: string, more = '') => lastn(`patient=${patient}&category=vital-signs${more}`);

beforeAll(async () => {
  house = await openHouse();
  const patients = ['tp4', 'chain', 'texts', 'ties', 'times', 'order', 'kinds', 'one', 'two', 'bridge'];
  for (const id of patients) await house.update({ resourceType: 'Patient', id });
});
afterAll(() => house.stop());

describe('Observations that share a code', () => {
  beforeAll(async () => {
    await keep('tp4', 'qa1', codings('urn:a|1'), at('2020'));
    await keep('tp4', 'qa2', codings('urn:a|1', 'urn:b|9'), at('2021'));
    await keep('tp4', 'qa3', codings('urn:b|9'), at('2022'));
  });

  it('are one group, also where only a third leads from one to the other', async () => {
    expect(await all('tp4')).toEqual(['qa3']);
    expect(await all('tp4', '&max=2')).toEqual(['qa3', 'qa2']);
    expect(await all('tp4', '&max=9')).toEqual(['qa3', 'qa2', 'qa1']);
  });

  it('are grouped among those that match alone', async () => {
    expect(await lastn('patient=tp4&code=urn:b|9')).toEqual(['qa3']);
    expect(await lastn('patient=tp4&code=urn:a|1')).toEqual(['qa2']);
  });

  it('are put together by the oldest of all, which leads through several groups', async () => {
    await keep('chain', 'c1', codings('urn:a|1'), at('2024'));
    await keep('chain', 'c2', codings('urn:b|1', 'urn:b|2'), at('2023'));
    await keep('chain', 'c3', codings('urn:c|1'), at('2025'));
    await keep('chain', 'other', codings('urn:d|1'), at('2019'));
    expect(await all('chain')).toEqual(['c3', 'c1', 'c2', 'other']);
    await keep('chain', 'c0', codings('urn:c|1', 'urn:b|2', 'urn:a|1'), at('2018'));
    expect(await all('chain')).toEqual(['c3', 'other']);
    expect(await all('chain', '&max=3')).toEqual(['c3', 'c1', 'c2', 'other']);
  });

  it('are not led together by one that was entered in error', async () => {
    await keep('bridge', 'b1', codings('urn:a|1'), at('2020'));
    await keep('bridge', 'b2', codings('urn:a|1', 'urn:b|1'), { ...at('2021'), status: 'entered-in-error' });
    await keep('bridge', 'b3', codings('urn:b|1'), at('2022'));
    expect(await all('bridge')).toEqual(['b3', 'b1']);
  });

  it('are not of one group where they are of two patients', async () => {
    await keep('one', 'one1', codings('urn:a|1'), at('2020'));
    await keep('two', 'two1', codings('urn:a|1'), at('2021'));
    expect(await lastn('patient=one,two&code=urn:a|1')).toEqual(['two1', 'one1']);
  });
});

describe('Observations without a coding', () => {
  it('are grouped by their text, whatever its case', async () => {
    await keep('texts', 'mood1', { text: 'Mood' }, at('2021'));
    await keep('texts', 'mood2', { text: 'mOOD' }, at('2020'));
    await keep('texts', 'gait', { text: 'gait' }, at('2019'));
    await keep('texts', 'coded', { ...codings('urn:a|mood'), text: 'mood' }, at('2018'));
    await keep('texts', 'bare', codings('|mood'), at('2017'));
    expect(await all('texts')).toEqual(['mood1', 'gait', 'coded', 'bare']);
  });
});

describe('Observations of the same time', () => {
  it('are all answered where they are as old as the last one that is asked for', async () => {
    for (const id of ['t1', 't2', 't3']) await keep('ties', id, codings('urn:a|1'), at('2022-05-01T10:00:00Z'));
    await keep('ties', 't4', codings('urn:a|1'), at('2022-05-01T12:00:00+02:00'));
    await keep('ties', 'newer', codings('urn:a|1'), at('2022-05-02'));
    await keep('ties', 'older', codings('urn:a|1'), at('2022-04-30'));
    expect(await all('ties')).toEqual(['newer']);
    const two = await all('ties', '&max=2');
    expect(two[0]).toBe('newer');
    expect(two.slice(1).sort()).toEqual(['t1', 't2', 't3', 't4']);
    expect((await all('ties', '&max=5')).sort()).toEqual(['newer', 't1', 't2', 't3', 't4']);
    expect((await all('ties', '&max=6')).at(-1)).toBe('older');
  });
});

describe('The effective time', () => {
  it('is the start of a Period, its end where that alone is known, and the first event of a Timing', async () => {
    const code = codings('urn:a|1');
    await keep('times', 'undated', code, {});
    await keep('times', 'period', code, { effectivePeriod: { start: '2021-01-01', end: '2029-01-01' } });
    await keep('times', 'instant', code, { effectiveInstant: '2022-01-01T00:00:00Z' });
    await keep('times', 'timing', code, { effectiveTiming: { event: ['2023-01-01', '2030-01-01'] } });
    await keep('times', 'until', code, { effectivePeriod: { end: '2024-01-01' } });
    await keep('times', 'day', code, at('2025-01-01'));
    expect(await all('times')).toEqual(['day']);
    expect(await all('times', '&max=9')).toEqual(['day', 'until', 'timing', 'instant', 'period', 'undated']);
  });
});

describe('The order', () => {
  it('is group by group, the group with the newest Observation first', async () => {
    await keep('order', 'o-a2', codings('urn:z|1'), at('2022'));
    await keep('order', 'o-b4', codings('urn:b|1'), at('2024'));
    await keep('order', 'o-c3', codings('urn:a|1'), at('2023'));
    await keep('order', 'o-b1', codings('urn:b|1'), at('2021'));
    await keep('order', 'o-never', codings('urn:0|1'), {});
    expect(await all('order', '&max=2')).toEqual(['o-b4', 'o-b1', 'o-c3', 'o-a2', 'o-never']);
  });
});

describe('What kind is meant', () => {
  beforeAll(async () => {
    const part = { code: codings('urn:a|part'), valueQuantity: { value: 2, unit: 'x' } };
    const whole = { ...codings('urn:a|1'), text: 'pressure' };
    await keep('kinds', 'k1', whole, { ...at('2020'), valueQuantity: { value: 1, unit: 'x' }, component: [part] });
    await keep('kinds', 'k2', whole, { ...at('2021'), valueCodeableConcept: codings('urn:v|yes') });
    await keep('kinds', 'k3', whole, { ...at('2022'), valueString: 'fine' });
    await keep('kinds', 'k4', whole, { ...at('2023'), valueDateTime: '2001-01-01' });
    const compose = { include: [{ system: 'urn:a', concept: [{ code: '1' }] }] };
    await house.update({ resourceType: 'ValueSet', id: 'v', url: 'urn:vs', status: 'active', compose });
  });

  it.each([
    ['code:in=urn:vs', 'k4'],
    ['code:text=press', 'k4'],
    ['combo-code=urn:a|part', 'k1'],
    ['component-code=urn:a|part', 'k1'],
    ['code-value-quantity=urn:a|1$1', 'k1'],
    ['code-value-concept=urn:a|1$urn:v|yes', 'k2'],
    ['code-value-string=urn:a|1$fine', 'k3'],
    ['code-value-date=urn:a|1$2001-01-01', 'k4'],
    ['combo-code-value-quantity=urn:a|part$2', 'k1'],
    ['combo-code-value-concept=urn:a|1$urn:v|yes', 'k2'],
    ['component-code-value-quantity=urn:a|part$2', 'k1'],
  ])('is said by %s', async (criterion, id) => {
    expect(await lastn(`patient=kinds&${criterion}`)).toEqual([id]);
  });

  it.each(['value-quantity=1', 'has-member.code=x', 'method=code', 'status=final'])(
    'is not said by %s',
    async (one) => {
      const { status, body } = await house.ask('GET', `/fhir/Observation/$lastn?patient=kinds&${one}`);
      expect(status).toBe(400);
      expect(body.issue[0]).toMatchObject({ code: 'required', diagnostics: expect.stringContaining('category') });
    },
  );
});
