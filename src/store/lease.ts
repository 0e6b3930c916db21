/**
 * Work that only one server of a store does at a time. Who has a lease is kept state; whether its owner lives is told by the
 * store's clock alone; a fence in its commits refuses those of an owner that was taken for dead. docs/storage.md#leases
 */
import type { Log } from '../log.ts';
import type { Runtime } from '../runtime.ts';
import { type Change, isConflict, type Kept, type Lease, type Store } from './store.ts';

export const kinds = {
  /** By the lease's key: {@link KeptLease}. Never dropped: what its epoch refuses once is refused for ever. */
  lease: 'lease',
  /** By owner: here while it lives; expires. */
  owner: 'lease-owner',
  /** Nothing is kept here; a change that only asks for the fence drops it. */
  check: 'lease-check',
} as const;

export interface KeptLease {
  /** '' where its last owner gave it back. */
  readonly owner: string;
  /** Rises with every owner that takes it. */
  readonly epoch: number;
}

/** Seconds for which the store takes an owner for alive, by the store's clock. */
const alive = 15;
/** Milliseconds between two signs of life. */
const renewEvery = 5_000;
/** Milliseconds after a sign of life was sent at which its owner stops, before anybody can take over. */
const stopAfter = 10_000;
/** Milliseconds before the next try after a fault. */
const pauseAfterFault = 1_000;

export interface Held {
  readonly fence: Lease;
  /** Aborts when the lease is lost, or wanted elsewhere, or the server stops. */
  readonly signal: AbortSignal;
}

/** Begins when the lease is held. Resolves when nothing is under way any more; without the signal: there is nothing more to do. */
export type Work = (held: Held, at: number) => Promise<void>;

export interface Leases {
  /** Whether other servers may work on the store too. */
  readonly isShared: boolean;
  /** Has work done under a lease, or under as many of a name as there are shares of it, which living servers share evenly. */
  hold(name: string, work: Work, shares?: number): void;
  /** Whether no other server lived at the last look. */
  isAlone(): boolean;
  /** Whether no work is taken any more. */
  isOver(): boolean;
  /** After the signal: resolves when no work is under way and the leases are given back. */
  readonly stopped: Promise<void>;
}

export interface LeaseParts {
  readonly store: Pick<Store, 'get' | 'list' | 'commit'>;
  readonly runtime: Pick<Runtime, 'sleep'>;
  /** No other server may say the same at the same time. Where it comes back, it takes its leases over at once. */
  readonly owner: string;
  /** False where the data folder admits one server: then nobody has to be told that it lives. */
  readonly isShared: boolean;
  readonly log: Pick<Log, 'error'>;
  readonly signal: AbortSignal;
  /** Milliseconds between two looks for leases that are free. Default 1,000. */
  readonly lookEvery?: number;
}

interface Wanted {
  readonly keys: readonly string[];
  readonly work: Work;
  /** Keys whose work has ended for good. */
  readonly over: Set<string>;
}

interface Holding {
  readonly epoch: number;
  readonly stop: AbortController;
  done: Promise<void>;
}

export function startLeases(parts: LeaseParts): Leases {
  const { store, runtime, owner, isShared, log, signal, lookEvery = 1_000 } = parts;
  const wanted: Wanted[] = [];
  const held = new Map<string, Holding>();
  let isAlive = !isShared;
  let isAlone = !isShared;
  let ring = (): void => undefined;

  async function look(): Promise<void> {
    const keys = wanted.flatMap((one) => one.keys);
    const kept = await store.get(kinds.lease, keys);
    const rows = new Map(keys.map((key, at) => [key, kept[at]]));
    const living = isShared ? new Set((await store.list(kinds.owner, '', 1_000)).map(({ key }) => key)) : new Set();
    living.add(owner);
    isAlone = living.size === 1;
    for (const [key, { epoch, stop }] of held) {
      const lease = leaseIn(rows.get(key));
      if (lease?.owner !== owner || lease.epoch !== epoch) stop.abort();
    }
    const free: string[] = [];
    for (const one of wanted) {
      const share = Math.ceil(one.keys.length / living.size);
      const mine = one.keys.filter((key) => held.has(key));
      for (const key of mine.slice(share)) held.get(key)!.stop.abort();
      const open = one.keys.filter((key) => {
        const of = leaseIn(rows.get(key))?.owner ?? '';
        return !held.has(key) && !one.over.has(key) && (of === '' || of === owner || !living.has(of));
      });
      free.push(...open.slice(0, Math.max(0, share - mine.length)));
    }
    if (free.length > 0 && isAlive && !signal.aborted) await take(free, rows);
  }

  async function take(keys: readonly string[], rows: ReadonlyMap<string, Kept | undefined>): Promise<void> {
    const dead = new Set<string>();
    const changes: Change[] = [];
    for (const key of keys) {
      const row = rows.get(key);
      const lease = leaseIn(row);
      if (lease && lease.owner !== '' && lease.owner !== owner) dead.add(lease.owner);
      const value: KeptLease = { owner, epoch: epochAfter(lease) };
      changes.push({ op: 'put', kind: kinds.lease, key, value, expect: row?.revision ?? 'absent' });
    }
    const stillDead = [...dead].map((key): Change => ({ op: 'expect', of: { kind: kinds.owner, key }, at: 'absent' }));
    await store.commit([...stillDead, ...changes]);
    // Thought dead while this was stored: whoever looks next may take them, and we are no owner before our next look.
    if (!isAlive || signal.aborted) return;
    for (const key of keys) begin(key, epochAfter(leaseIn(rows.get(key))));
  }

  function begin(key: string, epoch: number): void {
    const one = wanted.find(({ keys }) => keys.includes(key))!;
    const holding: Holding = { epoch, stop: new AbortController(), done: Promise.resolve() };
    held.set(key, holding);
    holding.done = work(one, key, holding);
  }

  async function work(one: Wanted, key: string, { epoch, stop }: Holding): Promise<void> {
    const fence = { key, epoch };
    try {
      await one.work({ fence, signal: stop.signal }, one.keys.indexOf(key));
      if (!stop.signal.aborted) one.over.add(key);
    } catch (error) {
      if (!stop.signal.aborted) log.error('work under a lease failed', error, { id: key });
      await runtime.sleep(pauseAfterFault, stop.signal);
    }
    await store
      .commit([{ op: 'put', kind: kinds.lease, key, value: { owner: '', epoch } satisfies KeptLease, fence }])
      .catch(() => undefined); // lost already, or it expires with its owner
    held.delete(key);
    ring();
  }

  function loseAll(): void {
    isAlive = false;
    for (const { stop } of held.values()) stop.abort();
  }

  /** Signs of life. Timers run on a clock that nobody sets, so a clock that is set back keeps no dead owner at work. */
  async function live(): Promise<void> {
    let standing = new AbortController();
    while (!signal.aborted) {
      const next = new AbortController();
      let isLate = false;
      void runtime.sleep(stopAfter, next.signal).then(() => {
        if (next.signal.aborted) return;
        isLate = true;
        loseAll();
      });
      try {
        await store.commit([{ op: 'put', kind: kinds.owner, key: owner, value: {}, expiresIn: alive }]);
        // What was stored is nearly over: only another one tells that we live.
        if (isLate) continue;
        const isNew = !isAlive;
        isAlive = true;
        standing.abort();
        standing = next;
        if (isNew) ring();
        await runtime.sleep(renewEvery, signal);
      } catch (error) {
        next.abort();
        if (!signal.aborted) log.error('no sign of life could be stored', error);
        await runtime.sleep(pauseAfterFault, signal);
      }
    }
    standing.abort();
  }

  async function run(): Promise<void> {
    while (!signal.aborted) {
      const rung = new AbortController();
      ring = () => rung.abort();
      let isCalm = true;
      try {
        if (wanted.length > 0 && isAlive) await look();
      } catch (error) {
        isCalm = false; // another was quicker, or the store cannot answer now
        if (!signal.aborted && !isConflict(error)) log.error('leases could not be looked at', error);
      }
      if (signal.aborted) break;
      if (isShared || !isCalm) await runtime.sleep(isCalm ? lookEvery : pauseAfterFault, rung.signal);
      else if (!rung.signal.aborted) await new Promise<void>((go) => rung.signal.addEventListener('abort', () => go()));
    }
    for (const { stop } of held.values()) stop.abort();
    await Promise.all([...held.values()].map(({ done }) => done));
    await living;
    if (isShared) await store.commit([{ op: 'drop', kind: kinds.owner, key: owner }]).catch(() => undefined);
  }

  let isOver = false;
  signal.addEventListener('abort', () => ring(), { once: true });
  const living = isShared ? live() : Promise.resolve();
  return {
    isShared,
    hold(name, task, shares = 1) {
      const keys = shares === 1 ? [name] : Array.from({ length: shares }, (_, at) => `${name}/${at}`);
      wanted.push({ keys, work: task, over: new Set() });
      ring();
    },
    isAlone: () => isAlone,
    isOver: () => isOver,
    stopped: run().finally(() => {
      isOver = true;
    }),
  };
}

/** For a server that leaves the work to others. */
export const noLeases: Leases = {
  isShared: true,
  hold: () => undefined,
  isAlone: () => false,
  isOver: () => false,
  stopped: Promise.resolve(),
};

const leaseIn = (row: Kept | undefined): KeptLease | undefined => row?.value;
const epochAfter = (lease: KeptLease | undefined): number => (lease?.epoch ?? 0) + 1;

/** Asks at commit that the lease has no newer owner, and nothing else. */
export const check = (fence: Lease): Change => ({ op: 'drop', kind: kinds.check, key: fence.key, fence });

/** The store for work under a lease: a commit is refused as a conflict once the lease has a newer owner. */
export const fenced = <S extends Pick<Store, 'commit'>>(store: S, fence: Lease): S => ({
  ...store,
  commit: (changes: readonly Change[]) => store.commit([...changes, check(fence)]),
});
