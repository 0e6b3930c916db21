/** One house with everything, and for each caller one that holds only what he may see: there the administrator asks, and for writes the caller too. */
import { extractorAt } from '../../../src/search/extract.ts';
import { INDEX_VERSION } from '../../../src/search/index-version.ts';
import { openSqliteStore } from '../../../src/store/sqlite/sqlite-store.ts';
import type { Change } from '../../../src/store/store.ts';
import { type World, worldOf } from '../../search/oracle/evaluate.ts';
import { parameters } from '../../search/oracle/parameters.ts';
import { type AccessHouse, type Built, openAccessHouse } from '../../support/access-house.ts';
import { testStore } from '../../support/test-store.ts';
import { grants } from './callers.ts';
import { type Hole, holed } from './holes.ts';
import { type Name, names, type Words, wordsFor } from './oracle.ts';
import { later, type Stored, worldFor } from './world.ts';

export interface Pair {
  readonly as: Name;
  readonly whole: AccessHouse;
  readonly part: AccessHouse;
  readonly words: Words;
  /** Of the types that the search oracle knows: to draw questions from. */
  readonly everything: World;
  readonly visible: World;
  /** Versions of all that is stored, by `Type/id`. */
  readonly stored: ReadonlyMap<string, readonly Stored[]>;
}

export interface Houses {
  readonly pairs: readonly Pair[];
  /** From now on the house with everything has this hole; undefined: none. */
  plant(hole: Hole | undefined): void;
  stop(): Promise<void>;
}

export type StoreKind = 'sqlite' | 'mongodb';

export async function openHouses(
  seed: number,
  { store, callers = names }: { readonly store: StoreKind; readonly callers?: readonly Name[] },
): Promise<Houses> {
  const opened: AccessHouse[] = [];
  const planted = holed();
  const open = async (isWhole: boolean): Promise<AccessHouse> => {
    const house = await openAccessHouse(later, {
      references: 'checked',
      consentMode: 'deny-list',
      openEngine: engineOf(store),
      ...(isWhole && planted.built),
    });
    opened.push(house);
    return house;
  };
  const stop = async () => {
    for (const house of opened) await house.stop();
  };
  try {
    const whole = await open(true);
    const versions = worldFor(seed, whole.base);
    await fill(whole, versions);
    const pairs: Pair[] = [];
    for (const as of callers) {
      const part = await open(false);
      const words = wordsFor(as, versions, whole.base);
      await fill(part, visibleTo(words, versions, whole.base, part.base));
      for (const house of [whole, part]) house.grants.set(as, grants[as]);
      pairs.push({ as, whole, part, words, stored: byKey(versions), ...worldsOf(words, versions, whole.base) });
    }
    return { pairs, plant: planted.plant, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

const engineOf =
  (asked: StoreKind): NonNullable<Built['openEngine']> =>
  async (runtime) => {
    const { store: uri, mongodbAcceptRelease: acceptRelease, drop } = await testStore(asked);
    const shared = { runtime, indexVersion: INDEX_VERSION };
    if (asked === 'sqlite') return { engine: await openSqliteStore({ ...shared, file: ':memory:' }), drop };
    const { openMongoStore } = await import('../../../src/store/mongodb/open.ts');
    return { engine: await openMongoStore({ ...shared, uri, acceptRelease }), drop };
  };

function byKey(versions: readonly Stored[]): ReadonlyMap<string, readonly Stored[]> {
  const found = new Map<string, Stored[]>();
  for (const one of versions) found.set(one.key, [...(found.get(one.key) ?? []), one]);
  return found;
}

/** What the caller sees as it is now, with those earlier versions that he would see too; in the place of others none was. */
function visibleTo(words: Words, versions: readonly Stored[], from: string, to: string): readonly Stored[] {
  const own = (resource: any): any =>
    JSON.parse(JSON.stringify(words.shown(resource)).replaceAll(`${from}/`, `${to}/`));
  return [...byKey(versions).values()].flatMap((all) => {
    const { resource: now } = all.at(-1)!;
    if (!now || !words.sees(now)) return [];
    return all.map(({ resource, ...one }) => ({
      ...one,
      ...(resource && words.sees(resource) && { resource: own(resource) }),
    }));
  });
}

function worldsOf(words: Words, versions: readonly Stored[], base: string): Pick<Pair, 'everything' | 'visible'> {
  const newest = [...byKey(versions).values()].flatMap((all) => all.at(-1)!.resource ?? []);
  const known = newest.filter(({ resourceType }) => Object.hasOwn(parameters, resourceType));
  return {
    everything: worldOf(known, base, later),
    visible: worldOf(
      known.filter((one) => words.sees(one)),
      base,
      later,
    ),
  };
}

const AT_ONCE = 200;

/** As a store takes in what another held: the same versions at the same times in each. */
async function fill({ engine, base }: AccessHouse, versions: readonly Stored[]): Promise<void> {
  const extract = extractorAt(base);
  const changes = versions.map(({ key, versionId, lastUpdated, resource }, i): Change => {
    const [type = '', id = ''] = key.split('/');
    const isNewest = !versions.slice(i + 1, i + 3).some((other) => other.key === key);
    const text = resource === undefined ? '' : JSON.stringify(resource);
    const version = { key: { type, id }, versionId, lastUpdated, method: resource ? 'PUT' : 'DELETE', text } as const;
    return { op: 'restore', version, ...(isNewest && resource && { index: extract(text) }) };
  });
  for (let at = 0; at < changes.length; at += AT_ONCE) await engine.commit(changes.slice(at, at + AT_ONCE));
}
