/** A whole server moves to another store and back: to whoever asks, nothing has changed. docs/moving-stores.md */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { describeOnMongod } from '../support/describe-mongod.ts';
import { sharedReplicaSet } from '../support/mongod.ts';
import { runCommand, type ServerProcess, startServer } from '../support/process.ts';
import { answers, type Filled, fill, on, pipe, postReading, type Receiver, startReceiver } from './world.ts';

const root = mkdtempSync(join(tmpdir(), 'watchfire-moving-'));
const folder = (name: string) => join(root, name);
const equal = /^(resources|versions|of them deletions|audit rows|kept state|kept for a time)\s+\d+\s+\d+\s+ equal/gm;

let receiver: Receiver;
let filled: Filled;
let before: Record<string, unknown>;
let running: ServerProcess | undefined;

async function serve(settings: Record<string, string>): Promise<ServerProcess> {
  running = await startServer(settings['WATCHFIRE_DATA']!, { ...settings, WATCHFIRE_OUTBOUND_ALLOW: receiver.host });
  return running;
}

beforeAll(async () => {
  receiver = await startReceiver();
  const server = await serve(on(folder('a')));
  filled = await fill(server, receiver);
  before = await answers(server);
  // Killed, so that the notifier is not at the end of the log.
  for (let i = 0; i < 20; i++) {
    await server.ask('PUT', `/fhir/Observation/late${i}`, {
      ...{ resourceType: 'Observation', id: `late${i}`, status: 'final', code: { text: 'late' } },
    });
  }
  await server.kill('SIGKILL');
  running = undefined;
});

afterAll(async () => {
  await running?.kill('SIGKILL');
  receiver.close();
  rmSync(root, { recursive: true, force: true });
});

describe('A store that moved', () => {
  it('through a folder answers as before, to the byte, in order and by the same ids', async () => {
    const to = folder('moved');
    const exported = await runCommand(['export', '--to', to], on(folder('a')));
    expect([exported.code, exported.stderr]).toEqual([0, expect.stringContaining(`exported to ${to}`)]);
    expect(statSync(join(to, 'part-00001.ndjson')).mode & 0o777).toBe(0o600);
    const imported = await runCommand(['import', '--from', to], on(folder('b')));
    expect([imported.code, imported.stderr.match(equal)?.length]).toEqual([0, 6]);

    const server = await serve(on(folder('b')));
    expect(await answers(server)).toEqual(before);
    expect(await postReading(server, filled.key)).toBe(201);
    const { body } = await server.ask('PUT', '/fhir/Patient/a', { resourceType: 'Patient', id: 'a' });
    expect(body.meta.versionId).toBe('5');
    await server.kill('SIGKILL');
  });

  it('down a pipe answers as before, and every notification that waited is delivered once', async () => {
    const [exported, imported] = await pipe(on(folder('a')), on(folder('c')));
    expect([exported, imported.code]).toEqual([{ code: 0, stderr: '' }, 0]);
    expect(imported.stderr.match(equal)).toHaveLength(6);
    takeUp();
    const server = await serve(on(folder('c')));
    expect(await answers(server)).toEqual(before);
    await expectDelivered();
    await server.kill('SIGKILL');
  });
});

/** The receiver takes what comes from now on. */
function takeUp(): void {
  receiver.taken.length = 0;
  receiver.isUp = true;
}

/** All of them once in their order, and one more reading that comes afterwards. */
async function expectDelivered(): Promise<void> {
  const last = filled.events + 20;
  await running!.ask('PUT', '/fhir/Observation/after', {
    ...{ resourceType: 'Observation', id: 'after', status: 'final', code: { text: 'after' } },
  });
  while (!receiver.taken.some(({ path }) => path === '/ehr/Observation/after')) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  receiver.isUp = false;
  expect(receiver.taken.map(({ number }) => number)).toEqual(Array.from({ length: last + 1 }, (_, i) => i + 1));
  expect(receiver.faults).toEqual([]);
}

describeOnMongod('A store that moved to MongoDB and back', () => {
  it('answers as before at either end, and delivers what waited once', async () => {
    const set = await sharedReplicaSet({ members: 1 });
    const mongo = on(folder('m'), set.freshUri());
    const [, imported] = await pipe(on(folder('a')), mongo);
    expect([imported.code, imported.stderr.match(equal)?.length]).toEqual([0, 6]);
    const server = await serve(mongo);
    expect(await answers(server)).toEqual(before);
    await server.kill('SIGTERM');

    const to = folder('from-mongo');
    const exported = await runCommand(['export', '--to', to], mongo);
    expect([exported.code, exported.stderr]).toEqual([0, expect.stringContaining('exported')]);
    const back = await runCommand(['import', '--from', to], on(folder('d')));
    expect([back.code, back.stderr.match(equal)?.length]).toEqual([0, 6]);
    takeUp();
    const again = await serve(on(folder('d')));
    expect(await answers(again)).toEqual(before);
    await expectDelivered();
    expect(await postReading(again, filled.key)).toBe(201);
    await again.kill('SIGKILL');
  });
});
