/** What goes wrong behind everybody's back while readings are looked through: counted, so that somebody is told. docs/alerts.md#what-fails */
import { Problem } from '../../fhir/outcome.ts';
import type { Measure } from '../../measure.ts';
import { isConflict } from '../../store/store.ts';

/**
 * `refused`: the house would not have what was derived or an alert; `device`: a silent device could not be told of for now; `reading`:
 * one could not be looked through for now; `passed-over`: it never could.
 */
const faults = ['refused', 'device', 'reading', 'passed-over'] as const;
export type CountFault = (fault: (typeof faults)[number]) => void;

/** It may go well the next time: the store is busy, or somebody wrote meanwhile. */
export const isTransient = (error: unknown): boolean =>
  isConflict(error) || (error instanceof Problem && [412, 429, 503].includes(error.status));

const FIRST = 1_000;
const LONGEST = 60_000;
/** Milliseconds after so many tries that failed. */
export const pauseAfter = (tries: number): number => Math.min(LONGEST, FIRST * 2 ** (tries - 1));

export interface Faults {
  readonly count: CountFault;
  readonly measure: Measure;
}

export function createFaults(): Faults {
  const counts = new Map(faults.map((fault) => [fault, 0]));
  return {
    count: (fault) => void counts.set(fault, counts.get(fault)! + 1),
    measure: {
      kind: 'counter',
      name: 'alert_watch_faults',
      help: 'Readings, devices and derived values that could not be looked through or stored for alerts.',
      labels: ['fault'],
      read: () => [...counts].map(([fault, value]) => ({ labels: { fault }, value })),
    },
  };
}
