/** $lastn, $explain-search, and which operations there are, over the real server. https://hl7.org/fhir/R4/operations.html */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { demandPromised } from '../../src/operations/operation.ts';
import { createOperations } from '../../src/operations/operations.ts';
import { capabilityStatement, promisedOperations } from '../../src/publish/capability.ts';
import { openHouse, type TestHouse } from '../support/house.ts';

let house: TestHouse;
const loinc = 'http://loinc.org';
const vital = 'http://terminology.hl7.org/CodeSystem/observation-category';

const observation = (id: string, patient: string, code: object, at: string | undefined, more: object = {}) => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  category: [{ coding: [{ system: vital, code: 'vital-signs' }] }],
  code,
  subject: { reference: `Patient/${patient}` },
  ...(at && { effectiveDateTime: at }),
  ...more,
});
const coded = (code: string) => ({ coding: [{ system: loinc, code }] });
const idsOf = ({ body }: { body: any }) => (body.entry ?? []).map(({ resource }: any) => resource.id);
const lastn = (query: string) => house.ask('GET', `/fhir/Observation/$lastn?${query}`);

beforeAll(async () => {
  house = await openHouse();
  for (const id of ['a', 'b']) await house.update({ resourceType: 'Patient', id });
  const all = [
    observation('rate2', 'a', coded('8867-4'), '2026-01-02T10:00:00Z'),
    observation('rate3', 'a', coded('8867-4'), '2026-01-03T10:00:00Z'),
    observation('rate1', 'a', coded('8867-4'), '2026-01-01T10:00:00Z'),
    observation('rate4', 'a', coded('8867-4'), '2026-01-04T10:00:00Z', { status: 'entered-in-error' }),
    observation('undated', 'a', coded('8867-4'), undefined),
    observation('temperature', 'a', coded('8310-5'), '2026-01-01T08:00:00Z'),
    observation('mood1', 'a', { text: 'mood' }, '2026-01-01T08:00:00Z'),
    observation('mood2', 'a', { text: 'mood' }, '2026-01-02T08:00:00Z'),
    observation('foreign', 'b', coded('8867-4'), '2026-01-05T10:00:00Z'),
  ];
  for (const one of all) expect((await house.update(one)).status).toBe(201);
});
afterAll(() => house.stop());

describe('$lastn', () => {
  it('answers the newest Observation of each code of the patient', async () => {
    const answer = await lastn('patient=a&category=vital-signs');
    expect(idsOf(answer)).toEqual(['rate3', 'mood2', 'temperature']);
    expect(answer.body).toMatchObject({ type: 'searchset', total: 3 });
    expect(answer.body.entry[0]).toMatchObject({
      fullUrl: `${house.url}/fhir/Observation/rate3`,
      search: { mode: 'match' },
    });
    expect(answer.body.link[0].url).toContain('/Observation/$lastn?patient=a&');
  });

  it('answers as many as max says, newest first and those without a time last', async () => {
    expect(idsOf(await lastn(`subject=Patient/a&code=${loinc}|8867-4&max=2`))).toEqual(['rate3', 'rate2']);
    expect(idsOf(await lastn('patient=a&code=8867-4&max=100'))).toEqual(['rate3', 'rate2', 'rate1', 'undated']);
    expect(idsOf(await lastn('patient=a&code=8867-4&date=lt2026-01-03'))).toEqual(['rate2']);
  });

  it('leaves out what was entered in error unless that is asked for', async () => {
    expect(idsOf(await lastn('patient=a&code=8867-4&status=entered-in-error,final'))).toEqual(['rate4']);
  });

  it('takes a Parameters body', async () => {
    const parameter = [
      { name: 'patient', valueReference: { reference: 'Patient/b' } },
      { name: 'code', valueString: '8867-4' },
      { name: 'max', valuePositiveInt: 3 },
    ];
    const body = { resourceType: 'Parameters', parameter };
    const answer = await house.ask('POST', '/fhir/Observation/$lastn', body);
    expect(idsOf(answer)).toEqual(['foreign']);
    const odd = { resourceType: 'Parameters', parameter: [{ name: 'code', valueCoding: { code: 'x' } }] };
    expect((await house.ask('POST', '/fhir/Observation/$lastn', odd)).status).toBe(400);
  });

  it('is asked in a batch', async () => {
    const entry = [{ request: { method: 'GET', url: 'Observation/$lastn?patient=a&code=8310-5' } }];
    const { body } = await house.ask('POST', '/fhir', { resourceType: 'Bundle', type: 'batch', entry });
    expect(idsOf({ body: body.entry[0].resource })).toEqual(['temperature']);
  });

  it.each([
    ['nobody', 'code=8867-4'],
    ['no kind', 'patient=a'],
    ['max 0', 'patient=a&code=x&max=0'],
    ['max 101', 'patient=a&code=x&max=101'],
    ['max twice', 'patient=a&code=x&max=1&max=2'],
    ['what is no criterion', 'patient=a&code=x&_count=1'],
    ['an unknown parameter', 'patient=a&code=x&colour=red'],
  ])('refuses %s', async (_what, query) => {
    expect((await lastn(query)).status).toBe(400);
  });

  it('needs the right to search Observations', async () => {
    await house.update({
      resourceType: 'Device',
      id: 'd',
      identifier: [{ value: 'DEV1' }],
      patient: { reference: 'Patient/a' },
    });
    const as = { authorization: `Bearer ${await house.deviceKey('DEV1')}` };
    expect((await house.ask('GET', '/fhir/Observation/$lastn?patient=a&code=8867-4', undefined, as)).status).toBe(403);
  });
});

describe('$explain-search', () => {
  it('tells how a search is understood and answered', async () => {
    const query = encodeURIComponent('Observation?patient=a&code=8867-4&colour=red');
    const { status, body } = await house.ask('GET', `/fhir/$explain-search?query=${query}`);
    expect(status).toBe(200);
    const named = (name: string) => body.parameter.filter((one: any) => one.name === name);
    expect(named('used').map(({ part }: any) => part[0].valueString)).toEqual(['patient', 'code']);
    expect(named('issue')).toHaveLength(1);
    expect(JSON.parse(named('query')[0].valueString).type).toBe('Observation');
    expect(named('matches')[0].valueUnsignedInt).toBe(5);
    expect(named('statement').length).toBeGreaterThan(0);
    expect(named('way').length).toBeGreaterThan(0);
  });

  it.each(['', '?query=Observation/1', '?query=Observation%3Fcode:odd=x', '?query=metadata'])(
    'refuses %s',
    async (query) => {
      expect((await house.ask('GET', `/fhir/$explain-search${query}`)).status).toBe(400);
    },
  );
});

describe('capability/', () => {
  const unused: any = () => undefined;
  const parts = { runtime: unused, extract: unused, explain: unused, why: unused, wake: unused, renew: unused };
  const coded = createOperations(parts);

  it('promises exactly the operations that there are', () => {
    const promised = promisedOperations();
    expect(demandPromised(coded, promised)).toBe(coded);
    expect(() => demandPromised(coded, promised.slice(1))).toThrow('not declared');
    expect(() => demandPromised(coded.slice(1), promised)).toThrow('no operation does');
  });

  it('names them in the statement, with definitions of this server', () => {
    const canonical = 'https://canonical.example/fhir';
    const base = 'https://a.example/fhir';
    const [rest] = capabilityStatement({ base, canonical, version: '1', date: '2026' }).rest;
    expect(rest.operation).toContainEqual({ name: 'reindex', definition: `${canonical}/OperationDefinition/reindex` });
    const observation = rest.resource.find(({ type }: any) => type === 'Observation');
    expect(observation.operation.map(({ name }: any) => name)).toEqual(['reindex', 'lastn']);
    expect(observation.interaction.length).toBeGreaterThan(5);
  });
});

describe('An operation that is not offered', () => {
  it('is named in short', async () => {
    const { status, body } = await house.ask('GET', `/fhir/Patient/$${'c'.repeat(200)}`);
    expect(status).toBe(404);
    expect(body.issue[0].diagnostics).toBe(`the operation '${'c'.repeat(64)}' of Patient is not offered`);
  });
});
