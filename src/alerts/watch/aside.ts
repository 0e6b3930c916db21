/** Readings that could not be looked through for alerts: put aside, so that no others wait for them, and tried again in their order. docs/alerts.md#what-fails */
import { type Resource, type ResourceKey, referenceTo } from '../../fhir/references.ts';
import type { Log } from '../../log.ts';
import { check, type Held } from '../../store/lease.ts';
import { type Change, isAbsent, type Kept, type Store, type Version } from '../../store/store.ts';
import { patientOf } from '../spoken.ts';
import { type CountFault, isTransient, pauseAfter } from './faults.ts';

/** `<patient or device>|<when it was stored>|<Observation/1>|<version>`: what belongs together stands in its order. */
const asideKind = 'alert-watch-aside';

interface Waiting {
  readonly key: ResourceKey;
  readonly versionId: number;
  /** When it was put aside. */
  readonly since: number;
}

interface Standing {
  readonly tries: number;
  readonly at: number;
}

const AT_A_TIME = 100;
/** What is no passing fault of the store is tried so many times. */
const MOST_TRIES = 4;
/** Milliseconds for which passing ones are waited out. */
const LONGEST = 24 * 3_600_000;

export interface AsideParts {
  readonly store: Pick<Store, 'list' | 'read' | 'vread' | 'commit'>;
  readonly now: () => number;
  readonly held: Held;
  readonly log: Pick<Log, 'error'>;
  readonly count: CountFault;
  /** What follows from one reading. */
  readonly take: (version: Version) => Promise<readonly Change[]>;
}

export interface Aside {
  /** One of the same patient or device waits: it has to go behind. */
  isBehind(version: Version): boolean;
  /** Keeps it; belongs into the commit that moves on past it. */
  put(version: Version): Change;
  /** After that commit, of the first one; when it is tried again. */
  began(version: Version): number;
  /** Tries those again whose time has come; when the next one is due. */
  work(): Promise<number | undefined>;
}

/** A tombstone is about nobody that is known. */
function subjectOf({ key, text }: Version): string {
  const observation: Resource | undefined = text === '' ? undefined : JSON.parse(text);
  return (observation && (patientOf(observation) ?? observation['device']?.reference)) ?? referenceTo(key);
}

const keyOf = (version: Version): string => {
  const { key, versionId, lastUpdated } = version;
  return [subjectOf(version), new Date(lastUpdated).toISOString(), referenceTo(key), versionId].join('|');
};
const subjectIn = (key: string): string => key.split('|').slice(0, -3).join('|');

export async function openAside(parts: AsideParts): Promise<Aside> {
  const { store, now, log, count, take } = parts;
  const { fence, signal } = parts.held;
  const waiting = new Map<string, Standing>();
  for (let from = ''; ; ) {
    const rows = await store.list(asideKind, from, AT_A_TIME);
    for (const { key } of rows) waiting.set(subjectIn(key), { tries: 0, at: now() });
    if (rows.length < AT_A_TIME) break;
    from = `${rows.at(-1)!.key}\u0000`;
  }

  const rowsOf = async (subject: string): Promise<readonly Kept[]> =>
    (await store.list(asideKind, `${subject}|`, AT_A_TIME)).filter(({ key }) => subjectIn(key) === subject);
  const done = (key: string, changes: readonly Change[] = []) =>
    store.commit([...changes, { op: 'drop', kind: asideKind, key, fence }, check(fence)]);

  /** How it, or the one behind it, stands. */
  async function again({ key, value }: Kept, tries: number): Promise<Standing> {
    const { key: resource, versionId, since } = value as Waiting;
    try {
      const [newest] = await store.read([resource]);
      // Of one that was deleted or moved meanwhile nothing follows: that was read past it, since it is about nobody, or somebody else.
      const isTheirs = !isAbsent(newest) && subjectOf(newest!) === subjectIn(key);
      const version = isTheirs ? await store.vread(resource, versionId) : undefined;
      await done(key, version ? await take(version) : []);
      return { tries: 0, at: now() };
    } catch (error) {
      if (signal.aborted) throw error;
      count('reading');
      const isOver = isTransient(error) ? now() - since >= LONGEST : tries >= MOST_TRIES;
      if (!isOver) return { tries, at: now() + pauseAfter(tries) };
      await done(key);
      count('passed-over');
      log.error('a reading was passed over for alerts', error, { id: referenceTo(resource) });
      // Whatever it is, the next one is likely to have it too: it is not given as many tries.
      return { tries: MOST_TRIES - 1, at: now() };
    }
  }

  /** All of one patient or device, in order, until one has to wait. */
  async function workOne(subject: string): Promise<void> {
    for (let rows = await rowsOf(subject); rows.length > 0; rows = await rowsOf(subject))
      for (const row of rows) {
        const next = await again(row, waiting.get(subject)!.tries + 1);
        waiting.set(subject, next);
        if (next.at > now() || signal.aborted) return;
      }
    waiting.delete(subject);
  }

  return {
    isBehind: (version) => waiting.size > 0 && waiting.has(subjectOf(version)),
    put(version) {
      const { key, versionId } = version;
      const value: Waiting = { key, versionId, since: now() };
      return { op: 'put', kind: asideKind, key: keyOf(version), value, fence };
    },
    began(version) {
      const standing = { tries: 1, at: now() + pauseAfter(1) };
      waiting.set(subjectOf(version), standing);
      return standing.at;
    },
    async work() {
      for (const [subject, { at }] of [...waiting]) if (at <= now()) await workOne(subject);
      const next = Math.min(...[...waiting.values()].map(({ at }) => at));
      return waiting.size > 0 ? next : undefined;
    },
  };
}
