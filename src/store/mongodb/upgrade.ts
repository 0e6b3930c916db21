/** Brings the index of a store that an older Watchfire wrote up to date, in the background: one server does it, the others see it finish. */
import type { Collection } from 'mongodb';
import { Problem } from '../../fhir/outcome.ts';
import type { Runtime } from '../../runtime.ts';
import type { IndexUpgrade } from '../engine.ts';
import type { Change, Store } from '../store.ts';
import { claim } from './claim.ts';
import { type Facts, own } from './facts.ts';
import { translated } from './reaching.ts';
import { versionFields, versionOf } from './reads.ts';
import type { Collections, FactDocument } from './schema.ts';

const STEP = 100;
/** Ms for which a server that does it need not be heard of. */
const CLAIM = 30_000;
/** Ms between two looks of those who wait. */
const LOOK_EVERY = 1_000;

export interface Upgrading {
  readonly collections: Pick<Collections, 'resource' | 'fact'>;
  readonly facts: Facts;
  readonly runtime: Runtime;
  readonly commit: Store['commit'];
  /** Names this run of this server. */
  readonly boot: string;
}

/** True when the index is up to date at the end, false when the signal stopped it before. */
export async function upgradeIndex(
  { collections, facts, runtime, commit, boot }: Upgrading,
  upgrade: IndexUpgrade,
): Promise<boolean> {
  const { indexVersion, extract, signal, onProgress } = upgrade;
  const isDone = async () => Number(await facts.fact(own.indexVersion)) >= indexVersion;

  /** Where a step of this version ended: how many were done, and the key of the last. */
  const progress = async (): Promise<readonly [done: number, last: string]> => {
    const [begun, done, last] = ((await facts.fact(own.reindexed)) ?? '').split(' ');
    // Progress towards another version says nothing about this one.
    return begun === String(indexVersion) ? [Number(done), last ?? ''] : [0, ''];
  };

  /** True when all is done. */
  const step = async (): Promise<boolean> => {
    if (await isDone()) return true;
    const of = await collections.resource.estimatedDocumentCount();
    const [done, last] = await progress();
    if (!(await claimIt(collections.fact, boot))) {
      onProgress?.(Math.min(done, of), Math.max(of, 1));
      await runtime.sleep(LOOK_EVERY, signal);
      return false;
    }
    const found = await collections.resource
      .find({ _id: { $gt: last } }, { projection: versionFields, sort: { _id: 1 }, limit: STEP })
      .toArray();
    if (found.length === 0) {
      await facts.setFact(own.indexVersion, String(indexVersion));
      return true;
    }
    const changes = found
      .filter(({ m }) => m !== 'DELETE')
      .map((stored): Change => {
        const version = versionOf(stored._id, stored);
        return { op: 'reindex', key: version.key, versionId: version.versionId, index: extract(version) };
      });
    await commit(changes);
    const upTo = done + found.length;
    await facts.setFact(own.reindexed, `${indexVersion} ${upTo} ${found[found.length - 1]!._id}`);
    onProgress?.(Math.min(upTo, of), of);
    return false;
  };

  try {
    while (!signal.aborted) {
      try {
        if (await step()) return true;
      } catch (error) {
        // Another primary, or too much else to do: the step is done again.
        const known = translated(error);
        if (!(known instanceof Problem) || known.code !== 'transient') throw error;
        await runtime.sleep(LOOK_EVERY, signal);
      }
    }
    return false;
  } finally {
    await release(collections.fact, boot).catch(() => undefined);
  }
}

/** Two servers that both did it for a moment would write the same. */
const claimIt = (facts: Collection<FactDocument>, boot: string): Promise<boolean> =>
  claim(
    facts,
    { _id: own.reindexer, value: boot },
    { $lt: ['$until', '$$NOW'] },
    { value: boot, until: { $add: ['$$NOW', CLAIM] } },
  );

const release = (facts: Collection<FactDocument>, boot: string) => facts.deleteOne({ _id: own.reindexer, value: boot });
