/** Who writes within a patient writes about that patient: neither what it performed about another nor what is about nobody. capability/access/README.md */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type AccessHouse, openAccessHouse } from '../../support/access-house.ts';
import { begin, everybody, fill, grantOf } from './world.ts';

let house: AccessHouse;
beforeAll(async () => {
  house = await openAccessHouse(begin);
  await fill(house);
  house.grants.set('patient', everybody.patient!);
  house.grants.set('mother', grantOf('RelatedPerson/mother-of-a', ['patient'], 'patient/*.cruds', { patient: 'a' }));
  house.grants.set(
    'service for a',
    grantOf('Client/app', ['service'], 'patient/*.cruds', { client: 'app', patient: 'a' }),
  );
});
afterAll(() => house.stop());

const to = (reference: string) => ({ reference });
const A = to('Patient/a');
const observation = (more: object) => ({
  resourceType: 'Observation',
  status: 'final',
  code: { text: 'weight' },
  ...more,
});
const answers = (more: object) => ({ resourceType: 'QuestionnaireResponse', status: 'completed', ...more });
const posted = async (body: any, as = 'patient') =>
  (await house.ask('POST', `/${body.resourceType}`, { as, body })).status;
const status = async (path: string, as = 'patient') => (await house.ask('GET', path, { as })).status;

describe.each(['patient', 'mother', 'service for a'])('What is written within the patient by %s', (as) => {
  it('is about that patient', async () => {
    expect(await posted(observation({ subject: A }), as)).toBe(201);
    expect(await posted(answers({ subject: A }), as)).toBe(201);
  });

  it('is not about another, whoever performed, authored or asserted it', async () => {
    expect(await posted(observation({ subject: to('Patient/b'), performer: [A] }), as)).toBe(403);
    expect(await posted(answers({ subject: to('Patient/b'), author: A }), as)).toBe(403);
    expect(await posted(answers({ subject: to('Patient/b'), source: A }), as)).toBe(403);
  });

  it('is not about nobody', async () => {
    expect(await posted(observation({ performer: [A] }), as)).toBe(403);
    expect(await posted(answers({ author: A }), as)).toBe(403);
  });
});

describe('A scope for a patient', () => {
  it('changes and deletes only what is about that patient', async () => {
    await house.ask('PUT', '/Observation/by-a', {
      body: { ...observation({ subject: to('Patient/b'), performer: [A] }), id: 'by-a' },
    });
    const body = { ...observation({ subject: A, performer: [A] }), id: 'by-a' };
    expect(await status('/Observation/by-a', 'service for a')).toBe(200);
    expect((await house.ask('PUT', '/Observation/by-a', { as: 'service for a', body })).status).toBe(403);
    expect((await house.ask('DELETE', '/Observation/by-a', { as: 'service for a' })).status).toBe(403);
  });

  it('creates no other Patient that is linked to it', async () => {
    expect(await posted({ resourceType: 'Patient', link: [{ other: A, type: 'seealso' }] }, 'service for a')).toBe(403);
  });
});

describe.each(['physician', 'cardiologist'])('A %s', (as) => {
  it('changes a Patient of the own CareTeam, and moves it to no other organization', async () => {
    house.grants.set(as, everybody[as]!);
    await house.ask('PUT', '/CareTeam/team-of-physician', {
      body: {
        resourceType: 'CareTeam',
        id: 'team-of-physician',
        status: 'active',
        subject: A,
        participant: [{ member: to('Practitioner/physician') }],
      },
    });
    const { body } = await house.ask('GET', '/Patient/a', { as });
    const put = async (more: object) =>
      (await house.ask('PUT', '/Patient/a', { as, body: { ...body, ...more } })).status;
    expect(await put({ gender: as === 'physician' ? 'female' : 'other' })).toBe(200);
    expect(await put({ managingOrganization: to('Organization/south') })).toBe(403);
    expect(await put({ managingOrganization: undefined })).toBe(403);
  });
});

describe('A patient', () => {
  beforeAll(async () => {
    await house.ask('PUT', '/Patient/linked', {
      body: { resourceType: 'Patient', id: 'linked', link: [{ other: A, type: 'seealso' }] },
    });
    const member = [{ entity: A }, { entity: to('Patient/b') }];
    await house.ask('PUT', '/Group/both', {
      body: { resourceType: 'Group', id: 'both', type: 'person', actual: true, member },
    });
  });

  it.each(['patient', 'mother', 'service for a'])('is the only one that %s reads, linked or not', async (as) => {
    expect(await status('/Patient/linked', as)).toBe(404);
    const { body } = await house.ask('GET', '/Patient?_total=accurate', { as });
    expect([body.total, body.entry.map(({ resource }: any) => resource.id)]).toEqual([1, ['a']]);
  });

  it('reads no Group, which has others in it', async () => {
    expect(await status('/Group/both')).toBe(403);
    expect(await status('/Group')).toBe(403);
  });

  it('measures by no device, labels nothing and tags nothing', async () => {
    expect(await posted(observation({ subject: A, device: to('Device/device-a') }))).toBe(403);
    const label = { system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code: 'V' };
    for (const meta of [{ security: [label] }, { tag: [{ code: 'test' }] }]) {
      expect(await posted({ ...observation({ subject: A }), meta })).toBe(403);
      expect(await posted({ ...answers({ subject: A }), meta })).toBe(403);
    }
    const profile = ['http://hl7.org/fhir/StructureDefinition/bodyweight-of-nobody'];
    expect(await posted({ ...observation({ subject: A }), meta: { profile } })).not.toBe(403);
  });

  it('signs for nobody else', async () => {
    const nurse = to('Practitioner/nurse');
    expect(await posted(observation({ subject: A, performer: [A] }))).toBe(201);
    expect(await posted(observation({ subject: A, performer: [to(`${house.base}/Patient/a`)] }))).toBe(201);
    expect(await posted(observation({ subject: A, performer: [nurse] }))).toBe(403);
    expect(await posted(observation({ subject: A, performer: [A, nurse] }))).toBe(403);
    expect(await posted(observation({ subject: A, performer: [{ ...A, identifier: { value: 'nurse' } }] }))).toBe(403);
    expect(await posted(observation({ subject: A, performer: [{ display: 'a nurse' }] }))).toBe(403);
    expect(await posted(answers({ subject: A, author: A, source: A }))).toBe(201);
    expect(await posted(answers({ subject: A, author: nurse }))).toBe(403);
    expect(await posted(answers({ subject: A, source: nurse }))).toBe(403);
    const mother = to('RelatedPerson/mother-of-a');
    expect(await posted(observation({ subject: A, performer: [mother] }), 'mother')).toBe(201);
    expect(await posted(observation({ subject: A, performer: [mother] }))).toBe(403);
  });
});
