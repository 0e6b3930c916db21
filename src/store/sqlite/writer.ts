/** Group commit: everything that wants to be stored while the writer is busy goes together next. */
import { type Problem, problem } from '../../fhir/outcome.ts';
import type { ResourceKey } from '../../fhir/references.ts';
import type { Runtime } from '../../runtime.ts';
import type { Hashing } from '../hash.ts';
import { isClosed } from '../refusals.ts';
import type { Written } from '../store.ts';
import type { Applied, Outcome } from './apply.ts';
import { noStore } from './connection.ts';
import { emptyGathering, type Gathering, gatherList, type OwnChange, sealGroup } from './group.ts';
import type { WriterThread } from './writer-thread.ts';

export interface Writer {
  commit(changes: readonly OwnChange[]): Promise<readonly Written[]>;
  /** Why nothing is stored any more; undefined while all is well. */
  fault(): string | undefined;
  /** Takes nothing more and waits for what is on its way. The thread is its opener's to close. */
  close(): Promise<void>;
}

interface Caller {
  readonly keys: readonly ResourceKey[];
  readonly resolve: (written: readonly Written[]) => void;
  readonly reject: (why: Problem) => void;
}

interface Group {
  readonly gathering: Gathering;
  readonly callers: Caller[];
  /** Some list holds more than audit rows and expectations. */
  changed: boolean;
}

/** More callers than this wait for the group after next. */
const MOST = 1_000;
const MOST_BYTES = 32 << 20;
/** Groups that the writer has at a time: while it syncs one, the next waits at its door instead of on this thread. */
const AHEAD = 2;

export type OnCommit = (lists: number, refused: number, seconds: number) => void;

export interface WriterHooks {
  /** After each group, before its callers are told; `changed` when it held more than audit rows. */
  readonly onSettled: (changed: boolean) => void;
  /** After each group that wrote versions, when they can be read. */
  readonly onStored: () => void;
  readonly onCommit?: OnCommit;
}

const isChange = ({ op }: OwnChange): boolean => op !== 'append' && op !== 'expect';

export function createWriter(thread: WriterThread, hashing: Hashing, runtime: Runtime, hooks: WriterHooks): Writer {
  const { onSettled, onStored, onCommit = () => undefined } = hooks;
  const waiting: Group[] = [];
  let fault: string | undefined;
  let closed = false;
  let underWay = 0;
  let isCalled = false;
  let idle = () => {};

  const openGroup = (): Group => {
    const last = waiting[waiting.length - 1];
    if (last && last.callers.length < MOST && weightOf(last.gathering) < MOST_BYTES) return last;
    const group: Group = { gathering: emptyGathering(), callers: [], changed: false };
    waiting.push(group);
    return group;
  };

  const settled = (group: Group, applied: Applied, began: number) => {
    if ('fault' in applied) {
      fault = applied.fault;
      for (const { reject } of group.callers) reject(noStore(fault));
      return;
    }
    onSettled(group.changed);
    const refused = applied.outcomes.filter((outcome) => 'code' in outcome).length;
    onCommit(group.callers.length, refused, (performance.now() - began) / 1_000);
    let stored = false;
    group.callers.forEach((caller, i) => {
      const outcome = applied.outcomes[i]!;
      stored ||= Array.isArray(outcome) && outcome.length > 0;
      answer(caller, outcome);
    });
    if (stored) onStored();
  };

  const send = async (group: Group) => {
    const began = performance.now();
    underWay++;
    const applied = fault === undefined ? await thread.apply(sealGroup(group.gathering, runtime.now())) : { fault };
    underWay--;
    settled(group, applied, began);
    sendMore();
    if (underWay === 0 && waiting.length === 0) idle();
  };

  /** Calls for what waits at the end of this turn of the event loop, so that all that the turn brings goes together. */
  const sendMore = () => {
    if (isCalled || waiting.length === 0 || underWay >= AHEAD) return;
    isCalled = true;
    setImmediate(() => {
      isCalled = false;
      while (underWay < AHEAD && waiting.length > 0) void send(waiting.shift()!);
    });
  };

  return {
    commit: (changes) =>
      new Promise((resolve, reject) => {
        if (fault !== undefined) throw noStore(fault);
        if (closed) throw isClosed();
        const group = openGroup();
        gatherList(group.gathering, changes, hashing);
        const keys = changes.flatMap((change) => (change.op === 'write' ? [change.key] : []));
        group.callers.push({ keys, resolve, reject });
        group.changed ||= changes.some(isChange);
        sendMore();
      }),
    fault: () => fault,
    async close() {
      closed = true;
      if (underWay > 0 || waiting.length > 0) await new Promise<void>((resolve) => (idle = resolve));
    },
  };
}

/** Texts count by their number, since most are short and the long ones are rare. */
const weightOf = ({ bytes, strings }: Gathering): number => bytes + 1_024 * strings.length;

function answer({ keys, resolve, reject }: Caller, outcome: Outcome): void {
  if ('code' in outcome) {
    reject(problem(outcome.code, outcome.why));
    return;
  }
  resolve(
    keys.map((key, i) => ({
      key,
      versionId: outcome[3 * i]!,
      lastUpdated: outcome[3 * i + 1]!,
      created: outcome[3 * i + 2] === 1,
    })),
  );
}
