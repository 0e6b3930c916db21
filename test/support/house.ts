/** The real server for tests: started in this process on a free port and a fresh data folder, spoken to over HTTP. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Config, readConfig } from '../../src/config.ts';
import { type Runtime, systemRuntime } from '../../src/runtime.ts';
import { startHouse } from '../../src/server.ts';
import { testStore } from './test-store.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Parsed; undefined for an empty body. */
  readonly body: any;
}

export interface TestHouse {
  readonly url: string;
  readonly adminToken: string;
  readonly dataFolder: string;
  /** Any request; the administrator's token unless `authorization` says otherwise ('' for none). */
  ask(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  create(resource: any, headers?: Record<string, string>): Promise<Answer>;
  read(reference: string, headers?: Record<string, string>): Promise<Answer>;
  update(resource: any, headers?: Record<string, string>): Promise<Answer>;
  remove(reference: string, headers?: Record<string, string>): Promise<Answer>;
  /** The resources of the matches of all pages. */
  search(query: string): Promise<any[]>;
  transaction(entries: readonly any[], headers?: Record<string, string>): Promise<Answer>;
  /** A key for the Device with this identifier. */
  deviceKey(deviceId: string, asked?: object): Promise<string>;
  /** Ends the server and starts another on the same data. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export interface HouseOptions extends Partial<Config> {
  readonly runtime?: Runtime;
}

/** Starts a server of its own for a test file or a test. `store` as `testStore` takes it. */
export async function openHouse({ runtime = systemRuntime, ...settings }: HouseOptions = {}): Promise<TestHouse> {
  const dataFolder = mkdtempSync(join(tmpdir(), 'watchfire-test-'));
  const { drop, ...engine } = await testStore(settings.store);
  const config: Config = {
    ...readConfig({}),
    port: 0,
    logLevel: 'silent',
    drainSeconds: 2,
    ...settings,
    ...engine,
    data: dataFolder,
  };
  let house = await startHouse(config, { runtime });

  async function ask(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const isText = typeof body === 'string' || body instanceof Uint8Array;
    const sent: Record<string, string> = { authorization: `Bearer ${house.adminToken}` };
    if (body !== undefined)
      sent['content-type'] = path.startsWith('/fhir') ? 'application/fhir+json' : 'application/json';
    for (const [name, value] of Object.entries(headers)) {
      if (value === '') delete sent[name.toLowerCase()];
      else sent[name.toLowerCase()] = value;
    }
    const response = await fetch(path.startsWith('http') ? path : `${house.url}${path}`, {
      method,
      headers: sent,
      body: body === undefined ? undefined : isText ? (body as string) : JSON.stringify(body),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, body: text === '' ? undefined : parsed(text) };
  }

  return {
    get url() {
      return house.url;
    },
    get adminToken() {
      return house.adminToken;
    },
    dataFolder,
    ask,
    create: (resource, headers) => ask('POST', `/fhir/${resource.resourceType}`, resource, headers),
    read: (reference, headers) => ask('GET', `/fhir/${reference}`, undefined, headers),
    update: (resource, headers) => ask('PUT', `/fhir/${resource.resourceType}/${resource.id}`, resource, headers),
    remove: (reference, headers) => ask('DELETE', `/fhir/${reference}`, undefined, headers),
    async search(query) {
      const found: any[] = [];
      for (let next: string | undefined = `/fhir/${query}`; next; ) {
        const page: Answer = await ask('GET', next);
        if (page.status !== 200) throw new Error(`search ${query} answered ${page.status}: ${page.text}`);
        for (const entry of page.body.entry ?? []) if (entry.search.mode === 'match') found.push(entry.resource);
        next = page.body.link.find((link: any) => link.relation === 'next')?.url;
      }
      return found;
    },
    transaction: (entry, headers) =>
      ask('POST', '/fhir', { resourceType: 'Bundle', type: 'transaction', entry }, headers),
    async deviceKey(deviceId, asked = {}) {
      const { status, body, text } = await ask('POST', `/admin/devices/${deviceId}/keys`, asked);
      if (status !== 201) throw new Error(`no key: ${status} ${text}`);
      return body.key;
    },
    async restart() {
      await house.stop();
      house = await startHouse(config, { runtime });
    },
    async stop() {
      await house.stop();
      await drop();
      rmSync(dataFolder, { recursive: true, force: true });
    },
  };
}

function parsed(text: string): any {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** `n` calls at the same time. */
export const together = <T>(n: number, work: (i: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: n }, (_, i) => work(i)));
