/** What the engine sends on a sharded cluster: every write and every search for one patient names the shard key, and what must be one stays one across shards. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type CommandStartedEvent, type Document, MongoClient } from 'mongodb';
import type { Resource } from '../../src/fhir/references.ts';
import { systemRuntime } from '../../src/runtime.ts';
import { compartmentCriterion } from '../../src/search/compartment.ts';
import { extract } from '../../src/search/extract.ts';
import { parseSearch } from '../../src/search/parse.ts';
import { type Criterion, plainQuery, type SearchQuery } from '../../src/search/query.ts';
import type { Engine } from '../../src/store/engine.ts';
import { createHashing } from '../../src/store/hash.ts';
import { homeOfKey, homesOfPatient, sharedHomes } from '../../src/store/mongodb/homes.ts';
import { openMongoStore } from '../../src/store/mongodb/open.ts';
import { collectionsOf } from '../../src/store/mongodb/schema.ts';
import { databaseOf } from '../../src/store/mongodb-uri.ts';
import type { Change } from '../../src/store/store.ts';
import { describeOnMongod } from '../support/describe-mongod.ts';
import { sharedReplicaSet } from '../support/mongod.ts';
import { auditRow, key, refusal, tombstone } from './drafts.ts';

const seed = new Uint8Array(8).fill(7);
const hashing = createHashing(seed);
const home = (reference: string): number => homeOfKey(reference, hashing);

const patient = (id: string, more: object = {}): Resource => ({
  resourceType: 'Patient',
  id,
  identifier: [{ system: 'urn:mrn', value: id }],
  name: [{ family: 'Smith' }],
  ...more,
});
const rate = { coding: [{ system: 'http://loinc.org', code: '8867-4' }] };
const observation = (id: string, subject: string, more: object = {}): Resource => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: rate,
  subject: { reference: subject },
  effectiveDateTime: '2026-01-05T10:00:00Z',
  valueQuantity: { value: 60, system: 'http://unitsofmeasure.org', code: '/min' },
  device: { reference: 'Device/d' },
  ...more,
});
const encounter = (id: string, subject: string): Resource => ({
  resourceType: 'Encounter',
  id,
  status: 'finished',
  subject: { reference: subject },
});
const device = { resourceType: 'Device', id: 'd', patient: { reference: 'Patient/1' } };

type Expect = Extract<Change, { op: 'write' }>['expect'];
const write = (resource: Resource, expect: Expect = 'any'): Change => ({
  op: 'write',
  key: key(`${resource.resourceType}/${resource.id}`),
  method: 'PUT',
  text: ['{"meta":{', `},${JSON.stringify(resource).slice(1)}`],
  index: extract(resource),
  expect,
});

/** A search as a client asks for it; `Patient/1/Observation?...` asks in a compartment. */
function parse(search: string): SearchQuery {
  const [path, parameters] = search.split('?') as [string, string];
  const [type, id, within] = path.split('/') as [string, string?, string?];
  const pairs = [...new URLSearchParams(parameters.replaceAll('+', '%2B'))];
  const { query } = parseSearch(within ?? type, [...pairs, ['_count', '5']], { strict: true });
  if (within === undefined) return query;
  const inside = compartmentCriterion(type, id!, within)!;
  return { ...query, where: { is: 'all', of: [inside, query.where] } };
}

describeOnMongod('On a sharded cluster', () => {
  let admin: MongoClient;
  let uri: string;
  const stores: Engine[] = [];
  const sent: CommandStartedEvent[] = [];
  let store: Engine;
  let other: Engine;

  beforeAll(async () => {
    ({ uri } = await sharedReplicaSet({ members: 1 }));
    admin = await new MongoClient(uri).connect();
    const options = { uri, runtime: systemRuntime, acceptRelease: '6.0.5', asSharded: true, seed };
    const open = async () => {
      const opened = await openMongoStore({ ...options, onSent: (command) => void sent.push(command) });
      stores.push(opened);
      return opened;
    };
    [store, other] = [await open(), await open()];
    await store.commit([patient('1'), patient('2'), device].map((resource) => write(resource)));
    await store.commit(Array.from({ length: 12 }, (_, i) => write(observation(`v${i}`, `Patient/${1 + (i % 2)}`))));
    await store.commit([
      write(observation('both', 'Patient/1', { performer: [{ reference: 'Patient/2' }] })),
      write(encounter('e', 'Patient/1')),
      write(encounter('f', 'Patient/1')),
    ]);
  }, 60_000);
  afterAll(async () => {
    for (const opened of stores) await opened.close();
    await admin?.db(databaseOf(uri)).dropDatabase();
    await admin?.close();
  }, 60_000);

  /** What was sent to the collection while the work was done, by the names of the commands. */
  const during = async (work: () => Promise<unknown>, collection: string): Promise<readonly Document[]> => {
    sent.length = 0;
    await work();
    return sent.map(({ command }) => command).filter((command) => command[Object.keys(command)[0]!] === collection);
  };
  /** The shard keys that the writes of the commands name; undefined for one that names none. */
  const keysOf = (commands: readonly Document[], field: 's' | 'k'): readonly unknown[] =>
    commands.flatMap(({ insert, documents, updates, deletes }) => {
      if (insert) return documents.map((document: Document) => document[field]);
      return (updates ?? deletes ?? []).map(({ q }: Document) => q[field]);
    });

  /** The conditions of a question on its documents, those of united pipelines too. */
  const filtersOf = ({ filter, pipeline = [] }: Document): readonly Document[] => [
    filter ?? pipeline[0]?.$match ?? {},
    ...pipeline.flatMap(({ $unionWith }: Document) => ($unionWith ? filtersOf($unionWith) : [])),
  ];
  const homesIn = (filter: Document): readonly number[] | undefined =>
    filter['s']?.$in ?? (filter['$and'] ?? []).map(homesIn).find((homes: unknown) => homes !== undefined);
  const asked = async (query: SearchQuery): Promise<readonly Document[]> => {
    const commands = await during(() => store.search(query, undefined), 'resource');
    return commands.flatMap(filtersOf);
  };

  const moving = write(observation('moves', 'Patient/2'));
  const smith: SearchQuery = plainQuery('Patient', {
    is: 'key',
    name: 'Patient.identifier',
    first: 'urn:mrn|',
    second: 'new',
  });
  it.each<readonly [string, () => readonly Change[]]>([
    ['creations', () => [write(patient('3')), write(observation('c', 'Patient/3')), write(device)]],
    ['an update in place', () => [write(observation('v0', 'Patient/1', { status: 'amended' }))]],
    ['an update that moves a resource to another patient', () => [write(observation('v2', 'Patient/2'))]],
    [
      'one that moves it to where those of several patients are',
      () => [write(observation('v4', 'Patient/1', { performer: [{ reference: 'Patient/2' }] }))],
    ],
    ['several versions in one list', () => [moving, write(observation('moves', 'Patient/1')), moving]],
    ['a deletion', () => [tombstone('Observation/v6'), tombstone('Patient/3')]],
    ['a conditional creation', () => [{ op: 'expect', query: smith, matches: [] }, write(patient('new'), 'absent')]],
    [
      'a list that relies on a resource',
      () => [
        { op: 'expect', of: key('Device/d'), at: 2 },
        write(observation('relies', 'Patient/1')),
        { op: 'put', kind: 'cursor', key: 'a', value: 1 },
        { op: 'append', log: 'audit', row: auditRow() },
      ],
    ],
    [
      'an index made anew',
      () => [{ op: 'reindex', key: key('Encounter/e'), versionId: 1, index: extract(encounter('e', 'Patient/1')) }],
    ],
    [
      'one made anew that moves the resource',
      () => [{ op: 'reindex', key: key('Encounter/f'), versionId: 1, index: extract(encounter('f', 'Patient/2')) }],
    ],
  ])('%s: every write names the shard key', async (_, changes) => {
    sent.length = 0;
    await store.commit(changes());
    const to = (collection: string) =>
      sent
        .map(({ command }) => command)
        .filter(({ insert, update, delete: del }) => [insert, update, del].includes(collection));
    const keys = keysOf(to('resource'), 's');
    expect(keys.length).toBeGreaterThan(0);
    for (const s of keys) expect(s).toEqual(expect.any(Number));
    for (const k of keysOf(to('version'), 'k')) expect(k).toMatch(/^[A-Z]\w+\//);
    expect(sent.filter(({ commandName }) => commandName === 'findAndModify')).toEqual([]);
  });

  it('a resource lives where its patient does, and moves with it, alone in its command', async () => {
    const homeNow = async (id: string) =>
      (await collectionsOf(admin.db(databaseOf(uri))).resource.findOne({ _id: `Observation/${id}` }))!.s;
    await store.commit([write(observation('m', 'Patient/1'))]);
    expect(await homeNow('m')).toBe(home('Patient/1'));
    await store.commit([write(observation('m', 'Patient/2'))]);
    expect(await homeNow('m')).toBe(home('Patient/2'));
    await store.commit([write(observation('m', 'Device/d'))]);
    expect(await homeNow('m')).toBe(home('Observation/m'));
    expect(sharedHomes).toContain(await homeNow('both'));

    const index = extract(observation('m', 'Patient/1'));
    const reindexed = () =>
      store.commit(
        ['m', 'c'].map((id) => ({
          op: 'reindex',
          key: key(`Observation/${id}`),
          versionId: id === 'm' ? 3 : 1,
          index,
        })),
      );
    const updates = (await during(reindexed, 'resource')).flatMap(({ updates }) => (updates ? [updates] : []));
    expect(updates.map((some) => some.length)).toEqual([1, 1]);
    expect(await homeNow('m')).toBe(home('Patient/1'));
    await store.commit([tombstone('Observation/m'), tombstone('Observation/c')]);
    expect(await homeNow('m')).toBe(home('Patient/1'));
  });

  it.each([
    'Observation?patient=9',
    'Observation?subject=Patient/9&status=final',
    'Observation?patient=9&_sort=-date',
    'Observation?patient=9&code=http://loinc.org|8867-4&date=ge2026-01-01&_sort=-date',
    'Observation?patient=9&code=http://loinc.org|8867-4&_sort=-date&_total=accurate',
    'Observation?patient=9&code=http://loinc.org|8867-4,http://loinc.org|9279-1',
    'Observation?patient=9&date=ge2026-01-01&_sort=date,status',
    'Observation?patient=9&_sort=status,-date',
    'Observation?patient=9&_sort=value-quantity',
    'Observation?patient=9&_summary=count',
    'Observation?patient=9&device.patient=Patient/1',
    'Patient/9/Observation?status=final',
    'Patient/9/Encounter?_sort=-date',
    'Encounter?patient=9',
    'Device?patient=9&_total=accurate',
    'Patient?_id=9',
    'Patient?_id=9&_total=accurate&_sort=family',
  ])('%s asks only where what points to the patient lives', async (search) => {
    const found = await asked(parse(search));
    const homes = search.startsWith('Patient?') ? [home('Patient/9')] : homesOfPatient('Patient/9', hashing);
    expect(found.length).toBeGreaterThan(0);
    // Whom the Device of a chain belongs to is asked of Devices, which live with patient 1.
    for (const filter of found.map(homesIn))
      expect([homes, homesOfPatient('Patient/1', hashing)]).toContainEqual(filter);
  });

  it('what is brought along is asked for by its key, or where what points to the patient lives', async () => {
    const homes = homesOfPatient('Patient/1', hashing);
    const back = await asked(parse('Patient?_id=1&_revinclude=Observation:patient&_revinclude=Encounter:subject'));
    expect(back.map(homesIn)).toEqual([[home('Patient/1')], homes, homes]);
    const forth = await asked(parse('Observation?patient=1&_include=Observation:device&_include=Observation:patient'));
    expect(homesIn(forth[0]!)).toEqual(homes);
    for (const filter of forth.slice(1)) expect(Object.keys(filter)).toContain('_id');
    const has = await asked(parse('Patient?_id=1&_has:Observation:patient:status=final'));
    expect(has.map(homesIn).filter(Boolean).length).toBeGreaterThan(0);
  });

  it('what is about several patients is asked where those of each live, what is about none of all', async () => {
    const both = [...homesOfPatient('Patient/1', hashing), home('Patient/2')];
    expect((await asked(parse('Observation?patient=1,2'))).map(homesIn)).toEqual([both]);
    for (const search of [
      'Observation?status=final',
      'Observation?subject=Patient/1,Device/d',
      'Patient?family=smith',
    ]) {
      expect((await asked(parse(search))).map(homesIn)).toEqual([undefined]);
    }
  });

  it('a search for a patient finds all that is there, wherever it lives', async () => {
    const find = async (search: string) =>
      (await store.search({ ...parse(search), count: 100 }, undefined)).matches.map(({ key }) => key.id).sort();
    const all = (await find('Observation?_sort=_id')).map((id) => `Observation/${id}`);
    for (const subject of ['1', '2']) {
      const found = await find(`Observation?patient=${subject}&_sort=-date`);
      const stored = await store.read(all.map(key));
      const expected = stored.filter((version) =>
        version!.text.includes(`"subject":{"reference":"Patient/${subject}"`),
      );
      expect(found.length).toBeGreaterThan(3);
      expect(found).toEqual(expected.map((version) => version!.key.id).sort());
    }
  });

  it('one id that two servers create at once in two homes is created once, since both write its guard', async () => {
    for (let round = 0; round < 20; round++) {
      const id = `race${round}`;
      sent.length = 0;
      const answers = await Promise.all(
        Array.from({ length: 8 }, (_, i) =>
          refusal((i % 2 ? store : other).commit([write(observation(id, `Patient/r${i}`), 'absent')])),
        ),
      );
      expect(answers.filter((answer) => answer === 'fulfilled')).toHaveLength(1);
      expect(answers.filter((answer) => answer === 'conflict')).toHaveLength(7);
    }
    // On one shard the index on _id refuses a second one too; across shards the guard alone does, so each transaction that inserts has written it first.
    const guarded = new Set<string>();
    const transactionOf = ({ lsid, txnNumber }: Document) =>
      `${Buffer.from(lsid.id.buffer).toString('hex')} ${txnNumber}`;
    let creations = 0;
    for (const { command } of sent) {
      const guards: readonly Document[] = command['update'] === 'guard' ? command['updates'] : [];
      for (const { q } of guards) guarded.add(`${transactionOf(command)} ${q._id}`);
      if (command['insert'] !== 'resource') continue;
      for (const { _id } of command['documents']) {
        creations++;
        expect(guarded).toContain(`${transactionOf(command)} key:${_id}`);
      }
    }
    expect(creations).toBeGreaterThan(0);
  }, 60_000);

  it('one identifier that two servers create at once, unless it is there, is created once, whatever patient it is about', async () => {
    const identified = (n: number): Criterion => ({
      is: 'key',
      name: 'Observation.identifier',
      first: 'urn:x|',
      second: `${n}`,
    });
    for (let round = 0; round < 20; round++) {
      const create = (i: number): Change[] => [
        { op: 'expect', query: plainQuery('Observation', identified(round)), matches: [] },
        write(
          observation(`i${round}-${i}`, `Patient/r${i}`, { identifier: [{ system: 'urn:x', value: `${round}` }] }),
          'absent',
        ),
      ];
      const answers = await Promise.all(
        Array.from({ length: 8 }, (_, i) => refusal((i % 2 ? store : other).commit(create(i)))),
      );
      expect(answers.filter((answer) => answer === 'fulfilled')).toHaveLength(1);
      const query = { ...plainQuery('Observation', identified(round)), count: 0, total: 'accurate' as const };
      expect((await other.search(query, undefined)).total).toBe(1);
    }
  }, 60_000);
});
