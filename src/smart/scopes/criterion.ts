/** What a token's scopes open of one resource type, as a criterion. https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html */
import { allOf } from '../../interactions/entails.ts';
import { compartmentCriterion } from '../../search/compartment.ts';
import { any, type Criterion, none } from '../../search/query.ts';
import { aboutPatient } from '../about-patient.ts';
import { compiledQuery } from './query.ts';
import type { Scope } from './scope.ts';

export const rights = ['c', 'r', 'u', 'd', 's'] as const;
export type Right = (typeof rights)[number];

export interface About {
  /** Id of the Patient of the launch; without one scopes for a patient open nothing. */
  readonly patient?: string;
  /** FHIR base of this server: absolute references below it mean its own resources. */
  readonly base?: string;
}

/** Belongs to a patient by a parameter that R4's compartment does not name. */
const ofPatientBeside: ReadonlyMap<string, string> = new Map([
  ['Device', 'patient'],
  ['Task', 'patient'],
]);

/**
 * What the data of a patient refers to and what tells of no patient: who treated, where, with what. Scopes for a patient open
 * these for reading, as apps expect that show names; roles say who may.
 */
const ofNoPatient: ReadonlySet<string> = new Set([
  'DeviceDefinition',
  'HealthcareService',
  'Location',
  'Medication',
  'Organization',
  'Practitioner',
  'PractitionerRole',
]);

/** Whether any of the scopes speaks of this type and right at all: the difference between 403 and 404. */
export const opens = (scopes: readonly Scope[], type: string, right: Right): boolean =>
  scopes.some((scope) => speaksOf(scope, type, right));

/** What a resource must fulfil to be open by the scopes with this right; undefined: every one is; `none`: no one. */
export function scopeCriterion(
  scopes: readonly Scope[],
  type: string,
  right: Right,
  about: About,
): Criterion | undefined {
  const ways = new Map<string, Criterion>();
  for (const scope of scopes) {
    if (!speaksOf(scope, type, right)) continue;
    const way = reachOf(scope, type, right, about);
    if (way === undefined) return undefined;
    if (way !== none) ways.set(JSON.stringify(way), way);
  }
  return ways.size === 0 ? none : any([...ways.values()]);
}

const speaksOf = (scope: Scope, type: string, right: Right): boolean =>
  (scope.type === '*' || scope.type === type) && scope.rights.includes(right);

function reachOf(
  { context, query }: Scope,
  type: string,
  right: Right,
  { patient, base }: About,
): Criterion | undefined {
  const whose = context === 'patient' ? ofPatient(type, right, patient, base) : undefined;
  return query === undefined ? whose : allOf([whose, compiledQuery(type, query, base) ?? none]);
}

function ofPatient(
  type: string,
  right: Right,
  patient: string | undefined,
  base: string | undefined,
): Criterion | undefined {
  if (patient === undefined) return none;
  const isRead = right === 'r' || right === 's';
  // Links lead to other Patients, and what is written is about the patient, not by it.
  if (type === 'Patient' || !isRead) return aboutPatient(type, patient);
  const beside = ofPatientBeside.get(type);
  if (beside !== undefined) return compiledQuery(type, `${beside}=Patient/${patient}`, base) ?? none;
  if (ofNoPatient.has(type)) return undefined;
  return compartmentCriterion('Patient', patient, type) ?? none;
}
