/** The few shapes of an answer, and the refusals that several interactions share. https://hl7.org/fhir/R4/http.html */
import { type Problem, problem } from '../fhir/outcome.ts';
import { type Resource, type ResourceKey, referenceTo } from '../fhir/references.ts';
import type { Store, Version } from '../store/store.ts';
import type { Access, FhirAnswer, FhirRequest, Sight } from './interaction.ts';

export const answer = (status: number, version: Version, more: Partial<FhirAnswer> = {}): FhirAnswer => ({
  status,
  version,
  patients: patientsIn(version.key, version.text),
  ...more,
});

/** Weak ETag of a version. https://hl7.org/fhir/R4/http.html#versioning */
export const etagOf = (version: Version): string => `W/"${version.versionId}"`;

export const notFound = (key: ResourceKey): Problem => problem('not-found', `${referenceTo(key)} was not found`);

export const gone = (version: Version): Problem =>
  problem('deleted', `${referenceTo(version.key)} was deleted`, { headers: { ETag: etagOf(version) } });

/** Parsed only where the access has questions about what is inside. */
export function isSeen(access: Access, version: Version, right: Sight = 'r'): boolean | Promise<boolean> {
  if (access.unrestricted) return true;
  if (version.text === '') return false;
  return access.seesVersion
    ? access.seesVersion(version, right)
    : access.sees(JSON.parse(version.text) as Resource, right);
}

/**
 * An earlier version is for those who see the resource as it is now too: what came to be labelled, or was moved to another
 * patient, is not read in its past.
 */
export async function isSeenNow(access: Access, key: ResourceKey, store: Pick<Store, 'read'>): Promise<boolean> {
  if (access.unrestricted || access.finds(key.type, 'r') === undefined) return true;
  const [newest] = await store.read([key]);
  return newest !== undefined && isSeen(access, newest);
}

/** Those that are seen, in the same order. */
export async function seenOf(
  access: Access,
  versions: readonly Version[],
  right: Sight = 's',
): Promise<readonly Version[]> {
  if (access.unrestricted || versions.length === 0) return versions;
  const verdicts = versions.map((version) => isSeen(access, version, right));
  const isTold = verdicts.every((verdict) => typeof verdict === 'boolean');
  const told = isTold ? verdicts : await Promise.all(verdicts);
  return versions.filter((_, i) => told[i]);
}

/** https://hl7.org/fhir/R4/http.html#cread: whether the client already has this version. */
export function isUnchanged({ conditions }: FhirRequest, version: Version): boolean {
  if (conditions.ifNoneMatch !== undefined)
    return conditions.ifNoneMatch === '*' || conditions.ifNoneMatch === version.versionId;
  // HTTP dates have whole seconds.
  return (
    conditions.ifModifiedSince !== undefined &&
    Math.floor(version.lastUpdated / 1000) * 1000 <= conditions.ifModifiedSince
  );
}

const REFERENCE = '"reference":"';
const patientReference = /^(?:[^"]*\/)?(Patient\\?\/[A-Za-z0-9\-.]{1,64})(?:\\?\/_history[^"]*)?"/;

/** The patients that a resource is or names, `Patient/1`, for the audit row; read off the text, so that a read parses nothing. */
export function patientsIn(key: ResourceKey, text: string): readonly string[] {
  if (key.type === 'Patient') return [referenceTo(key)];
  const found: string[] = [];
  // Two searches for fixed words find the few places that the expression has to look at.
  for (let at = text.indexOf('Patient'); at >= 0; at = text.indexOf('Patient', at + 7)) {
    const quote = text.lastIndexOf('"', at);
    if (!text.startsWith(REFERENCE, quote + 1 - REFERENCE.length)) continue;
    const named = patientReference.exec(text.slice(quote + 1, quote + 600))?.[1]?.replace('\\', '');
    if (named !== undefined && !found.includes(named)) found.push(named);
  }
  return found;
}
