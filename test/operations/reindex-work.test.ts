/** Reindex jobs at the level of the store: refused until done, resumed after a stop, ended by a cancellation. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { createCustomParameters } from '../../src/operations/custom-parameters.ts';
import { type Job, type KeptParameter, kinds, newJob, putJob } from '../../src/operations/kept.ts';
import { reindexStatus } from '../../src/operations/reindex.ts';
import { startReindexing } from '../../src/operations/reindex-work.ts';
import { systemRuntime } from '../../src/runtime.ts';
import { extract } from '../../src/search/extract.ts';
import { setCustomDefinitions } from '../../src/search/knowledge.ts';
import { parametersOf } from '../../src/search/parameters.ts';
import { type Criterion, noEntries, plainQuery, type SearchQuery } from '../../src/search/query.ts';
import type { Engine } from '../../src/store/engine.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import type { Change } from '../../src/store/store.ts';

const definition = {
  id: 'marital',
  code: 'marital',
  base: ['Patient'],
  type: 'token',
  expression: 'Patient.maritalStatus',
  url: 'urn:marital',
};
const name = 'Patient.marital';
const isMarried: Criterion = { is: 'key', name, first: 'M', second: '' };
const PATIENTS = 250;

let stop: AbortController;
let engine: Engine;
afterEach(async () => {
  stop.abort();
  setCustomDefinitions([]);
  await engine.close();
});

/** A store whose Patients nobody indexed, with a parameter that waits for its job. */
async function begun() {
  stop = new AbortController();
  engine = await openSqliteStore({ file: ':memory:', runtime: systemRuntime });
  const patients = Array.from({ length: PATIENTS }, (_, i): Change => {
    const before = `{"resourceType":"Patient","id":"p${i}","maritalStatus":{"coding":[{"code":"M"}]},"meta":{`;
    const key = { type: 'Patient', id: `p${i}` };
    return { op: 'write', key, method: 'PUT', text: [before, '}}'], index: noEntries, expect: 'absent' };
  });
  const value: KeptParameter = { definition, job: 'job', indexed: false };
  const job = newJob(['Patient'], 0, 'marital');
  await engine.commit([...patients, { op: 'put', kind: kinds.parameter, key: 'marital', value }, putJob('job', job)]);
  const custom = createCustomParameters({ store: engine, onRenewed: () => undefined });
  await custom.renew();
  const store = custom.guard(engine);
  const seen: string[] = [];
  const work = (onSeen: (count: number) => void, signal: AbortSignal) =>
    startReindexing({
      store: engine,
      runtime: systemRuntime,
      extract: (text) => {
        const resource = JSON.parse(text);
        seen.push(resource.id);
        onSeen(seen.length);
        return extract(resource);
      },
      renew: custom.renew,
      committed: custom.committed,
      log: { error: (_event, error) => expect(error).toBeUndefined() },
      signal,
    });
  const jobNow = async () => (await engine.get(kinds.job, ['job']))[0]!.value as Job;
  return { store, work, seen, jobNow, custom };
}

const total = async (store: Engine) =>
  (await store.search({ ...plainQuery('Patient', isMarried, 0), total: 'accurate' }, undefined)).total;

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await systemRuntime.sleep(1);
}

describe('A job of which $reindex-status says that it is done', () => {
  it('has its parameter found by, whichever server did the work', async () => {
    const { store, custom, jobNow } = await begun();
    const value: KeptParameter = { definition, job: 'job', indexed: true };
    // As another server stores it.
    await engine.commit([
      { op: 'put', kind: kinds.parameter, key: 'marital', value },
      putJob('job', { ...(await jobNow()), state: 'done' }),
    ]);
    const waitsFor = () => parametersOf('Patient').get('marital')?.indexing;
    expect(waitsFor()).toBe('job');
    const told = reindexStatus(custom).handle({ parameters: [] } as any, { store } as any);
    expect((await told).text).toContain('"done"');
    expect(waitsFor()).toBeUndefined();
  });
});

describe('A parameter whose job is not done', () => {
  const of = (where: Criterion, more: Partial<SearchQuery> = {}) => ({ ...plainQuery('Patient', where), ...more });
  const all: Criterion = { is: 'all', of: [] };
  const refers: Criterion = { is: 'refers', name: 'Observation.subject', type: 'Patient', where: isMarried };
  const isMissing: Criterion = { is: 'key', name: 'Patient.:missing', first: 'marital', second: 'false' };

  it.each<[string, SearchQuery]>([
    ['a condition', of(isMarried)],
    ['a negation', of({ is: 'any', of: [{ is: 'not', of: isMarried }] })],
    ['what stands beside it', of({ is: 'text', name: `${name}:text`, match: 'starts', value: 'm' })],
    ['whether it is missing', of(isMissing)],
    ['a chain', { ...plainQuery('Observation', refers) }],
    ['a sort', of(all, { sort: [{ by: 'text', name, descending: false }] })],
    ['an include', of(all, { includes: [{ way: 'to', type: 'Patient', name, iterate: false }] })],
    [
      'another type of the listing',
      { ...plainQuery('Group', all), also: [{ type: 'Patient', where: isMarried, sort: [] }] },
    ],
    ['what may be included', of(all, { includable: { Patient: isMarried } })],
  ])('is not relied on by %s', async (_what, query) => {
    const { store } = await begun();
    await expect(store.search(query, undefined)).rejects.toMatchObject({
      status: 503,
      message: expect.stringContaining('$reindex-status?job=job'),
    });
  });

  it('leaves other searches alone', async () => {
    const { store } = await begun();
    expect((await store.search(of(all, { count: 10 }), undefined)).matches).toHaveLength(10);
  });
});

describe('A job', () => {
  it('goes on after a stop where it was, and then the parameter is answered whole', async () => {
    const { store, work, seen, jobNow } = await begun();
    const first = new AbortController();
    await work((count) => count === 150 && first.abort(), first.signal).stopped;
    const half = await jobNow();
    expect(half.state).toBe('running');
    expect(half.done).toBeGreaterThanOrEqual(100);
    expect(half.done).toBeLessThan(PATIENTS);
    await expect(total(store)).rejects.toMatchObject({ status: 503 });
    const before = seen.length;
    work(() => undefined, stop.signal);
    await until(async () => (await jobNow()).state === 'done');
    expect(seen.length - before).toBe(PATIENTS - half.done);
    expect(await jobNow()).toMatchObject({ done: PATIENTS, of: PATIENTS, entries: 2 * PATIENTS });
    await until(async () => (await total(store).catch(() => -1)) === PATIENTS);
  });

  it('waits for what was extracted before and is still on its way into the store', async () => {
    const { custom, seen, jobNow, work } = await begun();
    let arrive = () => {};
    const way = new Promise<void>((resolve) => {
      arrive = resolve;
    });
    const slow = custom.guard({
      ...engine,
      commit: async (changes) => {
        await way;
        return engine.commit(changes);
      },
    });
    const text = [
      '{"resourceType":"Patient","id":"late","maritalStatus":{"coding":[{"code":"M"}]},"meta":{',
      '}}',
    ] as const;
    const key = { type: 'Patient', id: 'late' };
    const late = slow.commit([{ op: 'write', key, method: 'PUT', text, index: noEntries, expect: 'absent' }]);
    work(() => undefined, stop.signal);
    await systemRuntime.sleep(50);
    expect(seen).toEqual([]);
    arrive();
    await late;
    await until(async () => (await jobNow()).state === 'done');
    expect(seen).toContain('late');
  });

  it('ends where it is cancelled, and the parameter stays unanswered', async () => {
    const { store, work, seen, jobNow } = await begun();
    let cancelling: Promise<unknown> | undefined;
    const { stopped } = work((count) => {
      if (count !== 20) return;
      cancelling = engine.commit([putJob('job', { ...newJob(['Patient'], 0), state: 'cancelled' })]);
    }, stop.signal);
    await until(async () => cancelling !== undefined && (await jobNow()).state === 'cancelled');
    stop.abort();
    await stopped;
    expect(seen.length).toBe(100);
    expect((await jobNow()).state).toBe('cancelled');
    await expect(total(store)).rejects.toMatchObject({ status: 503 });
  });
});
