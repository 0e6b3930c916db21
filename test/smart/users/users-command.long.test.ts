/** `watchfire users`: passwords come by the standard input, never by the arguments. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from '@jest/globals';
import { type ServerProcess, startServer } from '../../support/process.ts';

const program = fileURLToPath(new URL('../../../bin/watchfire.mjs', import.meta.url));
const data = mkdtempSync(join(tmpdir(), 'watchfire-users-command-'));
let server: ServerProcess | undefined;
afterAll(async () => {
  await server?.kill('SIGKILL');
  rmSync(data, { recursive: true, force: true });
});

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

const users = (args: readonly string[], input = ''): Promise<Ran> =>
  new Promise((resolve) => {
    const env = { PATH: process.env['PATH'], WATCHFIRE_DATA: data };
    const child = execFile(process.execPath, [program, 'users', ...args], { env, timeout: 60_000 }, (error, out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code), out, err }),
    );
    child.stdin!.end(input);
  });

describe('watchfire users', () => {
  it('makes, lists, changes and signs out users of the running server', async () => {
    server = await startServer(data);
    await server.ask('PUT', '/fhir/Practitioner/7', { resourceType: 'Practitioner', id: '7' });
    const create = ['create', 'jackie', '--fhir-user', 'Practitioner/7', '--roles', 'nurse,physician'];
    expect(await users(create, 'four otters at dusk\n')).toEqual({
      code: 0,
      out: 'jackie may sign in as Practitioner/7 with nurse, physician\n',
      err: '',
    });
    const answers = await Promise.all([
      users(['create', 'second', '--fhir-user', 'Practitioner/7'], 'short\n'),
      users(['create', 'third', '--fhir-user', 'Practitioner/7']),
      users(['create', 'fourth', '--fhir-user', 'Practitioner/7', '--password', 'four otters at dusk']),
    ]);
    expect(answers.map(({ code, err }) => [code, err.split('\n')[0]])).toEqual([
      [1, 'watchfire: password must have 8 to 128 characters'],
      [1, 'watchfire: no password came in; give it on one line of the standard input'],
      [1, "error: unknown option '--password'"],
    ]);
    expect((await users(['list'])).out).toBe('jackie  Practitioner/7  nurse,physician  password\n');
    expect((await users(['disable', 'jackie'])).out).toMatch(/^jackie is disabled/);
    expect((await users(['list'])).out).toMatch(/ {2}disabled 20/);
    expect((await users(['enable', 'jackie'])).out).toBe('jackie is enabled\n');
    expect((await users(['roles', 'jackie', ''])).out).toBe('jackie has no role\n');
    expect((await users(['password', 'jackie', '--reset-factors'], 'seven herons at noon')).out).toMatch(
      /new password/,
    );
    expect((await users(['sessions', 'jackie'])).out).toBe('no sessions\n');
    expect((await users(['sign-out', 'jackie'])).out).toMatch(/signed out everywhere/);
    expect(await users(['enable', 'nobody'])).toMatchObject({
      code: 1,
      err: 'watchfire: there is no user with this login\n',
    });
    expect(server.output()).not.toMatch(/otters|herons/);
  }, 180_000);
});
