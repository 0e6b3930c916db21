/** docs/add-a-maker.md, followed to the letter: a folder is made of what stands there, and the maker is polled. Nothing of src/ knows it. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readJson, textOf } from '../../../src/fhir/json.ts';
import { loadMakers } from '../../../src/ingest/feeds/folders.ts';
import { pageIn } from '../../../src/ingest/feeds/pages.ts';
import { readerOf } from '../../../src/ingest/feeds/room.ts';
import { createQuarantine } from '../../../src/ingest/intake/quarantine.ts';
import { canonical, type Driven, openDriven } from '../../support/feeds-house.ts';
import { type ImplantsHouse, openImplantsHouse } from '../../support/implants-house.ts';
import { filesBelow, textOf as sourceOf } from '../../support/sources.ts';
import { until } from '../../support/until.ts';

const page = readFileSync(new URL('../../../docs/add-a-maker.md', import.meta.url), 'utf8');
/** Blocks by the line before them: `GET /v1/people?skip=0`, `mappings/heartco/maker.json`. */
const blocks = new Map(
  [...page.matchAll(/^`([^`]+)`\n```json\n([\s\S]*?)```$/gm)].map(([, name, body]) => [name!, body!]),
);
const withoutSpace = (json: string) => textOf(readJson(Buffer.from(`{"b":${json}}`)).text, ['b'])!;

describe('The page about adding a maker', () => {
  const folder = mkdtempSync(join(tmpdir(), 'watchfire-makers-'));
  const asked: string[] = [];
  let maker: Server;
  let house: ImplantsHouse;
  let server: Driven;

  beforeAll(async () => {
    for (const [name, body] of blocks) {
      if (!name.startsWith('mappings/')) continue;
      const file = join(folder, name.slice('mappings/'.length));
      mkdirSync(join(file, '..'), { recursive: true });
      writeFileSync(file, body);
    }
    const answers = new Map([...blocks].map(([name, body]) => [name.replace(/^GET ([^?]*).*$/, '$1'), body]));
    maker = createServer((request, response) => {
      const { pathname } = new URL(request.url!, 'http://maker');
      asked.push(request.url!);
      const body = request.headers['heartco-key'] === 'key' ? answers.get(pathname) : undefined;
      response.writeHead(body === undefined ? 404 : 200, { 'content-type': 'application/json' }).end(body);
    });
    await new Promise<void>((listening) => maker.listen(0, '127.0.0.1', listening));
    house = await openImplantsHouse();
    const url = `http://127.0.0.1:${(maker.address() as AddressInfo).port}`;
    const held = [{ client_id: 'us', api_key: 'key', environment: 'production' }] as const;
    // Once: what it counted is looked at afterwards.
    server = openDriven(house, await loadMakers(folder), { HEARTCO_BASE_URL: url }, { held, pollSeconds: 86_400 });
  });
  afterAll(async () => {
    await server.stop();
    maker.close();
    await house.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('adds one that is polled as the page says, without a line of src/ (0-001, 0-118)', async () => {
    expect(blocks.size).toBe(8);
    await until(async () => (await server.feeds.status())[0]?.lastSuccess);

    const [status] = await server.feeds.status();
    expect(status!.counts).toMatchObject({ received: 5, new: 4, quarantined: 1, success: 1, failure: 0 });
    const [ada] = await house.search('Patient', 'identifier=P-7');
    expect(ada).toMatchObject({ birthDate: '1950-11-02', name: [{ family: 'Okafor', given: ['Ada'] }] });
    expect(await house.search('Patient', 'identifier=P-8')).toMatchObject([{ name: [{ family: 'Ito' }] }]);
    const texts = (await house.search('Observation', 'code=IDCO')).map((one) => JSON.stringify(one));
    expect(texts).toHaveLength(1);
    for (const said of ['"code":"722433"', '"value":530', '"code":"mood"', '"value":71'])
      expect(texts[0]).toContain(said);
    const [held] = await createQuarantine(house.store).list('heartco');
    expect(held).toMatchObject({ code: 'unreadable', reason: 'is is missing' });
    expect(asked[0]).toBe('/v1/people?take=50');

    const knowing = filesBelow('src', '.ts').filter((path) => /heartco/i.test(sourceOf(path)));
    expect(knowing).toEqual([]);
  });

  it.each(['patients', 'devices', 'readings'] as const)('shows a sample of %s that holds', async (endpoint) => {
    const { document } = (await loadMakers(folder)).get('heartco')!;
    const sample = blocks.get(`mappings/heartco/samples/${endpoint}.json`)!;
    const { of, now, told } = JSON.parse(sample);
    const body = Buffer.from(textOf(withoutSpace(sample), ['body'])!);
    const { rows } = pageIn(document.endpoints[endpoint], { body, headers: {} }, undefined, 'http://maker');
    const reader = readerOf(document, canonical);
    const readOf: Readonly<Record<typeof endpoint, (row: unknown) => unknown>> = {
      patients: (row: unknown) => reader.patient(row),
      devices: (row: unknown) => reader.device(row),
      readings: (row: unknown) => reader.reading(row, of, Date.parse(now)),
    };
    expect(JSON.parse(JSON.stringify(rows.map(readOf[endpoint])))).toEqual(told);
  });

  it('says where code of its own goes, and such code is used', async () => {
    const code =
      'export default (client) => ({ ...client, call: (call) => client.call({ ...call, headers: { "x-signed": "yes" } }) });\n';
    writeFileSync(join(folder, 'heartco', 'client.ts'), code);
    const { adapt, document } = (await loadMakers(folder)).get('heartco')!;
    const calls: unknown[] = [];
    const client = adapt!({ call: async (call: unknown) => calls.push(call) } as never, document);
    await client.call({ method: 'GET', path: '/v1/people' });
    expect(calls).toEqual([{ method: 'GET', path: '/v1/people', headers: { 'x-signed': 'yes' } }]);
    expect(page).toContain('client.ts');
  });

  it('refuses a document that cannot work, by a sentence', async () => {
    const file = join(folder, 'heartco', 'maker.json');
    const good = JSON.parse(blocks.get('mappings/heartco/maker.json')!);
    const wrong = async (change: object) => {
      writeFileSync(file, JSON.stringify({ ...good, ...change }));
      return loadMakers(folder).then(
        () => '',
        (error: Error) => error.message,
      );
    };
    expect(await wrong({ name: 'other' })).toBe('mappings/heartco/maker.json has another name than its folder');
    expect(await wrong({ units: undefined })).toBe('mappings/heartco/maker.json says nothing about units');
    expect(await wrong({ reading: { ...good.reading, kinds: { rate: 'pulse' } } })).toMatch(
      /calls rate a pulse, which is no kind/,
    );
    expect(await wrong({ auth: [] })).toMatch(/names no way to show who asks/);
  });
});
