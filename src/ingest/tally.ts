/** What became of what others send by one door, on this server since it started: for people who look after feeds. docs/dashboard.md */
import { asProblem } from '../fhir/outcome.ts';
import type { Told, Vitals } from './vitals.ts';

export interface Tallied {
  /** Messages, posts or files. */
  readonly success: number;
  /** Refused, or in part. */
  readonly failure: number;
  /** Stored already: messages, or readings of a batch. */
  readonly duplicate: number;
  /** Milliseconds since 1970. */
  readonly lastSuccess?: number;
  readonly lastFailure?: number;
  /** Of the last failure; a sentence without a value of what came. */
  readonly reason?: string;
}

export interface Tally {
  took(duplicates?: number): void;
  refused(reason: string, duplicates?: number): void;
  read(): Tallied;
}

export function createTally(now: () => number): Tally {
  let told: Tallied = { success: 0, failure: 0, duplicate: 0 };
  return {
    took(duplicates = 0) {
      told = { ...told, success: told.success + 1, duplicate: told.duplicate + duplicates, lastSuccess: now() };
    },
    refused(reason, duplicates = 0) {
      const { failure, duplicate } = told;
      told = { ...told, failure: failure + 1, duplicate: duplicate + duplicates, lastFailure: now(), reason };
    },
    read: () => told,
  };
}

/** The same vitals, counted. */
export function tallied(vitals: Vitals, tally: Tally): Vitals {
  async function counted(work: Promise<Told>): Promise<Told> {
    try {
      const told = await work;
      const { duplicates = told.unrecorded === 'repeat' ? 1 : 0 } = told.body as { duplicates?: number };
      const [first] = told.refused ?? [];
      if (first) tally.refused(first.problem.message, duplicates);
      else tally.took(duplicates);
      return told;
    } catch (error) {
      tally.refused(asProblem(error).message);
      throw error;
    }
  }
  return {
    reading: (...of) => counted(vitals.reading(...of)),
    batch: (...of) => counted(vitals.batch(...of)),
  };
}
