/** Packages of PyPI for tests that let a stranger's Python program speak to the server: fetched once into node_modules/.cache by pip, never committed, never shipped. */
import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, it } from '@jest/globals';
import { oncePerRun } from './run-folder.ts';

const run = promisify(execFile);
const cache = fileURLToPath(new URL('../../node_modules/.cache/watchfire-test', import.meta.url));

/** Where they are, or why they are not. */
export type Packages = { readonly folder: string } | { readonly missing: string };

/** What a requirements file names, all of it with its version: a folder for PYTHONPATH. A virtual environment would need more of Debian than pip. */
export async function findPackages(requirements: string): Promise<Packages> {
  try {
    const version = await pythonVersion();
    const digest = createHash('sha256').update(readFileSync(requirements)).digest('hex').slice(0, 16);
    const folder = join(cache, `python-${version}-${digest}`);
    if (!existsSync(folder)) await oncePerRun(`python-${digest}`, () => fetchPackages(requirements, folder));
    return { folder };
  } catch (error) {
    return { missing: (error as Error).message.trim().split('\n').at(-1)! };
  }
}

/** Of the Python that runs them: some packages are machine code for it. */
async function pythonVersion(): Promise<string> {
  const asked = 'import sys, platform, pip; print(*sys.version_info[:2], platform.machine(), sep="-")';
  try {
    return (await run('python3', ['-c', asked])).stdout.trim();
  } catch {
    throw new Error('there is no python3 with pip; on Debian: apt-get install python3-pip');
  }
}

async function fetchPackages(requirements: string, folder: string): Promise<true> {
  mkdirSync(cache, { recursive: true });
  const fresh = mkdtempSync(join(cache, 'fetching-'));
  try {
    const polite = ['--disable-pip-version-check', '--no-input', '--quiet', '--retries', '1'];
    const asked = ['--no-deps', '--only-binary', ':all:', '--target', fresh, '--requirement', requirements];
    await run('python3', ['-m', 'pip', 'install', ...polite, ...asked], { timeout: 180_000 });
    // Renamed, not copied: who finds it finds all of it.
    if (!existsSync(folder)) renameSync(fresh, folder);
    return true;
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

/** `describe` for tests that need packages. Where they are missing: a failure in CI, elsewhere a skip that says why. */
export function describeInPython(packages: Packages, name: string, tests: (folder: string) => void): void {
  if ('folder' in packages) {
    describe(name, () => tests(packages.folder));
  } else if (process.env['CI'] === 'true') {
    describe(name, () => {
      it('finds its packages', () => {
        throw new Error(packages.missing);
      });
    });
  } else {
    process.stderr.write(`skipped: ${name}: ${packages.missing}\n`);
    describe.skip(name, () => tests(''));
  }
}

export interface PythonProgram {
  /** What the program says to a line; an Error with its traceback where it says `error`. One at a time. */
  ask(asked: object): Promise<any>;
  stop(): void;
}

/** Starts a program with these packages that answers each line of JSON with another. */
export function startPython(program: string, packages: string): PythonProgram {
  const child = spawn('python3', [program], {
    env: { PATH: process.env['PATH'], PYTHONPATH: packages, PYTHONDONTWRITEBYTECODE: '1', NO_PROXY: '127.0.0.1' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  // A program that has ended is told of by the line that does not come.
  child.stdin.on('error', () => undefined);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async ask(asked) {
      child.stdin.write(`${JSON.stringify(asked)}\n`);
      const { value, done } = await lines.next();
      if (done) throw new Error(`${program} has ended`);
      const told = JSON.parse(value);
      if (told.error !== undefined) throw new Error(told.error);
      return told;
    },
    stop: () => void child.kill('SIGKILL'),
  };
}
