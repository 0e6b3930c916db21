/** What a patient denies is not there on any path that leads to it: issue 7, point 4 and 5. docs/consents.md */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { world } from '../policies/world.ts';
import { actor, type ConsentHouse, consent, openConsentHouse } from './consent-house.ts';

let house: ConsentHouse;
beforeAll(async () => {
  house = await openConsentHouse();
});
afterAll(() => house.stop());
afterEach(() => house.remove('Consent/one'));

const denyToAll = consent('one', { type: 'deny' });
const lab = world.find(({ id }) => id === 'lab-a');

describe('A record that its patient denies to everybody', () => {
  it('is found and read by who may, until then', async () => {
    expect(await house.found('/Patient', 'nurse')).toEqual(['Patient/a']);
    expect(await house.status('/Observation/lab-a', 'nurse')).toBe(200);
  });

  it('answers like what is not there, by read, vread and history, at once', async () => {
    await house.put(denyToAll);
    for (const path of ['', '/_history/1', '/_history', '?_summary=true']) {
      const denied = await house.ask('GET', `/Observation/lab-a${path}`, { as: 'nurse' });
      const missing = await house.ask('GET', `/Observation/lab-x${path}`, { as: 'nurse' });
      expect([path, denied.status]).toEqual([path, 404]);
      expect(denied.text.replaceAll('lab-a', 'lab-x')).toBe(missing.text);
    }
    expect(await house.status('/Patient/a', 'nurse')).toBe(404);
    expect(await house.status('/Patient/b', 'service')).toBe(200);
  });

  it('is in no search, total, chain, _has, include, list, sort, compartment or operation', async () => {
    await house.put(denyToAll);
    const total = async (path: string, as: string) => (await house.ask('GET', path, { as })).body.total;
    expect(await house.found('/Observation', 'nurse')).toEqual([]);
    expect(await total('/Observation?_total=accurate&_count=0', 'nurse')).toBe(0);
    expect(await total('/Patient?_summary=count', 'service')).toBe(2);
    expect(await house.found('/Condition?subject:Patient.name=Family-a', 'service')).toEqual([]);
    expect(await house.found('/Condition?subject:Patient.name=Family-b', 'service')).toEqual(['Condition/condition-b']);
    expect(await house.found('/Organization?_has:Patient:organization:name=Family-a', 'service')).toEqual([]);
    expect(await house.found('/Organization?_has:Patient:organization:name=Family-b', 'service')).toEqual([
      'Organization/north',
    ]);
    expect(await house.found('/Organization?_id=north&_revinclude=Patient:organization', 'service')).toEqual([
      'Organization/north',
      'Patient/b',
    ]);
    expect(await house.found('/Provenance?_id=from-a&_include=Provenance:target', 'service')).not.toContain(
      'Observation/vital-a',
    );
    expect(await house.found('/Observation?_list=list-a', 'service')).toEqual([]);
    expect(await house.found('/?_type=Condition,Flag&_sort=_lastUpdated', 'service')).toEqual([
      'Condition/condition-b',
      'Condition/condition-c',
      'Flag/flag-b',
      'Flag/flag-c',
    ]);
    expect(await house.found('/Patient/a/Observation', 'service')).toEqual([]);
    const last = (of: string) => house.found(`/Observation/$lastn?patient=${of}&category=vital-signs`, 'service');
    expect(await last('a')).toEqual([]);
    expect(await last('b')).not.toEqual([]);
  });

  it('is met by no condition and in no entry of a bundle', async () => {
    await house.put(denyToAll);
    const body = { ...lab, id: undefined, subject: { reference: 'Patient/b' } };
    const post = async (criterion: string, as: string) =>
      (await house.ask('POST', '/Observation', { as, body, headers: { 'if-none-exist': criterion } })).status;
    expect(await post('_id=lab-b', 'service')).toBe(200);
    expect(await post('_id=lab-a', 'service')).toBe(201);
    expect(await post('subject:Patient.name=Family-a', 'service')).toBe(201);
    const entry = ['Condition/condition-a', 'Condition/condition-b', 'Condition?patient=a'].map((url) => ({
      request: { method: 'GET', url },
    }));
    const batch = await house.ask('POST', '', {
      as: 'service',
      body: { resourceType: 'Bundle', type: 'batch', entry },
    });
    expect(batch.body.entry.map((one: any) => one.response.status.slice(0, 3))).toEqual(['404', '200', '200']);
    expect(batch.body.entry[2].resource.entry ?? []).toEqual([]);
  });

  it('takes nothing new and no change', async () => {
    const post = async () =>
      (await house.ask('POST', '/Observation', { as: 'service', body: { ...lab, id: undefined } })).status;
    expect(await post()).toBe(201);
    await house.put(denyToAll);
    expect(await post()).toBe(403);
    const change = async (method: string, id: string) =>
      (await house.ask(method, `/Observation/${id}`, { as: 'service', body: { ...lab, id } })).status;
    // What is hidden answers like what is not there.
    for (const id of ['lab-a', 'lab-x']) {
      expect([id, await change('PUT', id), await change('DELETE', id)]).toEqual([id, 404, 404]);
    }
    expect((await house.ask('GET', '/Observation/lab-a')).status).toBe(200);
  });

  it('stays open to its patient and to the administrator', async () => {
    await house.put(denyToAll);
    expect(await house.status('/Observation/lab-a', 'patient')).toBe(200);
    expect(await house.found('/Condition', 'patient')).toEqual(['Condition/condition-a']);
    expect(await house.status('/Observation/lab-a', 'administrator')).toBe(200);
    expect(await house.status('/Observation/lab-a', 'admin')).toBe(200);
    expect(await house.status('/Observation/lab-a', 'mother')).toBe(404);
  });

  it('leaves the Consent to those whose policy says so, and to nobody else', async () => {
    await house.put(denyToAll);
    expect(await house.status('/Consent/one', 'privacy-officer')).toBe(200);
    expect(await house.status('/Consent/one', 'nurse')).toBe(403);
    expect(await house.status('/Consent/one', 'b')).toBe(404);
  });

  it('is open again once the Consent is, or is gone', async () => {
    await house.put(denyToAll);
    expect(await house.status('/Patient/a', 'nurse')).toBe(404);
    await house.put({ ...denyToAll, status: 'inactive' });
    expect(await house.status('/Patient/a', 'nurse')).toBe(200);
    await house.put(denyToAll);
    expect(await house.status('/Patient/a', 'nurse')).toBe(404);
    await house.remove('Consent/one');
    expect(await house.status('/Patient/a', 'nurse')).toBe(200);
  });

  it('may be denied by many Consents that are written at once', async () => {
    const ids = Array.from({ length: 32 }, (_, i) => `many-${i}`);
    await Promise.all(ids.map((id) => house.put(consent(id, { type: 'deny', actor: [actor('Practitioner/nurse')] }))));
    expect(await house.status('/Patient/a', 'nurse')).toBe(404);
    expect(await house.status('/Patient/a', 'service')).toBe(200);
    await Promise.all(ids.slice(1).map((id) => house.remove(`Consent/${id}`)));
    expect(await house.status('/Patient/a', 'nurse')).toBe(404);
    await house.remove(`Consent/${ids[0]}`);
    expect(await house.status('/Patient/a', 'nurse')).toBe(200);
  });

  it('says to $why that it was the Consents', async () => {
    await house.put(denyToAll);
    const why = await house.access.why({
      key: { type: 'Observation', id: 'lab-a' },
      who: 'Practitioner/nurse',
      roles: ['nurse'],
    });
    const read = why.rights.find(({ right }) => right === 'r')!;
    expect(read.isOpen).toBe(false);
    expect(read.reasons.filter(({ isOpen }) => !isOpen).map(({ by }) => by)).toContain('consents');
  });
});
