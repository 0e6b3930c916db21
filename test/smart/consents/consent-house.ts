/** A house in which Consents count, the hospital of the policies' tests in it, and short ways to write a Consent. */
import type { ConsentMode } from '../../../src/smart/consents/narrowing.ts';
import { type AccessHouse, openAccessHouse } from '../../support/access-house.ts';
import { begin, everybody, fill, grantOf, keyOf, world } from '../policies/world.ts';

export interface ConsentHouse extends AccessHouse {
  /** What everybody may see again from now on: later, by an hour each time. */
  passTime(milliseconds: number): void;
  now(): number;
  put(resource: any): Promise<void>;
  remove(reference: string): Promise<void>;
  found(path: string, as: string): Promise<readonly string[]>;
  status(path: string, as: string): Promise<number>;
}

export async function openConsentHouse(consentMode: ConsentMode = 'deny-list'): Promise<ConsentHouse> {
  const house = await openAccessHouse(begin, { consentMode });
  let clock = begin;
  // Without those that the hospital has.
  await fill(house, [...world.filter(({ resourceType }) => resourceType !== 'Consent'), ...more]);
  for (const [name, grant] of Object.entries(everybody)) house.grants.set(name, grant);
  house.grants.set('b', grantOf('Patient/b', ['patient'], 'patient/*.rs', { patient: 'b' }));
  house.grants.set('mother', grantOf('RelatedPerson/mother-of-a', ['patient'], 'user/*.rs'));
  return {
    ...house,
    now: () => clock,
    passTime(milliseconds) {
      clock += milliseconds;
      house.setClock(clock);
    },
    async put(resource) {
      const { status, text } = await house.ask('PUT', `/${keyOf(resource)}`, { body: resource });
      if (status >= 300) throw new Error(`${status} ${text}`);
    },
    async remove(reference) {
      await house.ask('DELETE', `/${reference}`);
    },
    async found(path, as) {
      const { status, body, text } = await house.ask('GET', path, { as });
      if (status !== 200) throw new Error(`${path} answered ${status}: ${text}`);
      return (body.entry ?? [])
        .filter(({ search }: any) => search.mode !== 'outcome')
        .map(({ resource }: any) => keyOf(resource))
        .sort();
    },
    status: async (path, as) => (await house.ask('GET', path, { as })).status,
  };
}

const reference = (to: string) => ({ reference: to });
const more = [
  { resourceType: 'Organization', id: 'region', name: 'Region' },
  {
    resourceType: 'CareTeam',
    id: 'night',
    status: 'active',
    participant: [{ member: reference('Practitioner/physician') }],
  },
  {
    resourceType: 'CareTeam',
    id: 'past',
    status: 'inactive',
    participant: [{ member: reference('Practitioner/physician') }],
  },
  { resourceType: 'Device', id: 'backend', identifier: [{ system: 'urn:clients', value: 'backend' }] },
];

const scope = {
  coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'patient-privacy' }],
};

/** A Consent about Patient/a with one provision, unless `given` says otherwise. */
export const consent = (id: string, provision: object | undefined, given: object = {}) => ({
  resourceType: 'Consent',
  id,
  status: 'active',
  scope,
  category: [{ text: 'privacy' }],
  patient: reference('Patient/a'),
  policyRule: { text: 'the policy of the house' },
  ...(provision && { provision }),
  ...given,
});

export const actor = (to: string | object, role = 'IRCP') => ({
  role: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ParticipationType', code: role }] },
  reference: typeof to === 'string' ? reference(to) : to,
});
export const ofType = (code: string) => ({ system: 'http://hl7.org/fhir/resource-types', code });
export const label = (code: string) => ({
  system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality',
  code,
});
export const action = (code: string) => ({
  coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentaction', code }],
});
