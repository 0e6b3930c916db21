/** WATCHFIRE_CONSENT=opt-in: of a patient nothing that no Consent permits. docs/consents.md */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { world } from '../policies/world.ts';
import { action, actor, type ConsentHouse, consent, label, ofType, openConsentHouse } from './consent-house.ts';

let house: ConsentHouse;
beforeAll(async () => {
  house = await openConsentHouse('opt-in');
});
afterAll(() => house.stop());
afterEach(async () => {
  for (const id of ['one', 'two']) await house.remove(`Consent/${id}`);
});

const keysOf = async (as: string) => [
  ...(await house.found('/Patient', as)),
  ...(await house.found('/Condition', as)),
  ...(await house.found('/Observation?_id=vital-a,lab-a,vital-b', as)),
];

describe('Without a permit', () => {
  it('nobody sees anything of a patient but that patient and the administrator', async () => {
    expect(await keysOf('service')).toEqual([]);
    expect(await keysOf('nurse')).toEqual([]);
    expect(await house.status('/Patient/a', 'nurse')).toBe(404);
    expect(await house.found('/Condition', 'patient')).toEqual(['Condition/condition-a']);
    expect(await house.status('/Condition/condition-a', 'administrator')).toBe(200);
  });

  it('what is about nobody is seen', async () => {
    expect(await house.found('/Organization', 'service')).toHaveLength(3);
    expect(await house.status('/Practitioner/nurse', 'nurse')).toBe(200);
    expect(await house.status('/Basic/plain', 'service')).toBe(200);
  });

  it('nothing is written about a patient', async () => {
    const body = { ...world.find(({ id }) => id === 'lab-a'), id: undefined };
    const post = async () => (await house.ask('POST', '/Observation', { as: 'service', body })).status;
    expect(await post()).toBe(403);
    await house.put(consent('one', { type: 'permit', action: [action('collect')] }));
    expect(await post()).toBe(201);
    expect(await keysOf('service')).toEqual([]);
  });
});

describe('A permit', () => {
  it('opens what roles and scopes open besides, of this patient, to its actor', async () => {
    await house.put(consent('one', { type: 'permit', actor: [actor('Practitioner/nurse')] }));
    expect(await keysOf('nurse')).toEqual([
      'Patient/a',
      'Condition/condition-a',
      'Observation/lab-a',
      'Observation/vital-a',
    ]);
    expect(await keysOf('service')).toEqual([]);
    expect(await keysOf('physician')).toEqual([]);
    expect(await house.status('/Observation/sealed-a', 'nurse')).toBe(404);
  });

  it.each([
    ['a class that is no type', { class: [{ system: 'urn:documents', code: 'x' }] }],
    ['a purpose that nobody said', { purpose: [{ code: 'TREAT' }] }],
    ['somebody who has only a name', { actor: [actor({ display: 'my nurse' })] }],
    ['the organization above', { actor: [actor('Organization/region')] }],
    ['an action that nobody knows', { action: [{ text: 'x' }] }],
    ['disclosing alone', { action: [action('disclose')] }],
    ['an author', { actor: [actor('Practitioner/nurse', 'AUT')] }],
    ['what is by an author', { data: [{ meaning: 'authoredby', reference: { reference: 'Practitioner/nurse' } }] }],
  ])('of what nobody can tell opens nothing: %s', async (_what, more) => {
    await house.put(consent('one', { type: 'permit', ...more }));
    expect(await keysOf('nurse')).toEqual([]);
  });

  it('reaches up to the mark of its label', async () => {
    const marked = async () => house.found('/Observation?_id=vital-a,secret-a,sealed-a', 'service');
    await house.put(consent('one', { type: 'permit', securityLabel: [label('N')] }));
    expect(await marked()).toEqual(['Observation/vital-a']);
    await house.put(consent('one', { type: 'permit', securityLabel: [label('R')] }));
    expect(await marked()).toEqual(['Observation/secret-a', 'Observation/vital-a']);
    await house.put(consent('one', { type: 'permit', securityLabel: [label('L')] }));
    expect(await marked()).toEqual([]);
  });

  it('is about what it names, and ends where another Consent denies', async () => {
    await house.put(consent('one', { type: 'permit', class: [ofType('Condition'), ofType('Observation')] }));
    expect(await keysOf('service')).toEqual(['Condition/condition-a', 'Observation/lab-a', 'Observation/vital-a']);
    await house.put(consent('two', { type: 'deny', class: [ofType('Condition')] }));
    expect(await keysOf('service')).toEqual(['Observation/lab-a', 'Observation/vital-a']);
    await house.remove('Consent/one');
    expect(await keysOf('service')).toEqual([]);
  });
});
