/** What alerts ask of any Observation before they look at its value: whose it is, when it was, whether it counts. https://hl7.org/fhir/R4/observation.html */
import { keyOf, type Resource, referenceTo } from '../fhir/references.ts';

/** A signal below this opens and raises nothing by itself. */
const TRUSTED_QUALITY = 50;
/** Clocks differ by minutes. What lies further ahead tells nothing about when it was: as of feeds and mappings. */
export const AHEAD = 5 * 60_000;
const MDC = 'urn:iso:std:iso:11073:10101';
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

/** Partition 11 of ISO/IEEE 11073-10101 are the terms of implants (IDC), and nobody else's. */
const isIdc = ({ system, code }: any): boolean => system === MDC && Math.floor(Number(code) / 65_536) === 11;

/** By its profile, or by what it measures. */
export const isOfImplant = (observation: Resource, canonical: string): boolean =>
  ofImplants.some((name) => observation.meta?.profile?.includes(`${canonical}/StructureDefinition/${name}`)) ||
  [observation, ...(observation['component'] ?? [])].some(({ code }: any) => code?.coding?.some(isIdc));

/** MDC_IDC_ENUM_DEV_TYPE, and the words of CodeSystem/cardiac-device-kind for the same: pulse generators and loop recorders, no lead and no monitor. */
const implantKinds: ReadonlySet<string> = new Set([
  ...['753665', '753666', '753667', '753668', '753669', '753670'],
  ...['pacemaker', 'icd', 'crt-d', 'crt-p', 'loop-recorder'],
]);

/** By the codes of a Device's type. */
export const isImplant = (kinds: readonly string[]): boolean => kinds.some((kind) => implantKinds.has(kind));
