import { describe, expect, it } from '@jest/globals';
import type { Pending } from '../../src/interactions/interaction.ts';
import { isKeptAnew, isWritten, keptNow, laidOver } from '../../src/interactions/pending.ts';
import type { Look } from '../../src/store/store.ts';

const put = (key: string, value: number) => ({ op: 'put', kind: 'alarm', key, value, expect: 'absent' }) as const;
const save = (id: string) =>
  ({
    op: 'save',
    key: { type: 'Flag', id },
    method: 'PUT',
    resource: { resourceType: 'Flag' },
    expect: 'absent',
  }) as const;
const nothing = { get: async () => [undefined], read: async () => [undefined] } as unknown as Look;
const valueNow = async (key: string, pending: Pending) => (await keptNow('alarm', key, pending, nothing)).value;

describe('What a commit already holds', () => {
  it('is hidden by what is laid over it, and shows through beside it', async () => {
    const below = [put('a', 1), put('b', 1), save('f')];
    const above = laidOver(laidOver(below, [put('a', 2)]), [put('c', 3)]);

    expect(await Promise.all(['a', 'b', 'c', 'd'].map((key) => valueNow(key, above)))).toEqual([2, 1, 3, undefined]);
    expect(await valueNow('a', below)).toBe(1);
    expect([isWritten({ type: 'Flag', id: 'f' }, above), isWritten({ type: 'Flag', id: 'g' }, above)]).toEqual([
      true,
      false,
    ]);
    expect(isKeptAnew('alarm', 'c', below)).toBe(false);
  });

  it('is looked through once, however many values lay something over it', async () => {
    const below = Array.from({ length: 10_000 }, (_, i) => put(`k${i}`, i));
    const begun = process.cpuUsage();
    for (let i = 0; i < 2_000; i++) expect(await valueNow('k7', laidOver(below, [put('own', i)]))).toBe(7);
    const { user, system } = process.cpuUsage(begun);
    expect((user + system) / 1_000).toBeLessThan(1_000);
  });
});
