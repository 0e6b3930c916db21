/** A feed that is under way, or cannot begin: what it says of itself meanwhile, and what ends lists that lead nowhere. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Endpoint, MakerDocument } from '../../../src/ingest/feeds/document.ts';
import { createLog } from '../../../src/log.ts';
import type { Credentials } from '../../../src/outbound/maker.ts';
import { createVault } from '../../../src/protect/vault.ts';
import { openKeyRing } from '../../../src/protect/vault-keys.ts';
import { systemRuntime } from '../../../src/runtime.ts';
import { type Driven, openDriven } from '../../support/feeds-house.ts';
import { type ImplantsHouse, openImplantsHouse } from '../../support/implants-house.ts';
import { until } from '../../support/until.ts';

const never = 86_400;
const key = { client_id: 'us', api_key: 'key', environment: 'sandbox' } as const satisfies Credentials;
const noOverlap = { by: 'Client/admin', overlap: 0 };

/** Pages of two rows each, as a maker's document says: people, their implants, values. */
const documentOf = (
  name: string,
  patients: Partial<Endpoint> = {},
  readings: Partial<Endpoint> = {},
): MakerDocument => ({
  name,
  manufacturer: name,
  auth: [{ kind: 'api-key' }],
  overlapHours: 24,
  recheck: { everyHours: 6, lookBackHours: 72 },
  dates: { style: 'iso', naive: 'quarantine' },
  decimals: { text: 'quarantine', comma: 'quarantine' },
  endpoints: {
    patients: { path: '/people', items: '', limit: { name: 'take', value: 2 }, ...patients },
    devices: { path: '/people/{patientId}/implants', items: '' },
    readings: { path: '/implants/{deviceId}/values', items: '', limit: { name: 'take', value: 2 }, ...readings },
  },
  patient: { id: 'no' },
  device: {
    id: 'no',
    serial: 'no',
    model: 'model',
    type: { path: 'type', values: { ICD: 'icd' }, otherwise: 'other' },
    status: { path: 'state', values: {}, otherwise: 'unknown' },
  },
  reading: { id: 'id', kind: 'what', value: 'is', unit: 'in', at: 'when', kinds: { rate: 'heart_rate' } },
  units: { bpm: '/min' },
});

const offset = { page: { style: 'offset', name: 'skip' } } as const;
const numbered = { page: { style: 'page', name: 'page' } } as const;
const value = (id: number) => ({
  id: `${id}`,
  what: 'rate',
  is: 60 + id,
  in: 'bpm',
  when: `2025-11-17T03:1${id}:00Z`,
});

describe('A feed', () => {
  let house: ImplantsHouse;
  let server: Server;
  let url: string;
  let answer: (path: string, query: URLSearchParams) => unknown;
  let asked: string[] = [];
  const driven: Driven[] = [];

  beforeAll(async () => {
    house = await openImplantsHouse();
    server = createServer(async (request, response) => {
      const { pathname, searchParams } = new URL(request.url!, 'http://maker');
      asked.push(request.url!);
      const body = await answer(pathname, searchParams);
      response.writeHead(body === undefined ? 404 : 200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(async () => {
    await Promise.all(driven.splice(0).map((one) => one.stop()));
    asked = [];
  });
  afterAll(async () => {
    server.closeAllConnections();
    server.close();
    await house.stop();
  });

  const run = (document: MakerDocument, more: Parameters<typeof openDriven>[3] = {}) => {
    const { name } = document;
    const setting = `${name.toUpperCase()}_BASE_URL`;
    const one = openDriven(house, new Map([[name, { document }]]), { [setting]: url }, { held: [key], ...more });
    driven.push(one);
    return { feeds: one.feeds, status: async () => (await one.feeds.status())[0]! };
  };
  const vaultWith = (digit: string) =>
    createVault({
      store: house.store,
      runtime: systemRuntime,
      ring: openKeyRing(
        { vaultKey: digit.repeat(64), vaultKeyFile: undefined, profile: 'production', data: '/nowhere' },
        systemRuntime,
      ),
    });

  it('whose credential cannot be opened says so, is logged once, and begins when another is stored', async () => {
    answer = () => [];
    await vaultWith('1').put('lockco', key, noOverlap);
    const vault = vaultWith('2');
    const lines: string[] = [];
    const log = createLog({
      level: 'info',
      runtime: systemRuntime,
      stream: { write: (line) => void lines.push(line) },
    });
    const { feeds, status } = run(documentOf('lockco'), { vault, log, pollSeconds: 0.05 });

    await until(async () => (await status()).state === 'failing');
    expect(await status()).toMatchObject({
      why: expect.stringContaining('cannot be opened with this key'),
      connection: { up: false },
    });
    expect(feeds.connections()).toMatchObject([{ maker: 'lockco', environment: 'sandbox', state: { up: false } }]);
    await new Promise((go) => setTimeout(go, 300));
    log.flush();
    expect(lines.filter((line) => line.includes('lockco'))).toHaveLength(1);
    expect(lines.join('')).not.toContain('stack');

    let go: (body: unknown) => void = () => undefined;
    const waits = new Promise((resolve) => (go = resolve));
    answer = () => waits;
    await vault.put('lockco', key, { ...noOverlap, overlap: 3_600_000 });
    feeds.credentialChanged('lockco');
    await until(async () => (await status()).state === 'polling');
    expect(await status()).not.toHaveProperty('lastError');
    go([]);
    await until(async () => (await status()).lastSuccess);
    expect(await status()).toMatchObject({ state: 'polling', connection: { up: true } });
    expect(await status()).not.toHaveProperty('lastError');
    expect(feeds.connections()).toMatchObject([{ maker: 'lockco', state: { up: true } }]);
  });

  it('begins as soon as its credential is stored, and says from then on that it polls and since when', async () => {
    let held: readonly Credentials[] = [];
    let go: (body: unknown) => void = () => undefined;
    answer = () => new Promise((resolve) => (go = resolve));
    const vault = { valid: async () => held, environment: async () => held[0]?.environment };
    const { feeds, status } = run(documentOf('slowco'), { vault, pollSeconds: never });
    await until(async () => (await status()).state === 'no-credential');
    held = [key];
    feeds.credentialChanged('slowco');

    await until(async () => (await status()).state === 'polling');
    expect(await status()).toMatchObject({ pollingSince: expect.stringMatching(/Z$/) });
    expect(await status()).not.toHaveProperty('why');
    await until(() => asked.length > 0);
    go([]);
    await until(async () => (await status()).lastSuccess);
    expect(await status()).not.toHaveProperty('pollingSince');
  });

  it('tells of a long poll every few seconds how much is stored', async () => {
    let isHeld = true;
    answer = async (path, query) => {
      if (path === '/people') return [{ no: 'P-1' }];
      if (path === '/people/P-1/implants') return [{ no: 'H-1', type: 'ICD', model: 'M' }];
      if (query.get('page') === '1') {
        await new Promise((go) => setTimeout(go, 2_100));
        return [value(1), value(2)];
      }
      while (isHeld) await new Promise((go) => setTimeout(go, 20));
      return [value(3)];
    };
    const { status } = run(documentOf('longco', {}, numbered), { pollSeconds: never });
    await until(async () => (await status()).counts.new === 2);
    expect(await status()).toMatchObject({ state: 'polling', pollingSince: expect.any(String) });
    expect(await status()).not.toHaveProperty('lastSuccess');
    isHeld = false;
    await until(async () => (await status()).lastSuccess);
    expect((await status()).counts).toMatchObject({ received: 3, new: 3, success: 1, failure: 0 });
    expect(asked.map((one) => /page=\d/.exec(one)?.[0]).filter(Boolean)).toEqual(['page=1', 'page=2']);
  });

  it('ends lists whose pages are the same for ever, says so, goes on with others, and forgets it when it is mended', async () => {
    let isDeaf = true;
    const rows = [value(1), value(2), value(3)];
    const people = [{ no: 'P-2' }, { no: 'P-3' }];
    const page = (all: readonly unknown[], skip: number) => (isDeaf ? all.slice(0, 2) : all.slice(skip, skip + 2));
    answer = (path, query) => {
      const skip = Number(query.get('skip') ?? 0);
      if (path === '/people') return page(people, skip);
      if (path === '/people/P-2/implants') return [{ no: 'H-2', type: 'ICD', model: 'M' }];
      if (path === '/people/P-3/implants') return [{ no: 'H-3', type: 'ICD', model: 'M' }];
      return path.includes('H-2') ? page(rows, skip) : [value(4)];
    };
    // Long enough that what the first poll said is looked at before the next one.
    const { status } = run(documentOf('deafco', offset, offset), { pollSeconds: 2 });

    const { counts, lastError } = await until(async () => {
      const now = await status();
      return now.state === 'failing' && now;
    });
    expect(lastError).toMatch(/answers the same page again and again/);
    // The list of patients, and the readings of one device; the other one was read.
    expect(counts).toMatchObject({ new: 3, failure: 2, success: 1 });
    expect(asked.length).toBeLessThan(20);

    isDeaf = false;
    await until(async () => (await status()).state === 'polling');
    expect((await status()).counts.new).toBe(4);
    expect(await status()).not.toHaveProperty('lastError');
  });

  it('ends pages that follow each other in a circle', async () => {
    answer = (path, query) => {
      const at = query.get('at') ?? 'a';
      return path === '/people' ? { rows: [{ no: `P-${at}` }], next: { a: 'b', b: 'c', c: 'b' }[at] } : [];
    };
    const cursor = { items: 'rows', page: { style: 'cursor', next: 'next', name: 'at' } } as const;
    const { status } = run(documentOf('ringco', cursor), { pollSeconds: never });
    await until(async () => (await status()).state === 'failing');
    expect((await status()).lastError).toMatch(/in a circle/);
    expect(asked.filter((one) => one.startsWith('/people?'))).toHaveLength(3);
  });
});
