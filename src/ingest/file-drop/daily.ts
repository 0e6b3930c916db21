/** What is done once a day, from two o'clock on by the clock of this machine: once, however often that clock is put forward or back. docs/file-drop.md#keeping */
import type { Runtime } from '../../runtime.ts';
import { isConflict, type Store } from '../../store/store.ts';
import { dayOf } from './names.ts';

const KIND = 'iot-cleanup';
const KEY = 'last';
const FROM_HOUR = 2;

/** Resolves with true once a day. */
export function createDaily({
  store,
  runtime,
}: {
  readonly store: Pick<Store, 'get' | 'commit'>;
  readonly runtime: Pick<Runtime, 'now'>;
}): () => Promise<boolean> {
  let last = '';
  return async () => {
    const now = runtime.now();
    const day = dayOf(now);
    if (day <= last || new Date(now).getHours() < FROM_HOUR) return false;
    const [kept] = await store.get(KIND, [KEY]);
    last = kept?.value.day ?? '';
    if (day <= last) return false;
    try {
      await store.commit([{ op: 'put', kind: KIND, key: KEY, value: { day }, expect: kept?.revision ?? 'absent' }]);
    } catch (error) {
      if (isConflict(error)) return false; // another server does it
      throw error;
    }
    last = day;
    return true;
  };
}
