/** What alerts ask of any Observation before they look at its value: whose it is, when it was, whether it counts. https://hl7.org/fhir/R4/observation.html */
import { keyOf, type Resource, referenceTo } from '../fhir/references.ts';

/** A signal below this opens and raises nothing by itself. */
const TRUSTED_QUALITY = 50;
/** Clocks differ by minutes. What lies further ahead tells nothing about when it was: as of feeds and mappings. */
export const AHEAD = 5 * 60_000;
const ACT_REASON = 'http://terminology.hl7.org/CodeSystem/v3-ActReason';
const spoken = new Set(['preliminary', 'final', 'amended', 'corrected']);
/** What an implant says of the heart is none of what the limits of vital signs are made for: a pacemaker paces at 50, an episode runs at 220. */
const ofImplants = ['cied-measurement', 'idco-observation'];

/** When it was measured, in milliseconds: the end of a period, else when it was issued, else now. */
export function instantOf(observation: Resource, now: number): number {
  const { effectiveDateTime, effectiveInstant, effectivePeriod, issued } = observation;
  const text = effectiveDateTime ?? effectiveInstant ?? effectivePeriod?.end ?? effectivePeriod?.start ?? issued;
  const at = text === undefined ? Number.NaN : Date.parse(text);
  return Number.isNaN(at) ? now : at;
}

/** Where it is placed among others: what a clock that is wrong puts further ahead is of now. */
export const placedAt = (at: number, now: number): number => (at > now + AHEAD ? now : at);

/** It says something, and it is no test: test messages of HL7 v2 say so, and nobody is to be woken by them. */
export const isSpoken = (observation: Resource): boolean =>
  spoken.has(observation['status']) &&
  !observation.meta?.security?.some(({ code, system }: any) => code === 'HTEST' && system === ACT_REASON);

/** `Patient/1` out of any literal reference to a Patient, without its version. */
export const patientOf = (observation: Resource): string | undefined =>
  /^((?:https?:\/\/\S+\/)?Patient\/[A-Za-z0-9\-.]{1,64})(?:\/_history\/\S+)?$/.exec(
    observation['subject']?.reference ?? '',
  )?.[1];

/** The Device that an Observation is about. */
export const deviceOf = ({ subject }: Resource): string | undefined => {
  const key = keyOf(subject?.reference ?? '');
  return key?.type === 'Device' ? referenceTo(key) : undefined;
};

export function isTrusted(observation: Resource, canonical: string): boolean {
  const quality = observation['extension']?.find(
    (e: any) => e.url === `${canonical}/StructureDefinition/signal-quality`,
  );
  return !((quality?.valueQuantity?.value ?? 100) < TRUSTED_QUALITY);
}

export const isOfImplant = ({ meta }: Resource, canonical: string): boolean =>
  ofImplants.some((name) => meta?.profile?.includes(`${canonical}/StructureDefinition/${name}`));
