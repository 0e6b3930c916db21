/** Puts the parts of the store on MongoDB together. */
import type { Db } from 'mongodb';
import { Problem } from '../../fhir/outcome.ts';
import type { Engine } from '../engine.ts';
import { isClosed, staleIndex } from '../refusals.ts';
import { endAbandoned } from './abandoned.ts';
import { auditRows } from './audit.ts';
import type { IndexBuild } from './build-indexes.ts';
import { createIdentifierSearch } from './by-identifier.ts';
import { contentsOf } from './contents.ts';
import { away, LONG } from './deadline.ts';
import { type Facts, own } from './facts.ts';
import { createKept } from './kept.ts';
import type { Parts } from './parts.ts';
import { inTime, reaching } from './reaching.ts';
import { createReads } from './reads.ts';
import { explainSearch, matchedKeys, runSearch } from './search.ts';
import { createSizes } from './sizes.ts';
import { upgradeIndex } from './upgrade.ts';
import { createVersionLog } from './version-log.ts';
import { createWriter } from './writer.ts';

export type OnCommit = NonNullable<Parameters<typeof createWriter>[2]['onCommit']>;

/** With an error where nobody foresaw it. */
export type StoreLog = (sentence: string, error?: unknown) => void;

export interface Opened {
  readonly parts: Parts;
  readonly db: Db;
  readonly facts: Facts;
  readonly build: IndexBuild;
  readonly log: StoreLog;
  /** What this program makes. */
  readonly indexVersion: number;
  readonly onCommit?: OnCommit | undefined;
  readonly checkEvery?: number;
}

export async function assemble(opened: Opened, leave: () => Promise<void>): Promise<Engine> {
  const { parts, db, facts, build, log, indexVersion, onCommit, checkEvery } = opened;
  const { collections, runtime, now } = parts;
  let storedIndex = Number(await facts.fact(own.indexVersion));
  let closing: Promise<void> | undefined;
  const writer = createWriter(parts, (session, query, signal) => matchedKeys(parts, session, query, signal), {
    onCommit,
    log,
  });
  const stop = new AbortController();
  void endAbandoned(parts, writer.sessions, stop.signal);
  const versions = createVersionLog(parts, { warn: log, ...(checkEvery !== undefined && { checkEvery }) });
  const reads = createReads(collections);
  const byIdentifier = createIdentifierSearch(parts);
  const kept = createKept(collections.kept, now);
  const sizes = createSizes(db, collections, runtime.now);

  /** Nothing of the driver gets out. */
  const ask = <T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> =>
    reaching(async () => {
      if (closing) throw isClosed();
      return work();
    }, signal);

  const read = <T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> =>
    ask(() => inTime(runtime, work), signal);

  /** An index that is old or not whole may lack what a search asks for: no answer is better than a wrong one. */
  const searching = <T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> => {
    const begun = performance.now();
    return ask(async () => {
      if (storedIndex < indexVersion) throw staleIndex();
      build.expect('resource');
      return work();
    }, signal).catch((error) => {
      // Not the search was too long, but the wait for a primary.
      const isAway = error instanceof Problem && error.code === 'timeout' && writer.wasAwaySince(begun);
      throw isAway ? away() : error;
    });
  };

  const close = async () => {
    versions.close();
    stop.abort();
    await writer.close();
    await leave();
  };

  return {
    read: (keys) => read(() => reads.read(keys)),
    vread: (key, versionId) => read(() => reads.vread(key, versionId)),
    history: (key, window) =>
      read(async () => {
        build.expect('version');
        return reads.history(key, window);
      }),
    search: (query, after, signal) =>
      searching(async () => {
        const until = runtime.now() + LONG;
        const page = after ? undefined : await byIdentifier(query);
        return page ?? runSearch(parts, undefined, query, after, { signal, until });
      }, signal),
    explain: (query, signal) => searching(() => explainSearch(parts, query, signal), signal),
    get: (kind, keys) => read(() => kept.get(kind, keys)),
    list: (kind, from, limit) => read(() => kept.list(kind, from, limit)),
    audit: (window, signal) =>
      read(async () => {
        build.expect('audit');
        return auditRows(collections.audit, window, signal);
      }, signal),
    commit: writer.commit,
    changes: versions.follow,
    end: () => read(versions.end),
    fact: (name) => read(() => facts.fact(name)),
    keepFact: (name, value) => read(() => facts.keepFact(name, value)),
    indexVersion: () => storedIndex,
    sizes: () => read(sizes),
    async upgradeIndex(upgrade) {
      const { signal, onProgress } = upgrade;
      await build.done((part) => onProgress?.(Math.round(part * 1_000), 1_000), signal);
      const boot = Buffer.from(runtime.random(12)).toString('hex');
      const isDone = await ask(() =>
        upgradeIndex({ collections, facts, runtime, commit: writer.commit, boot }, upgrade),
      );
      if (isDone) storedIndex = upgrade.indexVersion;
      return isDone;
    },
    contents: contentsOf(parts, versions),
    fault: writer.fault,
    close: () => (closing ??= close()),
  };
}
