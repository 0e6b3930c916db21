/** One simulated universe for notifications: the real store, write path, notifier and delivery under a clock and a receiver of our own, with crashes. */
import { createTrail } from '../../src/audit/trail.ts';
import { problem } from '../../src/fhir/outcome.ts';
import { create } from '../../src/interactions/create.ts';
import { remove } from '../../src/interactions/delete.ts';
import { createDispatch } from '../../src/interactions/dispatch.ts';
import type { Access, Caller, Dispatch, FhirRequest, InteractionCode } from '../../src/interactions/interaction.ts';
import { createLine } from '../../src/interactions/settle.ts';
import { update } from '../../src/interactions/update.ts';
import { createWritePath } from '../../src/interactions/write.ts';
import { type Call, guardedClient, type Reply } from '../../src/outbound/guarded-client.ts';
import type { Runtime } from '../../src/runtime.ts';
import { extract } from '../../src/search/extract.ts';
import { administrator, fullAccess } from '../../src/smart/access.ts';
import { startLeases } from '../../src/store/lease.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import type { Change, Store, Written } from '../../src/store/store.ts';
import type { Counters } from '../../src/subscriptions/parts.ts';
import { forgetSubscription, prepareSubscription } from '../../src/subscriptions/prepare.ts';
import { startSubscriptions } from '../../src/subscriptions/subscriptions.ts';
import { seeded } from '../support/seeded.ts';
import { createPause, type Pause, pausedRuntime } from './pause.ts';

export interface VirtualRuntime extends Runtime {
  /** Jumps to the next moment somebody waits for, at most to `limit`; false when nobody waits up to there. */
  leap(limit: number): boolean;
}

export function virtualRuntime(random: () => number): VirtualRuntime {
  let now = Date.UTC(2026, 0, 1);
  let sleepers: { at: number; wake: () => void }[] = [];
  return {
    now: () => now,
    random: (bytes) => Uint8Array.from({ length: bytes }, () => Math.floor(random() * 256)),
    sleep: (milliseconds, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted) return resolve();
        const sleeper = { at: now + milliseconds, wake: resolve };
        sleepers.push(sleeper);
        const leave = () => {
          sleepers = sleepers.filter((other) => other !== sleeper);
          resolve();
        };
        signal?.addEventListener('abort', leave, { once: true });
      }),
    leap(limit) {
      const next = sleepers.reduce((earliest, { at }) => Math.min(earliest, at), Number.POSITIVE_INFINITY);
      if (next > limit) {
        now = Math.max(now, limit);
        return false;
      }
      now = Math.max(now, next);
      const due = sleepers.filter(({ at }) => at <= now);
      sleepers = sleepers.filter(({ at }) => at > now);
      for (const { wake } of due) wake();
      return true;
    },
  };
}

export interface Received {
  readonly id: string;
  readonly body: string;
  readonly at: number;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly method: string;
  readonly isAccepted: boolean;
}

/** What a receiver does with one call: answers, or throws what the guarded client would. */
export type Script = (call: Call, runtime: Runtime) => Promise<Reply>;

export const reply = (status: number, headers: Record<string, string> = {}): Reply => ({ status, headers, body: '' });

/** Changes how the code under test sees the store: the place for planted faults. */
export type Tamper = (store: Store) => Store;

export interface World {
  readonly store: Store;
  readonly runtime: VirtualRuntime;
  readonly received: readonly Received[];
  /** Of all servers that run now. */
  readonly counters: () => Counters;
  /** The server as it runs now; writes of clients go through it. */
  ask(interaction: InteractionCode, type: string, resource: any, caller?: Caller): Promise<any>;
  /** Kills notifier and delivery of a server where they stand and starts new ones on the same store. */
  crash(server?: number): void;
  /** A second notifier and delivery on the same store, beside the first. */
  startAnother(): void;
  /** A server stands still, and goes on after these milliseconds as if nothing had been. */
  pause(server: number, milliseconds: number): void;
  /** Kills whoever makes the n-th commit from now: before it, or after it and before it learns of it. */
  crashAtCommit(n: number, isStored: boolean): void;
  /** And pauses. */
  readonly crashes: () => number;
  /** Lets everything happen that happens within these milliseconds. */
  pass(milliseconds: number): Promise<void>;
  close(): Promise<void>;
}

/** One life of a server. */
interface Life {
  isOver: boolean;
  readonly pause: Pause;
  readonly stop: AbortController;
  readonly counters: Counters;
}

/** A process that was killed asks the store nothing any more. */
class Killed extends Error {}

export async function createWorld(options: {
  readonly seed: number;
  readonly script: Script;
  readonly tamper?: Tamper;
  readonly accessOf?: () => Access | Promise<Access>;
  /** Servers that share the store; where left out, one that has it alone. */
  readonly servers?: number;
}): Promise<World> {
  const random = seeded(options.seed ^ 0x5eed);
  const runtime = virtualRuntime(random);
  const store = await openSqliteStore({ file: ':memory:', runtime });
  const received: Received[] = [];
  const isShared = options.servers !== undefined;
  const servers: Life[] = [];
  let lives = 0;
  let busy = 0;
  let crashes = 0;
  let planned: { n: number; isStored: boolean } | undefined;

  const follow = async <T>(work: () => Promise<T>): Promise<T> => {
    busy++;
    try {
      return await work();
    } finally {
      busy--;
    }
  };

  /** The store as one life of the server sees it. */
  function storeOf(life: Pick<Life, 'isOver' | 'pause'>, doesCrash: boolean): Store {
    const { gate } = life.pause;
    const call =
      <A extends any[], R>(method: (...parameters: A) => Promise<R>) =>
      async (...parameters: A): Promise<R> => {
        await gate();
        if (life.isOver) throw new Killed();
        const result = await follow(async () => {
          const found = await method(...parameters);
          // What was read grows old before it is acted on.
          for (let rounds = Math.floor(random() * 3); rounds > 0; rounds--) await new Promise((go) => setImmediate(go));
          return found;
        });
        await gate();
        if (life.isOver) throw new Killed();
        return result;
      };
    const commit = call<[readonly Change[]], readonly Written[]>((changes) => store.commit(changes));
    return {
      read: call(store.read.bind(store)),
      vread: call(store.vread.bind(store)),
      search: call(store.search.bind(store)),
      history: call(store.history.bind(store)),
      get: call(store.get.bind(store)),
      list: call(store.list.bind(store)),
      audit: call(store.audit.bind(store)),
      end: call(store.end.bind(store)),
      async commit(changes) {
        await gate();
        if (!doesCrash || life.isOver || !planned || --planned.n > 0) return commit(changes);
        const { isStored } = planned;
        planned = undefined;
        if (isStored && !life.isOver) await follow(() => store.commit(changes));
        crash(servers.indexOf(life as Life));
        throw new Killed();
      },
      async *changes(after, signal) {
        for await (const change of store.changes(after, signal)) {
          await gate();
          if (life.isOver) throw new Killed();
          yield change;
        }
      },
      close: async () => undefined,
    };
  }

  function dispatchOver(view: Store): Dispatch {
    const line = createLine();
    const writes = createWritePath({
      now: runtime.now,
      canonical: 'https://example.org/fhir',
      references: 'open',
      relative: (text: string) => text,
      prepare: { Subscription: prepareSubscription({ client: guardedClient({ allow: [], runtime }), runtime }) },
      derive: { Subscription: [forgetSubscription] },
    });
    return createDispatch({
      store: view,
      trail: createTrail(view, runtime, 'strict'),
      runtime,
      base: 'http://test/fhir',
      interactions: [create(writes, runtime, line), update(writes, runtime, line), remove(writes, runtime, line)],
      declared: () => true,
    });
  }

  const clientOf = ({ gate }: Pause) => ({
    send: (call: Call): Promise<Reply> => {
      const { headers, method, body = '', url } = call;
      const note = (isAccepted: boolean) =>
        received.push({ id: headers['webhook-id']!, headers, method, body, url, at: runtime.now(), isAccepted });
      return options.script(call, runtime).then(
        async (answer) => {
          note(answer.status >= 200 && answer.status < 300);
          await gate();
          return answer;
        },
        async (error) => {
          note(false);
          await gate();
          throw error;
        },
      );
    },
  });

  function start(at: number): void {
    const pause = createPause();
    const stop = new AbortController();
    const counters: Counters = { delivered: 0, failed: 0, waiting: 0 };
    const life: Life = { isOver: false, pause, stop, counters };
    servers[at] = life;
    const view = storeOf(life, true);
    const own = pausedRuntime(runtime, pause);
    const log = { warn: () => undefined, error: () => undefined };
    const { signal } = stop;
    const owner = isShared ? `server ${++lives}` : 'server';
    startSubscriptions({
      store: options.tamper ? options.tamper(view) : view,
      leases: startLeases({ store: view, runtime: own, owner, isShared, log, signal, lookEvery: 10_000 }),
      // Less often than in life, where it costs little: here all of it is work for the clock.
      listenEvery: 10_000,
      dispatch: dispatchOver(view),
      runtime: own,
      base: 'http://127.0.0.1/fhir',
      extract,
      client: clientOf(pause),
      accessOf: options.accessOf ?? (() => fullAccess),
      counters,
      log,
      signal,
    });
  }

  function end(life: Life): void {
    life.isOver = true;
    life.pause.goOn();
    life.stop.abort();
  }

  function crash(at = 0): void {
    end(servers[at]!);
    crashes++;
    start(at);
  }

  const outside = dispatchOver(storeOf({ isOver: false, pause: createPause() }, false));

  /** Until nothing moves without the clock. */
  async function settle(): Promise<void> {
    for (let quiet = 0; quiet < 4; quiet = busy > 0 ? 0 : quiet + 1) await new Promise((go) => setImmediate(go));
  }

  for (let at = 0; at < (options.servers ?? 1); at++) start(at);
  return {
    store,
    runtime,
    received,
    counters: () => {
      const sum: Counters = { delivered: 0, failed: 0, waiting: 0 };
      for (const { counters } of servers) {
        for (const name of Object.keys(sum) as (keyof Counters)[]) sum[name] += counters[name];
      }
      return sum;
    },
    crash,
    startAnother: () => start(servers.length),
    pause(at, milliseconds) {
      const { pause } = servers[at]!;
      crashes++;
      pause.stop();
      void runtime.sleep(milliseconds).then(pause.goOn);
    },
    crashAtCommit: (n, isStored) => {
      planned = { n, isStored };
    },
    crashes: () => crashes,
    async ask(interaction, type, resource, caller = administrator) {
      const request: FhirRequest = {
        interaction,
        type,
        id: interaction === 'create' ? '' : resource.id,
        parameters: [],
        conditions: {},
        body: { text: JSON.stringify(resource), resource },
        strict: true,
        base: 'http://127.0.0.1/fhir',
        requestId: 'simulated',
        address: '127.0.0.1',
      };
      const { version } = await follow(() => outside(request, caller));
      return version?.text ? JSON.parse(version.text) : undefined;
    },
    async pass(milliseconds) {
      const limit = runtime.now() + milliseconds;
      do await settle();
      while (runtime.leap(limit));
    },
    async close() {
      for (const life of servers) end(life);
      await settle();
      runtime.leap(runtime.now() + 30_000);
      await settle();
      await store.close();
    },
  };
}

export const timeout = () => problem('timeout', 'The endpoint did not answer within 15 seconds');
