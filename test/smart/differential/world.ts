/** Two care teams, two organizations, and what is about their patients: every version of it, the same for the same seed. */
import { entangled } from '../../search/access/entangled.ts';
import { diceOf } from '../../search/oracle/dice.ts';
import { keyOf } from '../../search/oracle/evaluate.ts';
import { randomResources } from '../../search/oracle/resources.ts';

/** The patient who asks, and the one of the other team. */
export const A = 'Patient/1';
export const B = 'Patient/2';
/** Of team 1 and of team 2; both work in the organization of their patient. */
export const nurse = 'Practitioner/1';
export const physician = 'Practitioner/2';

export const begin = Date.UTC(2026, 0, 1);
const DAY = 86_400_000;
/** When the questions are asked. */
export const later = begin + 30 * DAY;

/** One version as it is stored; no resource: it was deleted then. */
export interface Stored {
  readonly key: string;
  readonly versionId: number;
  readonly lastUpdated: number;
  readonly resource?: any;
}

const to = (reference: string) => ({ reference });
const labelled = (code: string) => ({
  meta: { security: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality', code }] },
});
const category = (code: string) => ({
  category: [{ coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code }] }],
});
const heartRate = { code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }] } };
const phone = (value: string) => ({ telecom: [{ system: 'phone', value }] });

const team = (id: string, of: string, status: string, ...members: string[]) => ({
  resourceType: 'CareTeam',
  id,
  status,
  subject: to(of),
  participant: members.map((member) => ({ member: to(member) })),
});
const role = (id: string, who: string, organization: string, active: boolean) => ({
  resourceType: 'PractitionerRole',
  id,
  active,
  practitioner: to(who),
  organization: to(organization),
  ...phone(`role ${id}`),
});
const observation = (id: string, of: string, more: object = {}) => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  ...category('vital-signs'),
  ...heartRate,
  identifier: [{ system: 'urn:own', value: id }],
  subject: to(of),
  effectiveDateTime: '2026-01-02',
  ...more,
});

const consent = (id: string, patient: string, status: string, provision: object) => ({
  resourceType: 'Consent',
  id,
  status,
  scope: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'patient-privacy' }] },
  category: [{ text: 'privacy' }],
  patient: to(patient),
  policyRule: { text: 'the policy of the house' },
  provision: { type: 'deny', ...provision },
});
const classes = (...types: string[]) => ({
  class: types.map((code) => ({ system: 'http://hl7.org/fhir/resource-types', code })),
});
const actor = (reference: string) => ({
  role: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ParticipationType', code: 'IRCP' }] },
  reference: to(reference),
});

const loinc = 'http://loinc.org';
const set = (name: string, ...codes: string[]) => ({
  resourceType: 'ValueSet',
  id: name,
  url: `http://sets.example.org/${name}`,
  status: 'active',
  compose: { include: [{ system: loinc, concept: codes.map((code) => ({ code })) }] },
});

const over = { period: { end: '2025-12-31' } };

/** What the random resources have not. */
const besides: readonly any[] = [
  // Sets of codes for `:in`, by the names that the questions know.
  set('seen', '8867-4', '8480-6'),
  set('also-seen', '29463-7'),
  set('hidden', '8310-5', '8867-4'),
  team('one', A, 'active', nurse),
  team('one-too', 'Patient/4', 'active', 'PractitionerRole/nurse-north'),
  team('two', B, 'active', physician),
  team('old', B, 'inactive', nurse),
  // Teams, memberships and work that are over.
  { ...team('over', B, 'active', nurse), ...over },
  {
    ...team('left', B, 'active'),
    participant: [{ member: to(nurse), ...over }, { member: to(physician) }],
  },
  { ...role('physician-left', physician, 'Organization/1', true), ...over },
  role('nurse-north', nurse, 'Organization/1', true),
  role('physician-south', physician, 'Organization/2', true),
  role('physician-north', physician, 'Organization/1', false),
  // What is denied to everybody, to one, to somebody else, not any more, and what was never agreed.
  consent('of-4', 'Patient/4', 'active', classes('Condition', 'MedicationRequest')),
  consent('of-1', A, 'active', classes('RiskAssessment', 'Flag')),
  consent('of-2', B, 'active', { ...classes('Encounter'), actor: [actor(physician)] }),
  consent('of-3', 'Patient/3', 'active', { ...classes('Observation'), actor: [actor(nurse)] }),
  consent('of-5', 'Patient/5', 'active', classes('Observation')),
  consent('over', A, 'active', { ...classes('Observation'), period: { end: '2025-12-31' } }),
  consent('draft', A, 'draft', classes('Observation')),
  ...entangled(A, B),
  ...[A, B, 'Patient/4'].flatMap((of) => {
    const id = of.replace('Patient/', 'of-');
    return [
      { resourceType: 'Flag', id, status: 'active', code: { text: 'watch' }, subject: to(of) },
      { resourceType: 'Task', id, status: 'requested', intent: 'order', for: to(of), focus: to(`Observation/${id}`) },
      { resourceType: 'RelatedPerson', id, patient: to(of), active: true },
      observation(id, of),
      observation(`${id}-restricted`, of, labelled('R')),
      observation(`${id}-sealed`, of, labelled('V')),
      observation(`${id}-measured`, of, category('laboratory')),
      // Somebody else's resource stands in an own one, and shows in it; a Practitioner without how to reach him.
      observation(`${id}-holder`, of, {
        contained: [
          { resourceType: 'Patient', id: 'inner', name: [{ family: `Inner-${id}` }], gender: 'female' },
          { resourceType: 'Practitioner', id: 'doctor', name: [{ family: 'Inside' }], ...phone(`inside ${id}`) },
        ],
        performer: [to('#inner'), to('#doctor')],
        text: { status: 'generated', div: `<div xmlns="http://www.w3.org/1999/xhtml">phone inside ${id}</div>` },
      }),
      {
        resourceType: 'List',
        id,
        status: 'current',
        mode: 'working',
        subject: to(of),
        entry: [A, B].map((other) => ({ item: to(`Observation/${other.replace('Patient/', 'of-')}`) })),
      },
    ];
  }),
];

/** Resources with a past: they were another patient's, had no label or were deleted. Versions from the first on. */
const withPast: readonly (readonly any[])[] = [
  [observation('stayed', A, { status: 'preliminary' }), observation('stayed', A)],
  [observation('stayed-with-b', B, { status: 'preliminary' }), observation('stayed-with-b', B)],
  [observation('went', A), observation('went', B)],
  [observation('came', B), observation('came', A)],
  [observation('closed', A), observation('closed', A, labelled('V'))],
  [observation('opened', A, labelled('V')), observation('opened', A)],
  [observation('gone', A), undefined],
  [observation('gone-with-b', B), undefined],
];

/** Most of what is about a patient is about A, B or another of team 1, so that each points into what is the other's. */
function between(seed: number, resource: any): any {
  const roll = diceOf(seed);
  const text = JSON.stringify(resource).replace(/Patient\/\d+(?=["/])/g, (whole) =>
    roll.chance(0.45)
      ? A
      : roll.chance(0.6)
        ? B
        : roll.chance(0.5)
          ? 'Patient/4'
          : roll.chance(0.5)
            ? 'Patient/5'
            : whole,
  );
  return JSON.parse(text);
}

/** Those who ask, and their patients, are what the policies need them to be; labels are rarer than the random resources have them. */
function placed(seed: number, resource: any): any {
  const key = keyOf(resource);
  const { security: _labels, ...meta } = resource.meta ?? {};
  const open = diceOf(seed).chance(0.6) || /^Patient\/[124]$/.test(key) ? { meta } : {};
  const home = {
    [A]: 'Organization/1',
    [B]: 'Organization/2',
    'Patient/3': 'Organization/2',
    'Patient/4': 'Organization/1',
  }[key];
  const isAsking = key === nurse || key === physician;
  return { ...resource, ...open, ...(home && { managingOrganization: to(home) }), ...(isAsking && { active: true }) };
}

const AT_ONCE = 50;

/** In the order in which they were stored. */
export function worldFor(seed: number, base: string): readonly Stored[] {
  const roll = diceOf(seed);
  const single = [
    ...randomResources(seed, base).map((one, n) => placed(seed * 20_000 + n, between(seed * 10_000 + n, one))),
    ...besides,
  ];
  const inOrder = [...single.map((one) => [one]), ...withPast]
    .map((versions) => [roll.below(1_000_000), versions] as const)
    .sort(([a], [b]) => a - b)
    .map(([, versions]) => versions);
  return inOrder.flatMap((versions, n) =>
    versions.map((resource, i) => {
      const lastUpdated = begin + Math.floor(n / AT_ONCE) * 1000 + i * DAY;
      const given = { versionId: String(i + 1), lastUpdated: new Date(lastUpdated).toISOString() };
      return {
        key: keyOf(versions[0]),
        versionId: i + 1,
        lastUpdated,
        ...(resource && { resource: { ...resource, meta: { ...resource.meta, ...given } } }),
      };
    }),
  );
}
