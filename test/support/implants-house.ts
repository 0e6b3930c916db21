/** The room of implants on a real store, behind the real gate: what is told there can be read as the server would store it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { followQueue } from '../../src/alerts/data-quality.ts';
import { flagVitals } from '../../src/alerts/flag.ts';
import { followFlag } from '../../src/alerts/follow-flag.ts';
import { followLimits } from '../../src/alerts/stored-limits.ts';
import { loadLimits } from '../../src/alerts/thresholds.ts';
import { followDevice, followUse } from '../../src/assignments/assignment.ts';
import { createTrail } from '../../src/audit/trail.ts';
import { readConfig } from '../../src/config.ts';
import { type Core, openCore } from '../../src/core.ts';
import { createImplants, type Implants, type More } from '../../src/ingest/implants/room.ts';
import type { Told } from '../../src/ingest/implants/told.ts';
import { createTakeIn, type TakeIn } from '../../src/ingest/intake/take-in.ts';
import { createToldOf } from '../../src/ingest/intake/unusable.ts';
import { insideRequest, ofItself } from '../../src/interactions/inside.ts';
import { createLog } from '../../src/log.ts';
import { openEngine } from '../../src/open-engine.ts';
import { type Runtime, systemRuntime } from '../../src/runtime.ts';
import { administrator } from '../../src/smart/access.ts';
import type { Engine } from '../../src/store/engine.ts';
import { noLeases } from '../../src/store/lease.ts';
import type { Store } from '../../src/store/store.ts';
import { testStore } from './test-store.ts';

const canonical = 'https://example.org/fhir';
const base = 'http://test/fhir';
const profiles = fileURLToPath(new URL('../../profiles', import.meta.url));

export interface ImplantsHouse {
  readonly store: Engine;
  readonly core: Core;
  readonly implants: Implants;
  readonly takeIn: TakeIn;
  readonly runtime: Runtime;
  /** Calls of the store by the room since it was asked last. */
  calls(): readonly string[];
  tell(told: Told, more?: More): ReturnType<Implants['tell']>;
  /** Another server on the same store. */
  another(): Implants;
  read(reference: string): Promise<any>;
  /** All matches, over all pages. */
  search(type: string, query?: string): Promise<any[]>;
  write(resource: any): Promise<void>;
  remove(reference: string): Promise<void>;
  stop(): Promise<void>;
}

export async function openImplantsHouse(asked?: string, runtime: Runtime = systemRuntime): Promise<ImplantsHouse> {
  const folder = mkdtempSync(join(tmpdir(), 'watchfire-implants-'));
  const { drop, ...engineSettings } = await testStore(asked);
  const config = { ...readConfig({}), logLevel: 'silent' as const, data: folder, ...engineSettings };
  const log = createLog({ level: 'silent', runtime });
  const { engine } = await openEngine({ config, runtime, log, onCommit: () => undefined });
  const stop = new AbortController();
  const core = await openCore({
    engine,
    trail: createTrail(engine, runtime, 'strict'),
    runtime,
    base,
    canonical,
    version: '0',
    pageKey: new Uint8Array(32),
    references: 'open',
    prepare: {},
    derive: () => ({
      Observation: [flagVitals(loadLimits(profiles))],
      Flag: [followFlag],
      ObservationDefinition: [followLimits],
      Device: [followDevice],
      DeviceUseStatement: [followUse],
      Task: [followQueue],
    }),
    log,
    leases: noLeases,
    signal: stop.signal,
  });
  const { store, dispatch } = core;
  let calls: string[] = [];
  /** The same function, noting that it was called. */
  const noting = <A extends unknown[], R>(name: string, call: (...all: A) => R) => {
    return (...all: A): R => {
      calls.push(name);
      return call(...all);
    };
  };
  const noted: Pick<Store, 'read' | 'get' | 'search' | 'commit'> = {
    read: noting('read', store.read),
    get: noting('get', store.get),
    search: noting('search', store.search),
    commit: noting('commit', store.commit),
  };
  const implants = createImplants({ store: noted, runtime, canonical });
  const takeIn = createTakeIn({ dispatch, base, told: createToldOf({ store, runtime, canonical }) });
  const ask = (request: Parameters<typeof insideRequest>[1]) =>
    dispatch(insideRequest(ofItself(base), request), administrator);
  return {
    store: engine,
    core,
    implants,
    takeIn,
    runtime,
    calls() {
      const made = calls;
      calls = [];
      return made;
    },
    tell: (told, more) => implants.tell(takeIn, told.implant.maker, told, more),
    another: () => createImplants({ store, runtime, canonical }),
    async read(reference) {
      const [type, id] = reference.split('/') as [string, string];
      const { version } = await ask({ interaction: 'read', type, id });
      return JSON.parse(version!.text);
    },
    async search(type, query = '') {
      const found: any[] = [];
      // The most that one page holds is 1,000: who has more is read to the end.
      for (let page: string | undefined = `${query}&_count=1000`; page !== undefined; ) {
        const parameters = [...new URLSearchParams(page)] as [string, string][];
        const { text } = await ask({ interaction: 'search-type', type, parameters });
        const { entry = [], link } = JSON.parse(text!);
        for (const { search, resource } of entry) if (search.mode === 'match') found.push(resource);
        page = link.find(({ relation }: any) => relation === 'next')?.url.split('?')[1];
      }
      return found;
    },
    async write(resource) {
      const text = JSON.stringify(resource);
      await ask({
        interaction: 'update',
        type: resource.resourceType,
        id: resource.id,
        body: { text, resource: JSON.parse(text) },
      });
    },
    async remove(reference) {
      const [type, id] = reference.split('/') as [string, string];
      await ask({ interaction: 'delete', type, id });
    },
    async stop() {
      stop.abort();
      await core.stopped;
      await engine.close();
      await drop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
