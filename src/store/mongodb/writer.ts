/** The one way into the store: lists that wait together go as one transaction, a few transactions at a time, none with a key of another. docs/storage-mongodb.md */
import type { ClientSession, TopologyDescriptionChangedEvent } from 'mongodb';
import { Problem } from '../../fhir/outcome.ts';
import { isClosed } from '../refusals.ts';
import type { Change, Written } from '../store.ts';
import { createRevisions } from './apply.ts';
import { isRow, runRows } from './audit-rows.ts';
import { isTooLarge } from './error-codes.ts';
import { takeGroup } from './group.ts';
import { prepareList } from './group-list.ts';
import { runGroup } from './group-run.ts';
import { nameOf, noPrimary, tooBusy } from './outcome.ts';
import type { Parts } from './parts.ts';
import { PLACES, writerId } from './registration.ts';
import { createSlots } from './slots.ts';
import { type Answer, createTransactions, type ExpectSearch, type WriterPlace, wasStored } from './transaction.ts';
import type { Tries, Waiting } from './waiting.ts';

export interface Writer {
  commit(changes: readonly Change[]): Promise<readonly Written[]>;
  /** Takes nothing more and waits for what is on its way, but not for long. */
  close(): Promise<void>;
  /** Why nothing can be stored at the moment; undefined while all is well. */
  fault(): string | undefined;
  /** Whether there was a time without a primary after that moment, by performance.now(). */
  wasAwaySince(moment: number): boolean;
  /** Those of its transactions. */
  readonly sessions: readonly ClientSession[];
}

export interface WriterOptions {
  readonly onCommit?: (lists: number, refused: number, seconds: number) => void;
  /** Told what operators want to know, in sentences; with the error where nobody foresaw it. */
  readonly log?: (sentence: string, error?: unknown) => void;
}

/** A caller waits no longer than so many ms: an election takes up to 12 s. */
const PATIENCE = 13_000;
/** Nor than so many once the store closes. */
const CLOSING = 5_000;

/** Groups under way at a time: a transaction for ten lists costs little more than one for a single list, so what comes meanwhile shares the next. */
const AT_ONCE = 2;
/** Ms after which a group holds nobody up any more, as long as there is a place. */
const SLOW = 250;

export function createWriter(
  parts: Parts,
  look: ExpectSearch,
  { onCommit = () => undefined, log = () => undefined }: WriterOptions,
): Writer {
  const { client, collections, runtime } = parts;
  const waiting: Waiting[] = [];
  const held = new Set<string>();
  const topology = followTopology(parts);
  const stop = new AbortController();
  const end = new AbortController();
  let underWay = 0;
  let isWideUnderWay = false;
  let isCalled = false;
  let isWatching = false;
  let idle = () => {};

  const sessions = Array.from({ length: PLACES }, () => client.startSession({ causalConsistency: false }));
  const free = sessions.map((session, n) => ({ n, session }));

  const ids = Buffer.from(runtime.random(9)).toString('base64url');
  let given = 0;
  const random = (limit: number) => Math.floor((Buffer.from(runtime.random(4)).readUInt32LE() / 2 ** 32) * limit);
  const tries: Tries = {
    runtime,
    attempt: createTransactions(parts, look, createRevisions(parts.now, random), topology.wasAwaySince),
    wasStored: (place, id) => wasStored(collections, place, id),
    nextId: () => `${ids}${++given}`,
    stamps: parts.stamps,
    onRefused: (error) => {
      if (isTooLarge(error)) log(`A write was refused, being too large for one transaction: ${nameOf(error)}`);
      else log(`The database refused a write: ${nameOf(error)}`, error);
    },
    end: end.signal,
  };
  const run = async (group: readonly Waiting[], place: () => WriterPlace) => {
    const began = performance.now();
    let refused = 0;
    const answered = new Set<Waiting>();
    const lists = group.map((list) => ({
      ...list,
      answer: (answer: Answer) => {
        if (answer instanceof Problem && !answered.has(list)) refused++;
        answered.add(list);
        list.answer(answer);
      },
    }));
    if (lists.every(isRow)) await runRows(tries, collections.audit, lists);
    else await runGroup(tries, place, lists);
    onCommit(lists.length, refused, (performance.now() - began) / 1_000);
  };

  const slots = createSlots(AT_ONCE, SLOW, () => sendMore());
  const mayGo = () => underWay < PLACES && slots.isFree();

  const send = async (group: readonly Waiting[]) => {
    const mine = free.shift()!;
    // The number of a server that was silent for long is another one now.
    const place = () => ({ id: writerId(parts.server, mine.n), taken: parts.taken, session: mine.session });
    const locks = group.flatMap((list) => list.locks);
    const isWide = group.some((list) => list.isWide);
    for (const lock of locks) held.add(lock);
    underWay++;
    const giveBack = slots.take();
    isWideUnderWay ||= isWide;
    await run(group, place);
    for (const lock of locks) held.delete(lock);
    if (isWide) isWideUnderWay = false;
    underWay--;
    free.unshift(mine);
    giveBack();
    sendMore();
    if (underWay === 0 && waiting.length === 0) idle();
  };

  /** At the end of this turn of the event loop, so that all that the turn brings goes together. */
  const sendMore = () => {
    if (isCalled || waiting.length === 0 || !mayGo()) return;
    isCalled = true;
    setImmediate(() => {
      isCalled = false;
      while (mayGo() && waiting.length > 0 && !isWideUnderWay) {
        const group = takeGroup(waiting, held, underWay > 0);
        if (group.length === 0) return;
        void send(group);
      }
    });
  };

  /** Tells those who have waited for a place for too long. */
  const watch = async () => {
    if (isWatching) return;
    isWatching = true;
    while (waiting.length > 0) {
      await runtime.sleep(waiting[0]!.deadline - performance.now() + 1, end.signal);
      const isLate = ({ deadline }: Waiting) => end.signal.aborted || deadline <= performance.now();
      while (waiting.length > 0 && isLate(waiting[0]!)) waiting.shift()!.answer(tooBusy());
    }
    isWatching = false;
    if (underWay === 0 && waiting.length === 0) idle();
  };

  return {
    commit: (changes) =>
      new Promise((resolve, reject) => {
        if (stop.signal.aborted) throw isClosed();
        if (changes.length === 0) {
          resolve([]);
          return;
        }
        const answer = (given: Answer) => (given instanceof Problem ? reject(given) : resolve(given));
        waiting.push({ ...prepareList(changes, parts), deadline: performance.now() + PATIENCE, answer });
        void watch();
        sendMore();
      }),
    fault: () => (topology.isHealthy() ? undefined : noPrimary),
    wasAwaySince: topology.wasAwaySince,
    sessions,
    async close() {
      stop.abort();
      const isIdle = new AbortController();
      idle = () => isIdle.abort();
      if (underWay === 0 && waiting.length === 0) idle();
      await runtime.sleep(CLOSING, isIdle.signal);
      topology.end();
      end.abort();
      // Where the database is silent, what is under way ends with the client.
      if (isIdle.signal.aborted) await Promise.all(sessions.map((session) => session.endSession()));
    },
  };
}

/** Whether a member that takes writes is known, as far as the driver has been told. */
function followTopology({ client }: Parts) {
  let isKnown = true;
  let known = Number.NEGATIVE_INFINITY;
  const follow = ({ newDescription: { servers } }: TopologyDescriptionChangedEvent) => {
    const wasKnown = isKnown;
    isKnown = [...servers.values()].some(({ type }) => type === 'RSPrimary' || type === 'Mongos');
    if (isKnown && !wasKnown) known = performance.now();
  };
  client.on('topologyDescriptionChanged', follow);
  return {
    isHealthy: (): boolean => isKnown,
    wasAwaySince: (moment: number): boolean => !isKnown || known >= moment,
    end(): void {
      client.off('topologyDescriptionChanged', follow);
    },
  };
}
