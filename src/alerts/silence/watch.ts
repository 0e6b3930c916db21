/**
 * Watches for devices that fall silent. What is kept of a device moves with the place in the version log; its timer stands in the
 * store in due order and moves when it rings, not with every reading. docs/alerts.md#silent-devices
 */
import { keyOf, type Resource, referenceTo } from '../../fhir/references.ts';
import type { Log } from '../../log.ts';
import { plainQuery } from '../../search/query.ts';
import { check, type Held } from '../../store/lease.ts';
import { type Change, isConflict, isDeleted, type Kept, type Store } from '../../store/store.ts';
import type { AlertSeen } from '../alert.ts';
import { type CountFault, pauseAfter } from '../watch/faults.ts';
import { endAlert, isRefused, openAlert, type Writing } from '../write-alert.ts';
import { type HeardOf, heardIn, isInUse, ownLimit } from './heard.ts';
import { afterHeard, type Rhythm, type SilenceSettings, silentAfter, VISIT } from './rhythm.ts';

export const silenceKinds = {
  /** By device (`Device/1`): {@link Rhythm}. */
  rhythm: 'silence',
  /** `<when, ISO 8601>|<device>`: who is silent next comes first. */
  timer: 'silence-timer',
} as const;

const AT_A_TIME = 100;
const MOST_FRESH = 50_000;
const LAST_UPDATED = 'Observation._lastUpdated';

export interface SilenceParts {
  readonly store: Store;
  readonly writing: Writing;
  readonly canonical: string;
  readonly now: () => number;
  readonly settings: SilenceSettings & {
    /** Milliseconds that devices have to come back to a server that has just begun: nobody could reach it before. */
    readonly grace: number;
  };
  readonly held: Held;
  readonly log: Pick<Log, 'error'>;
  readonly count: CountFault;
}

export interface Silence {
  /** Takes in what was heard; the changes belong into the commit that moves the place in the log. */
  hear(heard: readonly HeardOf[]): Promise<readonly Change[]>;
  /** Tells of those that are silent by now; when the next one would be, at most. */
  ring(): Promise<number | undefined>;
}

const timerKey = (at: number, device: string): string => `${new Date(at).toISOString()}|${device}`;
const rhythmIn = (changes: readonly Change[]): Rhythm => (changes[0] as Extract<Change, { op: 'put' }>).value;
/** When a timer rings, by its key. */
export const dueOf = (timer: string): number => Date.parse(timer.slice(0, timer.indexOf('|')));
const deviceIn = (timer: string): string => timer.slice(timer.indexOf('|') + 1);

export function createSilence(parts: SilenceParts): Silence {
  const { store, writing, canonical, now, settings, log, count } = parts;
  const { fence, signal } = parts.held;
  const begun = now();
  /** When a device is looked at again whose step failed, and how often it has: it holds up nobody else. */
  const failed = new Map<string, { readonly tries: number; readonly at: number }>();
  /** What is stored of devices that were heard of a moment ago: they are not looked up again. */
  const fresh = new Map<string, Rhythm>();

  const keep = (device: string, rhythm: Rhythm): Change => ({
    op: 'put',
    kind: silenceKinds.rhythm,
    key: device,
    value: rhythm,
  });

  /** The changes that keep a rhythm whose timer rings at `due`, never later. */
  function armed(device: string, rhythm: Rhythm, due: number | undefined, isRinging = false): readonly Change[] {
    const { timer: old, ...rest } = rhythm;
    // A timer that rings too early costs one look; one moved with every reading would cost a write each.
    const stays = old !== undefined && !isRinging && due !== undefined && dueOf(old) <= due;
    const timer = stays ? old : due === undefined ? undefined : timerKey(due, device);
    return [
      keep(device, timer === undefined ? rest : { ...rest, timer }),
      ...(old === undefined || old === timer ? [] : [{ op: 'drop', kind: silenceKinds.timer, key: old } as const]),
      ...(timer === undefined || old === timer
        ? []
        : [{ op: 'put', kind: silenceKinds.timer, key: timer, value: {} } as const]),
    ];
  }

  async function devicesOf(names: readonly string[]): Promise<ReadonlyMap<string, Resource>> {
    const versions = await store.read(names.map((name) => keyOf(name)!));
    return new Map(
      names.flatMap((name, i) => {
        const version = versions[i];
        return version && !isDeleted(version) ? [[name, JSON.parse(version.text) as Resource] as const] : [];
      }),
    );
  }

  const limitOf = (rhythm: Rhythm, device: Resource | undefined): number | undefined =>
    device && isInUse(device) ? silentAfter(rhythm, ownLimit(device, canonical), settings) : undefined;

  /** What the house refuses must not hold up all others. */
  async function unlessRefused(writes: Promise<boolean>, device: string): Promise<boolean> {
    try {
      return await writes;
    } catch (error) {
      if (!isRefused(error)) throw error;
      count('refused');
      log.error('the alert of a silent device could not be written', error, { id: device });
      return false;
    }
  }

  /** Something was heard again: its silence is over, and its timer runs. */
  async function broken(device: string, rhythm: Rhythm, at: number, limit: number | undefined): Promise<Rhythm> {
    const { alert, ...rest } = rhythm;
    if (alert === undefined) return rhythm;
    const changes = armed(device, rest, limit === undefined ? undefined : rest.last + limit);
    const ending = endAlert(alert, at, { now: now(), canonical }, writing, [...changes, check(fence)]);
    return (await unlessRefused(ending, device)) ? rhythmIn(changes) : rest;
  }

  /** When it was heard of last by all that is stored: what is of the same visit, or waits to be read out of the log, has not moved `last`. */
  async function newestOf(device: string, { last, isImplant }: Rhythm): Promise<number> {
    const told = (name: string) => ({ is: 'reference', name, target: device }) as const;
    const where = {
      is: 'all',
      of: [
        { is: 'any', of: [told('Observation.device'), told('Observation.subject')] },
        { is: 'range', name: LAST_UPDATED, high: { above: last } },
      ],
    } as const;
    const query = plainQuery('Observation', where, AT_A_TIME);
    const sort = [{ by: 'range', name: LAST_UPDATED, descending: true }] as const;
    const { matches } = await store.search({ ...query, sort }, undefined);
    const times = matches.flatMap(({ text, lastUpdated }) => {
      const heard = heardIn(JSON.parse(text), lastUpdated, canonical);
      return heard?.isImplant === isImplant && referenceTo(heard.device) === device ? [heard.at] : [];
    });
    return Math.max(last, ...times);
  }

  async function fall(device: string, rhythm: Rhythm, found: Resource, due: number): Promise<void> {
    const { isImplant, silences, last } = rhythm;
    const patient = found['patient']?.reference ?? rhythm.patient;
    const seen: AlertSeen = {
      type: 'device-offline',
      severity: isImplant ? 'info' : 'warning',
      ...(patient !== undefined && { patient, isOfDevice: true }),
      device,
      text: `Nothing was heard of the ${isImplant ? 'implant' : 'device'} since ${new Date(last).toISOString()}; expected by ${new Date(due).toISOString()}`,
      at: due,
      episodeKey: `silence|${device}|${silences + 1}|${last}`,
    };
    fresh.delete(device);
    const { timer, ...rest } = rhythm;
    const after = (alert: string | undefined): readonly Change[] => [
      keep(device, { ...rest, silences: silences + 1, ...(alert !== undefined && { alert }) }),
      ...(timer === undefined ? [] : [{ op: 'drop', kind: silenceKinds.timer, key: timer } as const]),
      check(fence),
    ];
    const opening = openAlert(seen, { now: now(), canonical }, writing, after);
    if (!(await unlessRefused(opening, device))) await store.commit(after(undefined));
  }

  async function ringOne(timer: string): Promise<number | undefined> {
    const device = deviceIn(timer);
    const [kept] = (await store.get(silenceKinds.rhythm, [device])) as readonly (Kept | undefined)[];
    const rhythm = kept?.value as Rhythm | undefined;
    if (rhythm?.timer !== timer) {
      await store.commit([{ op: 'drop', kind: silenceKinds.timer, key: timer, fence }]);
      return undefined;
    }
    const found = (await devicesOf([device])).get(device);
    const limit = limitOf(rhythm, found);
    if (limit === undefined || !found) {
      await store.commit([...armed(device, rhythm, undefined), check(fence)]);
      return undefined;
    }
    const dueAt = (last: number) => Math.max(last + limit, begun + settings.grace);
    const last = dueAt(rhythm.last) <= now() ? await newestOf(device, rhythm) : rhythm.last;
    if (dueAt(last) <= now()) {
      await fall(device, { ...rhythm, last }, found, last + limit);
      return undefined;
    }
    fresh.delete(device);
    // One that has not been read out of the log ends a pause to learn from when it is, and is waited for no longer than any other.
    const newest = last - rhythm.last < VISIT ? { ...rhythm, last } : rhythm;
    await store.commit([...armed(device, newest, dueAt(last), true), check(fence)]);
    return dueAt(last);
  }

  /** One that cannot be looked at now is looked at again, after longer and longer pauses. */
  async function ringUnlessFailing(timer: string): Promise<number | undefined> {
    const device = deviceIn(timer);
    const before = failed.get(device);
    if (before && before.at > now()) return before.at;
    try {
      const next = await ringOne(timer);
      failed.delete(device);
      return next;
    } catch (error) {
      if (signal.aborted) throw error;
      const tries = (before?.tries ?? 0) + 1;
      const at = now() + pauseAfter(tries);
      failed.set(device, { tries, at });
      // Somebody wrote in this moment, or has the lease by now.
      if (isConflict(error)) return at;
      count('device');
      log.error('a silent device could not be told of', error, { id: device });
      return at;
    }
  }

  return {
    async hear(heard) {
      const byDevice = new Map<string, HeardOf[]>();
      for (const one of heard) {
        const device = referenceTo(one.device);
        const known = fresh.get(device);
        if (known && !afterHeard(known, one, undefined)) continue;
        byDevice.set(device, [...(byDevice.get(device) ?? []), one]);
      }
      const names = [...byDevice.keys()];
      if (names.length === 0) return [];
      const rows = await store.get(silenceKinds.rhythm, names);
      const isNew = names.filter((name, i) => {
        const rhythm = rows[i]?.value as Rhythm | undefined;
        if (byDevice.get(name)!.some((one) => afterHeard(rhythm, one, undefined) !== undefined)) return true;
        if (fresh.size >= MOST_FRESH) fresh.clear();
        fresh.set(name, rhythm!);
        return false;
      });
      for (const name of isNew) fresh.delete(name);
      if (isNew.length === 0) return [];
      const devices = await devicesOf(isNew);
      const changes: Change[] = [];
      for (const name of isNew) {
        const before = rows[names.indexOf(name)]?.value as Rhythm | undefined;
        let rhythm = before;
        for (const one of byDevice.get(name)!) {
          const limit = rhythm && limitOf(rhythm, devices.get(name));
          const isLater = rhythm === undefined || one.at > rhythm.last;
          rhythm = afterHeard(rhythm, one, limit) ?? rhythm;
          if (rhythm && isLater) rhythm = await broken(name, rhythm, one.at, limitOf(rhythm, devices.get(name)));
        }
        if (!rhythm || rhythm === before) continue;
        const limit = limitOf(rhythm, devices.get(name));
        const isSilent = rhythm.alert !== undefined;
        changes.push(...armed(name, rhythm, limit === undefined || isSilent ? undefined : rhythm.last + limit));
      }
      return changes;
    },
    async ring() {
      let next: number | undefined;
      const sooner = (at: number | undefined) => {
        if (at !== undefined) next = next === undefined ? at : Math.min(next, at);
      };
      for (let from = ''; ; ) {
        const rows = await store.list(silenceKinds.timer, from, AT_A_TIME);
        for (const { key } of rows) {
          if (dueOf(key) > now()) {
            sooner(dueOf(key));
            return next;
          }
          sooner(await ringUnlessFailing(key));
        }
        if (rows.length < AT_A_TIME) return next;
        from = `${rows.at(-1)!.key}\u0000`;
      }
    },
  };
}
