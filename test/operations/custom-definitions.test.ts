/** SearchParameters of every type and manner of expression, made at run time: what they find, what not, and by what they sort. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { systemRuntime } from '../../src/runtime.ts';
import { extract } from '../../src/search/extract.ts';
import { setCustomDefinitions } from '../../src/search/knowledge.ts';
import { surelyMatches } from '../../src/search/match.ts';
import { parseSearch } from '../../src/search/parse.ts';
import { plainQuery } from '../../src/search/query.ts';
import { sortKeys } from '../../src/search/sort.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { openHouse, type TestHouse } from '../support/house.ts';
import { definition, settled } from './definition.ts';

let house: TestHouse;

const url = (name: string) => `https://a.example/${name}`;
const ucum = 'http://unitsofmeasure.org';

const ann = {
  resourceType: 'Patient',
  id: 'ann',
  active: true,
  gender: 'female',
  birthDate: '1980-05-17',
  _birthDate: { extension: [{ url: url('born-at'), valueDateTime: '1980-05-17T10:30:00Z' }] },
  name: [
    { use: 'official', family: 'Gray', given: ['Ann', 'Bea'] },
    { use: 'maiden', family: 'Stone', given: ['Ann'] },
  ],
  telecom: [
    { system: 'phone', value: '555-1', use: 'home' },
    { system: 'email', value: 'ann@a.example', use: 'work' },
  ],
  identifier: [
    { system: 'urn:mrn', value: 'A1' },
    { system: 'urn:old', value: 'B2' },
  ],
  maritalStatus: { coding: [{ system: 'urn:marital', code: 'M' }], text: 'Married' },
  multipleBirthInteger: 2,
  managingOrganization: { reference: 'Organization/north' },
  generalPractitioner: [{ reference: 'Practitioner/house' }, { reference: 'Organization/south' }],
  extension: [
    { url: url('eyes'), valueCode: 'blue' },
    { url: url('dose'), valueQuantity: { value: 5, unit: 'mg', system: ucum, code: 'mg' } },
    { url: url('stay'), valuePeriod: { start: '2024-01-10', end: '2024-01-20' } },
    { url: url('home'), valueUri: 'https://a.example/homes/1' },
    { url: url('friend'), valueReference: { reference: 'Patient/bob' } },
  ],
  contact: [
    { relationship: [{ coding: [{ system: 'urn:kin', code: 'N' }] }], gender: 'male', name: { family: 'Hill' } },
    { relationship: [{ coding: [{ system: 'urn:kin', code: 'E' }] }], gender: 'female', name: { family: 'Brook' } },
  ],
};
const bob = {
  resourceType: 'Patient',
  id: 'bob',
  active: false,
  gender: 'male',
  birthDate: '1990-01-02',
  name: [{ family: 'Wood', given: ['Bob'] }],
  maritalStatus: { coding: [{ system: 'urn:marital', code: 'S' }] },
  managingOrganization: { reference: 'Organization/a' },
  extension: [{ url: url('home'), valueUri: 'https://a.example/homes/0' }],
  contact: [
    { relationship: [{ coding: [{ system: 'urn:kin', code: 'N' }] }], gender: 'female', name: { family: 'Hill' } },
  ],
};
const cid = { resourceType: 'Patient', id: 'cid' };

const pressure = (id: string, systolic: number, diastolic: number) => {
  const part = (code: string, value: number) => ({
    code: { coding: [{ system: 'http://loinc.org', code }] },
    valueQuantity: { value, unit: 'mmHg', system: ucum, code: 'mm[Hg]' },
  });
  return {
    resourceType: 'Observation',
    id,
    status: 'final',
    code: { coding: [{ system: 'http://loinc.org', code: '85354-9' }] },
    subject: { reference: 'Patient/ann' },
    component: [part('8480-6', systolic), part('8462-4', diastolic)],
  };
};

type Case = readonly [what: string, code: string, more: object, finds: Readonly<Record<string, string>>];

/** Of each query the ids that it finds, in the order of ids. */
const cases: readonly Case[] = [
  [
    'a token by a path',
    'married',
    { expression: 'Patient.maritalStatus' },
    { 'married=urn:marital|M': 'ann', 'married=X': '' },
  ],
  [
    'a token of a code in an extension',
    'eyes',
    { expression: `Patient.extension('${url('eyes')}').value` },
    { 'eyes=blue': 'ann', 'eyes=brown': '' },
  ],
  [
    'a token by a condition that holds of a list',
    'kin-call',
    { expression: "Patient.telecom.where(system = 'phone' or system = 'email')" },
    {
      'kin-call=555-1': 'ann',
      'kin-call=ann@a.example': 'ann',
      'kin-call=555-2': '',
      'kin-call:missing=true': 'bob cid',
    },
  ],
  [
    'a token that is yes or no',
    'has-name',
    { expression: "Patient.name.where(use = 'official').exists()" },
    { 'has-name=true': 'ann', 'has-name=false': 'bob cid' },
  ],
  [
    'a token by the type of a choice',
    'twin',
    { expression: 'Patient.multipleBirth.ofType(integer).exists() or Patient.deceased.ofType(boolean) = true' },
    { 'twin=true': 'ann', 'twin=false': '' },
  ],
  [
    'a token of concepts that a condition chooses',
    'coded',
    { expression: "Patient.maritalStatus.where(coding.exists(code = 'M')).first()" },
    { 'coded=urn:marital|M': 'ann', 'coded=M': 'ann', 'coded:text=marr': 'ann', 'coded=S': '' },
  ],
  [
    'a token by a comparison of dates',
    'elder',
    { expression: 'Patient.birthDate < @1985-01-01' },
    { 'elder=true': 'ann', 'elder=false': 'bob', 'elder:missing=true': 'cid' },
  ],
  [
    'a string of the first of many',
    'called',
    { type: 'string', expression: 'Patient.name.given.first()' },
    { 'called=ann': 'ann', 'called=bea': '', 'called:exact=Bob': 'bob' },
  ],
  [
    'a string put together',
    'whole-name',
    { type: 'string', expression: "Patient.name.select(given.first() & ' ' & family)" },
    { 'whole-name=ann gr': 'ann', 'whole-name:exact=Ann Stone': 'ann', 'whole-name=gray': '' },
  ],
  [
    'a string cut out of another',
    'initial',
    { type: 'string', expression: 'Patient.name.family.first().substring(0, 1).lower()' },
    { 'initial=g': 'ann', 'initial=w': 'bob', 'initial=gr': '' },
  ],
  [
    'a string of a union with conditions',
    'any-name',
    { type: 'string', expression: "Patient.name.where(use = 'maiden').family | (Patient.contact.name).family" },
    { 'any-name=stone': 'ann', 'any-name=hill': 'ann bob', 'any-name=gray': '' },
  ],
  [
    'a string by an index',
    'second-name',
    { type: 'string', expression: 'Patient.name[1].family' },
    { 'second-name=stone': 'ann', 'second-name=gray': '' },
  ],
  [
    'a number that is reckoned',
    'siblings',
    { type: 'number', expression: 'Patient.multipleBirth.ofType(integer) - 1' },
    { 'siblings=1': 'ann', 'siblings=2': '', 'siblings=gt0': 'ann' },
  ],
  [
    'a number that counts',
    'names',
    { type: 'number', expression: 'Patient.name.count()' },
    { 'names=2': 'ann', 'names=lt2': 'bob cid', 'names=0': 'cid' },
  ],
  [
    'a date beside a primitive',
    'born-at',
    { type: 'date', expression: `Patient.birthDate.extension('${url('born-at')}').value.ofType(dateTime)` },
    { 'born-at=1980-05-17T10:30:00Z': 'ann', 'born-at=gt1981': '' },
  ],
  [
    'a date of an evaluated period',
    'stay',
    { type: 'date', expression: `Patient.extension.where(url.endsWith('stay')).value` },
    { 'stay=2024-01': 'ann', 'stay=gt2024-02': '', 'stay:missing=true': 'bob cid' },
  ],
  [
    'a date that a condition chooses',
    'birth-of-active',
    { type: 'date', expression: 'iif(Patient.active, Patient.birthDate, {})' },
    { 'birth-of-active=1980': 'ann', 'birth-of-active=1990': '' },
  ],
  [
    'a quantity of an extension',
    'dose',
    { type: 'quantity', expression: `Patient.extension('${url('dose')}').value` },
    { 'dose=5||mg': 'ann', [`dose=0.005|${ucum}|g`]: 'ann', 'dose=6': '' },
  ],
  [
    'a quantity that a condition chooses',
    'high-dose',
    { type: 'quantity', expression: `Patient.extension('${url('dose')}').value.where($this.value > 3)` },
    { 'high-dose=gt4': 'ann', 'high-dose=lt4': '' },
  ],
  [
    'a uri',
    'home',
    { type: 'uri', expression: `Patient.extension('${url('home')}').value.ofType(uri)` },
    { 'home=https://a.example/homes/1': 'ann', 'home:below=https://a.example/homes': 'ann bob', 'home=x': '' },
  ],
  [
    'a reference of an extension, also in chains',
    'friend',
    {
      type: 'reference',
      target: ['Patient'],
      expression: `Patient.extension('${url('friend')}').value.ofType(Reference)`,
    },
    { 'friend=Patient/bob': 'ann', 'friend=bob': 'ann', 'friend.family=wood': 'ann', 'friend=cid': '' },
  ],
  [
    'a reference by the type that it leads to',
    'doctor',
    {
      type: 'reference',
      target: ['Practitioner'],
      expression: 'Patient.generalPractitioner.where(resolve() is Practitioner).first()',
    },
    { 'doctor=Practitioner/house': 'ann', 'doctor=Organization/south': '' },
  ],
  [
    'a composite of one element',
    'kin',
    {
      type: 'composite',
      expression: 'Patient.contact',
      component: [
        { definition: 'http://hl7.org/fhir/SearchParameter/individual-gender', expression: 'gender' },
        { definition: url('SearchParameter/married'), expression: 'relationship' },
      ],
    },
    {
      'kin=male$N': 'ann',
      'kin=female$N': 'bob',
      'kin=female$urn:kin|E': 'ann',
      'kin=other$N': '',
      'kin:missing=true': 'cid',
    },
  ],
  [
    'a composite of the resource and an element, evaluated',
    'name-of',
    {
      type: 'composite',
      expression: 'Patient.name.where(given.exists())',
      component: [
        { definition: 'http://hl7.org/fhir/SearchParameter/individual-family', expression: 'family' },
        { definition: 'http://hl7.org/fhir/SearchParameter/individual-birthdate', expression: '%resource.birthDate' },
        {
          definition: 'http://hl7.org/fhir/SearchParameter/Patient-organization',
          expression: '%resource.managingOrganization',
        },
      ],
    },
    {
      'name-of=stone$lt1985$Organization/north': 'ann',
      'name-of=wood$gt1985$Organization/a': 'bob',
      'name-of=wood$lt1985$Organization/a': '',
      'name-of=stone$lt1985$Organization/a': '',
    },
  ],
];

const pressures: Case = [
  'a composite of components',
  'part',
  {
    base: ['Observation'],
    type: 'composite',
    expression: 'Observation.component',
    component: [
      { definition: 'http://hl7.org/fhir/SearchParameter/clinical-code', expression: 'code' },
      {
        definition: 'http://hl7.org/fhir/SearchParameter/Observation-value-quantity',
        expression: 'value.ofType(Quantity)',
      },
    ],
  },
  {
    'part=8480-6$gt120': 'high',
    'part=8462-4$lt80': 'low',
    'part=8462-4$gt120': '',
    '_filter=part[code eq 8480-6].value-quantity gt 120': 'high',
    '_filter=part[not (code eq 8480-6)].value-quantity lt 80': 'low',
    '_filter=part[code eq 8462-4].value-quantity gt 120': '',
  },
];

const idsOf = (found: readonly any[]) =>
  found
    .map(({ id }) => id)
    .sort()
    .join(' ');

async function findings(type: string, [what, , , finds]: Case): Promise<object> {
  const found: Record<string, string> = {};
  for (const query of Object.keys(finds)) found[query] = idsOf(await house.search(`${type}?${query}`));
  return { what, finds: found };
}

const all = [...cases.map((one) => ['Patient', one] as const), ['Observation', pressures] as const];
const expected = all.map(([, [what, , , finds]]) => ({ what, finds }));
const found = async () => Promise.all(all.map(([type, one]) => findings(type, one)));

beforeAll(async () => {
  house = await openHouse();
  for (const one of [ann, bob, cid, pressure('high', 150, 90), pressure('low', 110, 70)]) {
    expect((await house.update(one)).status).toBe(201);
  }
  for (const [, [what, code, more]] of all) {
    const { status, body } = await house.ask('POST', '/fhir/SearchParameter', {
      ...definition(code, { type: 'token', ...more }),
      id: undefined,
    });
    expect([what, status, body.issue]).toEqual([what, 201, undefined]);
  }
  await settled(house);
});
afterAll(() => house.stop());

describe('SearchParameters made at run time', () => {
  it('find what was stored before them, each by its type and expression', async () => {
    expect(await found()).toEqual(expected);
  });

  it('find what is written after them', async () => {
    await house.remove('Patient/bob');
    await house.update({ ...bob, id: 'bob' });
    await house.update({ ...ann, language: 'en' });
    expect(await found()).toEqual(expected);
  });

  it('sort by tokens, references and uris, and not by composites', async () => {
    const sorted = async (query: string) =>
      (await house.search(`Patient?_sort=${query}`)).map(({ id }) => id).join(' ');
    expect(await sorted('married')).toBe('ann bob cid');
    expect(await sorted('-married')).toBe('bob ann cid');
    expect(await sorted('home')).toBe('bob ann cid');
    expect(await sorted('-home,_id')).toBe('ann bob cid');
    expect(await sorted('doctor')).toMatch(/^ann /);
    expect(await sorted('initial')).toBe('ann bob cid');
    expect(await sorted('names,_id')).toBe('cid bob ann');
    const { status, body } = await house.ask('GET', '/fhir/Patient?_sort=kin');
    expect([status, body.issue[0].diagnostics]).toEqual([400, expect.stringContaining('is sorted by')]);
  });

  it('stand in chains, filters and what is held against one resource', async () => {
    expect(idsOf(await house.search('Observation?subject:Patient.kin=male$N'))).toBe('high low');
    expect(idsOf(await house.search('Observation?subject:Patient.kin=other$N'))).toBe('');
    expect(idsOf(await house.search('Patient?_has:Observation:subject:part=8480-6$gt140'))).toBe('ann');
    expect(idsOf(await house.search('Patient?_has:Observation:subject:part=8480-6$gt160'))).toBe('');
    expect(idsOf(await house.search('Patient?_filter=called eq ann or siblings gt 5'))).toBe('ann');
    const { where } = parseSearch('Patient', [['kin', 'male$N']], { strict: true }).query;
    expect([ann, bob].map((one) => surelyMatches(where, extract(one), { type: 'Patient', id: one.id }))).toEqual([
      true,
      false,
    ]);
  });

  it('are followed by includes', async () => {
    const { body } = await house.ask('GET', '/fhir/Patient?_id=ann&_include=Patient:friend');
    expect(body.entry.map((entry: any) => entry.resource.id)).toEqual(['ann', 'bob']);
    const back = await house.ask('GET', '/fhir/Patient?_id=bob&_revinclude=Patient:friend');
    expect(back.body.entry.map((entry: any) => entry.resource.id)).toEqual(['bob', 'ann']);
  });

  it('answer the same after a restart, and after all was indexed anew', async () => {
    await house.restart();
    expect(await found()).toEqual(expected);
    await house.ask('POST', '/fhir/$reindex');
    await settled(house);
    expect(await found()).toEqual(expected);
  });
});

describe('A thread that knows no such parameters', () => {
  const own = {
    id: 'm',
    code: 'm',
    base: ['Patient'],
    type: 'token',
    expression: 'Patient.maritalStatus',
    url: 'urn:m',
  };

  it('sorts by them all the same', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'watchfire-test-'));
    const engine = await openSqliteStore({
      file: join(folder, 'watchfire.db'),
      runtime: systemRuntime,
      shortSearch: -1, // every search goes to the reader thread
    });
    setCustomDefinitions([own]);
    try {
      for (const { id, code } of [
        { id: 'a', code: 'S' },
        { id: 'b', code: 'M' },
        { id: 'c', code: 'X' },
      ]) {
        const patient = { resourceType: 'Patient', id, maritalStatus: { coding: [{ code }] } };
        const text = [`${JSON.stringify(patient).slice(0, -1)},"meta":{`, '}}'] as const;
        const key = { type: 'Patient', id };
        await engine.commit([{ op: 'write', key, method: 'PUT', text, index: extract(patient), expect: 'absent' }]);
      }
      const query = { ...plainQuery('Patient', { is: 'all', of: [] }, 2), sort: sortKeys('Patient', '-m') };
      const first = await engine.search(query, undefined);
      const second = await engine.search(query, first.next);
      expect([...first.matches, ...second.matches].map(({ key }) => key.id)).toEqual(['c', 'a', 'b']);
    } finally {
      setCustomDefinitions([]);
      await engine.close();
      rmSync(folder, { recursive: true });
    }
  });
});
