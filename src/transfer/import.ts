/** Takes an export into a new store, batch by batch, goes on where it was stopped, and compares at the end what the store holds. docs/moving-stores.md */
import { createHash, type Hash } from 'node:crypto';
import { Problem } from '../fhir/outcome.ts';
import { keyOf, referenceTo } from '../fhir/references.ts';
import type { Runtime } from '../runtime.ts';
import type { IndexEntries } from '../search/query.ts';
import type { Engine } from '../store/engine.ts';
import { keepCanonical } from '../store/facts.ts';
import type { Change, HeldValue } from '../store/store.ts';
import { startAtEnd } from '../subscriptions/catch-up.ts';
import { type Comparison, type Expected, readBack } from './compare.ts';
import type { Line } from './lines.ts';
import { importKind, portable } from './portable.ts';
import type { Source } from './source.ts';
import { createTallying, differing } from './tally.ts';

export interface ImportParts {
  readonly engine: Engine;
  /** The index entries of a stored text, by what search knows now. */
  readonly extract: (text: string) => IndexEntries;
  /** Tells search which SearchParameters are stored, once they are. */
  readonly learnParameters: () => Promise<void>;
  readonly now: () => number;
  readonly sleep: Runtime['sleep'];
  readonly onProgress: (what: 'imported' | 'compared', done: number, of: number) => void;
  readonly signal: AbortSignal;
}

/** Kept in the store with every batch. */
interface Progress {
  /** Lines that are stored. */
  readonly lines: number;
  /** SHA-256 of them: only an export that begins with the same ones is gone on with. */
  readonly sha256: string;
}
const progressKey = 'progress';

/** Changes of one commit at most, and characters of text after which it is enough. */
const LINES = 500;
const CHARACTERS = 4 << 20;

/** What was compared; the store may be served when nothing differs, and is refused by every server until then. */
export async function importFrom({ header, lines }: Source, parts: ImportParts): Promise<Comparison> {
  const { engine, signal, onProgress } = parts;
  const stored = await progressIn(engine);
  if (!stored) await demandEmpty(engine);
  await keepCanonical(engine, header.canonical);

  const tallying = createTallying();
  const expiring: Expected['expiring'] = new Map();
  const read = createHash('sha256');
  const batch = createBatch(parts);
  let count = 0;
  let knowsParameters = false;
  try {
    for await (const { line, text } of lines) {
      signal.throwIfAborted();
      if (line.is === 'end') {
        await batch.flush(progressOf(count, read));
        if (stored && stored.lines > count) throw new Error(otherExport);
        const damaged = differing(tallying.tallies(), line.tallies);
        if (damaged.length > 0)
          throw new Error(`the export is damaged: its ${damaged.join(', ')} are not those that were counted`);
        break;
      }
      const isStored = stored !== undefined && count < stored.lines;
      if (!isStored && line.is !== 'kept' && !knowsParameters) {
        await batch.flush(progressOf(count, read));
        await parts.learnParameters();
        knowsParameters = true;
      }
      const digest = tallying.add(line, text);
      if (line.is === 'kept' && line.expires !== undefined) {
        expiring.set(JSON.stringify([line.kind, line.key]), { digest, expires: line.expires });
      }
      read.update(text).update('\n');
      count++;
      if (isStored) {
        if (count === stored.lines && hexOf(read) !== stored.sha256) throw new Error(otherExport);
        continue;
      }
      if (batch.add(restoring(line, parts.extract), text.length)) {
        await batch.begin(progressOf(count, read));
        onProgress('imported', count, header.records);
      }
    }
  } finally {
    await batch.settled();
  }

  const comparison = await readBack(parts, header.records, { tallies: tallying.tallies(), expiring });
  if (comparison.isSame) {
    const drop: Change = { op: 'drop', kind: importKind, key: progressKey };
    await patiently(parts, async () => engine.commit([startAtEnd(await engine.end()), drop]));
  }
  return comparison;
}

const otherExport = 'the store holds the beginning of another export; import that one to its end, or empty the store';

const hexOf = (read: Hash): string => read.copy().digest('hex');
const progressOf = (lines: number, read: Hash): Progress => ({ lines, sha256: hexOf(read) });

function restoring(line: Line, extract: ImportParts['extract']): Change {
  if (line.is === 'kept') {
    const { is: _kept, ...kept } = line;
    return { op: 'restore', kept: kept satisfies HeldValue };
  }
  if (line.is === 'audit') {
    const { is: _audit, ...row } = line;
    return { op: 'restore', row };
  }
  const { versionId, lastUpdated, method, newest, text } = line;
  const key = keyOf(line.key);
  if (!key) throw new Error(`the export is damaged: ${JSON.stringify(line.key)} is no key of a resource`);
  const version = { key, versionId, lastUpdated, method, text };
  return { op: 'restore', version, ...(newest && method !== 'DELETE' && { index: extract(text) }) };
}

/** Only into a new store: two histories cannot become one. */
async function demandEmpty({ contents }: Engine): Promise<void> {
  const holds = (what: string) =>
    new Error(`the store holds ${what} already; import into a new one: an empty data folder, or another database`);
  for await (const _version of contents.versions()) throw holds('resources');
  for await (const _row of contents.audit()) throw holds('an audit log');
  for await (const kept of contents.kept()) if (portable(kept)) throw holds('state of a server');
}

type StoreParts = Pick<ImportParts, 'engine' | 'sleep' | 'signal'>;

/** Attempts of one commit, a second apart: an election of MongoDB takes up to 12 s. */
const ATTEMPTS = 60;
const PAUSE = 1_000;

/** Again and again while the store cannot answer for a while. */
async function patiently<T>({ sleep, signal }: StoreParts, work: (attempt: number) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work(attempt);
    } catch (error) {
      const isPassing = error instanceof Problem && error.code === 'transient';
      if (!isPassing || attempt === ATTEMPTS || signal.aborted) throw error;
      await sleep(PAUSE, signal);
    }
  }
}

/** Stores a batch and how far that is, once: what a lost answer leaves open is told by the place that is kept. */
const store = (parts: StoreParts, changes: readonly Change[], progress: Progress): Promise<void> =>
  patiently(parts, async (attempt) => {
    if (attempt > 1 && (await progressIn(parts.engine))?.lines === progress.lines) return;
    const put: Change = { op: 'put', kind: importKind, key: progressKey, value: progress };
    try {
      await parts.engine.commit([...changes, put]);
    } catch (error) {
      throw (error instanceof Problem && error.code === 'conflict' && (await lackOf(parts, changes))) || error;
    }
  });

/** Which version should have come where another one did: that is why the store does not take them. */
async function lackOf({ engine }: StoreParts, changes: readonly Change[]): Promise<Error | undefined> {
  const versions = changes.flatMap((change) => ('version' in change ? [change.version] : []));
  const stored = await engine.read(versions.map(({ key }) => key));
  const newest = new Map(versions.map(({ key }, i) => [referenceTo(key), stored[i]?.versionId ?? 0]));
  for (const { key, versionId } of versions) {
    const reference = referenceTo(key);
    const next = newest.get(reference)! + 1;
    if (versionId < next) return new Error(`the export is damaged: version ${versionId} of ${reference} comes twice`);
    if (versionId > next) return new Error(`the export is damaged: version ${next} of ${reference} is missing`);
    newest.set(reference, versionId);
  }
  return undefined;
}

async function progressIn(engine: Pick<Engine, 'get'>): Promise<Progress | undefined> {
  const [kept] = await engine.get(importKind, [progressKey]);
  return kept?.value;
}

/** Gathers changes while the commit before them is under way. */
function createBatch(parts: StoreParts) {
  let changes: Change[] = [];
  let characters = 0;
  let underWay: Promise<unknown> = Promise.resolve();
  const begin = async (progress: Progress) => {
    await underWay;
    underWay = store(parts, changes, progress);
    // Whoever waits for it next hears of its failure.
    underWay.catch(() => undefined);
    changes = [];
    characters = 0;
  };
  return {
    /** True when it is time to begin its commit. */
    add(change: Change, size: number): boolean {
      changes.push(change);
      characters += size;
      return changes.length >= LINES || characters >= CHARACTERS;
    },
    begin,
    /** Resolves when nothing is under way. */
    settled: () =>
      underWay.then(
        () => undefined,
        () => undefined,
      ),
    /** Resolves when all of it is stored. */
    async flush(progress: Progress) {
      if (changes.length > 0) await begin(progress);
      await underWay;
    },
  };
}
