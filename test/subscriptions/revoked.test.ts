/** Nothing is sent once the commit is done that takes the right away from the owner of a Subscription: P26 of promises.md, in 200 interleavings. */
import { describe, expect, it } from '@jest/globals';
import { fullAccess, noAccess } from '../../src/smart/access.ts';
import type { Store } from '../../src/store/store.ts';
import { createWorld, reply } from '../simulation/world.ts';
import { seeded } from '../support/seeded.ts';

const universes = 200;

/** Turns of the event loop, and steps within one. */
async function wait(turns: number, steps: number): Promise<void> {
  for (let i = 0; i < turns; i++) await new Promise((go) => setImmediate(go));
  for (let i = 0; i < steps; i++) await undefined;
}

async function lived(seed: number): Promise<{ sent: number; sentAfter: number }> {
  const random = seeded(seed);
  let isRevoked = false;
  const sent: boolean[] = [];
  let store: Store | undefined;
  const world = await createWorld({
    seed,
    // Asked when the first byte would leave.
    script: async () => {
      sent.push(isRevoked);
      return reply(random() < 0.3 ? 500 : 200);
    },
    accessOf: async () => ((await store!.get('test-grant', ['g']))[0] ? fullAccess : noAccess),
  });
  store = world.store;
  await store.commit([{ op: 'put', kind: 'test-grant', key: 'g', value: {} }]);
  const channel = { type: 'rest-hook', endpoint: 'https://ehr.example.org/fhir' };
  await world.ask('create', 'Subscription', {
    resourceType: 'Subscription',
    status: 'requested',
    reason: 'a test',
    criteria: 'Observation?code=8867-4',
    channel,
  });
  await world.pass(100);
  const observation = {
    resourceType: 'Observation',
    status: 'final',
    code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }] },
  };
  const writes = Promise.all(Array.from({ length: 5 }, () => world.ask('create', 'Observation', observation)));
  const passing = world.pass(3_000);
  await wait(Math.floor(random() * 40), Math.floor(random() * 30));
  await store.commit([{ op: 'drop', kind: 'test-grant', key: 'g' }]);
  isRevoked = true;
  await writes;
  await passing;
  await world.pass(60_000);
  await world.close();
  return { sent: sent.length, sentAfter: sent.filter(Boolean).length };
}

describe('A right that is taken away', () => {
  it(`lets no notification out any more, in ${universes} interleavings`, async () => {
    let before = 0;
    let none = 0;
    for (let seed = 1; seed <= universes; seed++) {
      const { sent, sentAfter } = await lived(seed);
      expect([seed, sentAfter]).toEqual([seed, 0]);
      before += sent;
      if (sent === 0) none++;
    }

    // Some came before it, some did not: the moments are spread over the way.
    expect(before).toBeGreaterThan(universes / 4);
    expect(none).toBeGreaterThan(universes / 20);
  }, 60_000);
});
