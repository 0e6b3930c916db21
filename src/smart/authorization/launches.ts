/** Handles by which an EHR opens an app with a patient: made by the EHR, used once, within five minutes, by one client for one user. https://hl7.org/fhir/smart-app-launch/app-launch.html#launch-app-ehr-launch */
import type { Runtime } from '../../runtime.ts';
import { type Change, isConflict, type Store } from '../../store/store.ts';
import { freshWord } from '../secrets.ts';
import { keyOfId, kinds } from './kinds.ts';

export interface Launch {
  readonly client: string;
  /** Login of the user for whom alone it is. */
  readonly user: string;
  /** Ids. */
  readonly patient?: string;
  readonly encounter?: string;
  readonly intent?: string;
  /** One of those that the client is registered for. */
  readonly purposeOfUse?: string;
  /** False where the EHR shows the patient beside the app. */
  readonly needPatientBanner: boolean;
  readonly used?: boolean;
}

/** Seconds in which an app has to come with it. */
const FRESH = 300;
/** Seconds in which its user then has to sign in and consent. */
export const INTERACTION = 1_800;

/** A new handle and the change that keeps it. */
export function newLaunch(launch: Launch, runtime: Pick<Runtime, 'random'>): { handle: string; change: Change } {
  const handle = freshWord(runtime);
  const key = keyOfId(handle);
  return { handle, change: { op: 'put', kind: kinds.launch, key, value: launch, expect: 'absent', expiresIn: FRESH } };
}

/** Uses a handle; false where it is forged, old, used already or another client's. Of many at once one is the first. */
export async function useLaunch(store: Store, handle: string, client: string): Promise<boolean> {
  const key = keyOfId(handle);
  const [kept] = await store.get(kinds.launch, [key]);
  const launch = kept?.value as Launch | undefined;
  if (!launch || launch.used || launch.client !== client) return false;
  const value = { ...launch, used: true };
  try {
    await store.commit([{ op: 'put', kind: kinds.launch, key, value, expect: kept!.revision, expiresIn: INTERACTION }]);
    return true;
  } catch (error) {
    if (isConflict(error)) return false;
    throw error;
  }
}

/** What a handle says that has been used for the sign-in under way. */
export async function openedLaunch(store: Pick<Store, 'get'>, handle: string): Promise<Launch | undefined> {
  const [kept] = await store.get(kinds.launch, [keyOfId(handle)]);
  return kept?.value as Launch | undefined;
}
