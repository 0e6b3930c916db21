/** A real MongoDB replica set on loopback for tests and benches: one of their own for those who kill members, one for all others of a jest run. `node test/support/mongod.ts [--one]` keeps one up until Ctrl-C. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Document, MongoClient } from 'mongodb';
import { freePorts } from './free-ports.ts';
import { findMongod } from './mongod-binary.ts';
import { oncePerRun, runFolder, runPid } from './run-folder.ts';

const setName = 'watchfire';

export interface Member {
  readonly port: number;
  /** Of the process that runs now, or ran last. */
  readonly pid: number;
  readonly isRunning: boolean;
  /** Sends the signal; after one that ends the process (SIGKILL, SIGTERM) resolves when it has ended, after SIGSTOP and SIGCONT at once. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** Starts a killed member again on its data and its port; resolves when it answers. */
  restart(): Promise<void>;
}

/** A set that others use too: nobody kills its members or stops it. */
export interface SharedSet {
  /** Names every member and a database that nobody else has. */
  readonly uri: string;
  /** The same members and another database that nobody else has. */
  freshUri(): string;
}

export interface ReplicaSet extends SharedSet {
  readonly members: readonly Member[];
  /** The member that takes writes; waits for an election that is under way. */
  primary(): Promise<Member>;
  /** Ends every member at once and removes the data. */
  stop(): Promise<void>;
}

export interface SetOptions {
  /** 3 unless said otherwise; 1 where failover is not the topic and time is. */
  readonly members?: 1 | 3;
  /** MongoDB's own 10 s unless a test is about elections and wants them sooner. */
  readonly electionTimeoutMillis?: number;
  /** Cap of the oplog: a small one loses history soon. */
  readonly oplogMegabytes?: number;
  /** Further words for every mongod, such as `--setParameter`, `enableTestCommands=1`. */
  readonly words?: readonly string[];
}

const hostsOf = (ports: readonly number[]) => ports.map((port) => `127.0.0.1:${port}`);

let asked = 0;
const freshUriOf = (ports: readonly number[]) =>
  `mongodb://${hostsOf(ports).join(',')}/t${process.pid}_${Date.now().toString(36)}_${++asked}?replicaSet=${setName}`;

/** A set of the caller's own; whoever starts it stops it. It dies with this process, by whatever death. */
export async function startReplicaSet(options: SetOptions = {}): Promise<ReplicaSet> {
  return startIn(mkdtempSync(join(tmpdir(), 'watchfire-mongod-')), process.pid, options);
}

/** A query that no index answers is an error there: no plan reads a collection from end to end. https://www.mongodb.com/docs/manual/reference/parameters/#mongodb-parameter-param.notablescan */
export const noScans: readonly string[] = ['--setParameter', 'notablescan=1'];

/** The set of this jest run, started by the first test file that asks, ended by run-teardown.mjs; without scans. The first start takes seconds: give `beforeAll` a minute. */
export async function sharedReplicaSet({ members = 3 }: Pick<SetOptions, 'members'> = {}): Promise<SharedSet> {
  const name = `mongod-${members}`;
  const ports = await oncePerRun(name, async () => {
    const folder = join(runFolder(), name);
    mkdirSync(folder);
    const set = await startIn(folder, runPid, { members, words: noScans });
    return set.members.map(({ port }) => port);
  });
  return { uri: freshUriOf(ports), freshUri: () => freshUriOf(ports) };
}

/** A mongod without a set, which has neither transactions nor change streams. It dies with this process too. */
export async function startStandalone(): Promise<Pick<ReplicaSet, 'uri' | 'stop'>> {
  const { members, stop } = await startMembers(mkdtempSync(join(tmpdir(), 'watchfire-mongod-')), process.pid, 1, []);
  return { uri: `mongodb://127.0.0.1:${members[0]!.port}/`, stop };
}

async function startIn(folder: string, owner: number, options: SetOptions): Promise<ReplicaSet> {
  const words = ['--replSet', setName, '--oplogSize', String(options.oplogMegabytes ?? 512), ...(options.words ?? [])];
  const { ports, members, stop } = await startMembers(folder, owner, options.members ?? 3, words);
  try {
    await initiate(ports, options.electionTimeoutMillis);
  } catch (error) {
    await stop();
    throw error;
  }
  const primary = async () => {
    const hello = await command(`mongodb://${hostsOf(ports).join(',')}/?replicaSet=${setName}`, { hello: 1 });
    return members.find(({ port }) => hello['me'] === `127.0.0.1:${port}`)!;
  };
  return { uri: freshUriOf(ports), freshUri: () => freshUriOf(ports), members, primary, stop };
}

interface Started extends Pick<ReplicaSet, 'members' | 'stop'> {
  readonly ports: readonly number[];
}

async function startMembers(folder: string, owner: number, count: number, words: readonly string[]): Promise<Started> {
  const mongod = await findMongod();
  const ports = await freePorts(count);
  const keeper = keep(folder, owner);
  const members = ports.map((port, at) => memberOf(mongod, join(folder, String(at)), port, words));
  const stop = async () => {
    await Promise.all(members.filter(({ isRunning }) => isRunning).map((member) => member.kill('SIGKILL')));
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    keeper.kill();
  };
  try {
    await Promise.all(members.map((member) => member.restart()));
    return { ports, members, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** In gigabytes: a small one unless the further words say another. */
export const cacheSize = '--wiredTigerCacheSizeGB';

function memberOf(mongod: string, folder: string, port: number, further: readonly string[]): Member {
  mkdirSync(join(folder, 'data'), { recursive: true });
  const words = [
    ...['--bind_ip', '127.0.0.1', '--port', String(port), '--nounixsocket'],
    ...['--dbpath', join(folder, 'data'), '--logpath', join(folder, 'log'), '--logappend'],
    // Compression off: releases below 6.0.27 disclose memory through zlib (CVE-2025-14847), and on loopback it gains nothing.
    ...['--networkMessageCompressors', 'disabled'],
    ...(further.includes(cacheSize) ? [] : [cacheSize, '0.25']),
    ...['--setParameter', 'diagnosticDataCollectionEnabled=false', ...further],
  ];
  const pidFile = join(folder, 'pid');
  let child: ChildProcess | undefined;
  let ended: Promise<unknown> = Promise.resolve();
  const isRunning = () => child !== undefined && child.exitCode === null && child.signalCode === null;
  return {
    port,
    get pid() {
      return child!.pid!;
    },
    get isRunning() {
      return isRunning();
    },
    async kill(signal) {
      child!.kill(signal);
      if (signal !== 'SIGSTOP' && signal !== 'SIGCONT') await ended;
    },
    async restart() {
      // Detached: a shared set outlives the worker of jest that started it.
      const started = spawn(mongod, words, { stdio: 'ignore', detached: true });
      child = started;
      ended = new Promise((resolve) => {
        started.once('exit', resolve);
        started.once('error', resolve);
      }).then(() => rmSync(pidFile, { force: true }));
      if (started.pid !== undefined) writeFileSync(pidFile, String(started.pid));
      started.unref();
      await until(`mongod at port ${port} to answer`, async () => {
        if (started.pid === undefined || !isRunning()) throw new Error(`mongod ended at once: ${lastLines(folder)}`);
        return (await command(directly(port, 1_000), { hello: 1 }).catch(() => undefined)) !== undefined;
      });
    },
  };
}

/** Ends the members and removes the folder when the owner is gone, even by kill -9; ends by itself when the folder is. */
function keep(folder: string, owner: number): ChildProcess {
  const watch = `
    while kill -0 "$1" 2>/dev/null && [ -d "$2" ]; do sleep 1; done
    for pid in "$2"/*/pid; do [ -f "$pid" ] && kill -9 "$(cat "$pid")"; done
    rm -rf "$2"`;
  const keeper = spawn('sh', ['-c', watch, 'keeper', String(owner), folder], { stdio: 'ignore', detached: true });
  keeper.unref();
  return keeper;
}

async function initiate(ports: readonly number[], electionTimeoutMillis = 10_000): Promise<void> {
  const members = hostsOf(ports).map((host, _id) => ({ _id, host }));
  const first = directly(ports[0]!);
  await command(first, { replSetInitiate: { _id: setName, members, settings: { electionTimeoutMillis } } });
  /** Undefined where it is not answered: members that become another thing end connections. */
  const asking = (asked: Document) => command(first, asked).catch(() => undefined);
  // Left alone, the first election waits for a whole election timeout.
  await until('the first election', async () => {
    await asking({ replSetStepUp: 1 });
    return (await asking({ hello: 1 }))?.['isWritablePrimary'];
  });
  // All of them up to date, so that a test that kills the first leaves a set that can elect.
  await until('every member to be up to date', async () => {
    const status = await asking({ replSetGetStatus: 1 });
    return status?.['members'].every(({ stateStr }: Document) => stateStr === 'PRIMARY' || stateStr === 'SECONDARY');
  });
}

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  for (const latest = Date.now() + 60_000; !(await isSo()); await sleep(50)) {
    if (Date.now() > latest) throw new Error(`waited a minute for ${what}`);
  }
}

/** `patience`: milliseconds until it is given up. A member that answers at all may be slow to, on a machine that has much else to do. */
const directly = (port: number, patience = 30_000) =>
  `mongodb://127.0.0.1:${port}/?directConnection=true&serverSelectionTimeoutMS=${patience}`;

async function command(uri: string, asked: Document): Promise<Document> {
  const client = new MongoClient(uri, { maxPoolSize: 1 });
  try {
    return await client.db('admin').command(asked);
  } finally {
    await client.close();
  }
}

function lastLines(folder: string): string {
  try {
    return readFileSync(join(folder, 'log'), 'utf8').trimEnd().split('\n').slice(-3).join('\n');
  } catch {
    return 'it wrote no log';
  }
}

if (import.meta.main) {
  const set = await startReplicaSet({ members: process.argv.includes('--one') ? 1 : 3 });
  console.log(set.uri);
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => set.stop().then(() => process.exit()));
  setInterval(() => {}, 1_000_000);
}
