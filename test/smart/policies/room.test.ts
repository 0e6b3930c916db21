/** What stands beside rules: Consents, references that are checked, and how long anything is remembered. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Criterion } from '../../../src/search/query.ts';
import type { Consents } from '../../../src/smart/policies/parts.ts';
import { type AccessHouse, openAccessHouse } from '../../support/access-house.ts';
import { begin, everybody, fill, grantOf, keyOf, world } from './world.ts';

/** Patient a consents to nothing but what was measured of the heart, and may end that. */
let consented: Criterion | undefined = {
  is: 'key',
  name: 'Observation.code',
  first: 'http://loinc.org|',
  second: '8867-4',
};
let fails = false;
const consents: Consents = {
  async narrow({ who }, type) {
    if (fails) throw new Error('no consent is to be had');
    return type === 'Observation' && who === 'Practitioner/nurse' ? consented : undefined;
  },
};

let house: AccessHouse;
beforeAll(async () => {
  house = await openAccessHouse(begin, { consents: () => consents, references: 'checked' });
  await fill(house);
  for (const [name, grant] of Object.entries(everybody)) house.grants.set(name, grant);
});
afterAll(() => house.stop());

const get = (path: string, as: string) => house.ask('GET', path, { as });
const found = async (path: string, as: string): Promise<string[]> =>
  ((await get(path, as)).body.entry ?? []).map(({ resource }: any) => keyOf(resource)).sort();
const status = async (path: string, as: string) => (await get(path, as)).status;

describe('A Consent', () => {
  it('narrows what rules and scopes open, on every path', async () => {
    expect(await status('/Observation/vital-a', 'nurse')).toBe(200);
    expect(await status('/Observation/lab-a', 'nurse')).toBe(404);
    expect(await status('/Observation/lab-a/_history/1', 'nurse')).toBe(404);
    expect(await found('/Observation', 'nurse')).not.toContain('Observation/lab-a');
    expect(await found('/Patient?_has:Observation:patient:code=2823-3', 'nurse')).toEqual([]);
    expect(await found('/Patient?_has:Observation:patient:code=8867-4', 'nurse')).toEqual(['Patient/a']);
    expect(await found('/Patient?_revinclude=Observation:subject', 'nurse')).not.toContain('Observation/lab-a');
    expect(await found('/Encounter', 'nurse')).toEqual(['Encounter/visit-a']);
    const lab = world.find(({ id }) => id === 'lab-a');
    expect((await house.ask('POST', '/Observation', { as: 'nurse', body: { ...lab, id: undefined } })).status).toBe(
      403,
    );
  });

  it('never widens: what no rule opens stays closed', async () => {
    expect(await status('/Observation/vital-b', 'nurse')).toBe(404);
  });

  it('that ends is over within five seconds', async () => {
    house.setClock(begin + 6_000);
    expect(await status('/Observation/vital-a', 'nurse')).toBe(200);
    consented = { is: 'any', of: [] };
    house.setClock(begin + 11_001);
    expect(await status('/Observation/vital-a', 'nurse')).toBe(404);
    expect(await found('/Observation', 'nurse')).toEqual([]);
  });

  it('that cannot be looked up opens nothing, and is asked again', async () => {
    house.grants.set('unlucky', grantOf('Practitioner/nurse', ['nurse'], 'user/*.rs'));
    fails = true;
    expect(await status('/Encounter/visit-a', 'unlucky')).toBe(500);
    fails = false;
    expect(await status('/Encounter/visit-a', 'unlucky')).toBe(200);
  });
});

describe('A reference that is checked', () => {
  const post = (more: object) =>
    house.ask('POST', '/Task', {
      as: 'nurse',
      body: { resourceType: 'Task', status: 'requested', intent: 'order', for: { reference: 'Patient/a' }, ...more },
    });

  it('is refused alike where it leads to what is hidden and to what is not there', async () => {
    const hidden = await post({ focus: { reference: 'Observation/vital-b' } });
    const missing = await post({ focus: { reference: 'Observation/vital-x' } });
    expect([hidden.status, missing.status]).toEqual([422, 422]);
    expect(hidden.text.replaceAll('vital-b', 'vital-x')).toBe(missing.text);
    expect((await post({ focus: { reference: 'Encounter/visit-a' } })).status).toBe(201);
  });

  it('is not judged where the type may not be read at all', async () => {
    expect((await post({ focus: { reference: 'Account/none' } })).status).toBe(201);
  });
});

describe('An Access', () => {
  it('is made once in five seconds for the same grant, and anew for another', async () => {
    const grant = everybody.nurse!;
    const [first, second] = await Promise.all([house.access.accessFor(grant), house.access.accessFor({ ...grant })]);
    expect(first).toBe(second);
    expect(await house.access.accessFor({ ...grant, roles: ['patient'] })).not.toBe(first);
    house.access.forget();
    expect(await house.access.accessFor(grant)).not.toBe(first);
  });

  it('may everything with a role that may, and scopes that leave nothing out', async () => {
    const accessOf = (scope: string) => house.access.accessFor(grantOf('Practitioner/x', ['administrator'], scope));
    expect((await accessOf('user/*.cruds')).unrestricted).toBe(true);
    expect((await accessOf('system/*.*')).unrestricted).toBe(true);
    for (const scope of ['user/*.rs', 'user/Patient.cruds', 'patient/*.cruds', ''])
      expect([scope, (await accessOf(scope)).unrestricted]).toEqual([scope, false]);
  });
});
