/** What every engine of the store must do: the port src/store/store.ts, said in tests. An engine calls `storeConforms` in three lines. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ResourceKey } from '../../src/fhir/references.ts';
import { noEntries, plainQuery } from '../../src/search/query.ts';
import type { Engine } from '../../src/store/engine.ts';
import type { Change, Store } from '../../src/store/store.ts';
import { canonicalsConform } from './conformance-canonicals.ts';
import { chainsConform } from './conformance-chains.ts';
import { includesConform } from './conformance-includes.ts';
import { restoreConforms } from './conformance-restore.ts';
import { searchConforms } from './conformance-search.ts';
import { auditRow, key, noPatience, refusal, save, take, tombstone } from './drafts.ts';

/** `open` gives a new, empty store each time; its clock is the system's. */
export function storeConforms(name: string, open: () => Promise<Engine>): void {
  describe(`${name}: the port of the store`, () => {
    let store: Engine;
    beforeEach(async () => {
      store = await open();
    });
    afterEach(() => store.close());

    describe('versions', () => {
      it('gives back the text with versionId and lastUpdated in its gap', async () => {
        const before = Date.now();
        const [written] = await store.commit([save('Patient/1', { text: ['{"meta":{', '},"active":true}'] })]);
        expect(written).toMatchObject({ key: key('Patient/1'), versionId: 1, created: true });
        // By the store's clock, which a database on other machines keeps a little beside ours.
        expect(Math.abs(written!.lastUpdated - before)).toBeLessThan(60_000);
        const [version] = await store.read([key('Patient/1')]);
        const instant = new Date(written!.lastUpdated).toISOString();
        expect(version).toEqual({
          key: key('Patient/1'),
          versionId: 1,
          lastUpdated: written!.lastUpdated,
          method: 'PUT',
          text: `{"meta":{"versionId":"1","lastUpdated":"${instant}"},"active":true}`,
        });
      });

      it('numbers 1, 2, 3 without gaps over deletion and recreation, and lastUpdated always rises', async () => {
        const changes = [save, save, tombstone, save, tombstone, tombstone, save];
        const written = [];
        for (const change of changes) written.push((await store.commit([change('Patient/1')]))[0]!);
        expect(written.map(({ versionId }) => versionId)).toEqual([1, 2, 3, 4, 5, 6, 7]);
        expect(written.map(({ created }) => created)).toEqual([true, false, false, true, false, true, true]);
        for (let i = 1; i < written.length; i++) {
          expect(written[i]!.lastUpdated).toBeGreaterThan(written[i - 1]!.lastUpdated);
        }
      });

      it('writes one key several times in one list, each as a version', async () => {
        const written = await store.commit([
          save('Patient/1', { expect: 'absent' }),
          save('Patient/2'),
          save('Patient/1', { expect: 'absent' }),
        ]);
        expect(written.map(({ key, versionId, created }) => [key.id, versionId, created])).toEqual([
          ['1', 1, true],
          ['2', 1, true],
          ['1', 2, false],
        ]);
        expect((await store.history(key('Patient/1'), { count: 10 })).total).toBe(2);
      });

      it('reads in the order asked, with a tombstone for what is deleted and undefined for what never was', async () => {
        await store.commit([save('Patient/1'), save('Patient/2'), save('Patient/3')]);
        await store.commit([tombstone('Patient/2')]);
        const read = await store.read(['Patient/3', 'Patient/9', 'Patient/2', 'Patient/1', 'Patient/3'].map(key));
        expect(read.map((version) => version && [version.key.id, version.method, version.versionId])).toEqual([
          ['3', 'PUT', 1],
          undefined,
          ['2', 'DELETE', 2],
          ['1', 'PUT', 1],
          ['3', 'PUT', 1],
        ]);
        expect(read[2]!.text).toBe('');
        expect(await store.read([])).toEqual([]);
      });

      it('keeps types apart that share an id, and ids apart that differ in case', async () => {
        await store.commit([save('Patient/a'), save('Device/a'), save('Patient/A')]);
        const read = await store.read([key('Device/a'), key('Patient/A')]);
        expect(read.map((version) => version!.key)).toEqual([key('Device/a'), key('Patient/A')]);
      });

      it('gives any version back, and undefined for a number that is not there', async () => {
        await store.commit([save('Patient/1', { mark: 'one', method: 'POST' })]);
        await store.commit([save('Patient/1', { mark: 'two', method: 'PATCH' })]);
        await store.commit([tombstone('Patient/1')]);
        expect(await store.vread(key('Patient/1'), 1)).toMatchObject({ method: 'POST', versionId: 1 });
        expect((await store.vread(key('Patient/1'), 1))!.text).toContain('"one"');
        expect((await store.vread(key('Patient/1'), 2))!.method).toBe('PATCH');
        expect(await store.vread(key('Patient/1'), 3)).toMatchObject({ method: 'DELETE', text: '' });
        expect(await store.vread(key('Patient/1'), 4)).toBeUndefined();
        expect(await store.vread(key('Patient/1'), 0)).toBeUndefined();
        expect(await store.vread(key('Patient/2'), 1)).toBeUndefined();
      });

      it('tells the history newest first, cut by count, before and since, with the total', async () => {
        const written = [];
        for (let i = 0; i < 5; i++) written.push((await store.commit([save('Patient/1')]))[0]!);
        const numbers = async (window: Parameters<Store['history']>[1]) => {
          const { versions, total } = await store.history(key('Patient/1'), window);
          return [versions.map(({ versionId }) => versionId), total];
        };
        expect(await numbers({ count: 10 })).toEqual([[5, 4, 3, 2, 1], 5]);
        expect(await numbers({ count: 2 })).toEqual([[5, 4], 5]);
        expect(await numbers({ count: 2, before: 3 })).toEqual([[3, 2], 5]);
        expect(await numbers({ count: 10, since: written[3]!.lastUpdated })).toEqual([[5, 4], 2]);
        expect(await store.history(key('Patient/2'), { count: 10 })).toEqual({ versions: [], total: 0 });
      });

      it('keeps text to the last character: emoji, escapes, numbers as written, a megabyte', async () => {
        const inner = `},"a":"😀 \\ud83d\\ude00 ü \\u0000 \\" \u2028","n":98.0,"e":1e400,"long":"${'é€x'.repeat(350_000)}"}`;
        await store.commit([save('Patient/1', { text: ['{"meta":{', inner] })]);
        const [version] = await store.read([key('Patient/1')]);
        expect(version!.text.endsWith(inner)).toBe(true);
      });
    });

    describe('commit', () => {
      it('answers an empty list', async () => {
        expect(await store.commit([])).toEqual([]);
      });

      it('stores nothing at all when any place of the list fails', async () => {
        await store.commit([save('Patient/there')]);
        const end = await store.end();
        for (let place = 0; place < 4; place++) {
          const list: Change[] = [
            save('Patient/1'),
            { op: 'put', kind: 'cursor', key: 'a', value: 1 },
            { op: 'append', log: 'audit', row: auditRow() },
          ];
          list.splice(place, 0, save('Patient/there', { expect: 'absent' }));
          expect(await refusal(store.commit(list))).toBe('conflict');
        }
        expect(await store.end()).toBe(end);
        expect(await store.read([key('Patient/1')])).toEqual([undefined]);
        expect((await store.read([key('Patient/there')]))[0]!.versionId).toBe(1);
        expect(await store.get('cursor', ['a'])).toEqual([undefined]);
        expect(await store.audit({ count: 10 })).toEqual([]);
      });

      it('lets a failing list touch no other that is committed at the same time', async () => {
        await store.commit([save('Patient/there')]);
        const answers = await Promise.allSettled(
          Array.from({ length: 60 }, (_, i) =>
            store.commit([save(`Patient/${i}`), ...(i % 3 === 0 ? [save('Patient/there', { expect: 'absent' })] : [])]),
          ),
        );
        const read = await store.read(Array.from({ length: 60 }, (_, i) => key(`Patient/${i}`)));
        answers.forEach(({ status }, i) => {
          expect(status).toBe(i % 3 === 0 ? 'rejected' : 'fulfilled');
          expect(read[i] !== undefined).toBe(i % 3 !== 0);
        });
      });

      it('keeps the order of one caller', async () => {
        const written = await Promise.all(Array.from({ length: 50 }, () => store.commit([save('Patient/1')])));
        expect(written.map(([only]) => only!.versionId)).toEqual(Array.from({ length: 50 }, (_, i) => i + 1));
      });
    });

    describe('expectations', () => {
      const fails = async (change: Change) =>
        (await refusal(store.commit([change, save('Patient/new')]))) === 'conflict';
      const holds = async (change: Change) => (await store.commit([change, save('Patient/new')])).length > 0;
      const at = (of: string, versionId: number | 'absent'): Change => ({ op: 'expect', of: key(of), at: versionId });

      it('absent means never written or deleted', async () => {
        expect(await holds(at('Patient/1', 'absent'))).toBe(true);
        await store.commit([save('Patient/1', { expect: 'absent' })]);
        expect(await fails(at('Patient/1', 'absent'))).toBe(true);
        expect(await fails(save('Patient/1', { expect: 'absent' }))).toBe(true);
        await store.commit([tombstone('Patient/1')]);
        expect(await holds(at('Patient/1', 'absent'))).toBe(true);
        expect(await holds(save('Patient/1', { expect: 'absent' }))).toBe(true);
      });

      it('a versionId must be the newest, and a tombstone is never at a version', async () => {
        await store.commit([save('Patient/1')]);
        await store.commit([save('Patient/1')]);
        expect(await fails(at('Patient/1', 1))).toBe(true);
        expect(await fails(save('Patient/1', { expect: { versionId: 1 } }))).toBe(true);
        expect(await holds(at('Patient/1', 2))).toBe(true);
        expect(await holds(save('Patient/1', { expect: { versionId: 2 } }))).toBe(true);
        await store.commit([tombstone('Patient/1', { versionId: 3 })]);
        expect(await fails(at('Patient/1', 4))).toBe(true);
        expect(await fails(at('Patient/2', 1))).toBe(true);
      });

      it('a kept value must be at its revision, or absent', async () => {
        const kept = (at: number | 'absent'): Change => ({ op: 'expect', of: { kind: 'cursor', key: 'a' }, at });
        expect(await holds(kept('absent'))).toBe(true);
        expect(await fails(kept(1))).toBe(true);
        await store.commit([{ op: 'put', kind: 'cursor', key: 'a', value: 1 }]);
        const { revision } = (await store.get('cursor', ['a']))[0]!;
        expect(await holds(kept(revision))).toBe(true);
        expect(await fails(kept(revision + 1))).toBe(true);
        expect(await fails(kept('absent'))).toBe(true);
      });

      it('a query must still find what it found', async () => {
        const index = { ...noEntries, keys: [{ name: 'Patient.identifier', first: 'urn:mrn|', second: 'A1' }] };
        const query = plainQuery('Patient', { is: 'key', name: 'Patient.identifier', first: 'urn:mrn|', second: 'A1' });
        const finds = (...matches: string[]): Change => ({ op: 'expect', query, matches: matches.map(key) });
        expect(await holds(finds())).toBe(true);
        expect(await fails(finds('Patient/1'))).toBe(true);
        await store.commit([save('Patient/1', { index })]);
        expect(await holds(finds('Patient/1'))).toBe(true);
        expect(await fails(finds())).toBe(true);
        expect(await fails(finds('Patient/2'))).toBe(true);
        await store.commit([save('Patient/2', { index })]);
        expect(await holds(finds('Patient/2', 'Patient/1'))).toBe(true);
        await store.commit([tombstone('Patient/1')]);
        expect(await holds(finds('Patient/2'))).toBe(true);
      });

      it('a query may have bounds without end', async () => {
        const index = { ...noEntries, ranges: [{ name: 'Patient.birthdate', low: 5, high: Infinity }] };
        const where = {
          is: 'range',
          name: 'Patient.birthdate',
          low: { above: -Infinity },
          high: { atLeast: Infinity },
        } as const;
        await store.commit([save('Patient/1', { index })]);
        const query = plainQuery('Patient', where);
        expect((await store.search(query, undefined)).matches).toHaveLength(1);
        expect(await holds({ op: 'expect', query, matches: [key('Patient/1')] })).toBe(true);
      });

      it('they hold against the state before the list, wherever they stand in it', async () => {
        await store.commit([
          save('Patient/1'),
          at('Patient/1', 'absent'),
          { op: 'put', kind: 'state', key: 'a', value: 1, expect: 'absent' },
          { op: 'put', kind: 'state', key: 'a', value: 2, expect: 'absent' },
        ]);
        expect((await store.get('state', ['a']))[0]!.value).toBe(2);
      });

      it('two hundred at once who create unless there is one make one', async () => {
        const index = { ...noEntries, keys: [{ name: 'Patient.identifier', first: 'urn:mrn|', second: 'A1' }] };
        const query = plainQuery('Patient', { is: 'key', name: 'Patient.identifier', first: 'urn:mrn|', second: 'A1' });
        const answers = await Promise.allSettled(
          Array.from({ length: 200 }, async (_, i) => {
            const { matches } = await store.search(query, undefined);
            // On a slow engine the first may have made one by now.
            if (matches.length > 0) throw new Error('there is one');
            await store.commit([
              { op: 'expect', query, matches: [] },
              save(`Patient/${i}`, { index, expect: 'absent' }),
            ]);
          }),
        );
        expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
        expect((await store.search({ ...query, count: 10 }, undefined)).matches).toHaveLength(1);
      });
    });

    describe('kept values', () => {
      it('come back as they were put, and undefined where nothing is kept', async () => {
        const value = { a: [1, null, 'ü'], b: { c: false } };
        await store.commit([{ op: 'put', kind: 'state', key: 'x', value }]);
        const [first, second] = await store.get('state', ['x', 'y']);
        expect(first).toMatchObject({ kind: 'state', key: 'x', value });
        expect(second).toBeUndefined();
        expect(await store.get('other', ['x'])).toEqual([undefined]);
      });

      it('have revisions that rise and never repeat, also after a drop', async () => {
        const revisions: number[] = [];
        for (let i = 0; i < 3; i++) {
          await store.commit([{ op: 'put', kind: 'state', key: 'x', value: i }]);
          revisions.push((await store.get('state', ['x']))[0]!.revision);
        }
        await store.commit([{ op: 'drop', kind: 'state', key: 'x' }]);
        expect(await store.get('state', ['x'])).toEqual([undefined]);
        await store.commit([{ op: 'put', kind: 'state', key: 'x', value: 3 }]);
        revisions.push((await store.get('state', ['x']))[0]!.revision);
        for (let i = 1; i < revisions.length; i++) expect(revisions[i]!).toBeGreaterThan(revisions[i - 1]!);
      });

      it('are put and dropped only at the revision expected', async () => {
        await store.commit([{ op: 'put', kind: 'state', key: 'x', value: 1, expect: 'absent' }]);
        const { revision } = (await store.get('state', ['x']))[0]!;
        const stale = revision + 1;
        expect(await refusal(store.commit([{ op: 'put', kind: 'state', key: 'x', value: 2, expect: 'absent' }]))).toBe(
          'conflict',
        );
        expect(await refusal(store.commit([{ op: 'put', kind: 'state', key: 'x', value: 2, expect: stale }]))).toBe(
          'conflict',
        );
        expect(await refusal(store.commit([{ op: 'drop', kind: 'state', key: 'x', expect: stale }]))).toBe('conflict');
        expect((await store.get('state', ['x']))[0]!.value).toBe(1);
        await store.commit([{ op: 'drop', kind: 'state', key: 'x', expect: revision }]);
        expect(await store.get('state', ['x'])).toEqual([undefined]);
      });

      it('expire, and are absent from then on', async () => {
        await store.commit([
          { op: 'put', kind: 'state', key: 'short', value: 1, expiresIn: 0 },
          { op: 'put', kind: 'state', key: 'long', value: 2, expiresIn: 3_600 },
        ]);
        const [short, long] = await store.get('state', ['short', 'long']);
        expect(short).toBeUndefined();
        expect(long!.value).toBe(2);
        expect((await store.list('state', '', 10)).map(({ key }) => key)).toEqual(['long']);
        await store.commit([{ op: 'put', kind: 'state', key: 'short', value: 3, expect: 'absent' }]);
        expect((await store.get('state', ['short']))[0]!.value).toBe(3);
      });

      it('are listed by kind in key order from a key on', async () => {
        const keys = ['b', 'a', 'c', 'aa'];
        await store.commit(keys.map((key): Change => ({ op: 'put', kind: 'due', key, value: key })));
        await store.commit([{ op: 'put', kind: 'other', key: 'a', value: 0 }]);
        const listed = async (from: string, limit: number) =>
          (await store.list('due', from, limit)).map(({ key }) => key);
        expect(await listed('', 10)).toEqual(['a', 'aa', 'b', 'c']);
        expect(await listed('aa', 2)).toEqual(['aa', 'b']);
        expect(await listed('d', 10)).toEqual([]);
      });

      it('are refused to the owner of an older lease', async () => {
        const lease = (epoch: number): Change => ({ op: 'put', kind: 'lease', key: 'feed', value: { epoch } });
        const put = (epoch: number): Change => ({
          op: 'put',
          kind: 'cursor',
          key: 'feed',
          value: epoch,
          fence: { key: 'feed', epoch },
        });
        await store.commit([put(1)]);
        await store.commit([lease(2)]);
        expect(await refusal(store.commit([put(1)]))).toBe('conflict');
        await store.commit([put(2)]);
        await store.commit([put(3)]);
        const drop: Change = { op: 'drop', kind: 'cursor', key: 'feed', fence: { key: 'feed', epoch: 1 } };
        expect(await refusal(store.commit([drop]))).toBe('conflict');
        expect((await store.get('cursor', ['feed']))[0]!.value).toBe(3);
      });
    });

    describe('the audit log', () => {
      it('is appended in order and looked through newest first', async () => {
        const rows = [
          auditRow({ at: 10, who: 'Device/a', action: 'C', patients: 'Patient/1 Patient/2', target: 'Task/1' }),
          auditRow({ at: 20, who: 'Client/admin', action: 'R', patients: 'Patient/11', target: 'Task/11' }),
          auditRow({
            at: 30,
            who: 'Device/a',
            key: 'wfk_a',
            action: 'R',
            patients: '',
            target: 'Patient/2 $everything',
          }),
          auditRow({
            at: 40,
            who: 'Device/b',
            action: 'C',
            patients: 'Patient/2',
            interaction: 'create',
            target: 'Task/1',
          }),
        ];
        for (const row of rows) await store.commit([{ op: 'append', log: 'audit', row }]);
        const times = async (window: Partial<Parameters<Store['audit']>[0]>) =>
          (await store.audit({ count: 10, ...window })).map(({ at }) => at);
        expect(await times({})).toEqual([40, 30, 20, 10]);
        expect(await times({ count: 2 })).toEqual([40, 30]);
        expect(await times({ from: 20, to: 30 })).toEqual([30, 20]);
        expect(await times({ patient: 'Patient/1' })).toEqual([10]);
        expect(await times({ patient: 'Patient/2' })).toEqual([40, 10]);
        expect(await times({ who: 'Device/a' })).toEqual([30, 10]);
        expect(await times({ who: 'Device/a', action: 'R' })).toEqual([30]);
        expect(await times({ key: 'wfk_a' })).toEqual([30]);
        expect(await times({ interaction: 'create' })).toEqual([40]);
        expect(await times({ entity: 'Task/1' })).toEqual([40, 10]);
        expect(await times({ entity: 'Task/1', who: 'Device/a' })).toEqual([10]);
        expect(await times({ entity: 'Patient/2' })).toEqual([40, 30, 10]);
        const [, , third] = await store.audit({ count: 10 });
        expect(third).toEqual({ ...rows[1], sequence: third!.sequence });
        expect(await times({ sequence: third!.sequence })).toEqual([20]);
        expect(await times({ before: third!.sequence })).toEqual([10]);
      });

      it('leaves when the signal has aborted', async () => {
        expect(await refusal(store.audit({ count: 1 }, AbortSignal.abort()))).toBe('timeout');
      });
    });

    describe('the version log', () => {
      it('tells every version and tombstone in order, from any token on', async () => {
        for (let i = 0; i < 10; i++) await store.commit([save(`Patient/${i % 3}`), save(`Device/${i}`)]);
        await store.commit([tombstone('Patient/0')]);
        const all = await take(store.changes(undefined, noPatience()), 21);
        expect(all).toHaveLength(21);
        expect(all[20]!.version).toMatchObject({ key: key('Patient/0'), method: 'DELETE', text: '', versionId: 5 });
        for (const place of [0, 7, 19]) {
          const rest = await take(store.changes(all[place]!.token, noPatience()), 20 - place);
          expect(rest).toEqual(all.slice(place + 1));
        }
      });

      it('tells those of one type alone where it is named, from any place on', async () => {
        const end = await store.end();
        for (let i = 0; i < 3; i++)
          await store.commit([save('Patient/1'), save(`Device/${i}`), save('DeviceMetric/1')]);
        const idsOf = async (after: string | undefined, count: number) =>
          (await take(store.changes(after, noPatience(), 'Device'), count)).map(({ version }) => version.key);
        const devices = ['Device/0', 'Device/1', 'Device/2'].map(key);
        expect(await idsOf(undefined, 3)).toEqual(devices);
        expect(await idsOf(end, 3)).toEqual(devices);
        const waiting = take(store.changes(await store.end(), noPatience(), 'Device'), 1);
        await store.commit([save('Patient/2')]);
        await store.commit([save('Device/3')]);
        expect((await waiting)[0]!.version.key).toEqual(key('Device/3'));
      });

      it('starts after everything stored so far at end()', async () => {
        await store.commit([save('Patient/1')]);
        const end = await store.end();
        await store.commit([save('Patient/2')]);
        const [next] = await take(store.changes(end, noPatience()), 1);
        expect(next!.version.key).toEqual(key('Patient/2'));
      });

      it('has an end when nothing is stored yet', async () => {
        const end = await store.end();
        await store.commit([save('Patient/1')]);
        expect(await take(store.changes(end, noPatience()), 1)).toHaveLength(1);
      });

      it('hands on what is written while it is read, nothing twice, nothing skipped, in order per resource', async () => {
        const seen: { key: ResourceKey; versionId: number }[] = [];
        const writing = (async () => {
          for (let i = 0; i < 40; i++) {
            await Promise.all(Array.from({ length: 10 }, (_, j) => store.commit([save(`Patient/${j}`)])));
          }
        })();
        let token: string | undefined;
        while (seen.length < 400) {
          // Whoever follows stops now and then and goes on from its token.
          for (const change of await take(store.changes(token, noPatience()), Math.min(57, 400 - seen.length))) {
            seen.push(change.version);
            token = change.token;
          }
        }
        await writing;
        for (let j = 0; j < 10; j++) {
          const versions = seen.filter(({ key }) => key.id === String(j)).map(({ versionId }) => versionId);
          expect(versions).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));
        }
      });

      it('ends when the signal aborts, also while it waits', async () => {
        const stop = new AbortController();
        const following = take(store.changes(undefined, stop.signal), 1);
        setImmediate(() => stop.abort());
        expect(await following).toEqual([]);
      });

      it('holds no version that was never committed', async () => {
        await store.commit([save('Patient/1')]);
        await refusal(store.commit([save('Patient/2'), save('Patient/1', { expect: 'absent' })]));
        await store.commit([save('Patient/3')]);
        const ids = (await take(store.changes(undefined, noPatience()), 2)).map(({ version }) => version.key.id);
        expect(ids).toEqual(['1', '3']);
      });
    });

    searchConforms(() => store);
    chainsConform(() => store);
    canonicalsConform(() => store);
    includesConform(() => store);
    restoreConforms(() => store);
  });
}
