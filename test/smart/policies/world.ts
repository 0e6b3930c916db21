/** A small hospital: two organizations, three patients, a nurse, a physician, devices; and the grants of those who look at it. */
import type { Grant } from '../../../src/smart/grant.ts';
import { scopesOf } from '../../../src/smart/scopes/words.ts';
import type { AccessHouse } from '../../support/access-house.ts';

export const begin = Date.UTC(2026, 5, 1);

const reference = (to: string) => ({ reference: to });
const coded = (code: string) => ({ coding: [{ system: 'http://loinc.org', code }] });
const vital = {
  coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'vital-signs' }],
};
const laboratory = {
  coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'laboratory' }],
};
const confidentiality = (code: string) => ({
  security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code }],
});

const patient = (id: string, organization: string) => ({
  resourceType: 'Patient',
  id,
  active: true,
  identifier: [{ system: 'urn:mrn', value: `mrn-${id}` }],
  name: [{ family: `Family-${id}`, given: ['Given'] }],
  telecom: [{ system: 'phone', value: `555-${id}`, rank: 1 }],
  contact: [
    { name: { family: `Kin-${id}` }, telecom: [{ system: 'phone', value: `777-${id}` }] },
    { telecom: [{ system: 'phone', value: `778-${id}` }] },
  ],
  managingOrganization: reference(`Organization/${organization}`),
  text: { status: 'generated', div: `<div xmlns="http://www.w3.org/1999/xhtml">phone 555-${id}</div>` },
});
const observation = (id: string, of: string, more: object = {}) => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  category: [vital],
  code: coded('8867-4'),
  subject: reference(of),
  effectiveDateTime: '2026-05-01T10:00:00Z',
  ...more,
});
const careTeam = (id: string, of: string, status: string, member: string) => ({
  resourceType: 'CareTeam',
  id,
  status,
  subject: reference(of),
  participant: [{ member: reference(member) }],
});
const role = (id: string, who: string, organization: string, active: boolean) => ({
  resourceType: 'PractitionerRole',
  id,
  active,
  practitioner: reference(who),
  organization: reference(organization),
});

/** A is the nurse's by her team, B is the physician's by the organization, C is nobody's. */
export const world: readonly any[] = [
  { resourceType: 'Organization', id: 'north', name: 'North' },
  { resourceType: 'Organization', id: 'south', name: 'South' },
  ...['nurse', 'physician', 'stranger'].map((id) => ({
    resourceType: 'Practitioner',
    id,
    name: [{ family: id }],
    telecom: [{ system: 'phone', value: `999-${id}` }],
  })),
  role('physician-north', 'Practitioner/physician', 'Organization/north', true),
  role('physician-south', 'Practitioner/physician', 'Organization/south', false),
  role('nurse-north', 'Practitioner/nurse', 'Organization/north', true),
  patient('a', 'north'),
  patient('b', 'north'),
  patient('c', 'south'),
  careTeam('team-a', 'Patient/a', 'active', 'Practitioner/nurse'),
  careTeam('team-c', 'Patient/c', 'inactive', 'Practitioner/nurse'),
  { resourceType: 'RelatedPerson', id: 'mother-of-a', patient: reference('Patient/a') },
  ...['a', 'b', 'c'].flatMap((id) => {
    const of = `Patient/${id}`;
    const text = `of ${id}`;
    return [
      {
        resourceType: 'Encounter',
        id: `visit-${id}`,
        status: 'finished',
        class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'AMB' },
        subject: reference(of),
      },
      observation(`vital-${id}`, of, {
        encounter: reference(`Encounter/visit-${id}`),
        valueQuantity: { value: 72, unit: '/min', system: 'http://unitsofmeasure.org', code: '/min' },
      }),
      observation(`lab-${id}`, of, { category: [laboratory], code: coded('2823-3') }),
      observation(`secret-${id}`, of, { meta: confidentiality('R') }),
      observation(`sealed-${id}`, of, { meta: confidentiality('V') }),
      { resourceType: 'Condition', id: `condition-${id}`, subject: reference(of), code: { text } },
      {
        resourceType: 'Flag',
        id: `flag-${id}`,
        status: 'active',
        code: { text },
        subject: reference(of),
      },
      { resourceType: 'Task', id: `task-${id}`, status: 'requested', intent: 'order', for: reference(of) },
      { resourceType: 'Device', id: `device-${id}`, patient: reference(of) },
      {
        resourceType: 'List',
        id: `list-${id}`,
        status: 'current',
        mode: 'working',
        subject: reference(of),
        entry: [{ item: reference(`Observation/vital-${id}`) }],
      },
      { resourceType: 'Provenance', id: `from-${id}`, ...provenance(`Observation/vital-${id}`) },
      {
        resourceType: 'Consent',
        id: `consent-${id}`,
        status: 'active',
        scope: { coding: [{ code: 'patient-privacy' }] },
        category: [{ text }],
        patient: reference(of),
        policyRule: { text },
      },
    ];
  }),
  { resourceType: 'Basic', id: 'tagged', meta: { tag: [{ code: 'test' }] }, code: { text: 'x' } },
  { resourceType: 'Basic', id: 'plain', code: { text: 'x' } },
  observation('of-device', 'Patient/a', { device: reference('Device/device-a') }),
  observation('holder', 'Patient/a', {
    contained: [{ ...patient('inner', 'north'), text: undefined }],
    performer: [reference('#inner')],
    text: { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml">phone 555-inner</div>' },
  }),
];

function provenance(target: string) {
  return {
    target: [reference(target)],
    recorded: '2026-05-01T10:00:00Z',
    agent: [{ who: reference('Practitioner/nurse') }],
  };
}

export const keyOf = ({ resourceType, id }: any): string => `${resourceType}/${id}`;

/** Stores all of it, in an order in which nothing is referred to before it is there. */
export async function fill(house: AccessHouse, resources: readonly any[] = world): Promise<void> {
  const entry = resources.map((resource) => ({ resource, request: { method: 'PUT', url: keyOf(resource) } }));
  const { status, text } = await house.ask('POST', '', {
    body: { resourceType: 'Bundle', type: 'transaction', entry },
  });
  if (status !== 200) throw new Error(`the world was refused: ${status} ${text.slice(0, 1000)}`);
}

let tokens = 0;

/** A grant as the authorization server would make it. */
export function grantOf(who: string, roles: readonly string[], scope: string, more: Partial<Grant> = {}): Grant {
  return {
    who,
    client: 'app',
    ...(who.startsWith('Client/') ? {} : { user: `login of ${who}` }),
    roles,
    scopes: scopesOf(scope),
    token: `token-${++tokens}`,
    ...more,
  };
}

/** Those who look, by role. */
export const everybody: Readonly<Record<string, Grant>> = {
  patient: grantOf('Patient/a', ['patient'], 'patient/*.cruds', { patient: 'a' }),
  nurse: grantOf('Practitioner/nurse', ['nurse'], 'user/*.cruds'),
  physician: grantOf('Practitioner/physician', ['physician'], 'user/*.cruds'),
  cardiologist: grantOf('Practitioner/physician', ['cardiologist'], 'user/*.cruds'),
  tester: grantOf('Practitioner/stranger', ['tester'], 'user/*.cruds'),
  'privacy-officer': grantOf('Practitioner/stranger', ['privacy-officer'], 'user/*.cruds'),
  administrator: grantOf('Practitioner/stranger', ['administrator'], 'user/*.cruds'),
  service: grantOf('Client/backend', ['service'], 'system/*.cruds', { client: 'backend' }),
  device: grantOf('Device/device-a', ['device'], 'user/*.cruds'),
};
