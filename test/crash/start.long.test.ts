/** How the program starts, is refused, works beside itself and ends: one owner per data folder, settings that are named when they are wrong, SIGTERM that loses nothing. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Exit, type Reply, runCommand, type ServerProcess, startServer } from '../support/process.ts';

const folders: string[] = [];
function freshFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'watchfire-start-'));
  folders.push(folder);
  return folder;
}
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** Starts a server that must refuse to. */
const refusal = (data: string, settings: Readonly<Record<string, string>> = {}): Promise<Exit> =>
  runCommand(['serve'], { WATCHFIRE_PORT: '0', WATCHFIRE_DATA: data, ...settings });

/** One sentence for people, no stack. */
const sentence = (...words: readonly string[]) =>
  new RegExp(`^watchfire: ${words.map((word) => `(?=.*${RegExp.escape(word)})`).join('')}.+\n$`);

const lockOf = (data: string) => join(data, 'owner.lock');

describe('A data folder', () => {
  let server: ServerProcess;
  let data: string;

  beforeAll(async () => {
    data = freshFolder();
    server = await startServer(data);
    const device = {
      resourceType: 'Device',
      id: 'd1',
      identifier: [{ system: 'https://example.org/fhir/sid/device', value: 'DEV1' }],
    };
    expect((await server.ask('PUT', '/fhir/Device/d1', device)).status).toBe(201);
  });
  afterAll(() => server.kill('SIGKILL'));

  it('belongs to one process: a second is refused with a sentence that names the first', async () => {
    const second = await refusal(data);
    expect(second.code).toBe(1);
    expect(second.stderr).toMatch(sentence(data, String(server.pid), server.url));
    expect((await server.ask('GET', '/health/ready')).status).toBe(200);
  });

  it('is reached by commands through the running server, and without one in the same words', async () => {
    const settings = { WATCHFIRE_DATA: data };
    const made = await runCommand(['keys', 'create', 'DEV1', '--name', 'over the server'], settings);
    expect(made).toMatchObject({ code: 0, stderr: '' });
    const key = /^API key: (wfk_\S+)$/m.exec(made.stdout)?.[1];
    expect((await server.ask('GET', '/api/iot/status/', undefined, { authorization: `Bearer ${key}` })).status).toBe(
      200,
    );
    const beside = await runCommand(['keys', 'list'], settings);
    expect(beside).toMatchObject({ code: 0, stderr: '' });
    expect(beside.stdout).toContain('over the server');
    expect(beside.stdout).not.toContain(key);

    expect((await server.kill('SIGTERM')).code).toBe(0);
    const prefix = /^wfk_[a-z0-9]+/.exec(key!)![0];
    const alone = await runCommand(['keys', 'list', 'DEV1'], settings);
    expect(alone).toMatchObject({ code: 0, stderr: '' });
    expect(alone.stdout).toContain(prefix);
    expect(await runCommand(['keys', 'revoke', prefix], settings)).toMatchObject({ code: 0, stderr: '' });
    expect((await runCommand(['keys', 'list'], settings)).stdout).toContain('revoked');
    expect(await runCommand(['keys', 'revoke', 'wfk_nobodys'], settings)).toMatchObject({ code: 1, stdout: '' });
    server = await startServer(data);
  });

  it('is taken over from an owner that was killed, whose process number somebody else has, or who wrote half a line', async () => {
    await server.kill('SIGKILL');
    expect(existsSync(lockOf(data))).toBe(true);
    server = await startServer(data);
    await server.kill('SIGKILL');
    writeFileSync(lockOf(data), JSON.stringify({ pid: process.pid, began: '1', url: 'http://127.0.0.1:1' }));
    server = await startServer(data);
    await server.kill('SIGKILL');
    writeFileSync(lockOf(data), '{"pid":1');
    server = await startServer(data);
    expect(JSON.parse(readFileSync(lockOf(data), 'utf8'))).toMatchObject({ pid: server.pid, url: server.url });
    expect((await server.ask('GET', '/fhir/Device/d1')).status).toBe(200);
  });

  it('that cannot be made or written stops the start with a sentence', async () => {
    const file = join(freshFolder(), 'file');
    writeFileSync(file, '');
    const closed = freshFolder();
    mkdirSync(join(closed, 'admin-token'));
    for (const folder of [file, join(file, 'below'), closed]) {
      const ended = await refusal(folder);
      expect(ended).toMatchObject({ code: 2, stdout: '' });
      expect(ended.stderr).toMatch(sentence('WATCHFIRE_DATA', folder));
    }
    expect(existsSync(lockOf(closed))).toBe(false);
  });

  it('has one winner when many start on it at once', async () => {
    const contested = freshFolder();
    const starts = await Promise.allSettled([1, 2, 3].map(() => startServer(contested)));
    const running = starts.filter((start) => start.status === 'fulfilled');
    expect(running).toHaveLength(1);
    for (const start of starts) if (start.status === 'rejected') expect(String(start.reason)).toContain(contested);
    expect((await running[0]!.value.kill('SIGTERM')).code).toBe(0);
    expect(existsSync(lockOf(contested))).toBe(false);
  });

  it('keeps the canonical that it was begun with', async () => {
    await server.kill('SIGTERM');
    const other = await refusal(data, { WATCHFIRE_CANONICAL: 'https://other.example/fhir' });
    expect(other.code).toBe(1);
    expect(other.stderr).toMatch(
      sentence('WATCHFIRE_CANONICAL', 'https://other.example/fhir', 'https://example.org/fhir'),
    );
    server = await startServer(data);
    expect((await server.ask('GET', '/fhir/Device/d1')).status).toBe(200);
  });
});

describe('A setting', () => {
  const wrong: readonly (readonly [name: string, value: string])[] = [
    ['WATCHFIRE_PROT', '8080'],
    ['WATCHFIRE_PORT', 'http'],
    ['WATCHFIRE_STORE', 'mongodb://doctor:Geheimnis@127.0.0.1/watchfire?w=1'],
    ['DATABASE_URL', 'mongodb+srv://user:Geheimnis@db.example/watchfire'],
    ['WATCHFIRE_ADMIN_TOKEN', 'Geheim nis'],
    ['WATCHFIRE_OUTBOUND_ALLOW', 'http://127.0.0.1:9'],
    ['METRICS_ENABLED', '2'],
  ];

  it('that is unknown or wrong stops the start with a sentence that names it, and says no secret', async () => {
    const data = join(freshFolder(), 'never-made');
    for (const pair of wrong) {
      const ended = await refusal(data, Object.fromEntries([pair]));
      expect({ pair, ...ended }).toMatchObject({
        code: 2,
        stdout: '',
        stderr: expect.stringMatching(sentence(pair[0])),
      });
      expect(ended.stderr).not.toMatch(/Geheim ?nis/);
    }
    expect(existsSync(data)).toBe(false);
  });

  it('of a store that cannot be reached is refused by its place, without its password', async () => {
    const ended = await refusal(freshFolder(), { WATCHFIRE_STORE: 'mongodb://doctor:Geheimnis@127.0.0.1:1/watchfire' });
    expect(ended).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('127.0.0.1:1') });
    expect(ended.stderr).not.toContain('Geheimnis');
  }, 60_000);

  it('is demanded in production where it is the administrator token', async () => {
    const ended = await refusal(freshFolder(), { WATCHFIRE_PROFILE: 'production' });
    expect(ended).toMatchObject({ code: 2, stderr: expect.stringMatching(sentence('WATCHFIRE_ADMIN_TOKEN')) });
  });
});

describe('A host', () => {
  it.each(['192.0.2.1', 'no host'])(
    'that is not of this machine (%s) stops the start with a sentence',
    async (host) => {
      const data = freshFolder();
      const ended = await refusal(data, { WATCHFIRE_HOST: host });
      expect(ended).toMatchObject({ code: 2, stdout: '' });
      expect(ended.stderr).toMatch(sentence('WATCHFIRE_HOST', host));
      expect(existsSync(lockOf(data))).toBe(false);
    },
  );
});

describe('A port', () => {
  it('that is taken stops the start with a sentence and leaves the folder to the next', async () => {
    const first = await startServer(freshFolder());
    const data = freshFolder();
    const ended = await refusal(data, { WATCHFIRE_PORT: new URL(first.url).port });
    expect(ended.code).toBe(2);
    expect(ended.stderr).toMatch(sentence('WATCHFIRE_PORT', 'in use', new URL(first.url).port));
    expect(existsSync(lockOf(data))).toBe(false);
    await first.kill('SIGKILL');
  });
});

describe('SIGTERM', () => {
  it('under load answers every request that it accepted, keeps what it acknowledged, and ends with 0', async () => {
    const data = freshFolder();
    const server = await startServer(data);
    const acknowledged: string[] = [];
    const wrong: Reply[] = [];
    const client = async () => {
      for (;;) {
        const body = { resourceType: 'Patient', active: true };
        const reply = await server.ask('POST', '/fhir/Patient', body).catch(() => undefined);
        if (reply === undefined) return; // the door is closed
        if (reply.status === 201) acknowledged.push(reply.body.id);
        else wrong.push(reply);
      }
    };
    const clients = Array.from({ length: 8 }, client);
    while (acknowledged.length < 50) await server.ask('GET', '/health/live');

    // A body that is under way when the signal comes, and ends when everybody else is gone.
    let finish: () => void = () => undefined;
    const body = new ReadableStream({
      start(controller) {
        const write = (text: string) => controller.enqueue(new TextEncoder().encode(text));
        write('{"resourceType":"Patient",');
        finish = () => {
          write('"id":"slow"}');
          controller.close();
        };
      },
    });
    const headers = { authorization: `Bearer ${server.token}`, 'content-type': 'application/fhir+json' };
    const slow = fetch(`${server.url}/fhir/Patient/slow`, {
      method: 'PUT',
      duplex: 'half',
      headers,
      body,
    } as RequestInit);
    const already = acknowledged.length;
    while (acknowledged.length < already + 20) await server.ask('GET', '/health/live');

    const ended = server.kill('SIGTERM');
    await Promise.all(clients);
    finish();
    const last = await slow;
    expect([last.status, last.headers.get('connection')]).toEqual([201, 'close']);
    expect(await ended).toMatchObject({ code: 0, stderr: '' });
    expect(wrong).toEqual([]);
    expect(existsSync(lockOf(data))).toBe(false);
    expect(existsSync(join(data, 'watchfire.db-wal'))).toBe(false);

    const next = await startServer(data);
    const found = await next.ask('GET', '/fhir/Patient?_total=accurate&_count=1');
    expect(found.body.total).toBe(acknowledged.length + 1);
    await next.kill('SIGKILL');
  });
});

describe('The program', () => {
  it('may be run as a file', () => {
    expect(statSync(new URL('../../bin/watchfire.mjs', import.meta.url)).mode & 0o111).toBe(0o111);
  });
});

describe('Help', () => {
  const commands = ['', 'serve', 'demo', 'simulate', 'receive', 'keys', 'keys create', 'keys list', 'keys revoke'];

  it.each(commands)('of `watchfire %s` says how it is used', async (command) => {
    const args = command.split(' ').filter(Boolean);
    const ended = await runCommand([...args, '--help'], { WATCHFIRE_DATA: '/nonexistent' });
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(ended.stdout).toContain(`Usage: ${['watchfire', ...args].join(' ')}`);
    for (const [, option] of ended.stdout.matchAll(/^ {2}(--\S+)/gm)) expect(option).toMatch(/^--[a-z-]+$/);
  });

  it('names every command, and an unknown one is refused', async () => {
    const { stdout } = await runCommand(['--help']);
    for (const command of commands.filter((name) => name && !name.includes(' ')))
      expect(stdout).toContain(`  ${command}`);
    expect(stdout).toContain('WATCHFIRE_PORT');
    expect(await runCommand(['serbe'])).toMatchObject({ code: 1, stdout: '' });
  });
});
