/**
 * Who may see what, a second time, from the words of the policies (capability/access/README.md, docs/smart-apps.md): one
 * function from a resource to yes or no for each caller, and which types he may ask about at all. Nothing of src/smart is in it.
 */
import { keyOf, localKey, type World } from '../../search/oracle/evaluate.ts';
import { A, later, nurse, physician, type Stored } from './world.ts';

export type Right = 'c' | 'r' | 'u' | 'd' | 's';

export interface Words {
  /** Whether anything of the type is open with the right: else 403. */
  opens(type: string, right: Right): boolean;
  /** Whether the caller may see the resource; one truth for reading and searching. */
  sees(resource: any): boolean;
  /** The resource without the elements that are hidden from the caller. */
  shown(resource: any): any;
  /** Resource types of which elements are hidden. */
  readonly hidden: readonly string[];
}

/** What is about a patient, by the parameter `patient`, or else by the compartment. */
const about: Readonly<Record<string, (one: any) => readonly any[]>> = {
  Patient: (one) => [{ reference: keyOf(one) }],
  Observation: (one) => [one.subject],
  Encounter: (one) => [one.subject],
  Condition: (one) => [one.subject],
  MedicationRequest: (one) => [one.subject],
  QuestionnaireResponse: (one) => [one.subject],
  Composition: (one) => [one.subject],
  RiskAssessment: (one) => [one.subject],
  List: (one) => [one.subject],
  CareTeam: (one) => [one.subject],
  Flag: (one) => [one.subject],
  Task: (one) => [one.for],
  Device: (one) => [one.patient],
  Consent: (one) => [one.patient],
  RelatedPerson: (one) => [one.patient],
  Group: (one) => (one.member ?? []).map(({ entity }: any) => entity),
  Provenance: (one) => one.target,
};
/** What R4 counts to the compartment of a patient beside that. https://hl7.org/fhir/R4/compartmentdefinition-patient.html */
const besides: Readonly<Record<string, (one: any) => readonly any[]>> = {
  Patient: (one) => (one.link ?? []).map(({ other }: any) => other),
  Observation: (one) => one.performer ?? [],
  Condition: (one) => [one.asserter],
  QuestionnaireResponse: (one) => [one.author],
  Composition: (one) => [...(one.author ?? []), ...(one.attester ?? []).map(({ party }: any) => party)],
  List: (one) => [one.source],
  CareTeam: (one) => (one.participant ?? []).map(({ member }: any) => member),
};

const isLabelled = (resource: any, ...codes: string[]): boolean =>
  (resource.meta?.security ?? []).some(({ code }: any) => codes.includes(code));

interface Facts {
  readonly base: string;
  readonly newest: ReadonlyMap<string, any>;
}

const keysOf = ({ base }: Facts, references: readonly any[]): readonly (string | undefined)[] =>
  references.map((one) => localKey({ base } as World, one));
const isOwn = (facts: Facts, patient: string, one: any): boolean =>
  keysOf(facts, [...(about[one.resourceType]?.(one) ?? []), ...(besides[one.resourceType]?.(one) ?? [])]).includes(
    patient,
  );
const isAboutOneOf = (facts: Facts, patients: ReadonlySet<string>, one: any): boolean =>
  keysOf(facts, about[one.resourceType]?.(one) ?? []).some((key) => key !== undefined && patients.has(key));

/** Whether its period has ended when the questions are asked. */
const isOver = ({ period }: any): boolean => Date.parse(period?.end) < later;

/** Patients of active CareTeams with one of the members. */
function patientsOfTeams(facts: Facts, who: string): ReadonlySet<string> {
  const members = [who, ...activeRoles(facts, who).map(keyOf)];
  const teams = [...facts.newest.values()].filter(
    (one) =>
      one.resourceType === 'CareTeam' &&
      one.status === 'active' &&
      !isOver(one) &&
      one.participant.some((two: any) => !isOver(two) && members.includes(two.member.reference)),
  );
  return new Set(teams.map(({ subject }) => subject.reference));
}

const activeRoles = ({ newest }: Facts, who: string): readonly any[] =>
  [...newest.values()].filter(
    (one) =>
      one.resourceType === 'PractitionerRole' &&
      one.active !== false &&
      !isOver(one) &&
      one.practitioner.reference === who,
  );

/** Patients whose managing organization is one in which the caller works. */
function patientsOfOrganizations(facts: Facts, who: string): ReadonlySet<string> {
  const places = activeRoles(facts, who).map(({ organization }) => organization.reference);
  const patients = [...facts.newest.values()].filter(
    (one) =>
      one.resourceType === 'Patient' &&
      keysOf(facts, [one.managingOrganization]).some((key) => key !== undefined && places.includes(key)),
  );
  return new Set(patients.map(keyOf));
}

/** Whether an active Consent of a patient denies the caller what belongs to that patient; nobody is kept from what is about himself. */
function isDenied(facts: Facts, who: string, one: any): boolean {
  if (one.resourceType === 'Consent' || isAboutOneOf(facts, new Set([who]), one)) return false;
  return [...facts.newest.values()].some(
    ({ resourceType, status, patient, provision }) =>
      resourceType === 'Consent' &&
      status === 'active' &&
      !isOver(provision) &&
      (provision.actor === undefined || provision.actor.some(({ reference }: any) => reference.reference === who)) &&
      provision.class.some(({ code }: any) => code === one.resourceType) &&
      isOwn(facts, patient.reference, one),
  );
}

const isVital = ({ category }: any): boolean =>
  (category ?? []).some(({ coding }: any) =>
    coding?.some(
      ({ system, code }: any) =>
        system === 'http://terminology.hl7.org/CodeSystem/observation-category' && code === 'vital-signs',
    ),
  );

const whole = { shown: (one: any) => one, hidden: [] };
const reads = (right: Right): boolean => right === 'r' || right === 's';

const hiddenOfPatient = ['Practitioner', 'PractitionerRole'];
const kept: Readonly<Record<string, readonly string[]>> = {
  Practitioner: ['telecom', 'address', 'birthDate', 'photo'],
  PractitionerRole: ['telecom'],
};

/** Without how to reach those who treat; and without the narrative, which may tell, also of what such a resource stands in. */
function withoutReach(resource: any): any {
  const left = { ...resource };
  for (const name of kept[resource.resourceType] ?? []) delete left[name];
  const inner = [...(left.contained ?? []), ...(left.entry ?? []).map((entry: any) => entry.resource)];
  if (left.contained) left.contained = left.contained.map(withoutReach);
  if (left.resourceType === 'Bundle' && left.entry)
    left.entry = left.entry.map((entry: any) =>
      entry.resource ? { ...entry, resource: withoutReach(entry.resource) } : entry,
    );
  const isConcerned = (one: any): boolean =>
    kept[one?.resourceType] !== undefined || (one?.contained ?? []).some(isConcerned);
  if (kept[resource.resourceType] || inner.some(isConcerned)) delete left.text;
  return left;
}

/** Types of the world that tell of no patient and that a scope for a patient opens for reading. */
const ofNoPatient = ['Practitioner', 'PractitionerRole', 'Organization', 'Location'];
const sharedByPatient = [...ofNoPatient, 'ValueSet', 'Questionnaire'];
const sharedByNurse = [...ofNoPatient, 'ValueSet', 'Questionnaire', 'PlanDefinition'];
const sharedByPhysician = [...sharedByNurse, 'ConceptMap'];

const ofPatient = (facts: Facts): Words => ({
  opens: (type, right) =>
    reads(right)
      ? sharedByPatient.includes(type) || (about[type] !== undefined && !['Provenance', 'Group'].includes(type))
      : right === 'c' && ['Observation', 'QuestionnaireResponse'].includes(type),
  // Neither those who are in a Group with the patient nor those who are linked to it.
  sees: (one) =>
    ofNoPatient.includes(one.resourceType) ||
    (one.resourceType === 'Patient'
      ? keyOf(one) === A
      : !['Provenance', 'Group'].includes(one.resourceType) && isOwn(facts, A, one)),
  shown: withoutReach,
  hidden: hiddenOfPatient,
});

const ofNurse = (facts: Facts): Words => {
  const patients = patientsOfTeams(facts, nurse);
  const isCare = (type: string) => about[type] !== undefined && !['Provenance', 'Consent'].includes(type);
  const writes: Readonly<Record<string, string>> = {
    Observation: 'cu',
    Flag: 'u',
    Task: 'cu',
    QuestionnaireResponse: 'c',
  };
  return {
    ...whole,
    opens: (type, right) =>
      reads(right) ? sharedByNurse.includes(type) || isCare(type) : (writes[type]?.includes(right) ?? false),
    sees: (one) =>
      sharedByNurse.includes(one.resourceType) ||
      (isCare(one.resourceType) && isAboutOneOf(facts, patients, one) && !isLabelled(one, 'R', 'V')),
  };
};

const ofPhysician = (facts: Facts): Words => {
  const [own, near] = [patientsOfTeams(facts, physician), patientsOfOrganizations(facts, physician)];
  const isCare = (type: string) => about[type] !== undefined && type !== 'Consent';
  return {
    ...whole,
    opens: (type, right) => reads(right) && (sharedByPhysician.includes(type) || isCare(type)),
    sees: (one) =>
      sharedByPhysician.includes(one.resourceType) ||
      (isCare(one.resourceType) &&
        ((isAboutOneOf(facts, own, one) && !isLabelled(one, 'V')) ||
          (isAboutOneOf(facts, near, one) && !isLabelled(one, 'R', 'V')))),
  };
};

const ofBackend = (): Words => ({
  ...whole,
  opens: (type, right) => (type === 'Observation' ? true : reads(right) && ['Patient', 'Encounter'].includes(type)),
  sees: (one) =>
    one.resourceType === 'Patient' ||
    (one.resourceType === 'Observation' && isVital(one)) ||
    (one.resourceType === 'Encounter' && one.status === 'finished'),
});

export const names = ['patient', 'nurse', 'physician', 'backend'] as const;
export type Name = (typeof names)[number];

const words: Readonly<Record<Name, (facts: Facts) => Words>> = {
  patient: ofPatient,
  nurse: ofNurse,
  physician: ofPhysician,
  backend: ofBackend,
};

const asking: Readonly<Record<Name, string>> = { patient: A, nurse, physician, backend: 'Client/backend' };

/** By what is stored now. */
export function wordsFor(name: Name, versions: readonly Stored[], base: string): Words {
  const newest = new Map<string, any>();
  for (const { key, resource } of versions) {
    if (resource) newest.set(key, resource);
    else newest.delete(key);
  }
  const facts = { base, newest };
  const found = words[name](facts);
  return { ...found, sees: (one) => found.sees(one) && !isDenied(facts, asking[name], one) };
}
