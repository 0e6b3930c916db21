/** What was looked up for a caller is waited for, five seconds old at most, and never older than a right that ended. */
import { describe, expect, it } from '@jest/globals';
import type { Criterion } from '../../../src/search/query.ts';
import { createLookUps } from '../../../src/smart/policies/look-ups.ts';
import { REMEMBERED } from '../../../src/smart/remembered.ts';
import { diceOf } from '../../search/oracle/dice.ts';

const where: Criterion = { is: 'id', ids: ['1'] };

/** A store whose answers come when the test says so, as they were when they were asked for. */
function slowStore() {
  const waiting: (() => void)[] = [];
  let isThere = true;
  let asked = 0;
  let fails = false;
  return {
    search: () => {
      asked++;
      const [found, broken] = [isThere, fails];
      return new Promise<any>((resolve, reject) => {
        waiting.push(() =>
          broken ? reject(new Error('no store')) : resolve({ matches: found ? [{}] : [], included: [] }),
        );
      });
    },
    answerAll: () => waiting.splice(0).forEach((answer) => void answer()),
    set: (there: boolean) => {
      isThere = there;
    },
    setFailing: (now: boolean) => {
      fails = now;
    },
    asked: () => asked,
  };
}

describe('A look-up', () => {
  it('lets nobody in before it is done, and is made once for all who wait', async () => {
    const store = slowStore();
    const look = createLookUps(store as never, { now: () => 0 });
    const verdicts: boolean[] = [];
    const waiting = [1, 2, 3].map(() => look('Patient', where).then((held) => verdicts.push(held)));
    await new Promise((resolve) => setImmediate(resolve));
    expect(verdicts).toEqual([]);
    store.answerAll();
    await Promise.all(waiting);
    expect([verdicts, store.asked()]).toEqual([[true, true, true], 1]);
  });

  it('is made anew five seconds after it began, however long it took', async () => {
    const store = slowStore();
    let now = 0;
    const look = createLookUps(store as never, { now: () => now });
    const first = look('Patient', where);
    now = 3_000;
    store.set(false);
    store.answerAll();
    expect(await first).toBe(true);
    now = REMEMBERED - 1;
    expect(await look('Patient', where)).toBe(true);
    now = REMEMBERED;
    const second = look('Patient', where);
    store.answerAll();
    expect(await second).toBe(false);
  });

  it('that fails opens nothing and is not remembered', async () => {
    const store = slowStore();
    const look = createLookUps(store as never, { now: () => 0 });
    store.setFailing(true);
    const failed = look('Patient', where);
    store.answerAll();
    await expect(failed).rejects.toThrow('no store');
    store.setFailing(false);
    const again = look('Patient', where);
    store.answerAll();
    expect(await again).toBe(true);
  });

  it.each(Array.from({ length: 200 }, (_, seed) => seed))(
    'says yes to nobody who asks five seconds after the right ended, in any interleaving (seed %i)',
    async (seed) => {
      const roll = diceOf(seed);
      const store = slowStore();
      let now = 0;
      let ended = Number.POSITIVE_INFINITY;
      const look = createLookUps(store as never, { now: () => now });
      const faults: string[] = [];
      const asking: Promise<unknown>[] = [];
      for (let step = 0; step < 60; step++) {
        now += roll.below(1_500);
        if (ended === Number.POSITIVE_INFINITY && roll.chance(0.05)) {
          store.set(false);
          ended = now;
        }
        const at = now;
        asking.push(
          look('Patient', where).then(
            (held) => held && at >= ended + REMEMBERED && faults.push(`asked at ${at}, ended at ${ended}`),
          ),
        );
        if (roll.chance(0.4)) store.answerAll();
        if (roll.chance(0.3)) await Promise.resolve();
      }
      store.answerAll();
      await Promise.all(asking);
      expect(faults).toEqual([]);
    },
  );
});
