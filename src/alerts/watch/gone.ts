/** What a new version of a reading takes back: the one before, where it told something else. docs/alerts.md#derived */
import type { Resource } from '../../fhir/references.ts';
import { isDeleted, type Store, type Version } from '../../store/store.ts';
import { isDerived } from '../derived/derived.ts';
import { inputsIn } from '../derived/news2-inputs.ts';
import { isWithdrawn } from '../derived/take-back.ts';
import { samplesIn } from '../derived/trends.ts';
import { instantOf, isOfImplant, isSpoken, isTrusted, patientOf } from '../spoken.ts';
import type { Limits } from '../thresholds.ts';

export interface GoneParts {
  readonly store: Pick<Store, 'vread'>;
  readonly canonical: string;
  readonly limits: Limits;
}

export interface Gone {
  /** As it was told. */
  readonly observation: Resource;
  /** When it came in. */
  readonly arrived: number;
}

/** Undefined where all that it told still holds. */
export async function goneBy(
  { key, versionId, lastUpdated }: Version,
  after: Resource | undefined,
  parts: GoneParts,
): Promise<Gone | undefined> {
  const { store, canonical } = parts;
  if (after && isDerived(after, canonical)) return undefined;
  const version = versionId > 1 ? await store.vread(key, versionId - 1) : undefined;
  const before: Resource | undefined = version && !isDeleted(version) ? JSON.parse(version.text) : undefined;
  if (!version || !before || isDerived(before, canonical) || !isSpoken(before)) {
    // One that was withdrawn already, or of which nobody knows what it was.
    const isGone = after !== undefined && isWithdrawn(after);
    return isGone ? { observation: { ...after, status: 'final' }, arrived: lastUpdated } : undefined;
  }
  const isSame =
    after !== undefined && toldIn(after, lastUpdated, parts) === toldIn(before, version.lastUpdated, parts);
  return isSame ? undefined : { observation: before, arrived: version.lastUpdated };
}

/** All that scores and trends take of it. */
function toldIn(observation: Resource, arrived: number, { canonical, limits }: GoneParts): string {
  const patient = patientOf(observation);
  return JSON.stringify([
    patient,
    observation['device']?.reference,
    instantOf(observation, arrived),
    isSpoken(observation),
    isTrusted(observation, canonical),
    isOfImplant(observation, canonical),
    samplesIn(observation, patient ?? '', limits, canonical),
    inputsIn(observation, limits.vital),
  ]);
}
