/** What the test files of one jest run share: a folder of the run, and work that the first who asks does for all. The folder's end is run-teardown.mjs. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** The process whose end is the end of the run: jest itself, whose workers come and go; a program outside of jest is its own run. */
export const runPid = Number(process.env['WATCHFIRE_TEST_RUN'] ?? process.pid);

/** Absolute path of the folder, made on first use. */
export function runFolder(): string {
  const folder = join(tmpdir(), `watchfire-test-run-${runPid}`);
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** Whether a process still runs. One that has ended and that nobody has waited for is gone too. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch (error) {
    // Where there is no /proc, being reached by a signal is all that can be known.
    return (error as NodeJS.ErrnoException).syscall === 'open' && process.platform !== 'linux';
  }
}

/** What `make` resolves to, for every test file of the run: one of them does it, the others wait. A failure is everybody's. Plain JSON only. */
export async function oncePerRun<T>(name: string, make: () => Promise<T>): Promise<T> {
  const lock = join(runFolder(), `${name}.lock`);
  const done = join(runFolder(), `${name}.json`);
  if (isFirst(lock)) {
    const said = await make().then(
      (value) => ({ value }),
      (error: Error) => ({ error: error.message }),
    );
    writeFileSync(`${done}.new`, JSON.stringify(said));
    renameSync(`${done}.new`, done);
  }
  for (;;) {
    const said = textOf(done);
    if (said !== undefined) {
      const { value, error } = JSON.parse(said);
      if (error !== undefined) throw new Error(error);
      return value;
    }
    const maker = textOf(lock);
    if (maker && !isAlive(Number(maker)) && textOf(done) === undefined) {
      throw new Error(`${name} was being made by a test process that has died`);
    }
    await sleep(50);
  }
}

function isFirst(lock: string): boolean {
  try {
    writeFileSync(lock, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
