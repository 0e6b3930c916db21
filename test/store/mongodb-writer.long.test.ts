/** What commits on MongoDB promise between servers. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { systemRuntime } from '../../src/runtime.ts';
import { type Criterion, type IndexEntries, plainQuery } from '../../src/search/query.ts';
import type { Engine } from '../../src/store/engine.ts';
import type { Change } from '../../src/store/store.ts';
import { describeOnMongod } from '../support/describe-mongod.ts';
import { entries, everything, key, noPatience, refusal, save, take } from './drafts.ts';
import { mongodbStores } from './mongodb-stores.ts';

const keyed = (name: string, first: string, second: string): { index: IndexEntries; where: Criterion } => ({
  index: entries({ keys: [{ name, first, second }] }),
  where: { is: 'key', name, first, second },
});
const identified = (value: string) => keyed('Patient.identifier', 'urn:mrn|', value);

/** A list that creates the patient unless one fulfils the criterion. */
const createUnless = (id: string, { index, where }: ReturnType<typeof keyed>): Change[] => [
  { op: 'expect', query: plainQuery('Patient', where), matches: [] },
  save(`Patient/${id}`, { index, expect: 'absent' }),
];

const count = async (store: Engine, where: Criterion): Promise<number | undefined> =>
  (await store.search({ ...plainQuery('Patient', where), count: 0, total: 'accurate' }, undefined)).total;

describeOnMongod('Commits on MongoDB', () => {
  const stores = mongodbStores();
  const openTwo = async (): Promise<readonly [Engine, Engine]> => {
    const at = stores.fresh();
    return [await stores.open(at), await stores.open(at)];
  };

  it('are listed in the order in which they arrived, also where one waits and the next overtakes it', async () => {
    const store = await stores.open(stores.fresh());
    const under = store.commit([save('Task/0')]);
    await nextTurn();
    await nextTurn();
    const waits = store.commit([save('Task/0'), save('Basic/a')]);
    const overtakes = store.commit([save('Basic/b')]);
    await Promise.all([under, waits, overtakes]);
    const { matches } = await store.search(plainQuery('Basic', everything), undefined);
    expect(matches.map(({ key: { id } }) => id)).toEqual(['a', 'b']);
  });

  describe('from two servers', () => {
    it('of 16 at once who create unless the identifier is there one does, for each of 200 identifiers', async () => {
      const servers = await openTwo();
      const answers: string[] = [];
      // Twenty at a time, so that nobody waits for longer than a write may.
      for (let lot = 0; lot < 10; lot++) {
        const all = Array.from({ length: 320 }, (_, at) => {
          const i = lot * 320 + at;
          return refusal(servers[i % 2]!.commit(createUnless(`${i}`, identified(`A${Math.floor(i / 16)}`))));
        });
        answers.push(...(await Promise.all(all)));
      }

      expect(answers.filter((answer) => answer === 'fulfilled')).toHaveLength(200);
      expect(answers.filter((answer) => answer === 'conflict')).toHaveLength(3_000);
      for (const value of ['A0', 'A77', 'A199']) expect(await count(servers[0], identified(value).where)).toBe(1);
      expect((await servers[0].sizes()).resources).toBe(200);
    }, 240_000);

    it('the same holds for a criterion that is no identifier', async () => {
      const servers = await openTwo();
      for (let round = 0; round < 10; round++) {
        const code = keyed('Patient.language', 'urn:ietf|', `l${round}`);
        const answers = await Promise.all(
          Array.from({ length: 8 }, (_, i) => refusal(servers[i % 2]!.commit(createUnless(`${round}-${i}`, code)))),
        );
        expect(answers.filter((answer) => answer === 'fulfilled')).toHaveLength(1);
        expect(await count(servers[1], code.where)).toBe(1);
      }
    }, 240_000);

    /** Rounds in which one server relies on what the other changes; who changed it must see whatever was written under the old state. */
    const neverLate = async (
      prepare: (n: number) => Change[],
      rely: (n: number) => Change,
      change: (n: number) => Change,
    ) => {
      const [one, other] = await openTwo();
      const seen = { early: 0, refused: 0 };
      for (let n = 0; n < 40; n++) {
        await one.commit([save('Device/begin'), ...prepare(n)]);
        // So much that it takes a while.
        const much = Array.from({ length: 150 }, (_, i) => save(`Task/${n}-${i}`));
        const relying = refusal(one.commit([rely(n), save(`Task/${n}`), ...much]));
        // A little later each time, so that some of them meet in the middle, and now and then when it is over.
        const changing = (n % 10 === 9 ? relying : systemRuntime.sleep(2 * (n % 10)))
          .then(() => other.commit([change(n)]))
          .then(() => other.read([key(`Task/${n}`)]));
        const [answer, [found]] = await Promise.all([relying, changing]);
        expect([answer, found !== undefined]).toEqual(
          answer === 'fulfilled' ? ['fulfilled', true] : ['conflict', false],
        );
        seen[answer === 'fulfilled' ? 'early' : 'refused']++;
      }
      return seen;
    };
    const lease = (n: number, epoch: number): Change => ({ op: 'put', kind: 'lease', key: `${n}`, value: { epoch } });
    const fenced = (n: number): Change => ({
      op: 'put',
      kind: 'cursor',
      key: `${n}`,
      value: n,
      fence: { key: `${n}`, epoch: 1 },
    });

    it('nothing is written under a lease after it was taken over', async () => {
      const seen = await neverLate(
        (n) => [lease(n, 1)],
        fenced,
        (n) => lease(n, 2),
      );
      expect(seen.early).toBeGreaterThan(0);
    }, 240_000);

    it('nor under one that was not there', async () => {
      await neverLate(
        () => [],
        fenced,
        (n) => lease(n, 2),
      );
    }, 240_000);

    it('nothing is written that relies on a version after the next one was', async () => {
      await neverLate(
        (n) => [save(`Device/${n}`)],
        (n) => ({ op: 'expect', of: key(`Device/${n}`), at: 1 }),
        (n) => save(`Device/${n}`),
      );
    }, 240_000);

    it('nor what relies on a resource that is not there, after it was created', async () => {
      await neverLate(
        () => [],
        (n) => ({ op: 'expect', of: key(`Device/${n}`), at: 'absent' }),
        (n) => save(`Device/${n}`),
      );
    }, 240_000);

    it('nor what relies on a match, after it ceased to be one', async () => {
      await neverLate(
        (n) => [save(`Patient/${n}`, { index: identified(`B${n}`).index })],
        (n) => ({
          op: 'expect',
          query: plainQuery('Patient', identified(`B${n}`).where),
          matches: [key(`Patient/${n}`)],
        }),
        (n) => save(`Patient/${n}`),
      );
    }, 240_000);

    it.each([
      ['an identifier', identified],
      ['something else', (value: string) => keyed('Patient.language', 'urn:ietf|', value)],
    ])(
      'nor what relies on there being no match for %s, after there was one',
      async (_, criterion) => {
        await neverLate(
          () => [],
          (n) => ({ op: 'expect', query: plainQuery('Patient', criterion(`${n}`).where), matches: [] }),
          (n) => save(`Patient/${n}`, { index: criterion(`${n}`).index }),
        );
      },
      240_000,
    );

    it('a condition that needs everything still gets its turn while the other server is busy', async () => {
      const [one, other] = await openTwo();
      let isOver = false;
      const busy = Promise.all(
        Array.from({ length: 8 }, async (_, caller) => {
          for (let i = 0; !isOver; i++) await other.commit([save(`Device/${caller}-${i}`)]);
        }),
      );
      const answers = [];
      for (let n = 0; n < 30; n++) {
        answers.push(await refusal(one.commit(createUnless(`${n}`, keyed('Patient.language', 'urn:ietf|', `${n}`)))));
      }
      isOver = true;
      await busy;
      expect(new Set(answers)).toEqual(new Set(['fulfilled']));
    }, 240_000);

    it('versions of one resource are numbered without gaps', async () => {
      const servers = await openTwo();
      const written = await Promise.all(
        Array.from({ length: 60 }, (_, i) => servers[i % 2]!.commit([save('Patient/1')])),
      );
      const numbers = written.map(([only]) => only!.versionId).sort((a, b) => a - b);
      expect(numbers).toEqual(Array.from({ length: 60 }, (_, i) => i + 1));
      expect((await servers[0].history(key('Patient/1'), { count: 100 })).total).toBe(60);
    }, 240_000);
  });

  describe('that wait together', () => {
    it('fail alone: by a conflict, a document too large, a value that is not JSON', async () => {
      const store = await stores.open(stores.fresh());
      await store.commit([save('Patient/there')]);
      const large = save('Patient/large', { mark: 'x'.repeat(12 << 20) });
      const lists: Change[][] = Array.from({ length: 40 }, (_, i) => [save(`Patient/${i}`)]);
      lists[7]!.push(save('Patient/there', { expect: 'absent' }));
      lists[13]!.push(large);
      lists[21]!.push({ op: 'put', kind: 'state', key: 'a', value: undefined });
      const answers = await Promise.all(lists.map((list) => refusal(store.commit(list))));

      const others = answers.filter((_, i) => ![7, 13, 21].includes(i));
      expect(new Set(others)).toEqual(new Set(['fulfilled']));
      expect([answers[7], answers[13], answers[21]]).toEqual(['conflict', 'too-costly', 'a kept value must be JSON']);
      const read = await store.read(lists.map((_, i) => key(`Patient/${i}`)));
      expect(read.flatMap((version, i) => (version ? [] : [i]))).toEqual([7, 13, 21]);
    });

    it('are told of an earlier one that fulfils their condition', async () => {
      const store = await stores.open(stores.fresh());
      const answers = await Promise.all(
        ['a', 'b', 'c'].map((id) => refusal(store.commit(createUnless(id, keyed('Patient.language', 'l', 'x'))))),
      );
      expect(answers).toEqual(['fulfilled', 'conflict', 'conflict']);
    });

    it('take no more than they need: few transactions, and the version log holds each version once', async () => {
      const groups: number[] = [];
      const store = await stores.open(stores.fresh(), { onCommit: (lists) => groups.push(lists) });
      const end = await store.end();
      const relied: Change = { op: 'expect', of: key('Device/1'), at: 1 };
      await store.commit([save('Device/1')]);
      await Promise.all(
        Array.from({ length: 100 }, (_, i) =>
          store.commit([relied, save(`Patient/${i % 10}`), save(`Patient/${i % 10}`)]),
        ),
      );
      // The group is told of after its callers.
      await nextTurn();

      expect(groups.reduce((sum, lists) => sum + lists, 0)).toBe(101);
      expect(groups.length).toBeLessThan(10);
      const told = await take(store.changes(end, noPatience()), 201);
      const versions = told.map(({ version }) => `${version.key.type}/${version.key.id}/${version.versionId}`);
      expect(new Set(versions).size).toBe(201);
      for (let patient = 0; patient < 10; patient++) {
        const mine = told.filter(({ version }) => version.key.type === 'Patient' && version.key.id === String(patient));
        expect(mine.map(({ version }) => version.versionId)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
      }
    });
  });
});
