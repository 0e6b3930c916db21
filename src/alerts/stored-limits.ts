/**
 * Limits that are stored: an ObservationDefinition goes before the shipped limits of the codes it names, one for a patient
 * before both. What is stored is kept beside the alarms, so that every server finds it with them, in the same round trip.
 * https://hl7.org/fhir/R4/observationdefinition.html, docs/alerts.md
 */
import { problem } from '../fhir/outcome.ts';
import { keyOf, type Resource, referenceTo } from '../fhir/references.ts';
import type { Derive, Pending } from '../interactions/interaction.ts';
import { isKeptAnew, keptNow, resourceNow } from '../interactions/pending.ts';
import { type Change, isDeleted, type Kept, type Look, type Version } from '../store/store.ts';
import { adultBandOf } from './interpret.ts';
import {
  type Interval,
  type Limits,
  type LimitsOf,
  limitsFrom,
  type Threshold,
  type Thresholds,
} from './thresholds.ts';

const kinds = ['vital', 'cardiac-limit', 'device-limit', 'derived-limit'] as const satisfies readonly LimitsOf[];

/** What is kept of those for everybody, and of those for one patient: the definitions that stand, by id, and when each was written. */
interface KeptLimits {
  readonly definitions: Readonly<Record<string, object & { readonly at: number }>>;
}

/** Kind of the alarms, and of the limits beside them. */
const kind = 'alarm';
const keyFor = (patient: string | undefined): string => (patient === undefined ? 'limits' : `limits|${patient}`);
/** The definitions stand by themselves: a reading asks whether there are any, and which, by the revision of a row of a few bytes. */
const definitionsKey = (key: string): string => `${key}|definitions`;

/** Keys to ask for together with the alarms of a patient. */
export const limitKeys = (patient: string | undefined): readonly string[] =>
  patient === undefined ? [keyFor(undefined)] : [keyFor(undefined), keyFor(patient)];

const MOST = 10_000;

/** Reads what is kept; one reader for one store. What it compiled it knows by key and revision, and revisions never repeat. */
export function createStoredLimits(shipped: Limits) {
  const compiled = new Map<string, Limits>();

  async function limitsAt(key: string, stamp: Kept, look: Look): Promise<Limits> {
    const name = `${key} ${stamp.revision}`;
    const known = compiled.get(name);
    if (known) return known;
    const [kept] = await look.get(kind, [definitionsKey(key)]);
    const limits = compile(key, kept?.value, shipped);
    if (compiled.size >= MOST) compiled.clear();
    compiled.set(name, limits);
    return limits;
  }

  /** Those that go before the shipped ones, the first first. */
  return async (patient: string | undefined, pending: Pending, look: Look): Promise<readonly Limits[]> => {
    const keys = limitKeys(patient);
    const stamps = await look.get(kind, keys);
    const found: Limits[] = [];
    for (const [i, key] of keys.entries()) {
      const stamp = stamps[i];
      if (isKeptAnew(kind, key, pending)) found.unshift(await limitsIn(key, pending, look, shipped));
      else if (stamp) found.unshift(await limitsAt(key, stamp, look));
    }
    return found;
  };
}

/** Limits that the same commit changes: too seldom to remember. */
async function limitsIn(key: string, pending: Pending, look: Look, shipped: Limits): Promise<Limits> {
  const { value } = await keptNow(kind, definitionsKey(key), pending, look);
  return compile(key, value, shipped);
}

/** Those of one patient hold at whatever age. */
function compile(key: string, kept: KeptLimits | undefined, shipped: Limits): Limits {
  const newestFirst = Object.entries(kept?.definitions ?? {})
    .sort(([a, { at: one }], [b, { at: other }]) => other - one || (a < b ? -1 : 1))
    .map(([, definition]) => definition);
  const limits = limitsFrom(newestFirst);
  if (key !== keyFor(undefined)) return limits;
  const ofAdults = kinds.map((of) => [of, forAdults(limits[of], shipped[of])] as const);
  return Object.fromEntries(ofAdults) as unknown as Limits;
}

/** What says no age is for adults where the shipped limits of the same tell adults from children: those hold for children as before. */
const forAdults = (stored: Thresholds, shipped: Thresholds): Thresholds =>
  new Map(
    [...stored].map(([code, tables]) => {
      const ages = adultBandOf(shipped.get(code) ?? []);
      const aged = (one: Interval): Interval =>
        one.fromMonth === undefined && one.untilMonth === undefined ? { ...one, ...ages } : one;
      return [code, tables.map((table): Threshold => ({ ...table, intervals: table.intervals.map(aged) }))];
    }),
  );

/** What limits are made of, without narrative and the like. */
function essence(definition: any): object {
  const { identifier, code, contained, preferredReportName, quantitativeDetails, qualifiedInterval, ...rest } =
    definition;
  const { abnormalCodedValueSet, criticalCodedValueSet } = rest;
  return JSON.parse(
    JSON.stringify({
      identifier,
      code,
      contained,
      preferredReportName,
      quantitativeDetails,
      qualifiedInterval,
      abnormalCodedValueSet,
      criticalCodedValueSet,
    }),
  );
}

const isLimit = (definition: any): boolean =>
  kinds.some((of) => definition.identifier?.some(({ system }: any) => system?.endsWith(`/sid/${of}`)));

/** Whom a definition is for: nobody where it has no limits. Refuses one that nobody could tell limits from. */
function placeOf(definition: Resource | undefined, canonical: string): string | undefined {
  if (!definition || !isLimit(definition)) return undefined;
  const url = `${canonical}/StructureDefinition/limits-for`;
  const [about, ...others] = (definition['extension'] ?? []).filter((extension: any) => extension.url === url);
  if (!about) return keyFor(undefined);
  if (others.length > 0)
    throw problem('business-rule', 'limits are for one Patient or for everybody: write one for each', {
      expression: 'ObservationDefinition.extension',
    });
  const patient = keyOf(about.valueReference?.reference ?? '');
  if (patient?.type !== 'Patient')
    throw problem('business-rule', 'limits are for a Patient of this server', {
      expression: 'ObservationDefinition.extension',
    });
  return keyFor(referenceTo(patient));
}

const sameFor = (a: Interval, b: Interval): boolean =>
  a.gender === b.gender &&
  a.fromMonth === b.fromMonth &&
  a.untilMonth === b.untilMonth &&
  String(a.kinds) === String(b.kinds);

/** They may touch; and what is critical at one end may lie within what is normal without such an end. */
function reachesInto(critical: Interval, normal: Interval): boolean {
  if ((critical.low ?? normal.low) === undefined || (critical.high ?? normal.high) === undefined) return false;
  const low = Math.max(critical.low?.value ?? Number.NEGATIVE_INFINITY, normal.low?.value ?? Number.NEGATIVE_INFINITY);
  const high = Math.min(
    critical.high?.value ?? Number.POSITIVE_INFINITY,
    normal.high?.value ?? Number.POSITIVE_INFINITY,
  );
  return low < high;
}

function demandApart(intervals: readonly Interval[]): void {
  for (const critical of intervals.filter(({ kind }) => kind === 'critical'))
    for (const normal of intervals.filter(({ kind }) => kind === 'normal'))
      if (sameFor(critical, normal) && reachesInto(critical, normal))
        throw new Error('what is critical reaches into what is normal');
}

function demandLimits(definition: any): void {
  try {
    const limits = limitsFrom([essence(definition)]);
    for (const of of kinds)
      for (const tables of limits[of].values()) for (const { intervals } of tables) demandApart(intervals);
    if (kinds.some((of) => limits[of].size > 0)) return;
  } catch (error) {
    throw problem('business-rule', error instanceof Error ? error.message : 'these limits cannot be read', {
      expression: 'ObservationDefinition.qualifiedInterval',
    });
  }
  throw problem('business-rule', 'alert limits take a code, a unit and a qualifiedInterval, or a set of coded values', {
    expression: 'ObservationDefinition',
  });
}

/** Whom nobody knows nobody is told of. */
async function demandPatient(place: string, pending: Pending, look: Look): Promise<void> {
  const patient = keyOf(place.slice(`${keyFor(undefined)}|`.length));
  if (!patient || (await resourceNow(patient, pending, look))) return;
  throw problem('business-rule', `${referenceTo(patient)}, whom limits are for, is not here`, {
    expression: 'ObservationDefinition.extension',
  });
}

const resourceOf = (version: Version | undefined): Resource | undefined =>
  version && !isDeleted(version) ? JSON.parse(version.text) : undefined;

/** An ObservationDefinition that is written or deleted is among the kept limits, or no longer, from this commit on. */
export const followLimits: Derive = async ({ key, before, after }, pending, look, { now, canonical }) => {
  const was = placeOfOld(resourceOf(before), canonical);
  const is = placeOf(after, canonical);
  if (is !== undefined) {
    demandLimits(after);
    await demandPatient(is, pending, look);
  }
  const changes: Change[] = [];
  for (const place of new Set([was, is])) {
    if (place === undefined) continue;
    const { value, expect } = await keptNow(kind, definitionsKey(place), pending, look);
    const stamp = await keptNow(kind, place, pending, look);
    const { [key.id]: _old, ...others } = (value as KeptLimits | undefined)?.definitions ?? {};
    const definitions = place === is ? { ...others, [key.id]: { ...essence(after), at: now } } : others;
    const inOrder = Object.fromEntries(Object.entries(definitions).sort(([a], [b]) => (a < b ? -1 : 1)));
    changes.push(
      { op: 'put', kind, key: definitionsKey(place), value: { definitions: inOrder }, expect },
      { op: 'put', kind, key: place, value: Object.keys(inOrder).length, expect: stamp.expect },
    );
  }
  return changes;
};

/** Of what was stored by a release that did not look. */
function placeOfOld(definition: Resource | undefined, canonical: string): string | undefined {
  try {
    return placeOf(definition, canonical);
  } catch {
    return undefined;
  }
}
