/** What a nurse may see in whose CareTeam patient A is, and B is not: as a policy, and by the words of the rules for one resource. */
import type { Grant } from '../../../src/smart/grant.ts';
import type { Policies } from '../../../src/smart/policies/policy.ts';
import { scopesOf } from '../../../src/smart/scopes/words.ts';
import { localKey, type World } from '../oracle/evaluate.ts';
import { A, B, isVisible } from './patient-a.ts';

const nurse = 'Practitioner/nurse-of-the-test';
const role = 'nurse-of-the-test';

/** Whose patient a resource of the type is about: by `patient` where there is that parameter, else by R4's compartment. */
const aboutOf: Readonly<Record<string, (one: any) => readonly any[]>> = {
  Patient: (one) => [{ reference: `Patient/${one.id}` }],
  Observation: (one) => [one.subject],
  Encounter: (one) => [one.subject],
  Condition: (one) => [one.subject],
  MedicationRequest: (one) => [one.subject],
  QuestionnaireResponse: (one) => [one.subject],
  Composition: (one) => [one.subject],
  RiskAssessment: (one) => [one.subject],
  List: (one) => [one.subject],
  Device: (one) => [one.patient],
  Group: (one) => (one.member ?? []).map(({ entity }: any) => entity),
  Provenance: (one) => one.target,
};

/** Whether the nurse may see it: of what is about no patient whatever A may. */
export const isVisibleToNurse = (base: string, one: any): boolean =>
  aboutOf[one.resourceType]
    ? aboutOf[one.resourceType]!(one).some((reference) => localKey({ base } as World, reference) === A)
    : one.resourceType !== 'CareTeam' && isVisible(A, base, one);

const team = (id: string, of: string, status: string) => ({
  resourceType: 'CareTeam',
  id,
  status,
  subject: { reference: of },
  participant: [{ member: { reference: nurse } }],
});

/** A's is hers; B's has ended; nobody sees the teams themselves. */
export const careTeams = [team('of-a', A, 'active'), team('of-b', B, 'inactive')];

export const nursePolicies: Policies = new Map([
  [
    role,
    {
      role,
      description: 'What a nurse sees in the test of two houses.',
      rules: [
        { types: Object.keys(aboutOf), rights: 'rs', within: 'care-team' },
        { types: ['Practitioner'], rights: 'rs' },
        { search: 'Organization?active:not=false', rights: 'rs' },
        { search: 'Location?status:not=suspended', rights: 'rs' },
        ...['ValueSet', 'Questionnaire', 'PlanDefinition'].map((type) => ({
          search: `${type}?status=active,retired`,
          rights: 'rs',
        })),
        { search: 'ConceptMap?status=active,draft', rights: 'rs' },
        { search: '*?_id=%device', rights: 'rs' },
      ],
    },
  ],
]);

export const nurseGrant: Grant = {
  who: nurse,
  client: 'app',
  user: nurse,
  roles: [role],
  scopes: scopesOf('user/*.rs'),
  token: nurse,
};
