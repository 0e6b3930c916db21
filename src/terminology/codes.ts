/** Codes of code systems, how their resources are named and found, and why a set of them cannot be told. https://hl7.org/fhir/R4/terminology-service.html */
import type { Resource } from '../fhir/references.ts';

/** A code of a code system, as a Coding names it. */
export interface Code {
  readonly system: string;
  readonly code: string;
}

export type TerminologyType = 'ValueSet' | 'CodeSystem';

/** The resource that a canonical (`url` or `url|version`) names; undefined where it is not known here. May throw NotExpandable. */
export type Find = (type: TerminologyType, canonical: string) => Promise<Resource | undefined>;

/** Thrown where the codes cannot be told wholly and surely. Its message continues "the ValueSet ..." and names paths, never contents. */
export class NotExpandable extends Error {
  readonly code: 'not-supported' | 'too-costly';

  constructor(message: string, code: 'not-supported' | 'too-costly' = 'not-supported') {
    super(message);
    this.code = code;
  }
}

/** More codes than this in a set are refused. */
export const mostCodes = 5000;

/** Takes `http://x|1.0` apart. */
export function canonicalParts(canonical: string): { url: string; version: string | undefined } {
  const bar = canonical.indexOf('|');
  return bar < 0
    ? { url: canonical, version: undefined }
    : { url: canonical.slice(0, bar), version: canonical.slice(bar + 1) };
}

/**
 * The resource that is meant, among those of one url: the one of the version, or without one the only or newest version.
 * Throws NotExpandable where that cannot be told. https://hl7.org/fhir/R4/references.html#canonical
 */
export function pick(held: readonly Resource[], version: string | undefined): Resource | undefined {
  const fitting = version === undefined ? held : held.filter((one) => one.version === version);
  if (fitting.length < 2) return fitting[0];
  const numbered = fitting.map((resource) => ({ resource, numbers: numbersOf(resource.version) }));
  if (numbered.every(({ numbers }) => numbers !== undefined)) {
    const [first, second] = numbered.sort((a, b) => byNumbers(b.numbers!, a.numbers!));
    if (byNumbers(first!.numbers!, second!.numbers!) !== 0) return first!.resource;
  }
  throw new NotExpandable('is held several times, and their versions do not tell which is the newest');
}

/** `2.10.1` as numbers; undefined for versions in words. */
const numbersOf = (version: unknown): readonly number[] | undefined =>
  typeof version === 'string' && /^\d{1,9}(?:\.\d{1,9}){0,9}$/.test(version)
    ? version.split('.').map(Number)
    : undefined;

function byNumbers(a: readonly number[], b: readonly number[]): number {
  for (let at = 0; at < Math.max(a.length, b.length); at++) {
    const difference = (a[at] ?? 0) - (b[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
