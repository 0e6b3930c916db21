/** A maker that is simulated in this process, and the poller of its feed on a real store: driven by hand, or by its lease as in a server. */
import { fileURLToPath } from 'node:url';
import { readConfig } from '../../src/config.ts';
import type { Asking } from '../../src/ingest/feeds/asking.ts';
import { loadMakers, type MakerFolder } from '../../src/ingest/feeds/folders.ts';
import { kinds } from '../../src/ingest/feeds/kinds.ts';
import { createReader } from '../../src/ingest/feeds/reader.ts';
import { fetchReports } from '../../src/ingest/feeds/report-work.ts';
import { type FeedsParts, type FeedsRoom, openFeedsOfMakers, patientSystem } from '../../src/ingest/feeds/room.ts';
import { pollOnce } from '../../src/ingest/feeds/round.ts';
import { createSettle, createWelcome } from '../../src/ingest/feeds/settle.ts';
import type { KeptMaker } from '../../src/ingest/feeds/state.ts';
import { remember } from '../../src/ingest/feeds/work.ts';
import { createLine } from '../../src/interactions/settle.ts';
import { createLog, type Log } from '../../src/log.ts';
import { hostAndPort } from '../../src/outbound/endpoint.ts';
import { guardedClient } from '../../src/outbound/guarded-client.ts';
import type { Credentials, MakerLimits } from '../../src/outbound/maker.ts';
import { createMakerClient } from '../../src/outbound/maker-client.ts';
import { type Runtime, systemRuntime } from '../../src/runtime.ts';
import { type MakerOptions, type MakerSimulator, startMakerSimulator } from '../../src/simulators/makers/maker.ts';
import type { TrueReading, Truth } from '../../src/simulators/makers/truth.ts';
import { type Leases, startLeases } from '../../src/store/lease.ts';
import { type ImplantsHouse, openImplantsHouse } from './implants-house.ts';

export const mappings = fileURLToPath(new URL('../../mappings/', import.meta.url));
export const canonical = 'https://example.org/fhir';
export const credentials: Credentials = {
  client_id: 'demo',
  client_secret: 'demo-secret',
  api_key: 'demo-key',
  environment: 'production',
};

/** A clock that stands still but for those who sleep and those who set it forward. */
export function steppedClock(start = Date.parse('2025-11-20T12:00:00Z')): Runtime & { forward(ms: number): void } {
  let now = start;
  let drawn = 1;
  return {
    now: () => now,
    forward: (ms) => {
      now += ms;
    },
    random: (bytes) => Uint8Array.from({ length: bytes }, () => (drawn = (drawn * 75 + 74) % 65_537) & 0xff),
    async sleep(ms, signal) {
      if (!signal?.aborted) now += ms;
      await new Promise(setImmediate);
    },
  };
}

export interface HandDriven extends ImplantsHouse {
  readonly sim: MakerSimulator;
  readonly asking: Asking;
  readonly folder: MakerFolder;
  /** One poll; what is kept of the maker after it. */
  poll(): Promise<KeptMaker>;
  /** Fetches the reports that are due; when the next one is. */
  reports(): Promise<number | undefined>;
  /** The poller's memory is built again from what is kept, as after a restart. */
  forget(): void;
}

export async function openHandDriven(options: {
  readonly clock: Runtime;
  readonly sim: Omit<MakerOptions, 'runtime'>;
  readonly limits?: Partial<MakerLimits>;
  readonly store?: string;
}): Promise<HandDriven> {
  const { clock, sim: asked } = options;
  const maker = asked.maker;
  // Only the client sleeps by this clock: what waits in the store, or serves, would have it run away.
  const runtime: Runtime = { ...clock, sleep: systemRuntime.sleep };
  const [house, makers] = await Promise.all([openImplantsHouse(options.store, runtime), loadMakers(mappings)]);
  const sim = await startMakerSimulator({ ...asked, runtime });
  const folder = makers.get(maker)!;
  const { document } = folder;
  const transport = guardedClient({ allow: [hostAndPort(new URL(sim.url))], runtime: systemRuntime });
  const client = createMakerClient({
    name: maker,
    base: sim.url,
    auth: document.auth[0]!,
    credentials: async () => [credentials],
    transport,
    runtime: clock,
    limits: { ...document.limits, ...options.limits },
  });
  const { store, implants, takeIn } = house;
  const settle = createSettle({ store, runtime, implants, takeIn, canonical });
  const welcome = createWelcome({ store, takeIn });
  const reader = createReader(document, patientSystem(canonical, maker));
  const asking: Asking = { document, reader, client, base: sim.url, store, runtime, settle, welcome };
  const stop = new AbortController();
  const held = { fence: { key: `feed/${maker}`, epoch: 1 }, signal: stop.signal };
  const parts = { maker, store, runtime, log: createLog({ level: 'silent', runtime }) };
  const line = createLine();
  let memory: ReturnType<typeof remember> | undefined;
  let last: KeptMaker | undefined;
  return {
    ...house,
    sim,
    asking,
    folder,
    forget() {
      memory = undefined;
    },
    async poll() {
      memory ??= remember(parts);
      last = await pollOnce(parts, await memory, line, held, { asking, environment: 'production' }, last);
      return last;
    },
    reports: () => fetchReports(asking, { held, line, log: parts.log }),
    async stop() {
      stop.abort();
      await sim.stop();
      await transport.close();
      await house.stop();
    },
  };
}

export interface Driven {
  readonly feeds: FeedsRoom;
  readonly leases: Leases;
  stop(): Promise<void>;
}

/** The room as a server has it, on the store of a house. `owner` where several share it. */
export function openDriven(
  house: Pick<ImplantsHouse, 'store' | 'implants' | 'takeIn' | 'runtime'>,
  makers: ReadonlyMap<string, MakerFolder>,
  urls: Readonly<Record<string, string>>,
  more: {
    readonly owner?: string;
    readonly isShared?: boolean;
    readonly held?: readonly Credentials[];
    /** In place of one that holds `held`. */
    readonly vault?: FeedsParts['vault'];
    /** Where its log goes; nowhere when left out. */
    readonly log?: Log;
    readonly pollSeconds?: number;
  } = {},
): Driven {
  const { owner = 'one', isShared = false, held = [credentials], pollSeconds = 1 } = more;
  const { store, runtime } = house;
  const stop = new AbortController();
  const { log = createLog({ level: 'silent', runtime }) } = more;
  const leases = startLeases({ store, runtime, owner, isShared, log, signal: stop.signal, lookEvery: 50 });
  const client = guardedClient({ allow: Object.values(urls).map((url) => hostAndPort(new URL(url))), runtime });
  const feeds = openFeedsOfMakers({
    ...house,
    config: { ...readConfig(urls), pollSeconds },
    makers,
    vault: more.vault ?? { valid: async () => held, environment: async () => held[0]?.environment },
    client,
    leases,
    log,
  });
  return {
    feeds,
    leases,
    async stop() {
      stop.abort();
      await leases.stopped;
      await client.close();
    },
  };
}

const kindOf: Readonly<Record<string, string>> = {
  heart_rate: 'heart_rate',
  battery_voltage: 'battery_voltage',
  battery_level: 'battery_level',
  lead_impedance: 'lead_impedance',
  sensing_amplitude: 'sensing_threshold',
  pacing_threshold: 'pacing_threshold',
  paced_percent: 'paced',
  episode: 'episode',
};

/** A true reading as the store has it: device, term, time and value. */
export function expected(reading: TrueReading): string {
  const { code } = kinds[kindOf[reading.quantity]!]!;
  const own = typeof code === 'string' ? code : code[reading.channel!]!;
  const term = reading.kind.startsWith('X_') ? reading.kind : own;
  return [reading.device, term, Date.parse(reading.at), Number(reading.value)].join('|');
}

export interface StoredReadings {
  readonly all: Set<string>;
  /** Those that stand there more than once. */
  readonly twice: readonly string[];
}

/** All readings among Devices and Observations, in the same words. */
export function readingsIn(resources: readonly any[], maker: string): StoredReadings {
  const all = new Set<string>();
  const twice: string[] = [];
  const devices = new Map<string, string>();
  for (const { resourceType, id, identifier = [] } of resources)
    for (const { system, value } of resourceType === 'Device' ? identifier : [])
      if (system === `${canonical}/sid/maker-device/${maker}`) devices.set(`Device/${id}`, value);
  for (const { component, code, effectiveDateTime, device } of resources) {
    if (!component || code.coding?.[0]?.code !== 'IDCO') continue;
    for (const { code: term, valueQuantity } of component) {
      if (!valueQuantity) continue;
      const at = Date.parse(effectiveDateTime);
      const one = [devices.get(device.reference), term.coding[0].code, at, valueQuantity.value].join('|');
      if (all.has(one)) twice.push(one);
      all.add(one);
    }
  }
  return { all, twice };
}

/** A true report as the store has it: whose, of what, when, and its document. */
export const expectedReport = ({ transmission, patient, at, sha1 }: Truth['reports'][number]): string =>
  [transmission, patient, Date.parse(at), sha1].join('|');

/** All reports in the same words; twice where one stands there twice. */
export async function storedReports({ search }: Pick<ImplantsHouse, 'search'>): Promise<readonly string[]> {
  const patients = await search('Patient');
  const numbers = new Map(patients.map(({ id, identifier }) => [`Patient/${id}`, identifier[0].value]));
  const reports = await search('DiagnosticReport');
  return reports.map(({ identifier, subject, effectiveDateTime, presentedForm: [form, ...more] }) =>
    [
      identifier[0].value,
      numbers.get(subject.reference),
      Date.parse(effectiveDateTime),
      form.hash,
      ...more.map(({ hash }: any) => hash),
    ].join('|'),
  );
}

export async function storedReadings(
  { search }: Pick<ImplantsHouse, 'search'>,
  maker: string,
): Promise<StoredReadings> {
  return readingsIn([...(await search('Device')), ...(await search('Observation', 'code=IDCO'))], maker);
}
