/** The version log: a change stream, and behind it and before it what is stored, read by time. docs/storage-mongodb.md */
import { type ChangeStream, type ChangeStreamInsertDocument, MongoError } from 'mongodb';
import type { StoredChange, Token, Version } from '../store.ts';
import type { ResourceDocument } from './document.ts';
import { createLogCheck, type LogCheck } from './log-check.ts';
import { beginning, following, type Position, positionOf, reachedBy, timeOf, tokenOf } from './log-token.ts';
import type { Parts } from './parts.ts';
import { versionFields, versionOf } from './reads.ts';
import { majorityTime, storedAfter } from './sweep.ts';

export interface VersionLog {
  follow(after: Token | undefined, signal: AbortSignal, type?: string): AsyncIterable<StoredChange>;
  /** What `follow` would tell now, without waiting for more. */
  soFar(after: Token | undefined): AsyncIterable<StoredChange>;
  end(): Promise<Token>;
  /** Ends everybody who follows. */
  close(): void;
}

export interface LogOptions {
  readonly warn?: (sentence: string) => void;
  /** Ms between two looks behind a stream. Default 30,000. */
  readonly checkEvery?: number;
}

/** What is stored later than this after it got its time would be missed by a sweep: more than a transaction may last. Ms. */
const LATE = 120_000;
/** Ms that the server lets a look at the stream wait for something new. */
const PATIENCE = 1_000;
/** Ms before a failed stream is opened again. */
const PAUSE = 300;
/** Ms for which an end is the same while nothing is stored. */
const SAME_END = 60_000;

/** Versions alone, of one type where it is named: what else touches a resource (its index made anew, its home) is no version. */
const pipelineOf = (type: string | undefined) => [
  {
    $match: {
      operationType: { $in: ['insert', 'replace'] },
      'fullDocument.m': { $exists: true },
      ...(type && { 'documentKey._id': new RegExp(`^${type}/`) }),
    },
  },
  {
    $project: {
      clusterTime: 1,
      'fullDocument._id': 1,
      ...Object.fromEntries(Object.keys(versionFields).map((field) => [`fullDocument.${field}`, 1])),
    },
  },
];

/** A version and the position after it, or a position that was reached without one. */
interface Step {
  readonly position: Position;
  readonly version?: Version;
}

export function createVersionLog(
  parts: Pick<Parts, 'client' | 'collections' | 'runtime' | 'now'>,
  { warn = () => undefined, checkEvery = 30_000 }: LogOptions = {},
): VersionLog {
  const { collections, runtime, now } = parts;
  const closing = new AbortController();

  async function* sweep(
    from: Extract<Position, { is: 'sweep' }>,
    type: string | undefined,
  ): AsyncGenerator<Step, void, void> {
    const at = from.at ?? (await majorityTime(parts));
    for await (const version of storedAfter(parts, from.place, at)) {
      const { key, lastUpdated } = version;
      const position: Position = { is: 'sweep', place: { u: lastUpdated, key: `${key.type}/${key.id}` }, at };
      yield type === undefined || key.type === type ? { position, version } : { position };
    }
    yield { position: { is: 'after', at } };
  }

  async function* stream(
    from: Exclude<Position, { is: 'sweep' }>,
    check: LogCheck,
    signal: AbortSignal,
    type: string | undefined,
  ): AsyncGenerator<Step, void, void> {
    const start =
      from.is === 'after' ? { startAtOperationTime: following(from.at) } : { resumeAfter: { _data: from.resume } };
    const changes: ChangeStream<
      ResourceDocument,
      ChangeStreamInsertDocument<ResourceDocument>
    > = collections.resource.watch(pipelineOf(type), { ...start, maxAwaitTimeMS: PATIENCE });
    let wake = () => {};
    const stop = () => wake();
    signal.addEventListener('abort', stop, { once: true });
    /** No race against one promise that lasts as long as the stream: it would remember every look. */
    const unlessStopped = <T>(looking: Promise<T>) =>
      new Promise<T | undefined>((resolve, reject) => {
        wake = () => resolve(undefined);
        // Rejects when the stream is closed under it, which nobody hears any more then.
        looking.then(resolve, reject);
      });
    try {
      while (!signal.aborted) {
        const change = await unlessStopped(changes.tryNext());
        if (signal.aborted) return;
        const resume = ((change ? change._id : changes.resumeToken) as { _data?: string } | null)?._data;
        if (resume === undefined) continue;
        // Without anything new the token moves on with the oplog, so that a quiet store does not fall off its end.
        const position: Position = { is: 'stream', resume };
        const version = change ? versionOf(change.fullDocument._id, change.fullDocument) : undefined;
        if (version) check.passed(version);
        yield version ? { position, version } : { position };
        const reached = reachedBy(position);
        for (const version of await check.missed(reached)) {
          const { key, versionId } = version;
          warn(`version ${versionId} of ${key.type}/${key.id} did not come along the change stream`);
          yield { position, version };
        }
        await check.look(timeOf(reached));
      }
    } finally {
      signal.removeEventListener('abort', stop);
      changes.close().catch(() => undefined);
    }
  }

  /** Where to go on after an error; throws what is no fault of the database. */
  const recovered = async (position: Position, error: unknown, signal: AbortSignal): Promise<Position> => {
    if (!(error instanceof MongoError)) throw error;
    if (!isTooOld(error)) {
      warn(`the version log broke off and goes on: ${error.message}`);
      await runtime.sleep(PAUSE, signal);
      return position;
    }
    if (position.is === 'sweep') {
      if (position.at === undefined) throw error;
      const { place } = position;
      const late = timeOf(position.at) - LATE;
      return { is: 'sweep', place: place.u < late ? place : { u: late, key: '' } };
    }
    warn('the oplog has lost the place of the version log; what is stored is read by time');
    return { is: 'sweep', place: { u: Math.max(0, timeOf(reachedBy(position)) - LATE), key: '' } };
  };

  async function* stepsAfter(
    after: Token | undefined,
    signal: AbortSignal,
    type?: string,
  ): AsyncGenerator<Step, void, void> {
    const ended = AbortSignal.any([signal, closing.signal]);
    let position: Position = after === undefined ? { is: 'sweep', place: beginning } : positionOf(after);
    let check: LogCheck | undefined;
    while (!ended.aborted) {
      try {
        if (position.is === 'sweep') check = undefined;
        else check ??= createLogCheck(parts, timeOf(reachedBy(position)), checkEvery, type);
        const steps: AsyncGenerator<Step, void, void> =
          position.is === 'sweep' ? sweep(position, type) : stream(position, check!, ended, type);
        for await (const step of steps) {
          position = step.position;
          if (ended.aborted) return;
          yield step;
        }
      } catch (error) {
        if (ended.aborted) return;
        position = await recovered(position, error, ended);
      }
    }
  }

  async function* follow(
    after: Token | undefined,
    signal: AbortSignal,
    type?: string,
  ): AsyncGenerator<StoredChange, void, void> {
    for await (const { position, version } of stepsAfter(after, signal, type)) {
      if (version) yield { token: tokenOf(position), version };
    }
  }

  async function* soFar(after: Token | undefined): AsyncGenerator<StoredChange, void, void> {
    const end = await majorityTime(parts);
    const stop = new AbortController();
    try {
      for await (const { position, version } of stepsAfter(after, stop.signal)) {
        if (version) yield { token: tokenOf(position), version };
        else if (position.is === 'stream' && reachedBy(position).greaterThanOrEqual(end)) return;
      }
    } finally {
      stop.abort();
    }
  }

  /** An end that is kept can only be too early, also where the number of versions, an estimate, is wrong: whoever follows from it misses nothing. */
  let last: { readonly token: Token; readonly stored: number; readonly at: number } | undefined;
  return {
    follow,
    soFar,
    async end() {
      const stored = await versionsStored(collections);
      if (last && last.stored === stored && now() - last.at < SAME_END) return last.token;
      const token = tokenOf({ is: 'after', at: await majorityTime(parts) });
      last = { token, stored, at: now() };
      return token;
    },
    close: () => closing.abort(),
  };
}

/** No version ever goes, so a number that is the same says that none came. */
async function versionsStored({ resource, version }: Parts['collections']): Promise<number> {
  const [newest, former] = await Promise.all([resource.estimatedDocumentCount(), version.estimatedDocumentCount()]);
  return newest + former;
}

/** ChangeStreamHistoryLost, InvalidResumeToken, ChangeStreamFatalError, SnapshotTooOld, SnapshotUnavailable, a cluster time that never was. */
const tooOld: ReadonlySet<unknown> = new Set([286, 260, 280, 239, 246, 72]);
const isTooOld = ({ code }: MongoError): boolean => tooOld.has(code);
