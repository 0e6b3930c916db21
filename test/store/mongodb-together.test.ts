/** What waits together is asked together on MongoDB, and each who asks gets their own. */
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { together } from '../../src/store/mongodb/together.ts';

/** A database that answers when it is told to, and says what it was asked. */
function slowFind() {
  const asked: { ids: readonly string[]; answer: (error?: Error) => void }[] = [];
  const find = (ids: readonly string[]) =>
    new Promise<ReadonlyMap<string, string>>((resolve, reject) => {
      const found = new Map(ids.filter((id) => id !== 'missing').map((id) => [id, `value of ${id}`]));
      asked.push({ ids, answer: (error) => (error ? reject(error) : resolve(found)) });
    });
  return { asked, find };
}
/** Some turns of the event loop. */
const turn = async () => {
  for (let i = 0; i < 5; i++) await new Promise((go) => setImmediate(go));
};

// Nothing takes long but where a test says so.
beforeEach(() => void jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] }));
afterEach(() => void jest.useRealTimers());

describe('Reads by key that wait together', () => {
  it('are one question for each key once, and each who asks finds theirs', async () => {
    const { asked, find } = slowFind();
    const read = together(find);
    const answers = [read(['a']), read(['b', 'a']), read(['missing'])];
    await turn();
    expect(asked.map(({ ids }) => ids)).toEqual([['a', 'b', 'missing']]);
    asked[0]!.answer();
    const [first, second, third] = await Promise.all(answers);
    expect(first!.get('a')).toBe('value of a');
    expect(second!.get('b')).toBe('value of b');
    expect(third!.get('missing')).toBeUndefined();
  });

  it('share the next question while two are under way, and never one that was sent before they asked', async () => {
    const { asked, find } = slowFind();
    const read = together(find);
    for (const id of ['a', 'b', 'c', 'd']) {
      void read([id]);
      await turn();
    }
    expect(asked.map(({ ids }) => ids)).toEqual([['a'], ['b']]);
    asked[0]!.answer();
    await turn();
    expect(asked.map(({ ids }) => ids)).toEqual([['a'], ['b'], ['c', 'd']]);
  });

  it('are held up by nothing that takes long', async () => {
    const { asked, find } = slowFind();
    const read = together(find);
    for (const id of ['a', 'b', 'c']) {
      void read([id]);
      await turn();
    }
    expect(asked).toHaveLength(2);
    jest.advanceTimersByTime(300);
    await turn();
    expect(asked.map(({ ids }) => ids)).toEqual([['a'], ['b'], ['c']]);
  });

  it('fail together, and those that ask afterwards do not', async () => {
    const { asked, find } = slowFind();
    const read = together(find);
    const failing = [read(['a']), read(['b'])].map((answer) => answer.catch((error: Error) => error.message));
    await turn();
    asked[0]!.answer(new Error('no primary'));
    expect(await Promise.all(failing)).toEqual(['no primary', 'no primary']);
    const later = read(['a']);
    await turn();
    asked[1]!.answer();
    expect((await later).get('a')).toBe('value of a');
  });
});
