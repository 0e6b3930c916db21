/** Servers that share a store in memory and work the process of alerts under a clock of ours. */

import { followAcceptance } from '../../../src/alerts/acknowledge/follow-task.ts';
import { type Alert, alertKind } from '../../../src/alerts/alert.ts';
import type { Message, Sent as Outcome } from '../../../src/alerts/channels/channel.ts';
import { followFlag } from '../../../src/alerts/follow-flag.ts';
import { followAnswer, followTask } from '../../../src/alerts/process/follow.ts';
import type { ProcessSettings } from '../../../src/alerts/process/parts.ts';
import { type AlertBells, createAlertBells, startAlerts } from '../../../src/alerts/process/room.ts';
import { startProcess } from '../../../src/alerts/process/start.ts';
import { createTrail } from '../../../src/audit/trail.ts';
import { openCore } from '../../../src/core.ts';
import { insideRequest, ofItself } from '../../../src/interactions/inside.ts';
import type { Dispatch } from '../../../src/interactions/interaction.ts';
import { INDEX_VERSION } from '../../../src/search/index-version.ts';
import { plainQuery } from '../../../src/search/query.ts';
import { administrator } from '../../../src/smart/access.ts';
import type { Engine } from '../../../src/store/engine.ts';
import { noLeases, startLeases } from '../../../src/store/lease.ts';
import { openSqliteStore } from '../../../src/store/sqlite/sqlite-store.ts';
import type { Change, Kept } from '../../../src/store/store.ts';
import { createPause, type Pause, pausedRuntime, pausedStore } from '../../simulation/pause.ts';
import { followWork } from '../../simulation/work.ts';
import { type VirtualRuntime, virtualRuntime } from '../../simulation/world.ts';
import { seeded } from '../../support/seeded.ts';

const base = 'http://test/fhir';
const canonical = 'https://example.org/fhir';
const quiet = { warn: () => undefined, error: () => undefined };

export interface Sent extends Message {
  readonly at: number;
  readonly server: number;
}

export interface AlertWorld {
  readonly runtime: VirtualRuntime;
  readonly sent: readonly Sent[];
  /** What the channels say next; that it was sent where there is none. */
  readonly answers: Outcome[];
  /** What went wrong on the servers. */
  readonly errors: unknown[];
  /** Starts a server; its number. */
  start(): Promise<number>;
  /** Ends it where it stands: nothing of it reaches the store any more. */
  kill(server: number): void;
  pause(server: number): void;
  goOn(server: number): void;
  /** The server stands still in the middle of its next commit that this is true of. */
  pauseAt(server: number, isMeant: (changes: readonly Change[]) => boolean): void;
  save(resource: any): Promise<any>;
  find(type: string): Promise<any[]>;
  kept(kind: string): Promise<readonly Kept[]>;
  /** An alert with its Flag, DetectedIssue and Task, in one commit with its process. */
  open(severity: Alert['severity'], id: string, more?: Partial<Alert>): Promise<void>;
  /** Lets all happen that happens by then. */
  until(at: number): Promise<void>;
  close(): Promise<void>;
}

interface Life {
  readonly pause: Pause;
  readonly stop: AbortController;
  isOver: boolean;
  pauseAt?: (changes: readonly Change[]) => boolean;
}

/** Signs of life of several servers are work for the clock: they are given where there is more than one. */
export async function openAlertWorld(settings: Partial<ProcessSettings> = {}, isShared = false): Promise<AlertWorld> {
  const runtime = virtualRuntime(seeded(7));
  const store = await openSqliteStore({ file: ':memory:', runtime, indexVersion: INDEX_VERSION });
  const lives: Life[] = [];
  const bells: AlertBells[] = [];
  const ring = () => {
    for (const { timers } of bells) timers.ring();
  };
  const sent: Sent[] = [];
  const errors: unknown[] = [];
  const answers: Outcome[] = [];
  const site: ProcessSettings = {
    team: undefined,
    inbox: { kind: 'webhook', value: 'inbox' },
    emergency: undefined,
    quietHours: undefined,
    hasDetail: false,
    ...settings,
  };

  async function core(engine: Engine, own: typeof runtime | ReturnType<typeof pausedRuntime>, signal: AbortSignal) {
    // What the core looks for by itself is none of this: its looks would be work for the clock.
    const idle = (signal?: AbortSignal) =>
      new Promise<void>((go) => (signal?.aborted ? go() : signal?.addEventListener('abort', () => go())));
    const resting = { ...own, sleep: (_: number, until?: AbortSignal) => idle(until) };
    return openCore({
      engine,
      trail: createTrail(engine, own, 'strict'),
      runtime: resting,
      base,
      canonical,
      version: '0.0.0',
      pageKey: new Uint8Array(32),
      references: 'open',
      prepare: {},
      derive: () => ({ Task: [followTask, followAcceptance], Communication: [followAnswer], Flag: [followFlag] }),
      log: quiet,
      leases: noLeases,
      signal,
    });
  }
  const stopClient = new AbortController();
  const client = await core(store, runtime, stopClient.signal);
  const ask = (dispatch: Dispatch, resource: any) => {
    const text = JSON.stringify(resource);
    const asked = {
      interaction: 'update',
      type: resource.resourceType,
      id: resource.id,
      body: { text, resource },
    } as const;
    return dispatch(insideRequest(ofItself(base), asked), administrator);
  };

  const { followed, settled, until } = followWork(runtime);

  return {
    runtime,
    sent,
    answers,
    errors,
    async start() {
      const server = lives.length;
      const pause = createPause();
      const life: Life = { pause, stop: new AbortController(), isOver: false };
      lives.push(life);
      const dead =
        (method: any) =>
        async (...parameters: unknown[]) => {
          if (life.isOver) throw new Error('killed');
          return method(...parameters);
        };
      const names = ['read', 'vread', 'search', 'history', 'get', 'list', 'commit', 'end'] as const;
      const living = {
        ...store,
        ...Object.fromEntries(names.map((name) => [name, followed(dead((store as any)[name]))])),
      };
      const commit = async (changes: readonly Change[]) => {
        if (life.pauseAt?.(changes)) {
          life.pauseAt = undefined;
          pause.stop();
          await pause.gate();
        }
        return living.commit(changes);
      };
      const view = pausedStore({ ...living, commit } as Engine, pause);
      const own = pausedRuntime(runtime, pause);
      const { signal } = life.stop;
      const log = {
        warn: () => undefined,
        error: (_: string, error: unknown) => void (life.isOver || errors.push(error)),
      };
      const ownBells = createAlertBells();
      bells.push(ownBells);
      const { dispatch, store: watched } = await core(ownBells.watch(view), own, signal);
      const leases = startLeases({
        store: view,
        runtime: own,
        owner: `server ${server}`,
        isShared,
        log,
        signal,
        lookEvery: 10_000,
      });
      const send = async (message: Message) => {
        if (!life.isOver) sent.push({ ...message, at: runtime.now(), server });
        return answers.shift() ?? 'sent';
      };
      startAlerts({
        store: watched,
        dispatch,
        runtime: own,
        url: 'http://test',
        base,
        canonical,
        log,
        settings: site,
        linkKey: new Uint8Array(32),
        channels: new Map([
          ['webhook', { kind: 'webhook', send }],
          ['sms', { kind: 'sms', send }],
        ]),
        consents: { narrow: async () => undefined },
        leases,
        bells: ownBells,
        // Bells ring for what is written; looks besides are work for the clock.
        lookEvery: isShared ? 20_000 : 3_600_000,
      });
      return server;
    },
    kill(server) {
      lives[server]!.isOver = true;
      lives[server]!.stop.abort();
    },
    pause: (server) => lives[server]!.pause.stop(),
    pauseAt(server, isMeant) {
      lives[server]!.pauseAt = isMeant;
    },
    goOn: (server) => lives[server]!.pause.goOn(),
    async save(resource) {
      const { version } = await ask(client.dispatch, resource);
      ring();
      return JSON.parse(version!.text);
    },
    kept: (kind) => store.list(kind, '', 100),
    async find(type) {
      const { matches } = await store.search(plainQuery(type, { is: 'all', of: [] }, 1_000), undefined);
      return matches.map(({ text }) => JSON.parse(text)).sort((a, b) => (a.authoredOn < b.authoredOn ? -1 : 1));
    },
    async open(severity, id, more = {}) {
      const now = runtime.now();
      const alert: Alert = {
        id,
        flag: id,
        issue: `${id}-issue`,
        task: `${id}-task`,
        type: 'vital-heart-rate',
        severity,
        patient: 'Patient/1',
        queue: 'alert-review',
        at: now,
        open: true,
        ...more,
      };
      const time = new Date(now).toISOString();
      if (alert.flag !== undefined && alert.patient !== undefined) {
        const subject = { reference: alert.patient };
        await ask(client.dispatch, { resourceType: 'Flag', id, status: 'active', code: { text: 'x' }, subject });
      }
      const task = {
        resourceType: 'Task',
        id: alert.task,
        status: 'requested',
        intent: 'order',
        authoredOn: time,
        lastModified: time,
        focus: { reference: alert.flag === undefined ? 'Device/1' : `Flag/${alert.flag}` },
        reasonReference: { reference: `DetectedIssue/${alert.issue}` },
      };
      const text = JSON.stringify(task);
      const body = { text, resource: task };
      const asked = { interaction: 'update', type: 'Task', id: alert.task, body } as const;
      const kept: Change = { op: 'put', kind: alertKind, key: alert.id, value: alert, expect: 'absent' };
      const also = [kept, ...(startProcess(alert, { now, canonical }) as readonly Change[])];
      await client.dispatch(insideRequest(ofItself(base), asked), administrator, also);
      ring();
    },
    until,
    async close() {
      stopClient.abort();
      for (const { stop, pause } of lives) {
        pause.goOn();
        stop.abort();
      }
      await settled();
      await store.close();
    },
  };
}
