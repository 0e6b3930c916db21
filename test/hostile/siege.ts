/** A server of its own process under attack: little memory, all it says overheard, its prototypes counted when it ends. */
import { Buffer } from 'node:buffer';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { Agent, request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Answer, type Attack, CANARY } from './attack.ts';

const program = fileURLToPath(new URL('../../bin/watchfire.mjs', import.meta.url));
const adminToken = 'hostile-0123456789abcdef0123456789abcdef';

/** Runs in the server: says at the end what was added to the prototypes that every object has. */
const witness = `
const count = () => [Object, Array, Function, String].map(({ prototype }) => Reflect.ownKeys(prototype).length).join();
const before = count();
process.on('exit', () => {
  const added = []; for (const key in {}) added.push(key);
  process.stderr.write(before === count() && added.length === 0 ? 'PROTOTYPES CLEAN\\n' : 'PROTOTYPES POLLUTED\\n');
});`;

export interface Ended {
  readonly code: number | null;
  /** All that was written to stdout and stderr. */
  readonly output: string;
  readonly isClean: boolean;
}

export interface Siege {
  readonly port: number;
  readonly pid: number;
  /** Sends one attack; `requestId` goes along unless the attack brings its own. */
  send(attack: Attack, requestId?: string): Promise<Answer>;
  /** As administrator. */
  ask(method: string, path: string, body?: unknown): Promise<Answer>;
  /** Writes bytes on a fresh connection; all that comes back until it is closed, or nothing comes for `first` milliseconds or nothing more for `quiet`. */
  raw(bytes: string | Buffer, quiet?: number, first?: number): Promise<string>;
  output(): string;
  /** Highest resident memory so far in MB; undefined where the system does not tell. */
  peakMemory(): number | undefined;
  end(): Promise<Ended>;
}

function untilReady(child: ChildProcess, heard: () => string): Promise<number> {
  return new Promise((resolve, reject) => {
    const look = () => {
      const at = /ready at http:\/\/127\.0\.0\.1:(\d+)/.exec(heard());
      if (at) resolve(Number(at[1]));
    };
    child.stdout!.on('data', look);
    child.once('exit', (code) => reject(new Error(`the server ended with ${code}: ${heard()}`)));
  });
}

/** Starts a server with one Patient, one Device with a key, two Organizations of the same name, and references that go in circles. */
export async function besiege(environment: Readonly<Record<string, string>> = {}): Promise<Siege> {
  const data = mkdtempSync(join(tmpdir(), 'watchfire-hostile-'));
  const child = spawn(process.execPath, [program, 'serve'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env.PATH,
      NODE_OPTIONS: `--max-old-space-size=256 --import data:text/javascript,${encodeURIComponent(witness)}`,
      WATCHFIRE_PORT: '0',
      WATCHFIRE_DATA: data,
      WATCHFIRE_ADMIN_TOKEN: adminToken,
      WATCHFIRE_LOG_LEVEL: 'debug',
      ...environment,
    },
  });
  let output = '';
  child.stdout.on('data', (chunk) => (output += chunk));
  child.stderr.on('data', (chunk) => (output += chunk));
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const port = await untilReady(child, () => output);
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });

  const send = (attack: Attack, credentials: string | undefined, requestId?: string): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const body = bytesOf(attack.body);
      const headers: Record<string, string | readonly string[]> = {};
      if (credentials) headers.authorization = `Bearer ${credentials}`;
      if (requestId) headers['x-request-id'] = requestId;
      if (body) {
        headers['content-type'] = attack.path.startsWith('/fhir') ? 'application/fhir+json' : 'application/json';
        headers['content-length'] = String(body.length);
      }
      for (const [name, value] of Object.entries(attack.headers ?? {})) {
        if (value === '' && name === 'authorization') delete headers[name];
        else headers[name] = value;
      }
      const request = httpRequest({
        agent,
        port,
        host: '127.0.0.1',
        method: attack.method ?? 'POST',
        path: attack.path,
        headers: headers as Record<string, string>,
      });
      let isAnswered = false;
      request.on('response', (response) => {
        isAnswered = true;
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          request.destroy(); // what is still to be sent after a refusal, nobody wants
          const text = Buffer.concat(chunks).toString('utf8');
          resolve({ status: response.statusCode!, headers: response.headers, text, body: parsed(text) });
        });
      });
      request.on('error', (error) => isAnswered || reject(error));
      request.end(body);
    });

  const ask = (method: string, path: string, body?: unknown) =>
    send({ row: '', what: '', method, path, body, status: 0 }, adminToken);
  const deviceKey = await prepare(ask);

  return {
    port,
    pid: child.pid!,
    ask,
    send: (attack, requestId) =>
      send(attack, attack.as === 'device' ? deviceKey : attack.as === 'nobody' ? undefined : adminToken, requestId),
    raw: (bytes, quiet = 2_000, first = 30_000) => exchange(port, bytes, quiet, first),
    output: () => output,
    peakMemory() {
      try {
        const line = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'));
        return line ? Number(line[1]) / 1_024 : undefined;
      } catch {
        return undefined;
      }
    },
    async end() {
      agent.destroy();
      child.kill('SIGTERM');
      const code = await ended;
      rmSync(data, { recursive: true, force: true });
      return { code, output, isClean: output.includes('PROTOTYPES CLEAN') && !output.includes('PROTOTYPES POLLUTED') };
    },
  };
}

const circles = [
  { resourceType: 'Location', id: 'loop-a', name: 'first', partOf: { reference: 'Location/loop-b' } },
  { resourceType: 'Location', id: 'loop-b', name: 'second', partOf: { reference: 'Location/loop-a' } },
  {
    resourceType: 'Observation',
    id: 'loop',
    status: 'final',
    code: { text: 'round' },
    hasMember: [{ reference: 'Observation/loop' }],
  },
];

async function prepare(ask: Siege['ask']): Promise<string> {
  const twin = { resourceType: 'Organization', name: 'twin' };
  const written = [
    await ask('PUT', '/fhir/Patient/hostile-patient', {
      resourceType: 'Patient',
      id: 'hostile-patient',
      name: [{ family: CANARY }],
    }),
    await ask('PUT', '/fhir/Device/hostile-device', {
      resourceType: 'Device',
      id: 'hostile-device',
      identifier: [{ system: 'https://example.org/fhir/sid/device', value: 'DEV001' }],
      patient: { reference: 'Patient/hostile-patient' },
    }),
    await ask('POST', '/fhir/Organization', twin),
    await ask('POST', '/fhir/Organization', twin),
    ...(await Promise.all(circles.map((one) => ask('PUT', `/fhir/${one.resourceType}/${one.id}`, one)))),
    await ask('POST', '/admin/devices/DEV001/keys', { key_name: 'hostile' }),
  ];
  const failed = written.find(({ status }) => status !== 201);
  if (failed) throw new Error(`could not prepare: ${failed.status} ${failed.text}`);
  return written.at(-1)!.body.key;
}

function bytesOf(body: unknown): Buffer | undefined {
  if (body === undefined) return undefined;
  if (typeof body === 'function') return body();
  if (Buffer.isBuffer(body)) return body;
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
}

function parsed(text: string): any {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function exchange(port: number, bytes: string | Buffer, quiet: number, first: number): Promise<string> {
  return new Promise((resolve) => {
    let heard = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    socket.setTimeout(first, () => socket.destroy());
    socket.on('data', (chunk) => {
      heard += chunk.toString('latin1');
      socket.setTimeout(quiet);
    });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(heard));
  });
}
