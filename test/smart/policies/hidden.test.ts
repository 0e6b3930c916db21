/** Hidden elements: neither shown nor asked nor told in any other way. capability/access/README.md */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { asksHidden } from '../../../src/interactions/hidden.ts';
import { systemRuntime } from '../../../src/runtime.ts';
import { plainQuery } from '../../../src/search/query.ts';
import type { Policy } from '../../../src/smart/policies/policy.ts';
import { parseCriteria } from '../../../src/subscriptions/criteria.ts';
import { prepareSubscription } from '../../../src/subscriptions/prepare.ts';
import { type AccessHouse, type Asking, openAccessHouse } from '../../support/access-house.ts';
import type { Answer } from '../../support/house.ts';
import { begin, fill, grantOf, world } from './world.ts';

const clerk: Policy = {
  role: 'clerk',
  description: 'Sees who there is, and not how to reach them.',
  rules: [
    {
      types: ['Patient'],
      rights: 'crs',
      hidden: ['Patient.telecom', 'Patient.contact.telecom', 'Patient.generalPractitioner'],
    },
    { types: ['Observation', 'Organization', 'Bundle', 'List', 'Encounter', 'RelatedPerson'], rights: 'rs' },
  ],
};
const measurer: Policy = {
  role: 'measurer',
  description: 'Sees that was measured, and not what.',
  rules: [
    {
      types: ['Observation'],
      rights: 'rs',
      hidden: ['Observation.value', 'Observation.component', 'Observation.effective'],
    },
  ],
};
const reader: Policy = { role: 'reader', description: 'Sees all.', rules: [{ types: ['Patient'], rights: 'rs' }] };
const half: Policy = {
  role: 'half',
  description: 'Sees all of own patients.',
  rules: [{ types: ['Patient'], rights: 'rs', within: 'own' }],
};

let house: AccessHouse;
beforeAll(async () => {
  const policies = new Map([clerk, measurer, reader, half].map((policy) => [policy.role, policy]));
  house = await openAccessHouse(begin, { policies });
  const document = {
    resourceType: 'Bundle',
    id: 'collection',
    type: 'collection',
    entry: [{ fullUrl: 'urn:uuid:0b2b1c3e-6f0a-4c1e-8b1c-2f4d5e6f7a8b', resource: world.find(({ id }) => id === 'b') }],
  };
  const led = {
    resourceType: 'Patient',
    id: 'led',
    managingOrganization: { reference: 'Organization/north' },
    generalPractitioner: [{ reference: 'Organization/practice' }],
  };
  const ofLed = {
    resourceType: 'List',
    id: 'of-led',
    status: 'current',
    mode: 'working',
    subject: { reference: 'Patient/led' },
  };
  await fill(house, [
    ...world,
    document,
    { resourceType: 'Organization', id: 'practice', name: 'Practice' },
    led,
    ofLed,
  ]);
  const user = (role: string, ...more: string[]) => grantOf('Practitioner/nurse', [role, ...more], 'user/*.cruds');
  house.grants.set('clerk', user('clerk'));
  house.grants.set('measurer', user('measurer'));
  house.grants.set('clerk and reader', user('clerk', 'reader'));
  house.grants.set('clerk and half', grantOf('Patient/a', ['clerk', 'half'], 'user/*.cruds'));
});
afterAll(() => house.stop());

const get = (path: string, as: string, options: Asking = {}) => house.ask('GET', path, { as, ...options });
const batch = (as: string, entry: readonly object[]) =>
  house.ask('POST', '', { as, body: { resourceType: 'Bundle', type: 'batch', entry } });

describe('A hidden element', () => {
  const ways: Record<string, () => Promise<Answer>> = {
    read: () => get('/Patient/a', 'clerk'),
    'a read of single elements': () => get('/Patient/a?_elements=telecom,contact,text', 'clerk'),
    vread: () => get('/Patient/a/_history/1', 'clerk'),
    history: () => get('/Patient/a/_history', 'clerk'),
    search: () => get('/Patient?_count=10', 'clerk'),
    include: () => get('/Observation?_id=vital-a&_include=Observation:patient', 'clerk'),
    revinclude: () => get('/Organization?_id=north&_revinclude=Patient:organization', 'clerk'),
    'what is contained': () => get('/Observation/holder', 'clerk'),
    'the narrative alone of what contains it': () => get('/Observation/holder?_summary=text', 'clerk'),
    'a search for what is contained': () =>
      get('/Patient?name=Family-inner&_contained=true&_containedType=contained', 'clerk'),
    'a Bundle that is stored': () => get('/Bundle/collection', 'clerk'),
    batch: () => batch('clerk', [{ request: { method: 'GET', url: 'Patient/a' } }]),
    'search in a batch': () => batch('clerk', [{ request: { method: 'GET', url: 'Patient?name=Family' } }]),
  };
  it.each(Object.keys(ways))('is not shown by %s, nor told by the narrative', async (way) => {
    const { status, text } = await ways[way]!();
    expect(status).toBe(200);
    expect(text).toMatch(/Family-|Kin-|"id":"(a|holder)"/);
    expect(text).not.toMatch(/555-|777-|778-|"div"/);
  });

  it('goes with what it leaves empty, and what stays keeps its digits', async () => {
    const { text } = await get('/Patient/a', 'clerk');
    expect(JSON.parse(text).contact).toEqual([{ name: { family: 'Kin-a' } }]);
    const exact =
      '{"resourceType":"Observation","id":"exact","status":"final","code":{"text":"x"},"valueQuantity":{"value":1.10},"referenceRange":[{"low":{"value":98.0}}]}';
    const put = await house.ask('PUT', '/Observation/exact', { body: JSON.parse(exact) });
    expect(put.status).toBe(201);
    const response = await fetch(`${house.base}/Observation/exact`, {
      method: 'PUT',
      headers: { authorization: 'Bearer admin', 'content-type': 'application/fhir+json' },
      body: exact,
    });
    expect(response.status).toBe(200);
    const shown = (await get('/Observation/exact', 'measurer')).text;
    expect(shown).toContain('"low":{"value":98.0}');
    expect(shown).not.toContain('1.10');
  });

  it.each([
    '/Patient?telecom=555-a',
    '/Patient?phone=555-a',
    '/Patient?phone:missing=false',
    '/Patient?_filter=phone eq 555-a',
    '/Patient?_text=phone',
    '/Patient?_content=phone',
    '/Observation?_content=phone',
    '/Patient?_sort=phone',
    '/Patient?general-practitioner=Practitioner/nurse',
    '/Patient?_include=Patient:general-practitioner',
    '/Observation?patient.phone=555-a',
    '/Observation?patient.general-practitioner=Practitioner/nurse',
    '/Organization?_has:Patient:organization:phone=555-a',
    '/Patient?phone=555-inner&_contained=true',
    '/Observation?performer:Patient.phone=555-inner',
    '/?_type=Patient&phone=555-a',
  ])('is not asked by %s', async (path) => {
    const { status, text } = await get(path.replaceAll(' ', '%20'), 'clerk');
    expect([status, text.includes('555')]).toEqual([403, false]);
    expect((await get(path.replaceAll(' ', '%20'), 'admin')).status).not.toBe(403);
  });

  it.each([
    '/Patient?_id=led&_include=*',
    '/Patient?_id=led&_include=Patient:*',
    '/List?_id=of-led&_include=List:patient&_include:iterate=*',
  ])('is not followed by %s, what is shown is', async (path) => {
    const keysOf = ({ body }: Answer) =>
      body.entry.map(({ resource }: any) => `${resource.resourceType}/${resource.id}`);
    const shown = await get(path, 'clerk');
    expect(shown.status).toBe(200);
    expect(keysOf(shown)).toEqual(expect.arrayContaining(['Patient/led', 'Organization/north']));
    expect(keysOf(shown)).not.toContain('Organization/practice');
    expect(keysOf(await get(path, 'admin'))).toContain('Organization/practice');
  });

  it('is named in a refusal by its parameter', async () => {
    for (const path of ['/Patient?phone:missing=true', '/Patient?phone=1', '/Patient?_sort=phone']) {
      const { status, body } = await get(path, 'clerk');
      expect([path, status, body.issue[0].diagnostics]).toEqual([
        path,
        403,
        'Patient.phone goes by what is hidden with these rights',
      ]);
    }
  });

  it.each([
    '/Observation?value-quantity=72',
    '/Observation?combo-value-quantity=72',
    '/Observation?code-value-quantity=8867-4$72',
    '/Observation?date=2026-05-01',
    '/Observation?_sort=date',
    '/Observation?patient=a&code=http://loinc.org|8867-4&date=ge2026-05-01',
    '/Observation?patient=a&code=http://loinc.org|8867-4&_sort=-date',
    '/Observation?patient=a&_sort=-date',
    '/Observation/$lastn?patient=a&category=vital-signs',
  ])('is not asked by %s, whatever index answers it', async (path) => {
    expect((await get(path, 'measurer')).status).toBe(403);
  });

  it('is not asked by a condition', async () => {
    const body = { resourceType: 'Patient', active: true };
    const post = (criterion: string) =>
      house.ask('POST', '/Patient', { as: 'clerk', body, headers: { 'if-none-exist': criterion } });
    const guessed = await post('phone=555-a');
    const missed = await post('phone=000');
    expect([guessed.status, missed.status]).toEqual([403, 403]);
    expect(guessed.text).toBe(missed.text);
    const entry = [{ resource: body, request: { method: 'POST', url: 'Patient', ifNoneExist: 'phone=555-a' } }];
    const whole = await house.ask('POST', '', {
      as: 'clerk',
      body: { resourceType: 'Bundle', type: 'transaction', entry },
    });
    expect(whole.status).toBe(403);
  });

  it('is written by nobody who does not see it', async () => {
    const post = async (more: object) =>
      (await house.ask('POST', '/Patient', { as: 'clerk', body: { resourceType: 'Patient', active: true, ...more } }))
        .status;
    expect(await post({})).toBe(201);
    expect(await post({ telecom: [{ system: 'phone', value: '1' }] })).toBe(403);
    expect(await post({ contact: [{ telecom: [{ system: 'phone', value: '1' }] }] })).toBe(403);
  });

  it('is watched by no Subscription, neither a new one nor one from before', async () => {
    const access = await house.access.accessFor(house.grants.get('clerk')!);
    const prepare = prepareSubscription({
      client: { check: () => undefined },
      runtime: systemRuntime,
      base: house.base,
    });
    const watching = (criteria: string) => {
      const resource = {
        resourceType: 'Subscription',
        criteria,
        channel: { type: 'rest-hook', endpoint: 'https://a.example' },
      };
      const key = { type: 'Subscription', id: 's' };
      const incoming = { resource, text: JSON.stringify(resource) };
      const look = { read: async () => [], get: async () => [], list: async () => [], search: async () => ({}) };
      return prepare({ key, before: undefined, incoming, caller: { who: 'x', access } }, look as never, {
        now: begin,
        canonical: 'https://house.example.org/fhir',
      });
    };
    await expect(watching('Patient?phone=555-a')).rejects.toMatchObject({ status: 403 });
    await expect(watching('Patient?name=Family-a')).resolves.toBeDefined();
    const query = (text: string) => plainQuery('Patient', parseCriteria(text, house.base).where);
    expect(asksHidden(query('Patient?phone=555-a'), access)).toBe(true);
    expect(asksHidden(query('Patient?name=Family-a'), access)).toBe(false);
  });

  it('is asked and followed as ever where it is not hidden', async () => {
    expect((await get('/Patient?name=Family-a&_total=accurate', 'clerk')).body.total).toBe(1);
    expect((await get('/Patient?_sort=family', 'clerk')).status).toBe(200);
    expect((await get('/Observation?patient.name=Family-a', 'clerk')).status).toBe(200);
    expect((await get('/Observation?code=8867-4', 'measurer')).status).toBe(200);
  });

  it('is shown by another role that opens all of the type, and by none that opens some', async () => {
    expect((await get('/Patient/a', 'clerk and reader')).text).toContain('555-a');
    expect((await get('/Patient?phone=555-a', 'clerk and reader')).status).toBe(200);
    expect((await get('/Patient/a', 'clerk and half')).text).not.toContain('555-');
  });
});
