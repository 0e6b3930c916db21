/** P8 and P9 in simulated universes: no event lost, numbers without gaps, order kept, whatever crashes and fails. */
import { describe, expect, it } from '@jest/globals';
import type { Change, Store } from '../../src/store/store.ts';
import { runUniverse } from './universe.ts';
import { createWorld, randomFrom, reply, type Script, type Tamper } from './world.ts';

const firstSeed = Number(process.env['WATCHFIRE_TEST_SEED'] ?? 1);
const seeds = (count: number) => Array.from({ length: count }, (_, i) => firstSeed + i);

describe('an event', () => {
  it('reaches its subscriber in order, under one id and with one body, in 50 universes of crashes and failures', async () => {
    const sum = { events: 0, deliveries: 0, duplicates: 0, crashes: 0 };
    for (const seed of seeds(50)) {
      const { faults, ...figures } = await runUniverse(seed);
      expect({ seed, faults }).toEqual({ seed, faults: [] });
      for (const name of Object.keys(sum) as (keyof typeof sum)[]) sum[name] += figures[name];
    }
    expect(sum.events).toBeGreaterThan(1_000);
    expect(sum.crashes).toBeGreaterThan(100);
    expect(sum.deliveries).toBeGreaterThan(sum.events);
  }, 120_000);
});

describe('an event that comes while the one before is being put away', () => {
  it('does not wait for the next', async () => {
    const world = await createWorld({ seed: 3, script: async () => reply(200) });
    const random = randomFrom(firstSeed);
    await world.ask('create', 'Subscription', {
      resourceType: 'Subscription',
      status: 'requested',
      reason: 'simulation',
      criteria: 'Observation',
      channel: { type: 'rest-hook', endpoint: 'https://receiver.example.org', payload: 'application/fhir+json' },
    });
    await world.pass(10);
    const one = { resourceType: 'Observation', status: 'final', code: { text: 'one' } };
    for (let i = 1; i <= 300; i++) {
      await world.ask('create', 'Observation', one);
      for (let rounds = Math.floor(random() * 30); rounds > 0; rounds--) await new Promise((go) => setImmediate(go));
      await world.ask('create', 'Observation', one);
      await world.pass(1);
      expect({ round: i, received: world.received.length }).toEqual({ round: i, received: 2 * i });
    }
    await world.close();
  });

  it('is numbered once though two notifiers read the log', async () => {
    const world = await createWorld({ seed: 4, script: async () => reply(200) });
    world.startAnother();
    await world.ask('create', 'Subscription', {
      resourceType: 'Subscription',
      status: 'requested',
      reason: 'simulation',
      criteria: 'Observation',
      channel: { type: 'rest-hook', endpoint: 'https://receiver.example.org', payload: 'application/fhir+json' },
    });
    for (let i = 0; i < 50; i++) {
      await world.ask('create', 'Observation', {
        resourceType: 'Observation',
        status: 'final',
        code: { text: `${i}` },
      });
      await world.pass(i % 5 === 0 ? 2_000 : 1);
    }
    await world.pass(60_000);
    const bodies = new Map<string, Set<string>>();
    for (const { id, body } of world.received) bodies.set(id, (bodies.get(id) ?? new Set()).add(body));
    expect(bodies.size).toBe(50);
    expect(new Set([...bodies.values()].flatMap((each) => [...each])).size).toBe(50);
    await world.close();
  });
});

describe('the simulation', () => {
  const withoutPuts =
    (isLost: (change: Change) => boolean): Tamper =>
    (store) => ({ ...store, commit: (changes) => store.commit(changes.filter((change) => !isLost(change))) });
  const isPut = (kind: string) => (change: Change) => change.op === 'put' && change.kind === kind;
  const later = (kind: string): Tamper => {
    let held: Change[] = [];
    return (store: Store) => ({
      ...store,
      async commit(changes) {
        const now = [...held, ...changes.filter((change) => !isPut(kind)(change))];
        held = changes.filter(isPut(kind));
        return store.commit(now);
      },
    });
  };
  const planted: Readonly<Record<string, Tamper>> = {
    'a counter that is not kept': withoutPuts(isPut('subscription-counter')),
    'delivery rows in a later commit than the cursor': later('delivery'),
    'rows read in the wrong order': (store) => ({
      ...store,
      list: async (kind, from, limit) => {
        const rows = await store.list(kind, from, limit);
        return kind === 'delivery' ? [...rows].reverse() : rows;
      },
    }),
    'a row that is dropped before it is delivered': (store) => ({
      ...store,
      list: async (kind, from, limit) => {
        const rows = await store.list(kind, from, limit);
        const [first] = rows;
        if (kind === 'delivery' && first && limit < 100) await store.commit([{ op: 'drop', kind, key: first.key }]);
        return rows;
      },
    }),
    'rows that are never recorded as delivered': withoutPuts(
      (change) => change.op === 'drop' && change.kind === 'delivery',
    ),
    'the newest version sent in place of the one that happened': (store) => ({
      ...store,
      vread: async (key, versionId) =>
        key.type === 'Observation' ? (await store.read([key]))[0] : store.vread(key, versionId),
    }),
  };

  for (const [fault, tamper] of Object.entries(planted)) {
    it(`finds ${fault}`, async () => {
      let found = 0;
      for (const seed of seeds(20)) {
        const { faults } = await runUniverse(seed, tamper);
        if (faults.length > 0) {
          found = seed;
          break;
        }
      }
      expect(found).toBeGreaterThan(0);
    }, 60_000);
  }
});

describe('a slow receiver', () => {
  /** Delays in ms from write to receipt of those receivers that do not hang. */
  async function delays(hanging: number): Promise<number[]> {
    let jitter = 1;
    const script: Script = async ({ url }, runtime) => {
      const number = Number(/receiver-(\d+)/.exec(url)![1]);
      jitter = (jitter * 7919) % 104_729;
      await runtime.sleep(number < hanging ? 15_000 : 5 + (jitter % 20));
      return reply(number < hanging ? 504 : 200);
    };
    const world = await createWorld({ seed: 9, script });
    for (let i = 0; i < 20; i++) {
      await world.ask('create', 'Subscription', {
        resourceType: 'Subscription',
        status: 'requested',
        reason: 'simulation',
        criteria: 'Observation',
        channel: { type: 'rest-hook', endpoint: `https://receiver-${i}.example.org`, payload: 'application/fhir+json' },
      });
    }
    await world.pass(1_000);
    for (let i = 0; i < 100; i++) {
      await world.ask('create', 'Observation', {
        resourceType: 'Observation',
        status: 'final',
        code: { text: `${i}` },
      });
      await world.pass(50);
    }
    await world.pass(20_000);
    const healthy = world.received.filter(({ url }) => Number(/receiver-(\d+)/.exec(url)![1]) >= 5);
    await world.close();
    return healthy.map(({ body, at }) => at - Date.parse(JSON.parse(body).meta.lastUpdated));
  }
  const p99 = (figures: number[]) => figures.sort((a, b) => a - b)[Math.floor(figures.length * 0.99)]!;

  it('delays no other: with 5 of 20 hanging for 15 s the p99 delay of the rest rises by less than 20 %', async () => {
    const alone = await delays(0);
    const beside = await delays(5);
    expect([alone.length, beside.length]).toEqual([1_500, 1_500]);
    expect(p99(beside)).toBeLessThan(p99(alone) * 1.2);
  });
});
