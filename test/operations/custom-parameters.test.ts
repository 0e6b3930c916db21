/** SearchParameters that come while the server runs: refused or indexed, never half answered. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openHouse, type TestHouse } from '../support/house.ts';
import { definition, settled as settledIn } from './definition.ts';

let house: TestHouse;
beforeAll(async () => {
  house = await openHouse();
});
afterAll(() => house.stop());

const married = (id: string, code = 'M') => ({
  resourceType: 'Patient',
  id,
  maritalStatus: { coding: [{ system: 'urn:marital', code }] },
});

const valueIn = (parameters: any, name: string) => {
  const found = parameters.parameter.find((one: any) => one.name === name);
  return found?.[Object.keys(found).find((key) => key.startsWith('value'))!];
};

const settled = () => settledIn(house);

describe('A new SearchParameter', () => {
  it('finds what was stored before it and what comes after, but not before its job is done', async () => {
    await Promise.all(Array.from({ length: 250 }, (_, i) => house.update(married(`old${i}`, i % 2 ? 'M' : 'S'))));
    expect((await house.update(definition('marital'))).status).toBe(201);
    const early = await house.ask('GET', '/fhir/Patient?marital=M&_count=1000');
    if (early.status !== 200) {
      expect(early.status).toBe(503);
      expect(early.body.issue[0].diagnostics).toContain('is being indexed');
    } else expect(early.body.entry).toHaveLength(125);
    await house.update(married('new'));
    await settled();
    const found = await house.search('Patient?marital=urn:marital|M&_count=1000');
    expect(found).toHaveLength(126);
    expect(found.map(({ id }) => id)).toContain('new');
    expect(await house.search('Patient?marital:missing=true')).toEqual([]);
    const statement = (await house.ask('GET', '/fhir/metadata')).body;
    const patient = statement.rest[0].resource.find(({ type }: any) => type === 'Patient');
    expect(patient.searchParam).toContainEqual(expect.objectContaining({ name: 'marital', type: 'token' }));
  });

  it('tells in its job how many resources were gone through and how many entries it has', async () => {
    const jobs = await settled();
    const part = jobs.parameter.map((one: any) => ({ parameter: one.part }));
    const job = part.find((one: any) => valueIn(one, 'parameter') === 'SearchParameter/marital');
    expect(valueIn(job, 'state')).toBe('done');
    expect(valueIn(job, 'done')).toBeGreaterThanOrEqual(250);
    expect(valueIn(job, 'entries')).toBeGreaterThanOrEqual(500);
    const one = await house.ask('GET', `/fhir/$reindex-status?job=${valueIn(job, 'job')}`);
    expect([one.status, valueIn(one.body, 'state')]).toEqual([200, 'done']);
    expect((await house.ask('GET', '/fhir/$reindex-status?job=none')).status).toBe(404);
  });

  it('counts what an amount is found by in its unit among its entries', async () => {
    const url = 'https://a.example/dose';
    const dose = { value: 5, unit: 'mg', system: 'http://unitsofmeasure.org', code: 'mg' };
    await house.update({ resourceType: 'Patient', id: 'dose', extension: [{ url, valueQuantity: dose }] });
    await house.update(
      definition('dose', { type: 'quantity', expression: `Patient.extension('${url}').value.ofType(Quantity)` }),
    );
    const jobs = (await settled()).parameter.map((one: any) => ({ parameter: one.part }));
    const job = jobs.find((one: any) => valueIn(one, 'parameter') === 'SearchParameter/dose');
    expect(valueIn(job, 'entries')).toBe(3); // 5, 5||mg and 0.005 g
  });

  it('is still there after a restart', async () => {
    await house.restart();
    expect(await house.search('Patient?marital=S&_count=1000')).toHaveLength(125);
  });

  it('follows extensions and choices, and a change of its expression', async () => {
    const url = 'https://a.example/eyes';
    await house.update({ resourceType: 'Patient', id: 'eyes', extension: [{ url, valueCode: 'blue' }] });
    await house.update(definition('eyes', { expression: `Patient.extension('${url}').value.ofType(code)` }));
    await settled();
    expect((await house.search('Patient?eyes=blue')).map(({ id }) => id)).toEqual(['eyes']);
    await house.update(definition('eyes', { expression: `Patient.extension.where(url = '${url}').valueBoolean` }));
    await settled();
    expect(await house.search('Patient?eyes=true')).toEqual([]);
    expect((await house.ask('GET', '/fhir/Patient?eyes=blue')).status).toBe(400);
  });

  it('goes when it is retired or deleted, and its code is free again', async () => {
    const strict = { prefer: 'handling=strict' };
    await house.update(definition('going'));
    await settled();
    expect((await house.update(definition('other', { code: 'going' }))).status).toBe(422);
    await house.update(definition('going', { status: 'retired' }));
    expect((await house.ask('GET', '/fhir/Patient?going=M', undefined, strict)).status).toBe(400);
    expect((await house.update(definition('other', { code: 'going' }))).status).toBe(201);
    await settled();
    expect((await house.search('Patient?going=M&_count=1000')).length).toBeGreaterThan(100);
    await house.remove('SearchParameter/other');
    expect((await house.ask('GET', '/fhir/Patient?going=M', undefined, strict)).status).toBe(400);
  });

  it('does nothing as a draft, nor as a copy of one of R4', async () => {
    expect((await house.update(definition('draft', { status: 'draft', expression: 'what(' }))).status).toBe(201);
    const url = 'http://hl7.org/fhir/SearchParameter/Patient-active';
    const copy = definition('copy', { url, code: 'active', expression: 'Patient.active' });
    expect((await house.update(copy)).status).toBe(201);
  });
});

describe('An expression that fails on a resource', () => {
  it('leaves its own entries out and loses nothing else', async () => {
    await house.update(definition('alone', { type: 'string', expression: 'Patient.name.given.single()' }));
    const doubling = `Patient.name${'.select($this.combine($this))'.repeat(60)}.family`;
    await house.update(definition('doubling', { type: 'string', expression: doubling }));
    await settled();
    const name = [{ family: 'Fail', given: ['Una', 'Duo'] }];
    expect((await house.update({ ...married('both'), name })).status).toBe(201);
    expect((await house.update({ ...married('one'), name: [{ given: ['Una'] }] })).status).toBe(201);
    expect((await house.search('Patient?alone=una')).map(({ id }) => id)).toEqual(['one']);
    expect((await house.search('Patient?family=fail&marital=M')).map(({ id }) => id)).toEqual(['both']);
    expect(await house.search('Patient?doubling=fail')).toEqual([]);
    for (const id of ['alone', 'doubling']) await house.remove(`SearchParameter/${id}`);
  });
});

describe('References of a SearchParameter that went', () => {
  const url = 'https://a.example/friend';
  const expression = `Patient.extension('${url}').value.ofType(Reference)`;
  const friend = (base: readonly string[]) => definition('friend', { type: 'reference', base, expression });
  const included = async (type: string) => {
    const { status, body } = await house.ask('GET', `/fhir/${type}?_id=befriended&_include=*`);
    expect(status).toBe(200);
    return body.entry.slice(1).map(({ resource }: any) => `${resource.resourceType}/${resource.id}`);
  };

  it.each([
    ['was retired', () => house.update({ ...friend(['Patient']), status: 'retired' })],
    ['was deleted', () => house.remove('SearchParameter/friend')],
    ['has another type', () => house.update({ ...friend(['Patient']), type: 'token', expression: 'Patient.active' })],
    [
      'has another base',
      () => house.update({ ...friend(['Group']), expression: expression.replace('Patient', 'Group') }),
    ],
  ])('are followed by _include=* no longer as soon as it %s', async (_what, goes) => {
    await house.update({ resourceType: 'Organization', id: 'home', name: 'Home' });
    const extension = [{ url, valueReference: { reference: 'Patient/new' } }];
    const managingOrganization = { reference: 'Organization/home' };
    await house.update({ resourceType: 'Patient', id: 'befriended', extension, managingOrganization });
    await house.update(friend(['Patient']));
    await settled();
    expect((await included('Patient')).sort()).toEqual(['Organization/home', 'Patient/new']);
    await goes();
    const jobs = (await house.ask('GET', '/fhir/$reindex-status')).body.parameter;
    expect(jobs.some(({ part }: any) => part.some((one: any) => one.name === 'leaving'))).toBe(true);
    expect(await included('Patient')).toEqual(['Organization/home']);
    await settled();
    expect(await included('Patient')).toEqual(['Organization/home']);
    await house.remove('SearchParameter/friend');
    await settled();
  });
});

describe('Writes that are under way when a SearchParameter comes', () => {
  it('are all found by it', async () => {
    const observation = (i: number) => ({
      resourceType: 'Observation',
      id: `race${i}`,
      status: 'final',
      code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }] },
      subject: { reference: 'Patient/new' },
      effectiveDateTime: new Date().toISOString(),
      valueQuantity: { value: 70, unit: '/min', system: 'http://unitsofmeasure.org', code: '/min' },
      note: [{ text: 'racing' }],
    });
    const racing = definition('noted', { base: ['Observation'], type: 'string', expression: 'Observation.note.text' });
    await Promise.all(Array.from({ length: 300 }, (_, i) => house.update(i === 150 ? racing : observation(i))));
    await settled();
    expect(await house.search('Observation?noted=rac&_count=1000')).toHaveLength(299);
  });
});

describe('A SearchParameter is refused', () => {
  const R4 = 'http://hl7.org/fhir/SearchParameter';
  const composed = (more: object = {}) => ({ definition: `${R4}/individual-gender`, expression: 'use', ...more });
  const composite = (more: object) => ({
    type: 'composite',
    expression: 'Patient.name',
    component: [composed(more), composed()],
  });

  it.each([
    ['an expression that is no FHIRPath', { expression: 'Patient.name.(' }, 'expression'],
    ['an expression with something behind it', { expression: 'Patient.name Patient.id' }, 'expression'],
    ['an expression of another type', { expression: 'Practitioner.name' }, 'expression'],
    ['an expression that leads nowhere', { expression: 'Patient.shoeSize' }, 'expression'],
    ['an expression that has to be evaluated', { expression: "Patient.name.family.matches('(a+)+$')" }, 'expression'],
    ['no expression', { expression: undefined }, 'expression'],
    ['values that its type cannot have', { type: 'date' }, 'expression'],
    ['a base that cannot be stored', { base: ['Resource'] }, 'base[0]'],
    ['a code of R4', { code: 'gender' }, 'code'],
    ['a code of every type', { code: '_tag' }, 'code'],
    ['a code with odd letters', { code: 'a.b' }, 'code'],
    ['a special type', { type: 'special' }, 'type'],
    ['a type that is none', { type: 'shape' }, 'type'],
    ['a pattern', { expression: "Patient.name.family.replaceMatches('a', 'b') = 'b'" }, 'expression'],
    ['what the time tells', { expression: 'Patient.birthDate < today()' }, 'expression'],
    ['a function that nobody knows', { expression: 'Patient.name.shout()' }, 'expression'],
    ['a variable that nobody knows', { expression: 'Patient.name.where($this = %me).exists()' }, 'expression'],
    ['an evaluated text that is no date', { type: 'date', expression: 'Patient.name.given.first()' }, 'expression'],
    [
      'an expression that is too long',
      { expression: `Patient.name.where(${'active or '.repeat(500)}active)` },
      'expression',
    ],
    ['components of what is no composite', { component: [composed()] }, 'component'],
    ['what is the same of every resource: a sum', { type: 'number', expression: '1/0' }, 'expression'],
    ['what is the same of every resource: a text', { type: 'string', expression: "'const'" }, 'expression'],
    ['what is the same of every resource: a truth', { expression: 'true' }, 'expression'],
    ['what is the same of every resource: a choice', { expression: "iif(true, %ucum, 'a')" }, 'expression'],
    ['what is the same of every resource: a part of a text', { expression: "'a'.substring(0, 1)" }, 'expression'],
    ['what is in one alternative the same', { expression: "Patient.active | 'a'.exists()" }, 'expression'],
    ['a composite of nothing', { type: 'composite' }, 'component'],
    [
      'a composite of one part',
      { type: 'composite', expression: 'Patient.name', component: [composed()] },
      'component',
    ],
    ['a component that is not known', composite({ definition: 'urn:none' }), 'component[0].definition'],
    [
      'a component of another base',
      composite({ definition: `${R4}/Observation-value-date` }),
      'component[0].definition',
    ],
    ['a special component', composite({ definition: `${R4}/Resource-id` }), 'component[0].definition'],
    ['a component that leads nowhere', composite({ expression: 'shoeSize' }), 'component[0].expression'],
    ['a component that does not fit', composite({ expression: 'period' }), 'component[0].expression'],
    ['a component that is no FHIRPath', composite({ expression: 'use) | (use' }), 'component[0].expression'],
    [
      'a component that asks the resource',
      composite({ expression: 'use.where(%resource.active)' }),
      'component[0].expression',
    ],
    ['a component with a pattern', composite({ expression: "use.matches('a')" }), 'component[0].expression'],
  ])('for %s', async (_what, more, element) => {
    const { status, body } = await house.update(definition('refused', more));
    expect([status, body.issue?.[0]?.expression]).toEqual([422, [`SearchParameter.${element}`]]);
    expect((await house.read('SearchParameter/refused')).status).toBe(404);
  });

  it('where another in the same transaction takes its code', async () => {
    const entries = ['a', 'b'].map((id) => ({
      resource: definition(id, { code: 'twice' }),
      request: { method: 'PUT', url: `SearchParameter/${id}` },
    }));
    const { status, body } = await house.transaction(entries);
    expect([status, body.issue[0].expression]).toEqual([422, ['SearchParameter.code']]);
  });
});

describe('$reindex', () => {
  it('starts a job over types or a parameter and names its place', async () => {
    const started = await house.ask('POST', '/fhir/$reindex?type=Patient');
    expect(started.status).toBe(202);
    const place = started.headers.get('content-location')!;
    await settled();
    const { body } = await house.ask('GET', place);
    expect(valueIn(body, 'state')).toBe('done');
    expect(valueIn(body, 'done')).toBeGreaterThan(250);
    expect(valueIn(body, 'done')).toBe(valueIn(body, 'of'));
    const parameter = [{ name: 'url', valueUri: 'https://a.example/SearchParameter/marital' }];
    const byUrl = await house.ask('POST', '/fhir/$reindex', { resourceType: 'Parameters', parameter });
    expect([byUrl.status, valueIn(byUrl.body, 'type')]).toEqual([202, 'Patient']);
    await settled();
    expect(await house.search('Patient?marital=S&_count=1000')).toHaveLength(125);
  });

  it('says of a parameter on AuditEvents that there was nothing to index, and finds by it what the server records', async () => {
    const base = ['AuditEvent'];
    await house.update(definition('outcome-text', { base, type: 'string', expression: 'AuditEvent.outcomeDesc' }));
    const { parameter } = await settled();
    const job = parameter
      .map(({ part }: any) => ({ parameter: part }))
      .find((one: any) => valueIn(one, 'type') === 'AuditEvent');
    expect(['state', 'of', 'note'].map((name) => valueIn(job, name))).toEqual([
      'done',
      0,
      'no resource of these types was stored: there was nothing to index',
    ]);
    await house.read('Patient/nobody-at-all');
    expect((await house.search('AuditEvent?outcome-text=404')).length).toBeGreaterThan(0);
  });

  it('indexes one resource at once', async () => {
    expect((await house.ask('POST', '/fhir/Patient/new/$reindex')).status).toBe(200);
    expect((await house.ask('POST', '/fhir/Patient/nobody/$reindex')).status).toBe(404);
  });

  it('takes POST, known parameters, and nobody but the administrator', async () => {
    const got = await house.ask('GET', '/fhir/$reindex');
    expect([got.status, got.headers.get('allow')]).toEqual([405, 'POST']);
    expect((await house.ask('POST', '/fhir/$reindex?type=Shoe')).status).toBe(400);
    expect((await house.ask('POST', '/fhir/$reindex?types=Patient')).status).toBe(400);
    expect((await house.ask('POST', '/fhir/$reindex?url=urn:none')).status).toBe(404);
    expect((await house.ask('POST', '/fhir/$reindex', undefined, { authorization: '' })).status).toBe(401);
    await house.update({ resourceType: 'Device', id: 'd', identifier: [{ value: 'DEV1' }] });
    const as = { authorization: `Bearer ${await house.deviceKey('DEV1')}` };
    for (const path of ['$reindex-status', '$explain-search?query=Patient']) {
      expect((await house.ask('GET', `/fhir/${path}`, undefined, as)).status).toBe(403);
    }
    expect((await house.ask('POST', '/fhir/$reindex', undefined, as)).status).toBe(403);
    expect((await house.ask('GET', '/fhir/Patient/$everything')).status).toBe(404);
    expect((await house.ask('DELETE', '/fhir/$reindex')).status).toBe(405);
  });
});
