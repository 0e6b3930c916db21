/** Names for people on the pages of devices: of kinds of alerts and values, of people, teams and services. docs/dashboard.md */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { assets } from '../../src/console/assets.ts';
import { alertNamed, namedIn } from '../../src/console/cardiac/named.ts';
import { wordsOf } from '../../src/console/words/words.ts';
import { openHouse, type TestHouse } from '../support/house.ts';
import { alert, openWard, store } from './cardiac-world.ts';

describe('The kinds of alerts', () => {
  it('have words each, in every language', () => {
    const { concept } = JSON.parse(readFileSync('profiles/CodeSystem-alert-type.json', 'utf8'));
    for (const locale of ['en', 'de'] as const) {
      const known = Object.keys(wordsOf(locale, 'cardiac')).filter((key) => key.startsWith('cardiac.alert.'));
      expect(known.sort()).toEqual(concept.map(({ code }: any) => `cardiac.alert.${code}`).sort());
    }
  });

  it.each([
    ['vital-heart-rate', 'Heart rate', null, null],
    ['vital-heart-rate', 'Heart rate is critically high', 'HH', null],
    ['vital-blood-pressure', 'Systolic blood pressure is too low', 'L', null],
    ['lead-impedance-high', 'Lead impedance high', null, null],
    ['lead-impedance-high', 'Lead impedance high: Pacing impedance RV', null, 'Pacing impedance RV'],
    // What a maker writes is nobody else's to say.
    ['shock-delivered', 'Heart rate is critically high', null, 'Heart rate is critically high'],
    ['device-alert', '<b>My own</b>', null, '<b>My own</b>'],
    ['of-another-system', 'Something', null, 'Something'],
  ])('are told from what is said besides: %s, %s', (type, message, beyond, besides) => {
    expect(alertNamed(type, message)).toEqual({ beyond, besides });
  });

  it.each([
    [
      'alert-flood',
      'More than 20 warnings within 10 minutes: those that follow stand under this one',
      ['flood', { count: '20', minutes: '10' }],
    ],
    [
      'data-quality',
      'Data of the feed hl7v2 could not be used: no patient\nis named',
      ['unusable', { feed: 'hl7v2', why: 'no patient\nis named' }],
    ],
    ['device-alert', 'More than 20 warnings within 10 minutes: those that follow stand under this one', undefined],
  ])('say a sentence of this server in the language of who reads: %s', (type, message, own) => {
    expect(alertNamed(type, message).own).toEqual(own);
    // Pages get the words that their scripts can say.
    if (own) expect(assets().files.get('words/de/cardiac.js')!.bytes.toString()).toContain(`"cardiac.own.${own[0]}"`);
  });

  it('say since when a device is silent in instants, for the clock of who reads', () => {
    const [since, until] = ['2026-01-02T03:04:05.000Z', '2026-01-02T05:04:05.000Z'];
    const named = alertNamed('device-offline', `Nothing was heard of the device since ${since}; expected by ${until}`);
    expect(named).toEqual({ beyond: null, besides: null, own: ['silent', { since, until }] });
    expect(alertNamed('device-offline', 'No contact for 26 h').besides).toBe('No contact for 26 h');
  });
});

describe('The kinds of values', () => {
  it.each([
    ['heart_rate', { text: 'Heart rate' }, ''],
    ['lead_impedance', { text: 'lead_impedance RV' }, ' RV'],
    ['lead_impedance', { text: 'Lead impedance RV' }, ' RV'],
    ['oxygen_saturation', { coding: [{ display: 'Oxygen saturation in Arterial blood' }] }, ''],
    ['heart_rate', { text: 'Heart rate of an ICD' }, null],
    ['heart_rate', { text: 'HR per auscultation' }, null],
    ['a thing of theirs', { text: 'a thing of theirs' }, null],
  ])('are told from what others wrote: %s, %j', (kind, code, channel) => {
    expect(namedIn({ code }, kind).channel).toBe(channel);
  });
});

describe('Who was told of an alert', () => {
  let house: TestHouse;
  beforeAll(async () => {
    house = await openHouse();
    await openWard(house);
    const told = (id: string, recipient: object) => ({
      resourceType: 'Communication',
      id,
      status: 'completed',
      subject: { reference: 'Patient/p1' },
      about: [{ reference: 'Flag/flag-a1' }],
      recipient: [recipient],
    });
    await store(house, [
      ...alert('a1', 'p1'),
      { resourceType: 'HealthcareService', id: 'ems', name: 'Rescue North' },
      { resourceType: 'CareTeam', id: 'night', status: 'active', name: 'Night shift' },
      { resourceType: 'PractitionerRole', id: 'role', practitioner: { reference: 'Practitioner/nora' } },
      told('m1', { reference: 'HealthcareService/ems' }),
      told('m2', { reference: 'CareTeam/night' }),
      told('m3', { reference: 'PractitionerRole/role' }),
      told('m4', { reference: 'Practitioner/nina' }),
      told('m5', { reference: 'Organization/none', display: 'Somewhere' }),
    ]);
  });
  afterAll(() => house.stop());

  it('goes by name, of a person, a team or a service, else as it is written there', async () => {
    const { body } = await house.ask('GET', '/console/api/patients/p1');
    const said = body.alerts.find(({ flag }: any) => flag === 'flag-a1').said.map(({ who }: any) => who);
    expect(said.sort()).toEqual(['Lee, Nina', 'Night shift', 'Ray, Nora', 'Rescue North', 'Somewhere']);
  });
});
