/** P11: files dropped in every way while the server is killed again and again. Each whole one is stored once and archived; half ones stay. */
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { systemRuntime } from '../../../src/runtime.ts';
import { type ServerProcess, startServer } from '../../support/process.ts';
import { minutes } from './inbox.ts';

const KILLS = Number(process.env['WATCHFIRE_TEST_KILLS'] ?? 20);
const FILES = Number(process.env['WATCHFIRE_TEST_FILES'] ?? 10_000);
const AT_ONCE = Number(process.env['WATCHFIRE_TEST_FILES_AT_ONCE'] ?? 40_000);
const DEVICES = 20;
const sleep = (ms: number) => systemRuntime.sleep(ms);
const hashOf = (text: string | Buffer): string => createHash('sha256').update(text).digest('hex');

const folder = mkdtempSync(join(tmpdir(), 'watchfire-drop-'));
const [inbox, archive, failed, data] = ['inbox', 'archive', 'failed', 'data'].map((name) => join(folder, name)) as [
  string,
  string,
  string,
  string,
];
const settings = { IOT_INBOX_DIR: inbox, IOT_ARCHIVE_DIR: archive, IOT_FAILED_DIR: failed };
let server: ServerProcess;

beforeAll(async () => {
  server = await startServer(data, settings);
  const entry = Array.from({ length: DEVICES }, (_, i) => [
    { resourceType: 'Patient', id: `p${i}` },
    { resourceType: 'Device', id: `d${i}`, identifier: [{ value: `D${i}` }], patient: { reference: `Patient/p${i}` } },
  ])
    .flat()
    .map((resource) => ({ resource, request: { method: 'PUT', url: `${resource.resourceType}/${resource.id}` } }));
  const { status } = await server.ask('POST', '/fhir', { resourceType: 'Bundle', type: 'transaction', entry });
  expect(status).toBe(200);
});
afterAll(async () => {
  await server.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

interface Dropped {
  /** Hash of every whole file. */
  readonly whole: string[];
  readonly half: string[];
  /** Readings that have to be stored. */
  readonly readings: Set<string>;
}

let next = 0;
const reading = () => ({ timestamp: minutes(next++), heart_rate: 60 + (next % 40) });

/** Drops file `i` in one of the ways; what is appended later stands in `later`. */
function drop(i: number, into: Dropped, later: { due: number; path: string; rest: string }[]): void {
  const device = `D${i % DEVICES}`;
  const one = reading();
  let text = JSON.stringify({ device_id: device, ...one });
  let name = `f${String(i).padStart(6, '0')}.json`;
  const way = i % 10;
  if (way === 9) {
    const readings = [one, reading(), reading()];
    for (const { timestamp } of readings) into.readings.add(`${device}|${timestamp}`);
    text = JSON.stringify({ device_id: device, readings });
  } else if (way === 8 && lastText !== '') text = lastText;
  else if (way !== 6) into.readings.add(`${device}|${one.timestamp}`);
  if (way === 7 && !existsSync(join(inbox, 'again.json'))) name = 'again.json';
  if (way === 6) {
    const half = text.slice(0, 20 + (i % 20));
    into.half.push(hashOf(half));
    writeFileSync(join(inbox, name), half);
    return;
  }
  into.whole.push(hashOf(text));
  if (way === 5) {
    writeFileSync(join(inbox, name), text.slice(0, 25));
    later.push({ due: Date.now() + 100 + (i % 7) * 100, path: join(inbox, name), rest: text.slice(25) });
    return;
  }
  writeFileSync(join(folder, 'part'), text);
  renameSync(join(folder, 'part'), join(inbox, name));
  lastText = text;
}
let lastText = '';

const namesIn = (at: string): string[] =>
  existsSync(at)
    ? readdirSync(at, { withFileTypes: true, recursive: true })
        .filter((one) => one.isFile())
        .map((one) => join(one.parentPath, one.name))
    : [];
const hashesIn = (at: string): string[] =>
  namesIn(at)
    .map((path) => hashOf(readFileSync(path)))
    .sort();

async function until(isSo: () => boolean, ms: number): Promise<boolean> {
  for (const end = Date.now() + ms; Date.now() < end; await sleep(100)) if (isSo()) return true;
  return isSo();
}

/** `D1|2026-01-01T00:00:00.000Z` of every stored reading, and how many versions it has. */
async function stored(): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (let page: string | undefined = '/fhir/Observation?_count=1000'; page; ) {
    const { body } = await server.ask('GET', page);
    for (const { resource } of body.entry ?? []) {
      const device = resource.device.reference.replace('Device/d', 'D');
      const key = `${device}|${new Date(resource.effectiveDateTime).toISOString()}`;
      found.set(key, found.has(key) ? 'twice' : resource.meta.versionId);
    }
    page = body.link.find((link: any) => link.relation === 'next')?.url.replace(/^http:\/\/[^/]+/, '');
  }
  return found;
}

describe(`${FILES} files dropped in every way, and ${KILLS} kills`, () => {
  it('are each stored once where they are whole, and none is lost (P11)', async () => {
    const into: Dropped = { whole: [], half: [], readings: new Set() };
    const later: { due: number; path: string; rest: string }[] = [];
    let kills = 0;
    const killing = (async () => {
      while (kills < KILLS) {
        await sleep(200 + ((kills * 137) % 900));
        await server.kill('SIGKILL');
        kills++;
        server = await startServer(data, settings);
      }
    })();
    for (let i = 0; i < FILES; i++) {
      drop(i, into, later);
      while (later[0] && later[0].due <= Date.now()) appendFileSync(later[0].path, later.shift()!.rest);
      // Spread over the time of the kills.
      if (i % 50 === 49) await sleep(Math.max(1, (KILLS * 1_000 * 50) / FILES - 10));
    }
    for (const { path, rest } of later) appendFileSync(path, rest);
    await killing;
    expect(await until(() => namesIn(inbox).length <= into.half.length, 600_000)).toBe(true);

    expect(kills).toBe(KILLS);
    expect(hashesIn(inbox)).toEqual([...into.half].sort());
    expect(hashesIn(archive)).toEqual([...into.whole].sort());
    expect(namesIn(failed)).toEqual([]);
    const found = await stored();
    expect([...found.keys()].sort()).toEqual([...into.readings].sort());
    expect([...found.values()].filter((versions) => versions !== '1')).toEqual([]);
  });

  it(`${AT_ONCE} at once are found and taken in (P11)`, async () => {
    const before = namesIn(archive).length;
    const aside = join(folder, 'many');
    mkdirSync(aside);
    const names = Array.from({ length: AT_ONCE }, (_, i) => `m${i}.json`);
    for (const [i, name] of names.entries())
      writeFileSync(join(aside, name), JSON.stringify({ device_id: `D${i % DEVICES}`, ...reading() }));
    // On two quiet cores within a minute; how long it takes on a busy one is told, not judged.
    const begun = Date.now();
    for (const name of names) renameSync(join(aside, name), join(inbox, name));
    const isDone = () => !readdirSync(inbox).some((name) => name.startsWith('m'));
    expect(await until(isDone, 900_000)).toBe(true);
    const seconds = (Date.now() - begun) / 1_000;
    expect(namesIn(archive).length - before).toBe(AT_ONCE);
    process.stderr.write(`${AT_ONCE} files at once were archived within ${seconds.toFixed(1)} s\n`);
  });
});
