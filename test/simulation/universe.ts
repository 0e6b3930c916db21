/** One universe from its seed: subscribers, writes, crashes and receivers at random; afterwards what must hold of P8 and P9. */
import type { Resource } from '../../src/fhir/references.ts';
import { isDeleted } from '../../src/store/store.ts';
import { seeded } from '../support/seeded.ts';
import { createWorld, type Received, reply, type Script, type Tamper, timeout, type World } from './world.ts';

const codes = ['heart-rate', 'spo2', 'temperature'];

const mostCalls = 2_000;

const observation = (code: string, text: string) => ({
  resourceType: 'Observation',
  status: 'final',
  code: { coding: [{ system: 'http://example.org/codes', code }], text },
});

const subscription = (name: number, code: string | undefined) => ({
  resourceType: 'Subscription',
  status: 'requested',
  reason: 'simulation',
  criteria: code ? `Observation?code=http://example.org/codes|${code}` : 'Observation',
  channel: {
    type: 'rest-hook',
    endpoint: `https://receiver-${name}.example.org/fhir`,
    payload: 'application/fhir+json',
    header: ['Authorization: Bearer x'],
  },
});

export interface Verdict {
  readonly faults: readonly string[];
  readonly events: number;
  readonly deliveries: number;
  readonly duplicates: number;
  readonly crashes: number;
}

export interface Twist {
  readonly tamper?: Tamper;
  /** Servers that share the store, each of which may stand still for a while; where left out, one that has it alone. */
  readonly servers?: number;
}

export async function runUniverse(seed: number, { tamper, servers }: Twist = {}): Promise<Verdict> {
  const random = seeded(seed);
  const chance = (share: number) => random() < share;
  const pick = (count: number) => Math.floor(random() * count);
  const weather = { fails: 0.3 * random(), isOver: false };
  let calls = 0;
  const script: Script = async (_call, runtime) => {
    // Work without end is a fault too: a receiver that never answers again lets the universe come to rest and be judged.
    if (++calls > mostCalls) return new Promise(() => undefined);
    if (chance(0.6)) await runtime.sleep(1 + pick(30));
    if (weather.isOver || !chance(weather.fails)) return reply(200);
    switch (pick(7)) {
      case 0:
        await runtime.sleep(15_000);
        throw timeout();
      case 1:
        return reply(429, { 'retry-after': String(pick(7_200)) });
      case 2:
        return reply(503, { 'retry-after': new Date(runtime.now() + pick(600_000)).toUTCString() });
      case 3:
        return chance(0.2) ? reply(410) : reply(302, { location: 'http://127.0.0.1/' });
      case 4:
        throw timeout();
      default:
        return reply(500);
    }
  };
  const world = await createWorld({ seed, script, tamper, servers });
  try {
    const ids: string[] = [];
    const add = async () =>
      ids.push(
        (await world.ask('create', 'Subscription', subscription(ids.length, chance(0.2) ? undefined : codes[pick(3)])))
          .id,
      );
    await add();
    const known: Resource[] = [];
    for (let step = 0; step < 25; step++) {
      if (chance(0.08)) world.crash(pick(servers ?? 1));
      if (servers !== undefined && chance(0.15)) world.pause(pick(servers), pick(60_000));
      if (chance(0.12)) world.crashAtCommit(1 + pick(4), chance(0.5));
      if (ids.length < 3 && chance(0.15)) await add();
      for (let burst = pick(4); burst >= 0; burst--) await write(world, known, chance, pick, step);
      await world.pass(chance(0.2) ? pick(1_200_000) : pick(2_000));
    }
    weather.isOver = true;
    const unsettled = await calmDown(world, ids);
    return await judge(world, ids, unsettled);
  } finally {
    await world.close();
  }
}

async function write(
  world: World,
  known: Resource[],
  chance: (share: number) => boolean,
  pick: (count: number) => number,
  step: number,
): Promise<void> {
  const old = known[pick(known.length)];
  const text = `step ${step}, ${pick(1_000_000)}`;
  if (old && chance(0.3)) {
    const { meta: _, ...rest } = old;
    await world.ask('update', 'Observation', { ...observation(codes[pick(3)]!, text), id: rest.id });
  } else known.push(await world.ask('create', 'Observation', observation(codes[pick(3)]!, text)));
}

/** Receivers are well from here on; whoever was switched off is asked back; time for the longest wait. */
async function calmDown(world: World, ids: readonly string[]): Promise<string[]> {
  const unsettled: string[] = [];
  for (let round = 0; round < 3; round++) {
    await world.pass(80 * 60_000);
    const versions = await world.store.read(ids.map((id) => ({ type: 'Subscription', id })));
    for (const version of versions) {
      const resource = JSON.parse(version!.text);
      if (resource.status === 'active') continue;
      if (resource.status === 'requested') unsettled.push(`${resource.id}: was never made active`);
      await world.ask('update', 'Subscription', { ...resource, status: 'requested' });
    }
  }
  await world.pass(80 * 60_000);
  return unsettled;
}

/** What each subscriber had to be told, read off the version log without the help of the code under test. */
async function expectedEvents(world: World, ids: readonly string[]): Promise<Map<string, string[]>> {
  const expected = new Map(ids.map((id) => [id, [] as string[]]));
  const followed = new Map<string, Resource>();
  const last = await world.store.end();
  const stop = new AbortController();
  for await (const { version, token } of world.store.changes(undefined, stop.signal)) {
    const resource = isDeleted(version) ? undefined : (JSON.parse(version.text) as Resource);
    if (version.key.type === 'Subscription') {
      if (resource?.status === 'off') followed.delete(version.key.id);
      else followed.set(version.key.id, resource!);
    }
    if (version.key.type === 'Observation') {
      for (const [id, { criteria }] of followed) {
        const code = criteria.split('|')[1];
        if (code === undefined || resource!.code.coding[0].code === code) expected.get(id)!.push(version.text);
      }
    }
    if (token === last) break;
  }
  stop.abort();
  return expected;
}

async function judge(world: World, ids: readonly string[], unsettled: readonly string[]): Promise<Verdict> {
  const faults = [...unsettled];
  const expected = await expectedEvents(world, ids);
  let duplicates = 0;
  let events = 0;
  for (const id of ids) {
    const mine = world.received.filter((call) => call.id.startsWith(`${id}_`));
    const wanted = expected.get(id)!;
    events += wanted.length;
    faults.push(...faultsOf(mine, wanted).map((fault) => `${id}: ${fault}`));
    const accepted = mine.filter(({ isAccepted }) => isAccepted);
    duplicates += accepted.length - new Set(accepted.map((call) => call.id)).size;
  }
  if (duplicates > world.crashes() * ids.length * 4)
    faults.push(`${duplicates} duplicates for ${world.crashes()} crashes`);
  const { waiting } = world.counters();
  if (waiting !== 0) faults.push(`${waiting} counted as waiting, none waits`);
  return { faults, events, deliveries: world.received.length, duplicates, crashes: world.crashes() };
}

function faultsOf(calls: readonly Received[], wanted: readonly string[]): string[] {
  const faults: string[] = [];
  const bodies = new Map<number, string>();
  let highest = 0;
  for (const { id, body, url } of calls) {
    const number = Number(id.slice(id.indexOf('_') + 1));
    const known = bodies.get(number);
    if (known !== undefined && known !== body) faults.push(`event ${number} changed its body`);
    if (known === undefined && number !== highest + 1) faults.push(`event ${number} came after ${highest}`);
    if (known === undefined && body !== wanted[number - 1])
      faults.push(`event ${number} is not the version it should be`);
    if (!url.includes('/fhir/Observation/')) faults.push(`event ${number} went to another place`);
    bodies.set(number, body);
    highest = Math.max(highest, number);
  }
  const accepted = new Set(calls.filter(({ isAccepted }) => isAccepted).map(({ id }) => id));
  if (accepted.size !== wanted.length) faults.push(`${accepted.size} of ${wanted.length} events were accepted`);
  const order = firstAccepted(calls);
  if (order.some((number, i) => i > 0 && number <= order[i - 1]!)) faults.push('accepted out of order');
  return faults;
}

/** Event numbers in the order in which they were first accepted. */
const firstAccepted = (calls: readonly Received[]): number[] => [
  ...new Set(calls.filter(({ isAccepted }) => isAccepted).map(({ id }) => Number(id.slice(id.indexOf('_') + 1)))),
];
