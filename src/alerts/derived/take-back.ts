/** What was derived of a reading that is withdrawn, deleted, moved or corrected is entered in error, and so is an alert that stands on nothing else. docs/alerts.md#derived */
import { parseExact } from '../../fhir/json.ts';
import { keyOf, type Resource, type ResourceKey, referenceTo } from '../../fhir/references.ts';
import type { Log } from '../../log.ts';
import { type Criterion, plainQuery } from '../../search/query.ts';
import { type Change, isAbsent, isDeleted, type Store, type Version } from '../../store/store.ts';
import { type Alert, alertKind } from '../alert.ts';
import { MOST_EVIDENCE, periodUntil } from '../raise.ts';
import { patientOf } from '../spoken.ts';
import type { CountFault } from '../watch/faults.ts';
import { isRefused, updateAlert, type Writing } from '../write-alert.ts';
import { derivedId, isDerived } from './derived.ts';

export interface TakeBackParts {
  readonly store: Pick<Store, 'read' | 'get' | 'search'>;
  readonly writing: Writing;
  readonly canonical: string;
  readonly now: () => number;
  readonly log: Pick<Log, 'error'>;
  readonly count: CountFault;
  /** Stands in each commit. */
  readonly fence: Change;
}

const IN_ERROR = 'entered-in-error';
const AT_A_TIME = 100;
const MOST_FLAGS = 500;

/** A reading that nobody is to rely on any more. */
export const isWithdrawn = (observation: Resource): boolean =>
  observation['status'] === IN_ERROR || observation['status'] === 'cancelled';

/** One that the house refuses leaves what else follows from the reading. */
async function inError({ key, versionId, text }: Version, parts: TakeBackParts): Promise<void> {
  const { writing, fence, now, count, log } = parts;
  const before = parseExact(text);
  const over = key.type === 'Flag' ? { period: periodUntil(now(), before.period) } : {};
  try {
    await updateAlert(key, { ...before, status: IN_ERROR, ...over }, versionId, writing, [fence]);
  } catch (error) {
    if (!isRefused(error)) throw error;
    count('refused');
    log.error('what was derived could not be taken back', error, { id: referenceTo(key) });
  }
}

/** Of versions of these readings that do not count any more; whose they were. `made` has just been derived of others, by its id. */
export async function takeBackDerived(
  readings: readonly ResourceKey[],
  made: ReadonlyMap<string, Resource>,
  parts: TakeBackParts,
): Promise<Set<string>> {
  const { store, canonical } = parts;
  const patients = new Set<string>();
  for (const reading of readings) {
    const of: Criterion = { is: 'reference', name: 'Observation.derived-from', target: referenceTo(reading) };
    let after: Awaited<ReturnType<Store['search']>>['next'];
    do {
      const page = await store.search(plainQuery('Observation', of, AT_A_TIME), after);
      for (const version of page.matches) {
        const derived = JSON.parse(version.text) as Resource;
        if (!isDerived(derived, canonical) || made.has(version.key.id)) continue;
        if (derived['status'] !== IN_ERROR) {
          if (await isOfNewest(version.key.id, derived, parts)) continue;
          await inError(version, parts);
        }
        const patient = patientOf(derived);
        if (patient !== undefined) patients.add(patient);
      }
      after = page.next;
    } while (after !== undefined);
  }
  return patients;
}

/** Of the readings as they are by now: the same stretch of the log is looked through again after a restart. */
async function isOfNewest(id: string, derived: Resource, { store, canonical }: TakeBackParts): Promise<boolean> {
  const { code, subject, device, effectiveDateTime, derivedFrom } = derived as any;
  const own = code.coding?.find(({ system }: any) => system === `${canonical}/CodeSystem/derived`)?.code;
  const at = Date.parse(effectiveDateTime);
  // Anybody may claim the profile.
  if (own === undefined || Number.isNaN(at)) return false;
  const versions = await store.read(derivedFrom.flatMap(({ reference }: any) => keyOf(reference ?? '') ?? []));
  if (versions.some((version) => isAbsent(version) || isWithdrawn(JSON.parse(version!.text)))) return false;
  const from = versions.map((version) => ({ reference: referenceTo(version!.key), versionId: version!.versionId }));
  return id === derivedId({ code: own, patient: subject?.reference, device: device?.reference, at, from });
}

/** Active Flags of the patient, all of whose evidence was derived and is in error by now. */
export async function takeBackAlerts(patient: string, parts: TakeBackParts): Promise<void> {
  const where: Criterion = {
    is: 'all',
    of: [
      { is: 'reference', name: 'Flag.subject', target: patient },
      { is: 'key', name: 'Flag.status', first: 'active', second: '' },
    ],
  };
  const { matches } = await parts.store.search(plainQuery('Flag', where, MOST_FLAGS), undefined);
  for (const flag of matches) if (await isGroundless(flag, parts)) await inError(flag, parts);
}

async function isGroundless({ key }: Version, { store, canonical }: TakeBackParts): Promise<boolean> {
  const [kept] = await store.get(alertKind, [key.id]);
  const alert = kept?.value as Alert | undefined;
  if (!alert?.open) return false;
  const [issue] = await store.read([{ type: 'DetectedIssue', id: alert.issue }]);
  const evidence: readonly any[] = issue && !isDeleted(issue) ? (JSON.parse(issue.text).evidence ?? []) : [];
  // A list that is full may not name them all.
  if (evidence.length === 0 || evidence.length >= MOST_EVIDENCE) return false;
  const keys = evidence.flatMap(({ detail }) => (detail ?? []).map(({ reference }: any) => keyOf(reference)));
  if (keys.some((one) => one?.type !== 'Observation')) return false;
  const seen = await store.read(keys);
  return seen.every((version) => {
    const observation = version && !isDeleted(version) ? (JSON.parse(version.text) as Resource) : undefined;
    return observation !== undefined && isDerived(observation, canonical) && observation['status'] === IN_ERROR;
  });
}
