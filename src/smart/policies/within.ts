/** The compartments of rules as criteria: own patient, own CareTeams' patients, own organization's, own device's. capability/access/README.md */
import { compartmentParameters } from '../../fhir/compartments.ts';
import type { Resource } from '../../fhir/references.ts';
import { compartmentCriterion } from '../../search/compartment.ts';
import { extract } from '../../search/extract.ts';
import { untilDefinitionsChange } from '../../search/knowledge.ts';
import { any, type Criterion, none } from '../../search/query.ts';
import { aboutNames, aboutPatient, isAboutPatient, namesBy } from '../about-patient.ts';
import type { Right } from '../scopes/criterion.ts';
import { type Facts, isOver } from './facts.ts';
import type { Within } from './policy.ts';

const told = untilDefinitionsChange<boolean>();

/** Whether it can be told of the type at all. */
export function canBeWithin(type: string, within: Within): boolean {
  const name = `${within} ${type}`;
  let can = told.get(name);
  if (can === undefined) {
    can = withinCriterion(type, within, someone, 'r') !== undefined;
    told.set(name, can);
  }
  return can;
}

const someone: Facts = {
  members: ['Practitioner/1'],
  organizations: ['Organization/1'],
  patient: 'Patient/1',
  device: 'Device/1',
};

/** Those that many callers may have in common: of what is about their Patients. */
export type Shared = Extract<Within, 'care-team' | 'organization'>;
export const shared: readonly Shared[] = ['care-team', 'organization'];

/** The Patients of a caller, as a chain. */
export const chainWithin = (within: Shared, { members, organizations }: Facts): Criterion =>
  within === 'care-team'
    ? inCareTeam(members)
    : organizations.length === 0
      ? none
      : pointing('Patient', 'organization', organizations)!;

/** What a resource of the type fulfils that is the caller's in this sense; `none` for a caller who has none; undefined: cannot be told. */
export function withinCriterion(type: string, within: Within, facts: Facts, right: Right): Criterion | undefined {
  const isRead = right === 'r' || right === 's';
  switch (within) {
    case 'own':
      if (!isRead) return facts.patient === undefined ? none : aboutPatient(type, idOf(facts.patient));
      return ofPatient(type, facts.patient);
    case 'organization':
      if (type === 'Organization') return ids(facts.organizations);
      return throughPatient(type, within, facts, isRead);
    case 'care-team':
      return throughPatient(type, within, facts, isRead);
    case 'device':
      return ofDevice(type, facts.device);
  }
}

const idOf = (reference: string): string => reference.slice(reference.indexOf('/') + 1);
const ids = (references: readonly string[]): Criterion =>
  references.length === 0 ? none : { is: 'id', ids: references.map(idOf) };

/** It points under the parameter to one of these; undefined where the type has no such parameter. */
function pointing(type: string, code: string, targets: readonly string[]): Criterion | undefined {
  const names = namesBy(type, [code]);
  if (names.length === 0) return undefined;
  return any(names.flatMap((name) => targets.map((target) => ({ is: 'reference', name, target }) as const)));
}

function ofPatient(type: string, patient: string | undefined): Criterion | undefined {
  const about = patient ?? 'Patient/nobody';
  const criterion =
    compartmentCriterion('Patient', idOf(about), type) ??
    (isAboutPatient(type) ? pointing(type, 'patient', [about]) : undefined);
  return criterion && (patient === undefined ? none : criterion);
}

/** Active CareTeams with one of the members in it. */
export function ownTeams(members: readonly string[]): Criterion {
  const isMember = pointing('CareTeam', 'participant', members)!;
  const isActive: Criterion = { is: 'key', name: 'CareTeam.status', first: 'active', second: '' };
  return { is: 'all', of: [isMember, isActive] };
}

/** Patients who have one. */
function inCareTeam(members: readonly string[]): Criterion {
  if (members.length === 0) return none;
  const [name] = namesBy('CareTeam', ['patient']);
  return { is: 'referred', type: 'CareTeam', name: name!, where: ownTeams(members) };
}

/** Patients whom the CareTeam is about, as references, where one of the members is in it and neither has ended. */
export function lookedAfterBy(team: Resource, members: readonly string[], now: number): readonly string[] {
  if (isOver(team.period, now)) return [];
  const participant = (team.participant ?? []).filter(({ period }: any) => !isOver(period, now));
  const { references } = extract({ ...team, participant });
  const targetsUnder = (code: string): readonly string[] => {
    const names = namesBy('CareTeam', [code]);
    return references.filter(({ name }) => names.includes(name)).map(({ target }) => target);
  };
  return targetsUnder('participant').some((one) => members.includes(one)) ? targetsUnder('patient') : [];
}

/**
 * Patients themselves, or what is about one: by `patient` where the type has that parameter, so that one way leads there, else
 * by whatever R4's compartment names. By the list of them where there is one, which means the same.
 */
function throughPatient(type: string, within: Shared, facts: Facts, isRead: boolean): Criterion | undefined {
  const list = facts.lists?.[within];
  const patients = list === undefined ? chainWithin(within, facts) : list.ids.length === 0 ? none : undefined;
  if (type === 'Patient') return patients ?? { is: 'id', ids: list!.ids };
  const names = isAboutPatient(type)
    ? namesBy(type, ['patient'])
    : isRead
      ? namesBy(type, compartmentParameters('Patient', type) ?? [])
      : aboutNames(type);
  if (names.length === 0) return undefined;
  if (patients === none) return none;
  return any(
    names.map(
      (name): Criterion =>
        patients
          ? { is: 'refers', name, type: 'Patient', where: patients }
          : { is: 'points', name, targets: list!.references },
    ),
  );
}

function ofDevice(type: string, device: string | undefined): Criterion | undefined {
  const about = device ?? 'Device/nobody';
  const [assigned] = namesBy('Device', ['patient']);
  const criterion: Criterion | undefined =
    type === 'Device'
      ? ids([about])
      : type === 'Patient'
        ? { is: 'referred', type: 'Device', name: assigned!, where: ids([about]) }
        : (pointing(type, 'device', [about]) ?? pointing(type, 'source', [about]));
  return criterion && (device === undefined ? none : criterion);
}
