/** SearchParameters that came without this server's doing: stored by an older version, or written by another on the same store. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { readConfig } from '../../src/config.ts';
import type { LogFields } from '../../src/log.ts';
import { createCustomParameters, type Following } from '../../src/operations/custom-parameters.ts';
import { followSearchParameter } from '../../src/operations/follow-parameter.ts';
import { type Job, type KeptParameter, kinds } from '../../src/operations/kept.ts';
import { registerStored } from '../../src/operations/stored-parameters.ts';
import { type Runtime, systemRuntime } from '../../src/runtime.ts';
import { extract } from '../../src/search/extract.ts';
import { INDEX_VERSION } from '../../src/search/index-version.ts';
import { customDefinitionsOf, setCustomDefinitions } from '../../src/search/knowledge.ts';
import { noEntries, plainQuery } from '../../src/search/query.ts';
import { startHouse } from '../../src/server.ts';
import type { Engine } from '../../src/store/engine.ts';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import type { Change } from '../../src/store/store.ts';
import { definition } from './definition.ts';

/** As a server stored it that made nothing of it. */
const stored = (resource: any): Change => ({
  op: 'write',
  key: { type: resource.resourceType, id: resource.id },
  method: 'PUT',
  text: [`${JSON.stringify(resource).slice(0, -1)},"meta":{`, '}}'],
  index: noEntries,
  expect: 'any',
});

/** With what followed from it, as any server writes it. */
async function written(engine: Engine, resource: any): Promise<void> {
  const key = { type: resource.resourceType, id: resource.id };
  const follow = followSearchParameter(systemRuntime);
  const setting = { now: systemRuntime.now(), canonical: '', caller: undefined as never };
  const also = await follow({ key, before: undefined, after: resource }, [], engine, setting);
  await engine.commit([stored(resource), ...(also as readonly Change[])]);
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await systemRuntime.sleep(1);
}

const ending: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end();
  setCustomDefinitions([]);
});

async function openEngine(): Promise<Engine> {
  const engine = await openSqliteStore({ file: ':memory:', runtime: systemRuntime });
  ending.push(engine.close);
  return engine;
}

const quiet: Following['log'] = {
  warn: (event) => expect(event).toBe(''),
  error: (_event, error) => expect(error).toBeUndefined(),
};

/** What one server on the store has of the room of operations. */
async function openServer(engine: Engine, log: Following['log'] = quiet) {
  const stop = new AbortController();
  let renewals = 0;
  const custom = createCustomParameters({ store: engine, onRenewed: () => renewals++ });
  const quick: Runtime = { ...systemRuntime, sleep: (_, signal) => systemRuntime.sleep(1, signal) };
  const followed = custom.follow({ runtime: quick, log, signal: stop.signal });
  ending.push(async () => {
    stop.abort();
    await followed;
  });
  await custom.renew();
  return { store: custom.guard(engine), renewals: () => renewals };
}

const codesKnown = () => customDefinitionsOf('Patient').map(({ code }) => code);

describe('A SearchParameter that another server writes', () => {
  const byMarital = plainQuery('Patient', { is: 'key', name: 'Patient.marital', first: 'M', second: '' });

  it('is known here as soon as the log tells of it, and not relied on before its job is done there', async () => {
    const engine = await openEngine();
    const { store, renewals } = await openServer(engine);
    expect((await store.search(byMarital, undefined)).matches).toEqual([]);
    await written(engine, definition('marital'));
    await until(() => renewals() > 0);
    expect(codesKnown()).toEqual(['marital']);
    await expect(store.search(byMarital, undefined)).rejects.toMatchObject({ status: 503 });
    const [kept] = await engine.get(kinds.parameter, ['marital']);
    const value: KeptParameter = { ...kept!.value, indexed: true };
    await engine.commit([{ op: 'put', kind: kinds.parameter, key: 'marital', value }]);
    await until(() =>
      store.search(byMarital, undefined).then(
        () => true,
        () => false,
      ),
    );
  });

  it('goes here when it is retired there', async () => {
    const engine = await openEngine();
    await openServer(engine);
    await written(engine, definition('going'));
    await until(() => codesKnown().includes('going'));
    await written(engine, definition('going', { status: 'retired' }));
    await until(() => !codesKnown().includes('going'));
  });
});

describe('An index that is made anew after an upgrade', () => {
  it('has what is found by SearchParameters of run time', async () => {
    const data = mkdtempSync(join(tmpdir(), 'watchfire-test-'));
    ending.push(() => rmSync(data, { recursive: true, force: true }));
    const file = join(data, 'watchfire.db');
    const older = await openSqliteStore({ file, runtime: systemRuntime, indexVersion: INDEX_VERSION - 1 });
    const patient = { resourceType: 'Patient', id: 'ann', name: [{ given: ['Ann', 'Bea'] }] };
    const called = definition('called', { type: 'string', expression: 'Patient.name.given.first()' });
    await older.commit([stored(patient)]);
    await written(older, called);
    // Its job is done long since, so that nothing but the upgrade goes through older resources.
    const [kept] = await older.get(kinds.parameter, ['called']);
    const value: KeptParameter = { ...kept!.value, indexed: true };
    const [job] = await older.list(kinds.job, '', 1);
    await older.commit([
      { op: 'put', kind: kinds.parameter, key: 'called', value },
      { op: 'drop', kind: kinds.job, key: job!.key },
    ]);
    await older.close();
    const house = await startHouse({ ...readConfig({}), port: 0, logLevel: 'silent', drainSeconds: 2, data });
    ending.push(house.stop);
    const headers = { authorization: `Bearer ${house.adminToken}`, prefer: 'handling=strict' };
    const asked = (query: string) => fetch(`${house.url}/fhir/Patient?${query}`, { headers });
    await until(async () => (await asked('called=ann')).status === 200);
    const found = async (query: string) => ((await (await asked(query)).json()) as any).entry?.length ?? 0;
    expect([await found('called=ann'), await found('called=bea')]).toEqual([1, 0]);
  });
});

describe('An expression that fails', () => {
  it('is told once, by the parameter and without a word of the resource', async () => {
    const told: unknown[] = [];
    const engine = await openEngine();
    const log = { warn: (...line: unknown[]) => told.push(line), error: () => undefined };
    await openServer(engine, log);
    await written(engine, definition('alone', { type: 'string', expression: 'Patient.name.given.single()' }));
    await until(() => codesKnown().includes('alone'));
    for (const given of [
      ['Secret', 'Canary'],
      ['Other', 'Bird'],
    ]) {
      expect(extract({ resourceType: 'Patient', name: [{ given }] }).texts.length).toBeGreaterThan(0);
    }
    expect(told).toEqual([
      ['search expression could not be evaluated', { type: 'Patient', id: 'alone', code: 'alone' }],
    ]);
  });
});

describe('SearchParameters that an older version stored', () => {
  const left: [string, LogFields | undefined][] = [];
  const register = async (engine: Engine, signal = new AbortController().signal) => {
    left.length = 0;
    const log = {
      warn: (event: string, fields?: LogFields) => left.push([event, fields]),
      error: (_event: string, error: unknown) => expect(error).toBeUndefined(),
    };
    await registerStored({ store: engine, runtime: systemRuntime, relative: (text) => text, log, signal });
  };
  const keptIds = async (engine: Engine) => (await engine.list(kinds.parameter, '', 1_000)).map(({ key }) => key);

  it('are taken on with a job each; what a write would refuse is told by its id and left out', async () => {
    const engine = await openEngine();
    await engine.commit([
      ...Array.from({ length: 120 }, (_, i) => stored(definition(`p${i}`))),
      stored(definition('draft', { status: 'draft' })),
      stored(definition('bad', { expression: "Patient.name.where(family = 'Secret'" })),
      stored(definition('twice', { code: 'p7' })),
      stored(definition('copy', { url: 'http://hl7.org/fhir/SearchParameter/Patient-active', code: 'active' })),
    ]);
    await register(engine);
    const ids = Array.from({ length: 120 }, (_, i) => `p${i}`);
    expect(await keptIds(engine)).toEqual(ids.sort());
    const told = 'stored search parameter is left out';
    expect(left.sort((one, other) => (one[1]!.id! < other[1]!.id! ? -1 : 1))).toEqual([
      [told, { id: 'bad', code: 'invalid' }],
      [told, { id: 'twice', code: 'duplicate' }],
    ]);
    const jobs = await engine.list(kinds.job, '', 1_000);
    expect(jobs.map(({ value }) => (value as Job).parameter).sort()).toEqual(ids);
  });

  it('are left alone where they are followed already', async () => {
    const engine = await openEngine();
    await written(engine, definition('known'));
    const before = await engine.list(kinds.parameter, '', 10);
    await register(engine);
    expect(await engine.list(kinds.parameter, '', 10)).toEqual(before);
    expect(await engine.list(kinds.job, '', 10)).toHaveLength(1);
  });

  it.each<[string, Change, readonly string[]]>([
    ['change', stored(definition('moving', { code: 'moved' })), ['moved']],
    ['are deleted', { ...(stored(definition('moving')) as object), method: 'DELETE', text: undefined } as Change, []],
  ])('that %s while they are looked at are seen as they are then', async (_what, meanwhile, codes) => {
    const engine = await openEngine();
    await engine.commit([stored(definition('moving'))]);
    let isFirst = true;
    const meddled = {
      ...engine,
      async commit(changes: readonly Change[]) {
        if (isFirst) await engine.commit([meanwhile]);
        isFirst = false;
        return engine.commit(changes);
      },
    };
    await register(meddled);
    const kept = await engine.list(kinds.parameter, '', 10);
    expect(kept.map(({ value }) => (value as KeptParameter).definition.code)).toEqual(codes);
    expect(await engine.list(kinds.code, '', 10)).toHaveLength(codes.length);
  });

  it('are taken on with the composites that name them, whichever comes first', async () => {
    const engine = await openEngine();
    const { store } = await openServer(engine);
    const component = [
      { definition: 'https://a.example/SearchParameter/kin', expression: 'relationship' },
      { definition: 'http://hl7.org/fhir/SearchParameter/individual-gender', expression: 'gender' },
    ];
    const expression = 'Patient.contact';
    await engine.commit([
      stored(definition('a', { type: 'composite', expression, component })),
      stored(definition('kin', { expression: 'Patient.contact.relationship' })),
    ]);
    await register({ ...engine, ...store });
    expect(left).toEqual([]);
    expect(await keptIds(engine)).toEqual(['a', 'kin']);
  });

  it('answer after the next start, with what was stored before', async () => {
    const data = mkdtempSync(join(tmpdir(), 'watchfire-test-'));
    ending.push(() => rmSync(data, { recursive: true, force: true }));
    const file = join(data, 'watchfire.db');
    const engine = await openSqliteStore({ file, runtime: systemRuntime, indexVersion: INDEX_VERSION });
    const married = { resourceType: 'Patient', id: 'married', maritalStatus: { coding: [{ code: 'M' }] } };
    await engine.commit([stored(married), stored(definition('marital'))]);
    await engine.close();
    const house = await startHouse({ ...readConfig({}), port: 0, logLevel: 'silent', drainSeconds: 2, data });
    ending.push(house.stop);
    let found: any;
    await until(async () => {
      const headers = { authorization: `Bearer ${house.adminToken}`, prefer: 'handling=strict' };
      const answer = await fetch(`${house.url}/fhir/Patient?marital=M`, { headers });
      found = await answer.json();
      return answer.status === 200;
    });
    expect(found.entry.map(({ resource }: any) => resource.id)).toEqual(['married']);
  });
});
