/**
 * The fast lane of vital signs: one range entry per patient, and one per patient and code, whose interval is the effective
 * time, so that "this patient's heart rates of last week, newest first" is a single range scan.
 */
import type { RangeEntry } from './query.ts';

/** Name of the entry for `Patient/1` and `http://loinc.org|8867-4`. */
export const laneName = (patient: string, system: string, code: string): string =>
  `${laneStart}${patient}${laneEnd(system, code)}`;
export const laneStart = 'Observation.patient+code=';
export const laneEnd = (system: string, code: string): string => ` ${system}|${code}`;
/** What follows the name of a lane for those without a time, which come last in every order. No code ends so. */
export const undated = '\u0000';

/** Name of the entry for all of `Patient/1` that has a time. */
export const patientLaneName = (patient: string): string => `Observation.patient=${patient}`;

/** References and systems that make unambiguous names. */
export const fitsLane = (patient: string, system: string): boolean =>
  patient.startsWith('Patient/') && !system.includes('|');

/** The entries of one Observation. Codings with a code; only literal references to a Patient. */
export function laneEntries(
  patient: string,
  codings: readonly { system?: unknown; code?: unknown }[],
  times: readonly RangeEntry[],
): readonly RangeEntry[] {
  const entries: RangeEntry[] = [];
  const enter = (name: string) => {
    for (const { low, high } of times) entries.push({ name, low, high });
  };
  if (fitsLane(patient, '')) enter(patientLaneName(patient));
  for (const coding of codings) {
    const { code } = coding;
    const system = typeof coding.system === 'string' ? coding.system : '';
    if (typeof code !== 'string' || !fitsLane(patient, system)) continue;
    const name = laneName(patient, system, code);
    if (times.length === 0) entries.push({ name: `${name}${undated}`, low: 0, high: 0 });
    enter(name);
  }
  return entries;
}
