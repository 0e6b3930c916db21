/** What each kind of rule lets in and keeps out, on every path that leads to a resource. capability/access/README.md */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { resourceTypes } from '../../../src/fhir/definitions.ts';
import { type AccessHouse, type Asking, openAccessHouse } from '../../support/access-house.ts';
import type { Answer } from '../../support/house.ts';
import { begin, everybody, fill, grantOf, keyOf, world } from './world.ts';

let house: AccessHouse;
beforeAll(async () => {
  house = await openAccessHouse(begin);
  await fill(house);
  for (const [name, grant] of Object.entries(everybody)) house.grants.set(name, grant);
});
afterAll(() => house.stop());

const get = (path: string, as: string, options: Asking = {}) => house.ask('GET', path, { as, ...options });
const idsIn = ({ body }: Answer): string[] =>
  (body.entry ?? []).filter(({ search }: any) => search.mode !== 'outcome').map(({ resource }: any) => keyOf(resource));
const found = async (path: string, as: string) => idsIn(await get(path, as)).sort();
const status = async (path: string, as: string) => (await get(path, as)).status;

describe('A rule within own', () => {
  it('opens what is in the compartment of the patient, by read, vread and history', async () => {
    for (const key of ['Patient/a', 'Observation/vital-a', 'Condition/condition-a', 'Task/task-a', 'Device/device-a']) {
      expect([key, await status(`/${key}`, 'patient')]).toEqual([key, 200]);
      expect([key, await status(`/${key}/_history/1`, 'patient')]).toEqual([key, 200]);
      expect([key, await status(`/${key}/_history`, 'patient')]).toEqual([key, 200]);
    }
  });

  it("answers another patient's like what is not there", async () => {
    for (const path of ['', '/_history/1', '/_history', '?_summary=true']) {
      const foreign = await get(`/Observation/vital-b${path}`, 'patient');
      const missing = await get(`/Observation/vital-x${path}`, 'patient');
      expect([path, foreign.status]).toEqual([path, 404]);
      expect(foreign.text.replaceAll('vital-b', 'vital-x')).toBe(missing.text);
    }
  });

  it('counts, sorts and brings along nothing of others', async () => {
    const total = await get('/Observation?_total=accurate&_count=0', 'patient');
    const own = world.filter(
      ({ resourceType, subject }) => resourceType === 'Observation' && subject.reference === 'Patient/a',
    );
    expect(total.body.total).toBe(own.length);
    expect(await found('/Condition', 'patient')).toEqual(['Condition/condition-a']);
    expect(await found('/Condition?subject:Patient.name=Family-b', 'patient')).toEqual([]);
    expect(await found('/Patient?_has:Condition:patient:_id=condition-b', 'patient')).toEqual([]);
    expect(await found('/Practitioner?_id=nurse&_revinclude=PractitionerRole:practitioner', 'patient')).toEqual([
      'Practitioner/nurse',
      'PractitionerRole/nurse-north',
    ]);
    expect(await found('/Organization?_id=north&_revinclude=Patient:organization', 'patient')).toEqual([
      'Organization/north',
      'Patient/a',
    ]);
    expect(await found('/?_type=Patient,Condition&_sort=_lastUpdated', 'patient')).toEqual([
      'Condition/condition-a',
      'Patient/a',
    ]);
  });

  it('lets a new Observation in about the patient, and about nobody else', async () => {
    const of = (subject: string) => ({
      resourceType: 'Observation',
      status: 'final',
      code: { text: 'weight' },
      subject: { reference: subject },
    });
    const post = async (body: object) => (await house.ask('POST', '/Observation', { as: 'patient', body })).status;
    expect(await post(of('Patient/a'))).toBe(201);
    expect(await post(of(`${house.base}/Patient/a`))).toBe(201);
    expect(await post(of('Patient/b'))).toBe(403);
    expect(await post({ ...of('Patient/b'), id: 'mine' })).toBe(403);
    expect(await post({ ...of('Patient/a'), id: 'mine' })).toBe(201);
  });

  it('means the patient whom a RelatedPerson is related to', async () => {
    house.grants.set('mother', grantOf('RelatedPerson/mother-of-a', ['patient'], 'user/*.rs'));
    expect(await found('/Condition', 'mother')).toEqual(['Condition/condition-a']);
    expect(await status('/Condition/condition-b', 'mother')).toBe(404);
  });

  it('means nobody for a caller who is no patient', async () => {
    house.grants.set('not a patient', grantOf('Practitioner/nurse', ['patient'], 'user/*.rs'));
    expect(await found('/Condition', 'not a patient')).toEqual([]);
    expect(await status('/Patient/a', 'not a patient')).toBe(404);
  });
});

describe('A rule within the care team', () => {
  it('opens what is about patients with an active CareTeam that has the caller in it', async () => {
    expect(await found('/Patient', 'nurse')).toEqual(['Patient/a']);
    expect(await found('/Encounter', 'nurse')).toEqual(['Encounter/visit-a']);
    expect(await found('/Task', 'nurse')).toEqual(['Task/task-a']);
    expect(await status('/Encounter/visit-a', 'nurse')).toBe(200);
    expect(await status('/Encounter/visit-b', 'nurse')).toBe(404);
    expect(await status('/Encounter/visit-c', 'nurse')).toBe(404);
  });

  it('holds in chains, _has, lists, includes and operations', async () => {
    expect(await found('/Encounter?subject:Patient.name=Family-c', 'nurse')).toEqual([]);
    expect(await found('/Organization?_has:Patient:organization:name=Family-a', 'nurse')).toEqual([
      'Organization/north',
    ]);
    expect(await found('/Organization?_has:Patient:organization:name=Family-b', 'nurse')).toEqual([]);
    expect(await found('/Observation?_list=list-a', 'nurse')).toEqual(['Observation/vital-a']);
    expect(await found('/Observation?_list=list-b', 'nurse')).toEqual([]);
    expect(await found('/Encounter?_include=Encounter:patient&_revinclude=Observation:encounter', 'nurse')).toEqual([
      'Encounter/visit-a',
      'Observation/vital-a',
      'Patient/a',
    ]);
    const last = (of: string) => found(`/Observation/$lastn?patient=${of}&category=vital-signs&max=9`, 'nurse');
    expect(await last('a')).toContain('Observation/vital-a');
    expect(await last('b')).toEqual([]);
  });

  it('holds for every entry of a batch and a transaction, and for what is contained', async () => {
    const entry = ['Encounter/visit-a', 'Encounter/visit-b'].map((url) => ({ request: { method: 'GET', url } }));
    const batch = await house.ask('POST', '', { as: 'nurse', body: { resourceType: 'Bundle', type: 'batch', entry } });
    expect(batch.body.entry.map((one: any) => one.response.status.slice(0, 3))).toEqual(['200', '404']);
    const whole = await house.ask('POST', '', {
      as: 'nurse',
      body: { resourceType: 'Bundle', type: 'transaction', entry },
    });
    expect(whole.status).toBe(404);
    expect(await found('/Patient?name=Family-inner&_contained=true', 'nurse')).toEqual(['Observation/holder']);
    expect(await found('/Patient?name=Family-inner&_contained=true', 'physician')).toEqual(['Observation/holder']);
    house.grants.set('b', grantOf('Patient/b', ['patient'], 'patient/*.rs', { patient: 'b' }));
    expect(await found('/Patient?name=Family-inner&_contained=true', 'b')).toEqual([]);
  });

  it('lets Observations be written about those patients and moved to no other', async () => {
    const measured = (subject: string, more: object = {}) => ({
      resourceType: 'Observation',
      status: 'final',
      code: { text: 'pain' },
      subject: { reference: subject },
      ...more,
    });
    const post = (body: object, headers?: Record<string, string>) =>
      house.ask('POST', '/Observation', { as: 'nurse', body, headers });
    const made = await post(measured('Patient/a'));
    expect(made.status).toBe(201);
    expect((await post(measured('Patient/b'))).status).toBe(403);
    const id = made.headers.get('location')!.split('/').at(-3)!;
    const put = (key: string, body: object, headers?: Record<string, string>) =>
      house.ask('PUT', `/Observation/${key}`, { as: 'nurse', body: { ...body, id: key }, headers });
    expect((await put(id, measured('Patient/a', { status: 'amended' }))).status).toBe(200);
    expect((await put(id, measured('Patient/b'))).status).toBe(403);
    // What is hidden and what is not there are refused alike, so that nobody learns which ids are taken.
    const conditions: readonly Record<string, string>[] = [{}, { 'if-match': 'W/"1"' }, { 'if-none-match': '*' }];
    for (const headers of conditions) {
      const hidden = await put('vital-b', measured('Patient/a'), headers);
      const missing = await put('vital-x', measured('Patient/a'), headers);
      expect([403, 404]).toContain(hidden.status);
      expect(hidden.status).toBe(missing.status);
      expect(hidden.text.replaceAll('vital-b', 'vital-x')).toBe(missing.text);
    }
    expect((await house.ask('DELETE', `/Observation/${id}`, { as: 'nurse' })).status).toBe(403);
  });

  it('makes of a condition what a search would find', async () => {
    const body = { resourceType: 'Task', status: 'requested', intent: 'order', for: { reference: 'Patient/a' } };
    const post = async (criterion: string) =>
      (await house.ask('POST', '/Task', { as: 'nurse', body, headers: { 'if-none-exist': criterion } })).status;
    expect(await post('_id=task-a')).toBe(200);
    expect(await post('_id=task-b')).toBe(201);
    expect(await post('patient:Patient.name=Family-b')).toBe(201);
  });

  it('leaves read-only elements as they are', async () => {
    const flag = { ...world.find(({ id }) => id === 'flag-a') };
    const put = async (body: object) => (await house.ask('PUT', '/Flag/flag-a', { as: 'nurse', body })).status;
    expect(await put({ ...flag, status: 'inactive' })).toBe(200);
    expect(await put({ ...flag, code: { text: 'another' } })).toBe(403);
    expect(await put({ ...flag, author: { reference: 'Practitioner/nurse' } })).toBe(403);
    const device = { ...world.find(({ id }) => id === 'vital-a'), device: { reference: 'Device/device-a' } };
    expect((await house.ask('PUT', '/Observation/vital-a', { as: 'nurse', body: device })).status).toBe(403);
  });

  it('ends within five seconds of the CareTeam', async () => {
    const team = world.find(({ id }) => id === 'team-c');
    await house.ask('PUT', '/CareTeam/team-c', { body: { ...team, status: 'active' } });
    house.setClock(begin + 10_000);
    expect(await status('/Encounter/visit-c', 'nurse')).toBe(200);
    await house.ask('PUT', '/CareTeam/team-c', { body: team });
    expect(await found('/Encounter', 'nurse')).toEqual(['Encounter/visit-a']);
    house.setClock(begin + 15_001);
    expect(await status('/Encounter/visit-c', 'nurse')).toBe(404);
  });
});

describe('A rule within the organization', () => {
  it('opens what is about patients of the places where the caller works now', async () => {
    expect(await found('/Patient', 'physician')).toEqual(['Patient/a', 'Patient/b']);
    expect(await found('/Condition', 'physician')).toEqual(['Condition/condition-a', 'Condition/condition-b']);
    expect(await status('/Condition/condition-c', 'physician')).toBe(404);
    expect(await found('/Condition?subject:Patient.name=Family-c', 'physician')).toEqual([]);
  });
});

describe('A label', () => {
  it('closes a resource to a rule that says so', async () => {
    const observations = await found('/Observation?code=8867-4&date=2026-05-01', 'nurse');
    expect(observations).toContain('Observation/vital-a');
    expect(observations).not.toContain('Observation/secret-a');
    expect(await status('/Observation/secret-a', 'nurse')).toBe(404);
    expect(await status('/Observation/secret-b', 'physician')).toBe(404);
  });

  it('does not close it to whoever asks for a purpose that another rule is for', async () => {
    const forTreatment = (purposeOfUse: string) =>
      grantOf('Practitioner/nurse', ['nurse'], 'user/*.rs', { purposeOfUse });
    house.grants.set('treating', forTreatment('ETREAT'));
    house.grants.set('marketing', forTreatment('HMARKT'));
    expect(await status('/Observation/secret-a', 'treating')).toBe(200);
    expect(await found('/Observation?_security=R', 'treating')).toEqual(['Observation/secret-a']);
    expect(await status('/Observation/secret-b', 'treating')).toBe(404);
    expect(await status('/Observation/secret-a', 'marketing')).toBe(404);
  });
});

describe('An earlier version', () => {
  it('is for those who see the resource as it is now', async () => {
    const lab = world.find(({ id }) => id === 'lab-a');
    await house.ask('PUT', '/Observation/moved', { body: { ...lab, id: 'moved' } });
    await house.ask('PUT', '/Observation/labelled', { body: { ...lab, id: 'labelled' } });
    for (const id of ['moved', 'labelled']) expect(await status(`/Observation/${id}/_history/1`, 'nurse')).toBe(200);
    await house.ask('PUT', '/Observation/moved', {
      body: { ...lab, id: 'moved', subject: { reference: 'Patient/b' } },
    });
    const label = { security: [{ code: 'R' }] };
    await house.ask('PUT', '/Observation/labelled', { body: { ...lab, id: 'labelled', meta: label } });
    for (const id of ['moved', 'labelled']) {
      for (const path of ['', '/_history/1', '/_history/2', '/_history', '/_history?_before=1'])
        expect([id, path, await status(`/Observation/${id}${path}`, 'nurse')]).toEqual([id, path, 404]);
    }
  });

  it('that is hidden is neither listed nor counted nor linked to, beside those that are seen', async () => {
    const lab = world.find(({ id }) => id === 'lab-a');
    const label = { meta: { security: [{ code: 'R' }] } };
    const store = (id: string, more: object = {}) =>
      house.ask('PUT', `/Observation/${id}`, { body: { ...lab, id, ...more } });
    for (const more of [label, {}]) await store('opened', more);
    // Seen: 2, 4 and 106; deleted: 3.
    for (const more of [label, {}]) await store('often', more);
    await house.ask('DELETE', '/Observation/often');
    await store('often');
    for (let i = 0; i < 101; i++) await store('often', label);
    await store('often');

    const listed = async (path: string) => {
      const { status, body } = await get(path, 'nurse');
      const next = body.link?.find(({ relation }: any) => relation === 'next')?.url as string | undefined;
      return {
        status,
        total: body.total,
        versions: (body.entry ?? []).map(({ resource }: any) => Number(resource.meta.versionId)),
        next: next?.slice(next.indexOf('?')),
      };
    };
    const one = { status: 200, total: 1, versions: [2], next: undefined };
    expect(await listed('/Observation/opened/_history')).toEqual(one);
    expect(await listed('/Observation/opened/_history?_count=1')).toEqual(one);
    expect(await listed('/Observation/opened/_history?_before=1')).toMatchObject({ status: 200, versions: [] });
    expect(await status('/Observation/opened/_history/1', 'nurse')).toBe(404);

    expect(await listed('/Observation/often/_history?_count=2')).toEqual({
      status: 200,
      versions: [106, 4],
      next: '?_count=2&_before=2',
    });
    expect(await listed('/Observation/often/_history?_count=2&_before=2')).toMatchObject({ versions: [2] });
    expect(await listed('/Observation/often/_history')).toMatchObject({ total: 3, versions: [106, 4, 2] });
    const all = await house.ask('GET', '/Observation/often/_history?_count=1');
    expect(all.body.total).toBe(106);
  });

  it('is not opened by a rule about the newest only', async () => {
    const access = house.access.deviceAccess({ type: 'Device', id: 'device-a' }, { type: 'Patient', id: 'a' }, [
      'can_read_patient',
    ]);
    house.callers.set('key', { who: 'Device/device-a', access });
    expect(await status('/Patient/a', 'key')).toBe(200);
    expect(await status('/Patient/a/_history/1', 'key')).toBe(403);
    expect(await status('/Patient/a/_history', 'key')).toBe(403);
  });
});

describe('A device', () => {
  const device = { type: 'Device', id: 'device-a' };
  const nothing = { is: 'any', of: [] };

  it('finds nothing of any type, but for the Patient that it may read', () => {
    const reads = house.access.deviceAccess(device, { type: 'Patient', id: 'a' }, ['can_read_patient']);
    const writes = house.access.deviceAccess(device, { type: 'Patient', id: 'a' }, ['can_write_vitals']);
    for (const type of resourceTypes) {
      const found = type === 'Patient' ? { is: 'id', ids: ['a'] } : nothing;
      expect([type, reads.finds(type), writes.finds(type)]).toEqual([type, found, nothing]);
    }
  });
});

describe('What is not there', () => {
  it('is deleted in vain by whom nothing is hidden from, and refused like the hidden to all others', async () => {
    const remove = async (as: string) => (await house.ask('DELETE', '/Observation/never', { as })).status;
    expect(await remove('service')).toBe(204);
    expect(await remove('nurse')).toBe(403);
  });
});

describe('A rule that is a search', () => {
  it('opens what it finds', async () => {
    expect(await found('/Basic', 'tester')).toEqual(['Basic/tagged']);
    expect(await status('/Basic/tagged', 'tester')).toBe(200);
    expect(await status('/Basic/plain', 'tester')).toBe(404);
    expect(await found('/Observation', 'tester')).toEqual([]);
  });

  it('opens nothing where its variable has no value', async () => {
    house.grants.set('no device', grantOf('Practitioner/nurse', ['device'], 'user/*.cruds'));
    const body = { ...world.find(({ id }) => id === 'of-device'), id: undefined };
    expect((await house.ask('POST', '/Observation', { as: 'no device', body })).status).toBe(403);
  });
});

describe('Deny', () => {
  it('is what roles and scopes leave where they say nothing', async () => {
    const nothing = {
      'no role': grantOf('Practitioner/nurse', [], 'user/*.cruds'),
      'unknown role': grantOf('Practitioner/nurse', ['astronaut'], 'user/*.cruds'),
      'no scope': grantOf('Practitioner/nurse', ['nurse'], ''),
      'patient scope without a patient': grantOf('Practitioner/nurse', ['nurse'], 'patient/*.cruds'),
    };
    for (const [name, grant] of Object.entries(nothing)) {
      house.grants.set(name, grant);
      for (const path of ['/Patient/a', '/Patient', '/', '/Observation?_count=0']) {
        const { status: refused, headers } = await get(path, name);
        expect([name, path, refused]).toEqual([name, path, 403]);
        expect(headers.get('www-authenticate')).toContain('error="insufficient_scope"');
      }
      expect((await house.ask('POST', '', { as: name, body: { resourceType: 'Bundle', type: 'batch' } })).status).toBe(
        403,
      );
    }
  });

  it('is 403 with the scope that is missing for a type, 404 for an instance', async () => {
    house.grants.set('only observations', grantOf('Practitioner/nurse', ['nurse'], 'user/Observation.r'));
    const refused = await get('/Encounter/visit-a', 'only observations');
    expect(refused.status).toBe(403);
    expect(refused.body.issue[0].code).toBe('forbidden');
    expect(refused.headers.get('www-authenticate')).toContain('scope="user/Encounter.r"');
    expect(await status('/Observation/vital-a', 'only observations')).toBe(200);
    expect(await status('/Observation', 'only observations')).toBe(403);
    expect(await status('/Observation/vital-b', 'only observations')).toBe(404);
  });

  it('is what scopes leave of a role, and roles of a scope', async () => {
    const vitals = 'http://terminology.hl7.org/CodeSystem/observation-category|vital-signs';
    house.grants.set('vitals', grantOf('Practitioner/nurse', ['nurse'], `user/Observation.rs?category=${vitals}`));
    house.grants.set('launched', grantOf('Practitioner/physician', ['physician'], 'patient/*.rs', { patient: 'b' }));
    expect(await found('/Observation', 'vitals')).not.toContain('Observation/lab-a');
    expect(await found('/Observation', 'vitals')).toContain('Observation/vital-a');
    expect(await status('/Observation/lab-a', 'vitals')).toBe(404);
    expect(await status('/Observation/vital-b', 'vitals')).toBe(404);
    expect(await found('/Condition', 'launched')).toEqual(['Condition/condition-b']);
  });
});

describe('The audit log', () => {
  it('is for those alone whose policy opens AuditEvents without a condition', async () => {
    const own = await get('/AuditEvent?_count=1', 'privacy-officer');
    const { id } = own.body.entry[0].resource;
    expect(await status(`/AuditEvent/${id}`, 'privacy-officer')).toBe(200);
    expect(await status(`/AuditEvent/${id}`, 'administrator')).toBe(200);
    for (const name of ['nurse', 'patient', 'service'])
      expect([name, await status('/AuditEvent', name)]).toEqual([name, 403]);
    house.grants.set('one patient', grantOf('Practitioner/x', ['privacy-officer'], 'patient/*.rs', { patient: 'a' }));
    expect(await found('/AuditEvent', 'one patient')).toEqual([]);
    expect(await status(`/AuditEvent/${id}`, 'one patient')).toBe(404);
  });
});
