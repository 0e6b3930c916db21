/** The processes that are measured: floors and the real server, each on its own port with its own data, stopped at the end. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, openSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MongoClient } from 'mongodb';
import { freePort } from '../test/support/free-ports.ts';
import { openConnection } from './client.ts';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const PATIENCE = 60_000;

export interface Contestant {
  readonly name: string;
  readonly base: string;
  readonly token: string;
  readonly pid: number;
  /** From the start of the process to its first 200 on the ready route. */
  readonly readyMilliseconds: number;
  /** SIGTERM, and the end of the process. */
  stop(): Promise<void>;
}

/** A floor with its database in `folder`. */
export async function startFloorProcess(folder: string, kind: 'bare' | 'sqlite', audit: 'none' | 'strict') {
  const name = kind === 'bare' ? 'bare HTTP' : `floor, audit ${audit}`;
  const port = await freePort();
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `floor-${audit}.db`);
  const args = ['bench/floor.ts', '--kind', kind, '--audit', audit, '--file', file, '--port', `${port}`];
  return start({
    name,
    args,
    port,
    token: '',
    ready: '/fhir/ready',
    statuses: [200, 404],
    log: `${file}.log`,
    env: {},
  });
}

/** A floor with a database of its own on a replica set. */
export async function startMongoFloorProcess(
  folder: string,
  uri: string,
  audit: 'strict' | 'prompt',
  likeness: 'same' | 'least',
) {
  const port = await freePort();
  return start({
    name: `MongoDB floor, audit ${audit}`,
    args: ['bench/mongodb-floor.ts', '--uri', uri, '--audit', audit, '--likeness', likeness, '--port', `${port}`],
    port,
    token: '',
    ready: '/fhir/ready/0',
    statuses: [404],
    log: join(folder, `mongodb-floor-${audit}.log`),
    env: {},
  });
}

export interface OtherStart {
  /** What is started instead of `watchfire serve`, and what the process is called then. */
  readonly entry?: readonly string[];
  readonly called?: string;
  /** More flags of Node. */
  readonly flags?: readonly string[];
  /** More settings. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** The server as in production: token and access checked, audit on, full validation. Its store is in the folder unless it has a URI. */
export async function startServerProcess(
  folder: string,
  auditReads: 'strict' | 'prompt',
  uri?: string,
  { entry = ['bin/watchfire.mjs', 'serve'], called = 'server', flags = [], settings = {} }: OtherStart = {},
): Promise<Contestant> {
  const port = await freePort();
  const token = randomBytes(24).toString('hex');
  const data = join(folder, `${uri ? 'mongodb-' : ''}${called.replaceAll(' ', '-')}-${auditReads}`);
  mkdirSync(data, { recursive: true });
  return start({
    name: `${uri ? 'MongoDB ' : ''}${called}, audit ${auditReads}`,
    // As package.json starts it, and docker-compose.yml the servers of a cluster.
    args: [`--max-semi-space-size=${uri ? 16 : 4}`, ...flags, ...entry],
    port,
    token,
    ready: '/health/ready',
    statuses: [200],
    log: `${data}.log`,
    env: {
      WATCHFIRE_PROFILE: 'production',
      WATCHFIRE_ADMIN_TOKEN: token,
      WATCHFIRE_DATA: data,
      WATCHFIRE_HOST: '127.0.0.1',
      WATCHFIRE_PORT: `${port}`,
      WATCHFIRE_AUDIT_READS: auditReads,
      ...settings,
      ...(uri && { WATCHFIRE_STORE: uri, WATCHFIRE_MONGODB_ACCEPT_RELEASE: await releaseOf(uri) }),
    },
  });
}

/** Whatever MongoDB there is to measure on is accepted. */
async function releaseOf(uri: string): Promise<string> {
  const client = new MongoClient(uri);
  try {
    return (await client.db('admin').command({ buildInfo: 1 }))['version'];
  } finally {
    await client.close();
  }
}

interface Launch {
  readonly name: string;
  readonly args: readonly string[];
  readonly port: number;
  readonly token: string;
  readonly ready: string;
  readonly statuses: readonly number[];
  readonly log: string;
  readonly env: Readonly<Record<string, string>>;
}

async function start({ name, args, port, token, ready, statuses, log, env }: Launch): Promise<Contestant> {
  const output = openSync(log, 'w');
  const started = performance.now();
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    env: { ...cleanEnvironment(), ...env },
    stdio: ['ignore', output, output],
  });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const readyMilliseconds = await untilReady(child, `http://127.0.0.1:${port}`, ready, statuses, started).catch(
    (error) => {
      child.kill('SIGKILL');
      throw new Error(`${name}: ${error.message}; see ${log}`);
    },
  );
  return {
    name,
    base: `http://127.0.0.1:${port}/fhir`,
    token,
    pid: child.pid!,
    readyMilliseconds,
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

/** The environment without settings that would make the server another one than the one to measure. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('WATCHFIRE_')));
}

async function untilReady(
  child: ChildProcess,
  origin: string,
  path: string,
  statuses: readonly number[],
  started: number,
) {
  const connection = openConnection(origin);
  try {
    while (performance.now() - started < PATIENCE) {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error('ended before it was ready');
      const answer = await connection.send({ method: 'GET', path, headers: '' }).catch(() => undefined);
      if (answer && statuses.includes(answer.status)) return Math.round(performance.now() - started);
      await new Promise((resolve) => setTimeout(resolve, 3));
    }
    throw new Error('was not ready in time');
  } finally {
    connection.close();
  }
}
