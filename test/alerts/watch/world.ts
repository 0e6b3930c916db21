/** Servers that share a store and look through its readings under a clock of ours. */
import { fileURLToPath } from 'node:url';
import { flagVitals } from '../../../src/alerts/flag.ts';
import { followFlag } from '../../../src/alerts/follow-flag.ts';
import { followTask } from '../../../src/alerts/process/follow.ts';
import { followLimits } from '../../../src/alerts/stored-limits.ts';
import { loadLimits } from '../../../src/alerts/thresholds.ts';
import { startAlertWatch, type WatchParts } from '../../../src/alerts/watch/room.ts';
import { createTrail } from '../../../src/audit/trail.ts';
import { openCore } from '../../../src/core.ts';
import { insideRequest, ofItself } from '../../../src/interactions/inside.ts';
import type { Entry } from '../../../src/interactions/interaction.ts';
import type { Measure } from '../../../src/measure.ts';
import { INDEX_VERSION } from '../../../src/search/index-version.ts';
import { plainQuery } from '../../../src/search/query.ts';
import { administrator } from '../../../src/smart/access.ts';
import type { Engine } from '../../../src/store/engine.ts';
import { noLeases, startLeases } from '../../../src/store/lease.ts';
import { openSqliteStore } from '../../../src/store/sqlite/sqlite-store.ts';
import { followWork } from '../../simulation/work.ts';
import { type VirtualRuntime, virtualRuntime } from '../../simulation/world.ts';
import { seeded } from '../../support/seeded.ts';

export const canonical = 'https://example.org/fhir';
const base = 'http://test/fhir';
const quiet = { warn: () => undefined, error: () => undefined };
export const minute = 60_000;
export const hour = 60 * minute;
export const day = 24 * hour;

export interface WatchWorld {
  readonly runtime: VirtualRuntime;
  readonly errors: unknown[];
  /** The next commits of servers with such a change fail, as of a store that is not there for a moment: one where it is not said how many. */
  fail(where: (change: any) => boolean, error?: Error, times?: number): void;
  /** Faults that servers have counted. */
  faults(): Promise<Readonly<Record<string, number>>>;
  /** Commits since it was asked last. */
  commits(): number;
  /** Matches that searches of servers gave since it was asked last. */
  rows(): number;
  start(): Promise<number>;
  /** Ends it where it stands. */
  kill(server: number): void;
  save(resource: any): Promise<any>;
  remove(resource: any): Promise<void>;
  /** In one transaction. */
  saveAll(resources: readonly any[]): Promise<void>;
  find(type: string): Promise<any[]>;
  kept(kind: string): Promise<readonly any[]>;
  /** Lets all happen that happens by then. */
  until(at: number): Promise<void>;
  close(): Promise<void>;
}

export async function openWatchWorld(
  settings: Partial<WatchParts['settings']> = {},
  isShared = false,
): Promise<WatchWorld> {
  const runtime = virtualRuntime(seeded(11));
  const store = await openSqliteStore({ file: ':memory:', runtime, indexVersion: INDEX_VERSION });
  const limits = loadLimits(fileURLToPath(new URL('../../../profiles', import.meta.url)));
  const lives: { readonly stop: AbortController; isOver: boolean }[] = [];
  const errors: unknown[] = [];
  const measures: Measure[] = [];
  let commits = 0;
  let rows = 0;
  let failing = { where: (_: any) => false, error: new Error(), times: 0 };
  const { followed, settled, until } = followWork(runtime);

  /** The store as one server has it: nothing reaches it once that is dead. The clock stands while anything is under way. */
  const viewOf = (life: { isOver: boolean }): Engine => {
    const names = ['read', 'vread', 'search', 'history', 'get', 'list', 'commit', 'end'] as const;
    const methods = names.map((name) => [
      name,
      followed(async (...parameters: unknown[]) => {
        if (life.isOver) throw new Error('killed');
        if (name === 'commit') commits++;
        if (name === 'commit' && failing.times > 0 && (parameters[0] as any[]).some(failing.where)) {
          failing.times--;
          throw failing.error;
        }
        const answer = await (store as any)[name](...parameters);
        if (name === 'search') rows += answer.matches.length;
        return answer;
      }),
    ]);
    return { ...store, ...Object.fromEntries(methods) };
  };
  const core = (engine: Engine, signal: AbortSignal) =>
    openCore({
      engine,
      trail: createTrail(engine, runtime, 'strict'),
      // What the core looks for by itself would be work for the clock.
      runtime: {
        ...runtime,
        sleep: (_, until) =>
          new Promise((go) => (until?.aborted ? go() : until?.addEventListener('abort', () => go()))),
      },
      base,
      canonical,
      version: '0.0.0',
      pageKey: new Uint8Array(32),
      references: 'open',
      prepare: {},
      derive: () => ({
        Observation: [flagVitals(limits)],
        ObservationDefinition: [followLimits],
        Flag: [followFlag],
        Task: [followTask],
      }),
      log: quiet,
      leases: noLeases,
      signal,
    });
  const stopClient = new AbortController();
  const client = await core(store, stopClient.signal);

  return {
    runtime,
    errors,
    fail(where, error = new Error('the store is away'), times = 1) {
      failing = { where, error, times };
    },
    async faults() {
      const sums: Record<string, number> = {};
      for (const { read } of measures)
        for (const { labels, value } of await read())
          if (value > 0) sums[labels['fault']!] = (sums[labels['fault']!] ?? 0) + value;
      return sums;
    },
    commits() {
      const made = commits;
      commits = 0;
      return made;
    },
    rows() {
      const read = rows;
      rows = 0;
      return read;
    },
    async start() {
      const life = { stop: new AbortController(), isOver: false };
      const server = lives.push(life) - 1;
      const { signal } = life.stop;
      const log = { ...quiet, error: (_: string, error: unknown) => void (life.isOver || errors.push(error)) };
      const view = viewOf(life);
      const { dispatch } = await core(view, signal);
      const owner = `server ${server}`;
      const leases = startLeases({ store: view, runtime, owner, isShared, log, signal, lookEvery: 10_000 });
      const measure = startAlertWatch({
        store: view,
        dispatch,
        runtime,
        base,
        canonical,
        limits,
        settings: { implantAfter: 14 * day, deviceAfter: undefined, grace: 2 * minute, news2Window: hour, ...settings },
        leases,
        log,
        lookEvery: 30 * day,
      });
      measures.push(measure);
      await settled();
      return server;
    },
    kill(server) {
      lives[server]!.isOver = true;
      lives[server]!.stop.abort();
    },
    async save(resource) {
      const text = JSON.stringify(resource);
      const { resourceType: type, id } = resource;
      const asked = { interaction: 'update', type, id, body: { text, resource } } as const;
      const { version } = await client.dispatch(insideRequest(ofItself(base), asked), administrator);
      return JSON.parse(version!.text);
    },
    async remove({ resourceType: type, id }) {
      await client.dispatch(insideRequest(ofItself(base), { interaction: 'delete', type, id }), administrator);
    },
    async saveAll(resources) {
      const entries = resources.map((resource): Entry => {
        const url = `${resource.resourceType}/${resource.id}`;
        return { fullUrl: url, method: 'PUT', url, body: { text: JSON.stringify(resource), resource }, conditions: {} };
      });
      const asked = { interaction: 'transaction', type: '', entries } as const;
      await client.dispatch(insideRequest(ofItself(base), asked), administrator);
    },
    async find(type) {
      const { matches } = await store.search(plainQuery(type, { is: 'all', of: [] }, 1_000), undefined);
      return matches.map(({ text }) => JSON.parse(text));
    },
    kept: (kind) => store.list(kind, '', 1_000),
    until,
    async close() {
      stopClient.abort();
      for (const { stop } of lives) stop.abort();
      await settled();
      await store.close();
    },
  };
}

let count = 0;
const CATEGORY = 'http://terminology.hl7.org/CodeSystem/observation-category';

/** A vital sign; `more` goes over it. */
export const vital = (patient: string, code: string, value: number, unit: string, at: number, more: object = {}) => ({
  resourceType: 'Observation',
  id: `vital-${count++}`,
  status: 'final',
  category: [{ coding: [{ system: CATEGORY, code: 'vital-signs' }] }],
  code: { coding: [{ system: 'http://loinc.org', code }] },
  subject: { reference: `Patient/${patient}` },
  effectiveDateTime: new Date(at).toISOString(),
  valueQuantity: { value, unit, system: 'http://unitsofmeasure.org', code: unit },
  ...more,
});
