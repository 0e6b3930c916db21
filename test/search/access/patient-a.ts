/** What patient A may see, said three times: as a policy, as criteria by hand, and by the words of the rules for one resource. */
import type { Access, Caller } from '../../../src/interactions/interaction.ts';
import { compartmentCriterion } from '../../../src/search/compartment.ts';
import { parseSearch } from '../../../src/search/parse.ts';
import type { Criterion } from '../../../src/search/query.ts';
import { noAccess } from '../../../src/smart/access.ts';
import type { Grant } from '../../../src/smart/grant.ts';
import type { Policies } from '../../../src/smart/policies/policy.ts';
import { scopesOf } from '../../../src/smart/scopes/words.ts';
import { localKey, type World } from '../oracle/evaluate.ts';

export const A = 'Patient/1';
export const B = 'Patient/2';

/** Types that are not about a patient: which of them everybody may see, as searches. Of types that are not here, only the compartment. */
const shared: Readonly<Record<string, string>> = {
  Practitioner: '',
  Organization: 'active:not=false',
  Location: 'status:not=suspended',
  ValueSet: 'status=active,retired',
  Questionnaire: 'status=active,retired',
  PlanDefinition: 'status=active,retired',
  ConceptMap: 'status=active,draft',
  Device: `patient=${A}`,
};

const nothing: Criterion = { is: 'any', of: [] };

/** Elements that make a resource part of A's compartment. https://hl7.org/fhir/R4/compartmentdefinition-patient.html */
const elementsOf: Readonly<Record<string, (one: any) => readonly any[]>> = {
  Patient: (one) => [{ reference: `Patient/${one.id}` }, ...(one.link ?? []).map(({ other }: any) => other)],
  Observation: (one) => [one.subject, ...(one.performer ?? [])],
  Encounter: (one) => [one.subject],
  Condition: (one) => [one.subject, one.asserter],
  MedicationRequest: (one) => [one.subject],
  QuestionnaireResponse: (one) => [one.subject],
  Composition: (one) => [one.subject],
  RiskAssessment: (one) => [one.subject],
  List: (one) => [one.subject, one.source],
  Group: (one) => (one.member ?? []).map(({ entity }: any) => entity),
  Provenance: (one) => one.target,
};

/** Whether the caller who is the Patient `own` may see the resource. */
export function isVisible(own: string, base: string, one: any): boolean {
  const isOwn = (reference: any): boolean => localKey({ base } as World, reference) === own;
  switch (one.resourceType) {
    case 'Practitioner':
      return true;
    case 'Organization':
      return one.active !== false;
    case 'Location':
      return one.status !== 'suspended';
    case 'ValueSet':
    case 'Questionnaire':
    case 'PlanDefinition':
      return one.status === 'active' || one.status === 'retired';
    case 'ConceptMap':
      return one.status === 'active' || one.status === 'draft';
    case 'Device':
      return isOwn(one.patient);
    default:
      return (elementsOf[one.resourceType]?.(one) ?? []).some(isOwn);
  }
}

/** Reads and searches; writes what it would then see. */
function patientAccess(own: string, base: string): Access {
  const [, id = ''] = own.split('/');
  const finds = (type: string): Criterion | undefined => {
    const rule = shared[type]?.replace(A, own);
    if (rule === '') return undefined;
    if (rule === undefined) return (elementsOf[type] && compartmentCriterion('Patient', id, type)) ?? nothing;
    const pairs = rule.split('&').map((part) => part.split('=') as [string, string]);
    return parseSearch(type, pairs, { strict: true, base }).query.where;
  };
  const known = new Map<string, Criterion | undefined>();
  const sees = (resource: any): boolean => isVisible(own, base, resource);
  return {
    ...noAccess,
    unrestricted: false,
    permits: () => true,
    finds: (type) => (known.has(type) ? known : known.set(type, finds(type))).get(type),
    sees,
    mayWrite: (before, after) =>
      (before === undefined ? after !== undefined : sees(before)) && (after === undefined || sees(after)),
  };
}

export const patientCaller = (own: string, base: string): Caller => ({ who: own, access: patientAccess(own, base) });

const ofA = 'patient-of-the-test';

/** The same as a policy; what it does not open is not refused, so that both houses answer alike. */
export const policies: Policies = new Map([
  [
    ofA,
    {
      role: ofA,
      description: 'What a patient sees in the test of two houses.',
      rules: [
        { types: Object.keys(elementsOf), rights: 'rs', within: 'own' },
        ...Object.entries(shared).map(([type, query]) =>
          query === ''
            ? { types: [type], rights: 'rs' }
            : { search: `${type}?${query.replace(A, '%patient')}`, rights: 'rs' },
        ),
        { search: '*?_id=%device', rights: 'rs' },
      ],
    },
  ],
]);

export const patientGrant = (own: string): Grant => ({
  who: own,
  client: 'app',
  user: own,
  roles: [ofA],
  scopes: scopesOf('user/*.rs'),
  token: own,
});
