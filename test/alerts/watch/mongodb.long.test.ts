/** Scores, trends and silent devices of two servers on one database: each alert once (3-012, 0-111, 0-119). */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { systemRuntime } from '../../../src/runtime.ts';
import { describeOnMongod } from '../../support/describe-mongod.ts';
import { openHouse, type TestHouse } from '../../support/house.ts';
import { testStore } from '../../support/test-store.ts';
import { until } from '../../support/until.ts';
import { canonical, minute, vital } from './world.ts';

describeOnMongod('Two servers that look through readings', () => {
  let houses: TestHouse[] = [];
  let drop: () => Promise<void>;
  // Past the two minutes that devices have to come back to a server.
  let ahead = 0;
  const runtime = { ...systemRuntime, now: () => Date.now() + ahead };
  beforeAll(async () => {
    const { drop: dropStore, ...settings } = await testStore('mongodb');
    drop = dropStore;
    houses = [await openHouse({ ...settings, runtime }), await openHouse({ ...settings, runtime })];
    await until(async () => (await house().search('Patient')).length === 0);
    ahead = 5 * minute;
  });
  afterAll(async () => {
    for (const one of houses) await one.stop();
    await drop();
  });

  let turn = 0;
  const house = () => houses[turn++ % 2]!;
  const save = async (resource: any) => {
    const { status, text } = await house().update(resource);
    if (status >= 300) throw new Error(`${status} ${text}`);
  };
  const flags = async (patient: string) =>
    (await house().search(`Flag?patient=${patient}`)).map((one) => `${one.status} ${one.code.coding[0].code}`).sort();
  const patient = (id: string) => save({ resourceType: 'Patient', id, birthDate: '1950-01-01' });
  const sct = (code: string) => ({ coding: [{ system: 'http://snomed.info/sct', code }] });

  it('derive one drift of six samples, and raise one Flag', async () => {
    await patient('drift');
    const begun = runtime.now() - 80 * minute;
    for (const [i, value] of [70, 74, 78, 82, 86, 90].entries())
      await save(vital('drift', '8867-4', value, '/min', begun + i * 15 * minute));
    await until(async () => (await flags('drift')).length > 0);
    expect(await flags('drift')).toEqual(['active vital-drift']);
  });

  it('derive one NEWS2 of seven readings, and raise one critical Flag', async () => {
    await patient('score');
    const at = runtime.now() - minute;
    const finding = (code: string, value?: string) => ({
      ...vital('score', '', 0, '', at),
      category: undefined,
      valueQuantity: undefined,
      code: sct(code),
      ...(value !== undefined && { valueCodeableConcept: sct(value) }),
    });
    await save(vital('score', '9279-1', 22, '/min', at));
    await save(vital('score', '2708-6', 95, '%', at));
    await save(vital('score', '8867-4', 115, '/min', at));
    await save(vital('score', '8310-5', 37, 'Cel', at));
    await save(vital('score', '8480-6', 120, 'mm[Hg]', at));
    await save(finding('371825009'));
    await save(finding('1104441000000107', '248234008'));
    await until(async () => (await flags('score')).some((flag) => flag.endsWith('news2-high')));
    const total = await house().search('Observation?patient=score&code=http://snomed.info/sct|1104051000000101');
    expect(total.map(({ valueQuantity }) => valueQuantity.value)).toEqual([7]);
    expect((await flags('score')).filter((flag) => flag.endsWith('news2-high'))).toEqual(['active news2-high']);
  });

  it('tell once of a device that falls silent, and end that when it is heard of', async () => {
    await patient('silent');
    const valueDuration = { value: 0.05, unit: 'min', system: 'http://unitsofmeasure.org', code: 'min' };
    const extension = [{ url: `${canonical}/StructureDefinition/silent-after`, valueDuration }];
    await save({ resourceType: 'Device', id: 'silent', extension, patient: { reference: 'Patient/silent' } });
    const send = () =>
      save(vital('silent', '8867-4', 70, '/min', runtime.now(), { device: { reference: 'Device/silent' } }));
    await send();
    await until(async () => (await flags('silent')).length > 0);
    expect(await flags('silent')).toEqual(['active device-offline']);
    await send();
    await until(async () => (await flags('silent')).includes('inactive device-offline'));
  });
});
