/** Moving house: all that a store holds comes out in an order in which another takes it in, as it was. */
import { beforeEach, describe, expect, it } from '@jest/globals';
import { noEntries } from '../../src/search/query.ts';
import type { Engine } from '../../src/store/engine.ts';
import type { Change, StoredAuditRow, Version } from '../../src/store/store.ts';
import { ask, auditRow, entries, everything, key, noPatience, refusal, save, take, tombstone } from './drafts.ts';

async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const one of source) found.push(one);
  return found;
}

const version = (reference: string, versionId: number, more: Partial<Version> = {}): Version => ({
  key: key(reference),
  versionId,
  lastUpdated: 1_000 * versionId,
  method: 'PUT',
  text: `{"resourceType":"${key(reference).type}","n":98.0,"of":${versionId}}`,
  ...more,
});
const former = (one: Version): Change => ({ op: 'restore', version: one });
const newest = (one: Version): Change => ({ op: 'restore', version: one, index: noEntries });
const restoredRow = (sequence: number): Change => ({ op: 'restore', row: { ...auditRow({ at: sequence }), sequence } });

/** `opened` gives a store that is new for each test. */
export function restoreConforms(opened: () => Engine): void {
  describe('what another store held', () => {
    let store: Engine;
    beforeEach(() => {
      store = opened();
    });

    it('goes in as it was, to the last character, number, moment and method, and is numbered on', async () => {
      const first = version('Task/1', 1, { method: 'POST', text: '{"emoji":"😀\\u0000","n":98.0}' });
      const gone = version('Task/1', 2, { method: 'DELETE', text: '' });
      const again = version('Task/1', 3, { method: 'PATCH' });
      expect(await store.commit([former(first), former(gone), newest(again)])).toEqual([]);
      expect(await store.read([key('Task/1')])).toEqual([again]);
      expect(await store.vread(key('Task/1'), 1)).toEqual(first);
      expect(await store.history(key('Task/1'), { count: 10 })).toEqual({ versions: [again, gone, first], total: 3 });
      const [written] = await store.commit([save('Task/1', { expect: { versionId: 3 } })]);
      expect(written).toMatchObject({ versionId: 4, created: false });
      expect(written!.lastUpdated).toBeGreaterThan(again.lastUpdated);
    });

    it('is found by the index of its newest version alone, in the order of the first versions', async () => {
      const tag = { is: 'key', name: 'Task.tag', first: 'a', second: '' } as const;
      const index = entries({ keys: [{ name: 'Task.tag', first: 'a', second: '' }] });
      await store.commit([former(version('Task/b', 1)), { op: 'restore', version: version('Task/a', 1), index }]);
      await store.commit([{ op: 'restore', version: version('Task/b', 2), index }, newest(version('Task/c', 1))]);
      const found = async (query = ask(tag)) =>
        (await store.search(query, undefined)).matches.map(({ key, versionId }) => [key.id, versionId]);
      expect(await found()).toEqual([
        ['b', 2],
        ['a', 1],
      ]);
      expect(await found(ask(everything))).toEqual([
        ['b', 2],
        ['a', 1],
        ['c', 1],
      ]);
      const since = { is: 'range', name: 'Task._lastUpdated', low: { atLeast: 2_000 } } as const;
      expect(await found(ask(since))).toEqual([['b', 2]]);
    });

    it('leaves what is deleted deleted, and absent for whoever expects it', async () => {
      await store.commit([former(version('Task/1', 1)), former(version('Task/1', 2, { method: 'DELETE', text: '' }))]);
      expect((await store.read([key('Task/1')]))[0]).toMatchObject({ method: 'DELETE', versionId: 2, text: '' });
      expect((await store.search(ask(everything), undefined)).matches).toEqual([]);
      const [written] = await store.commit([save('Task/1', { expect: 'absent' })]);
      expect(written).toMatchObject({ versionId: 3, created: true });
    });

    it('goes in as the version that comes next or not at all, with all of its list', async () => {
      await store.commit([former(version('Task/1', 1)), newest(version('Task/1', 2))]);
      for (const versionId of [1, 2, 4]) {
        const list = [newest(version('Task/new', 1)), newest(version('Task/1', versionId))];
        expect(await refusal(store.commit(list))).toBe('conflict');
      }
      expect(await store.read([key('Task/new')])).toEqual([undefined]);
    });

    it('keeps the numbers of audit rows, which rise and have later rows behind them', async () => {
      await store.commit([restoredRow(7), restoredRow(1_000)]);
      expect(await refusal(store.commit([restoredRow(1_000)]))).toBe('conflict');
      expect(await refusal(store.commit([restoredRow(8)]))).toBe('conflict');
      await store.commit([{ op: 'append', log: 'audit', row: auditRow({ at: 5 }) }]);
      const rows = await store.audit({ count: 10 });
      expect(rows.map(({ at }) => at)).toEqual([5, 1_000, 7]);
      expect(rows[2]).toEqual({ ...auditRow({ at: 7 }), sequence: 7 } satisfies StoredAuditRow);
      expect(rows[0]!.sequence).toBeGreaterThan(1_000);
      expect((await store.sizes()).auditRows).toBe(3);
    });

    it('keeps values with the moment they expire at', async () => {
      const kept = (key: string, expires?: number): Change => ({
        op: 'restore',
        kept: { kind: 'state', key, value: { key, ü: [1, null] }, ...(expires !== undefined && { expires }) },
      });
      const later = Date.now() + 3_600_000;
      await store.commit([kept('a'), kept('b', later), kept('c', Date.now() - 1)]);
      expect((await store.list('state', '', 10)).map(({ key }) => key)).toEqual(['a', 'b']);
      const [a] = await store.get('state', ['a']);
      expect(a!.value).toEqual({ key: 'a', ü: [1, null] });
      const held = (await all(store.contents.kept())).filter(({ kind }) => kind === 'state');
      expect(held.slice(0, 2)).toEqual([
        { kind: 'state', key: 'a', value: { key: 'a', ü: [1, null] } },
        { kind: 'state', key: 'b', value: { key: 'b', ü: [1, null] }, expires: later },
      ]);
      await store.commit([{ op: 'put', kind: 'state', key: 'a', value: 2, expect: a!.revision }]);
    });

    it('is told to nobody who follows the version log from an end taken afterwards', async () => {
      await store.commit([newest(version('Task/1', 1)), newest(version('Task/2', 1))]);
      const end = await store.end();
      await store.commit([save('Task/3')]);
      const [next] = await take(store.changes(end, noPatience()), 1);
      expect(next!.version.key.id).toBe('3');
    });

    describe('as contents', () => {
      const busy = async (): Promise<void> => {
        for (let i = 0; i < 3; i++) await store.commit([save('Task/b'), save(`Task/${i}`), save('Device/a')]);
        await store.commit([tombstone('Task/1'), tombstone('Device/a')]);
        await store.commit([save('Task/1')]);
        for (let i = 0; i < 5; i++) await store.commit([{ op: 'append', log: 'audit', row: auditRow({ at: i }) }]);
        const put = (kind: string, key: string): Change => ({ op: 'put', kind, key, value: 1 });
        await store.commit([put('b', 'x'), put('a', 'y'), put('b', 'ä'), put('a', 'z')]);
      };

      it('is every version, those of a resource as they rise, with the newest marked', async () => {
        await busy();
        const held = await all(store.contents.versions());
        expect(held).toHaveLength(12);
        for (const name of ['Task/b', 'Task/0', 'Task/1', 'Task/2', 'Device/a']) {
          const { versions } = await store.history(key(name), { count: 10 });
          const mine = held.filter(({ version }) => `${version.key.type}/${version.key.id}` === name);
          expect(mine.map(({ version }) => version)).toEqual([...versions].reverse());
          expect(mine.map(({ isNewest }) => isNewest)).toEqual(mine.map((_, i) => i === mine.length - 1));
        }
        const firsts = held.filter(({ version }) => version.versionId === 1).map(({ version }) => version.key.id);
        expect(firsts).toEqual(['b', '0', 'a', '1', '2']);
      });

      it('goes on from any place', async () => {
        await busy();
        const { versions, kept, audit } = store.contents;
        const held = await all(versions());
        for (const at of [0, 4, 11]) expect(await all(versions(held[at]!.place))).toEqual(held.slice(at + 1));
        const values = (await all(kept())).filter(({ kind }) => kind.length === 1);
        expect(values.map(({ kind, key }) => kind + key)).toEqual(['ay', 'az', 'bx', 'bä']);
        const rest = (await all(kept({ kind: 'a', key: 'z' }))).filter(({ kind }) => kind.length === 1);
        expect(rest).toEqual(values.slice(2));
        const rows = await all(audit());
        expect(rows.map(({ at }) => at)).toEqual([0, 1, 2, 3, 4]);
        expect(await all(audit(rows[1]!.sequence))).toEqual(rows.slice(2));
      });

      it('says what the version log would tell now, and ends', async () => {
        expect(await all(store.contents.changesSoFar(undefined))).toEqual([]);
        await busy();
        const told = await all(store.contents.changesSoFar(undefined));
        expect(told).toHaveLength(12);
        const rest = await all(store.contents.changesSoFar(told[8]!.token));
        expect(rest.map(({ version }) => version)).toEqual(told.slice(9).map(({ version }) => version));
        expect(await all(store.contents.changesSoFar(await store.end()))).toEqual([]);
        expect(await all(store.contents.changesSoFar(told[11]!.token))).toEqual([]);
      });
    });
  });
}
