/** What the Consents that are left for a caller leave of a type: as a criterion, so that it holds wherever the caller's rules do. https://hl7.org/fhir/R4/consent.html */
import { compartmentParameters } from '../../fhir/compartments.ts';
import { compartmentCriterion } from '../../search/compartment.ts';
import { isPresent } from '../../search/missing.ts';
import type { Criterion } from '../../search/query.ts';
import { type Targets, targetsOf } from '../../search/targets.ts';
import { isAboutPatient, namesBy, referencesBy } from '../about-patient.ts';
import type { Right } from '../scopes/criterion.ts';
import { extentOf, mayBeAbout } from './about.ts';
import type { Left } from './left.ts';
import { and, criterionOf, not, or, type Region } from './region.ts';

/** Patients whose Consents leave the same rule. */
export interface Shape {
  readonly left: Left;
  /** `Patient/1` */
  readonly patients: Targets;
}

/** `deny-list`: all but what is denied; `opt-in`: of what is a patient's nothing but what is permitted and not denied. */
export type ConsentMode = 'deny-list' | 'opt-in';

export interface Narrowing {
  readonly mode: ConsentMode;
  readonly shapes: readonly Shape[];
  /** `Patient/1` who asks, and is never kept from what is about himself. */
  readonly self?: string;
}

/** Undefined: all of the type. */
export function narrowed({ mode, shapes, self }: Narrowing, type: string, right: Right): Criterion | undefined {
  if (!isOfPatients(type)) return undefined;
  const open = not(joined(shapes, type, allNames(type), (left) => effects(left, type, right).denied));
  const permitted = () => joined(shapes, type, ownNames(type), (left) => effects(left, type, right).permitted);
  const region = mode === 'deny-list' ? open : and(open, or(ofNobody(type), permitted()));
  if (self === undefined || region === true) return criterionOf(region);
  return criterionOf(or(ofAny([self], type, ownNames(type)), region));
}

/** With more resources that are named one by one, their ids are asked first, so that the others need not be held against each. */
const MANY = 20;

/** What the rules are about, each for its own patients. */
function joined(
  shapes: readonly Shape[],
  type: string,
  names: readonly string[],
  regionOf: (left: Left) => Region,
): Region {
  const named: Region[] = [];
  const ids: string[] = [];
  const others: Region[] = [];
  for (const { left, patients } of shapes) {
    const region = regionOf(left);
    if (region === false) continue;
    const isOne = typeof region === 'object' && region.is === 'id';
    if (isOne) ids.push(...region.ids);
    (isOne ? named : others).push(and(region, ofAny(patients, type, names)));
  }
  if (named.length <= MANY) return or(...others, ...named);
  return or(...others, and({ is: 'id', ids: targetsOf(ids) }, or(...named)));
}

/** Consents themselves and what was done stay with those who look after them; their policies say who that is. */
const apart: ReadonlySet<string> = new Set(['AuditEvent', 'Consent']);

/** Whether anything of the type may be a patient's. */
export const isOfPatients = (type: string): boolean =>
  !apart.has(type) && (compartmentCriterion('Patient', '1', type) !== undefined || isAboutPatient(type));

interface Effects {
  /** What it may deny. */
  readonly denied: Region;
  /** What it surely permits. */
  readonly permitted: Region;
}

const noEffects: Effects = { denied: false, permitted: false };

/** An exception holds within its rule, against it; of two exceptions the one that denies. */
function effects({ effect, isSure, about, except }: Left, type: string, right: Right): Effects {
  if (!mayBeAbout(about, type)) return noEffects;
  const extent = extentOf(about, type, right);
  const inner = except.map((one) => effects(one, type, right));
  const denied = or(...inner.map((one) => one.denied));
  const permitted = and(or(...inner.map((one) => one.permitted)), not(denied));
  return {
    denied: and(extent.possible, effect === 'deny' ? not(permitted) : denied),
    permitted: and(isSure, extent.sure, effect === 'permit' ? not(denied) : permitted),
  };
}

const codesOf = (type: string): readonly string[] => [
  ...(compartmentParameters('Patient', type) ?? []),
  ...(isAboutPatient(type) ? ['patient'] : []),
];

/** Under which a resource may point to a patient that it belongs to in any way. */
const allNames = (type: string): readonly string[] => namesBy(type, codesOf(type));
/** Under which it points to whom it is about. */
const ownNames = (type: string): readonly string[] =>
  type === 'Patient' ? [] : namesBy(type, isAboutPatient(type) ? ['patient'] : codesOf(type));

const idLists = new WeakMap<Targets, Targets>();
function idsOf(patients: Targets): Targets {
  const known = idLists.get(patients);
  if (known) return known;
  const ids = targetsOf(patients.map((one) => one.slice('Patient/'.length)));
  idLists.set(patients, ids);
  return ids;
}

function ofAny(patients: Targets, type: string, names: readonly string[]): Region {
  if (patients.length === 0) return false;
  const isOne: Region = type === 'Patient' && { is: 'id', ids: idsOf(patients) };
  return or(isOne, ...names.map((name): Criterion => ({ is: 'points', name, targets: patients })));
}

function ofNobody(type: string): Region {
  if (type === 'Patient') return false;
  return and(...referencesBy(type, codesOf(type)).map((parameter) => not(isPresent(type, parameter))));
}
