/** Whom, what and when a provision means, and exceptions inside of it. https://hl7.org/fhir/R4/consent.html */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { grantOf, world } from '../policies/world.ts';
import { action, actor, type ConsentHouse, consent, label, ofType, openConsentHouse } from './consent-house.ts';

let house: ConsentHouse;
beforeAll(async () => {
  house = await openConsentHouse();
});
afterAll(() => house.stop());
afterEach(async () => {
  for (const id of ['one', 'two']) await house.remove(`Consent/${id}`);
});

const one = (provision: object | undefined, given?: object) => house.put(consent('one', provision, given));
const about = ['Patient/a', 'Observation/vital-a', 'Observation/lab-a', 'Condition/condition-a', 'Encounter/visit-a'];
/** Those of some resources about the patient that the caller reads; what is read is what is found. */
async function open(as: string, keys: readonly string[] = about): Promise<readonly string[]> {
  const seen: string[] = [];
  for (const key of keys) {
    const [type, id] = key.split('/');
    const isSeen = (await house.status(`/${key}`, as)) === 200;
    expect([key, (await house.found(`/${type}?_id=${id}`, as)).length]).toEqual([key, isSeen ? 1 : 0]);
    if (isSeen) seen.push(key);
  }
  return seen;
}
const without = (...closed: readonly string[]) => about.filter((key) => !closed.includes(key));

describe('A denial without an actor', () => {
  it('means everybody, and this patient alone', async () => {
    await one({ type: 'deny' });
    expect(await open('nurse')).toEqual([]);
    expect(await open('physician')).toEqual([]);
    expect(await open('service', ['Patient/b', 'Condition/condition-b'])).toHaveLength(2);
  });

  it('counts only while it is active, and about privacy', async () => {
    for (const given of [
      { status: 'draft' },
      { status: 'rejected' },
      { status: 'entered-in-error' },
      { scope: { coding: [{ code: 'research' }] } },
      { patient: { reference: 'Patient/somebody-else' } },
      { patient: undefined },
    ]) {
      await one({ type: 'deny' }, given);
      expect([given, await open('nurse')]).toEqual([given, about]);
    }
  });

  it('is named by its own absolute address too', async () => {
    await one({ type: 'deny' }, { patient: { reference: `${house.base}/Patient/a` } });
    expect(await open('nurse')).toEqual([]);
  });
});

describe('An actor', () => {
  const cases: readonly (readonly [string, string | object, string, boolean])[] = [
    ['a Practitioner', 'Practitioner/nurse', 'nurse', true],
    ['another Practitioner', 'Practitioner/physician', 'nurse', false],
    ['a version of a Practitioner', 'Practitioner/nurse/_history/1', 'nurse', true],
    ['the role of a Practitioner', 'PractitionerRole/nurse-north', 'nurse', true],
    ['the Organization where somebody works', 'Organization/north', 'physician', true],
    ['an Organization where somebody worked once', 'Organization/south', 'physician', false],
    ['the Organization above', 'Organization/region', 'physician', true],
    ['a CareTeam', 'CareTeam/night', 'physician', true],
    ['a CareTeam of the past, which nobody can tell', 'CareTeam/past', 'physician', true],
    ['a CareTeam of others', 'CareTeam/night', 'nurse', false],
    ['a RelatedPerson', 'RelatedPerson/mother-of-a', 'mother', true],
    ['a client as a Device', 'Device/backend', 'service', true],
    ['another client', 'Device/other', 'service', false],
    ['a client by an identifier', { identifier: { value: 'backend' } }, 'service', true],
    ['somebody else by an identifier', { identifier: { system: 'urn:x', value: 'other' } }, 'service', false],
    ['somebody who has only a name', { display: 'my neighbour' }, 'nurse', true],
    ['a Group, which nobody can tell', 'Group/1', 'nurse', true],
    ['somebody elsewhere, whom nobody can tell', 'https://other.example.org/Practitioner/nurse', 'nurse', true],
  ];
  it('above an organization is found', async () => {
    const north = world.find(({ id }) => id === 'north');
    await house.put({ ...north, partOf: { reference: 'Organization/region' } });
    house.passTime(6_000);
  });
  it.each(cases)('is %s', async (_what, to, as, isMeant) => {
    await one({ type: 'deny', actor: [actor(to)] });
    expect(await open(as)).toEqual(isMeant ? [] : about);
  });

  it('is one of several', async () => {
    await one({ type: 'deny', actor: [actor('Practitioner/physician'), actor('Practitioner/nurse')] });
    expect(await open('nurse')).toEqual([]);
  });
});

describe('What a denial is about', () => {
  const code = (value: string, system = 'http://loinc.org') => ({ coding: [{ system, code: value }] });
  const cases: readonly (readonly [string, object, readonly string[]])[] = [
    ['a type', { class: [ofType('Condition')] }, ['Condition/condition-a']],
    [
      'several types',
      { class: [ofType('Condition'), ofType('Encounter')] },
      ['Condition/condition-a', 'Encounter/visit-a'],
    ],
    ['a class that is no type: all', { class: [{ system: 'urn:documents', code: 'x' }] }, about],
    [
      'a code, and where nobody can tell the codes',
      { class: [ofType('Observation'), ofType('Patient')], code: [code('2823-3')] },
      ['Observation/lab-a'],
    ],
    ['a code without codings: all that has codes', { code: [{ text: 'secrets' }] }, about],
    ['a code of another system', { class: [ofType('Observation')], code: [code('2823-3', 'urn:x')] }, []],
    [
      'an instance',
      { data: [{ meaning: 'instance', reference: { reference: 'Observation/lab-a' } }] },
      ['Observation/lab-a'],
    ],
    [
      'what is related to an instance: nobody can tell',
      { class: [ofType('Condition')], data: [{ meaning: 'related', reference: { reference: 'Observation/lab-a' } }] },
      ['Condition/condition-a'],
    ],
    [
      'what was so then',
      { class: [ofType('Observation')], dataPeriod: { start: '2026-05-01', end: '2026-05-01' } },
      ['Observation/vital-a', 'Observation/lab-a'],
    ],
    ['what was so before', { class: [ofType('Observation')], dataPeriod: { end: '2026-04-30' } }, []],
    [
      'what has no time, with what was then',
      { class: [ofType('Condition')], dataPeriod: { end: '2020' } },
      ['Condition/condition-a'],
    ],
    ['reading', { action: [action('access')] }, about],
    ['collecting alone', { action: [action('collect')] }, []],
    ['an action that nobody knows', { action: [{ text: 'whatever' }] }, about],
    ['a purpose, where nobody says for what', { purpose: [{ code: 'HMARKT' }] }, about],
  ];
  it.each(cases)('is %s', async (_what, more, closed) => {
    await one({ type: 'deny', ...more });
    expect(await open('nurse')).toEqual(without(...closed));
  });

  it('is the mark of a label and what is above', async () => {
    const marked = ['vital-a', 'secret-a', 'sealed-a'].map((id) => `Observation/${id}`);
    expect(await open('service', marked)).toEqual(marked);
    await one({ type: 'deny', securityLabel: [label('V')] });
    expect(await open('service', marked)).toEqual(marked.slice(0, 2));
    await one({ type: 'deny', securityLabel: [label('R')] });
    expect(await open('service', marked)).toEqual(marked.slice(0, 1));
    await one({ type: 'deny', securityLabel: [label('N')] });
    expect(await open('service', marked)).toEqual([]);
    await one({
      type: 'deny',
      securityLabel: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'PSY' }],
    });
    expect(await open('service', marked)).toEqual(marked);
  });

  it('is collecting, where it says so: nothing new, but what is there is read', async () => {
    await one({ type: 'deny', action: [action('collect')] });
    const body = { ...world.find(({ id }) => id === 'lab-a'), id: undefined };
    expect((await house.ask('POST', '/Observation', { as: 'service', body })).status).toBe(403);
    expect(await open('service')).toEqual(about);
  });

  it('is a purpose, with what is below it', async () => {
    const forPurpose = (purposeOfUse: string) => {
      house.grants.set(purposeOfUse, grantOf('Client/backend', ['service'], 'system/*.rs', { purposeOfUse }));
      return open(purposeOfUse, ['Condition/condition-a']);
    };
    await one({ type: 'deny', purpose: [{ code: 'TREAT' }] });
    expect(await forPurpose('ETREAT')).toEqual([]);
    expect(await forPurpose('TREAT')).toEqual([]);
    expect(await forPurpose('HMARKT')).toEqual(['Condition/condition-a']);
  });
});

describe('A period', () => {
  it('counts from its first moment to its last', async () => {
    await one({ type: 'deny', period: { start: '2026-06-02', end: '2026-06-03' } });
    const at = async (time: string) => {
      house.passTime(Date.parse(time) - house.now());
      return house.status('/Patient/a', 'nurse');
    };
    expect(await at('2026-06-01T23:59:59.999Z')).toBe(200);
    house.access.forget();
    expect(await at('2026-06-02T00:00:00.000Z')).toBe(404);
    expect(await at('2026-06-03T23:59:59.999Z')).toBe(404);
    house.access.forget();
    expect(await at('2026-06-04T00:00:00.000Z')).toBe(200);
  });

  it('that is over is seen within five seconds', async () => {
    const end = new Date(house.now() + 60_000).toISOString();
    await one({ type: 'deny', period: { end } });
    house.passTime(60_000);
    expect(await house.status('/Patient/a', 'nurse')).toBe(404);
    house.passTime(5_001);
    expect(await house.status('/Patient/a', 'nurse')).toBe(200);
  });
});

describe('An exception', () => {
  it('permits inside of a denial, to its actor and about its class', async () => {
    await one({
      type: 'deny',
      provision: [{ type: 'permit', actor: [actor('Practitioner/nurse')], class: [ofType('Observation')] }],
    });
    expect(await open('nurse')).toEqual(['Observation/vital-a', 'Observation/lab-a']);
    expect(await open('physician')).toEqual([]);
  });

  it('denies inside of a permit, and again permits inside of that', async () => {
    await one({
      type: 'permit',
      provision: [
        {
          type: 'deny',
          actor: [actor('Organization/north')],
          provision: [{ type: 'permit', actor: [actor('Practitioner/nurse')] }],
        },
      ],
    });
    expect(await open('nurse')).toEqual(about);
    expect(await open('physician')).toEqual([]);
    expect(await open('service')).toEqual(about);
  });

  it('that may not be meant permits nothing; one that denies beside it wins', async () => {
    const permit = { type: 'permit', class: [ofType('Condition')] };
    await one({ type: 'deny', provision: [{ ...permit, purpose: [{ code: 'TREAT' }] }] });
    expect(await open('nurse')).toEqual([]);
    await one({ type: 'deny', provision: [permit, { type: 'deny', class: [ofType('Condition')] }] });
    expect(await open('nurse')).toEqual([]);
    await one({ type: 'deny', provision: [{ ...permit, type: undefined }] });
    expect(await open('nurse')).toEqual([]);
  });

  it('is what the provision is to a base policy', async () => {
    const policy = (code: string) => ({
      policyRule: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code }] },
    });
    await one(undefined, policy('OPTOUT'));
    expect(await open('nurse')).toEqual([]);
    await one({ type: 'permit', actor: [actor('Practitioner/nurse')] }, policy('OPTOUT'));
    expect(await open('nurse')).toEqual(about);
    expect(await open('physician')).toEqual([]);
    await one({ actor: [actor('Practitioner/physician')] }, policy('OPTOUT'));
    expect(await open('nurse')).toEqual(about);
    expect(await open('physician')).toEqual([]);
    await one(undefined, policy('OPTIN'));
    expect(await open('nurse')).toEqual(about);
  });

  it('of one Consent is none to another', async () => {
    await one({ type: 'deny', class: [ofType('Condition')] });
    await house.put(consent('two', { type: 'permit' }));
    expect(await open('nurse')).toEqual(without('Condition/condition-a'));
  });
});
