/** Promises P4 and P5 against a server in a process of its own: what is to be created once is created once, and nobody ever sees a part of a transaction. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type ServerProcess, startServer } from '../support/process.ts';
import { searchAll } from './ledger.ts';
import { type Finish, RACE } from './racer.ts';

const IDENTIFIERS = 200;
const PROCESSES = 4;
const TIMES = 4;

const racer = fileURLToPath(new URL('./racer.ts', import.meta.url));
const data = mkdtempSync(join(tmpdir(), 'watchfire-races-'));
let server: ServerProcess;

beforeAll(async () => {
  server = await startServer(data);
});
afterAll(async () => {
  await server.kill('SIGKILL');
  rmSync(data, { recursive: true, force: true });
});

/** A process at the start line; `go` lets it run and gives its answers. */
async function lineUp(number: number): Promise<() => Promise<Finish[]>> {
  const args = [server.url, server.token, String(number), String(IDENTIFIERS), String(TIMES)];
  const child = spawn(process.execPath, [racer, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout });
  await once(lines, 'line');
  return async () => {
    const line = once(lines, 'line');
    child.stdin.write('go\n');
    return JSON.parse((await line)[0]);
  };
}

describe('If-None-Exist, alone and in transactions, from four processes at once', () => {
  let finishes: Finish[];

  beforeAll(async () => {
    const starts = await Promise.all(Array.from({ length: PROCESSES }, (_, number) => lineUp(number)));
    finishes = (await Promise.all(starts.map((go) => go()))).flat();
  }, 240_000);

  it('answers 201 once for each identifier and 200 to everybody else', () => {
    const counts: Record<number, number> = {};
    for (const { status } of finishes) counts[status] = (counts[status] ?? 0) + 1;
    expect(counts).toEqual({ 200: IDENTIFIERS * (PROCESSES * TIMES - 1), 201: IDENTIFIERS });
    const created = finishes.filter(({ status }) => status === 201).map(({ identifier }) => identifier);
    expect(new Set(created).size).toBe(IDENTIFIERS);
  });

  it('leaves exactly one resource for each identifier, and names it to everybody', async () => {
    const patients = await searchAll(server, 'Patient?_count=500');
    expect(patients).toHaveLength(IDENTIFIERS);
    const idOf = new Map(patients.map(({ id, identifier }) => [Number(identifier[0].value), id]));
    expect(finishes.filter(({ identifier, patient }) => idOf.get(identifier) !== patient)).toEqual([]);
  });

  it('has every Observation of a transaction point to that one', async () => {
    const patients = await searchAll(server, 'Patient?_count=500');
    const known = new Set(patients.map(({ id, identifier }) => `${identifier[0].value} Patient/${id}`));
    const observations = await searchAll(server, 'Observation?_count=500');
    const pairs = observations
      .filter(({ identifier }) => identifier[0].system === RACE)
      .map(({ identifier, subject }) => `${identifier[0].value} ${subject.reference}`);
    expect(pairs).toHaveLength((IDENTIFIERS * PROCESSES * TIMES) / 2);
    expect(pairs.filter((pair) => !known.has(pair))).toEqual([]);
  });
});

describe('A transaction', () => {
  const ENTRIES = 12;
  const ROUNDS = 120;
  const observation = (system: string, value: string, more: object) => ({
    resourceType: 'Observation',
    status: 'final',
    code: { text: 'part' },
    identifier: [{ system, value }],
    ...more,
  });

  async function commit(entry: readonly object[]): Promise<void> {
    const reply = await server.ask('POST', '/fhir', { resourceType: 'Bundle', type: 'transaction', entry });
    if (reply.status !== 200) throw new Error(`a transaction answered ${reply.status}: ${reply.text}`);
  }

  /** Searches again and again until the work is done; what each search found. */
  async function watchWhile<T>(work: Promise<void>, look: () => Promise<T>): Promise<T[]> {
    const seen: T[] = [];
    let isDone = false;
    const ended = work.finally(() => {
      isDone = true;
    });
    while (!isDone) seen.push(await look());
    await ended;
    return seen;
  }

  const parts = (fill: (i: number) => object) => Array.from({ length: ENTRIES }, (_, i) => fill(i));

  it('that creates many is seen whole or not at all', async () => {
    let round = 0;
    const write = async () => {
      while (++round <= ROUNDS) {
        const value = `round-${round}`;
        const request = { method: 'POST', url: 'Observation' };
        await commit(parts(() => ({ resource: observation('urn:whole', value, {}), request })));
      }
    };
    const work = write();
    const look = async () => {
      const { body } = await server.ask('GET', `/fhir/Observation?identifier=urn:whole|round-${round}&_count=50`);
      return body.entry?.length ?? 0;
    };
    const seen = (await Promise.all([1, 2, 3].map(() => watchWhile(work, look)))).flat();
    expect(new Set(seen)).toEqual(new Set([0, ENTRIES]));
    expect(await searchAll(server, 'Observation?identifier=urn:whole|&_count=500')).toHaveLength(ROUNDS * ENTRIES);
  });

  it('that changes many or deletes them is seen whole or not at all', async () => {
    const write = async () => {
      for (let round = 1; round <= ROUNDS; round++) {
        const isDelete = round % 4 === 0;
        await commit(
          parts((i) => {
            const url = `Observation/part-${i}`;
            if (isDelete) return { request: { method: 'DELETE', url } };
            const resource = observation('urn:changed', 'all', { id: `part-${i}`, valueInteger: round });
            return { resource, request: { method: 'PUT', url } };
          }),
        );
      }
    };
    const work = write();
    const look = async () => {
      const { body } = await server.ask('GET', '/fhir/Observation?identifier=urn:changed|all&_count=50');
      const rounds = (body.entry ?? []).map(({ resource }: any) => resource.valueInteger);
      return { rounds: new Set<number>(rounds), count: rounds.length };
    };
    const seen = (await Promise.all([1, 2, 3].map(() => watchWhile(work, look)))).flat();
    const partial = seen.filter(({ rounds, count }) => ![0, ENTRIES].includes(count) || rounds.size > 1);
    expect(partial).toEqual([]);
    expect(new Set(seen.map(({ count }) => count))).toEqual(new Set([0, ENTRIES]));
    expect(new Set(seen.flatMap(({ rounds }) => [...rounds])).size).toBeGreaterThan(10);
  });
});
