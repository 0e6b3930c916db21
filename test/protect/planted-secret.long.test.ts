/** A secret that was handed in stands nowhere that a thief of disks or logs could look: the process that took it in was killed before it could tidy up. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from '@jest/globals';
import { runCommand, startServer } from '../support/process.ts';
import { until } from '../support/until.ts';

const data = mkdtempSync(join(tmpdir(), 'watchfire-thief-'));
const exported = `${data}-exported`;
afterAll(() => [data, exported].forEach((folder) => void rmSync(folder, { recursive: true, force: true })));

const filesBelow = (folder: string): readonly string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true }).flatMap((one) =>
    one.isFile() ? [join(one.parentPath, one.name)] : [],
  );

it('a planted secret is in no file of the data folder, no log, no answer and no export, whether it was accepted or refused (0-002, 0-018)', async () => {
  const server = await startServer(data, { WATCHFIRE_LOG_LEVEL: 'debug' });
  const path = '/cardiac/credentials/boston_scientific';
  const good = { client_id: 'planted-1', client_secret: 'planted-2', api_key: 'planted-3', environment: 'production' };
  const answers = [
    await server.ask('POST', path, good),
    await server.ask('POST', path, { ...good, environment: 'planted-4' }),
    await server.ask('POST', path, { ...good, 'planted-5': 'planted-6' }),
    await server.ask('POST', '/cardiac/credentials/planted-7', good),
    await server.ask('POST', path, '{"client_secret":"planted-8"'),
    await server.ask('POST', path, good, { authorization: 'Bearer planted-9' }),
    await server.ask('GET', '/admin/credentials'),
    await server.ask('GET', '/fhir/AuditEvent?_count=100'),
    await server.ask('GET', '/metrics'),
  ];
  expect(answers.map(({ status }) => status)).toEqual([201, 400, 400, 404, 400, 401, 200, 200, 200]);
  // Its log is written beside the answers: that of the last request is the end of it.
  await until(() => server.output().includes('/metrics'));
  const { stdout, stderr } = await server.kill('SIGKILL');
  expect(stdout).toContain('/cardiac');
  const words = /planted-[234689]/;
  expect(answers.filter(({ text }) => words.test(text)).map(({ text }) => text)).toEqual([]);
  expect([words.test(stdout), words.test(stderr)]).toEqual([false, false]);
  const files = filesBelow(data);
  expect(files.some((file) => file.endsWith('-wal'))).toBe(true);
  expect(files.filter((file) => /planted-[12345689]/.test(readFileSync(file, 'latin1')))).toEqual([]);
  const { code } = await runCommand(['export', '--to', exported], { WATCHFIRE_DATA: data });
  expect(code).toBe(0);
  const lines = filesBelow(exported).map((file) => readFileSync(file, 'latin1'));
  expect(lines.some((text) => text.includes('"credential"'))).toBe(true);
  expect(lines.some((text) => /planted-[12345689]/.test(text))).toBe(false);
});
