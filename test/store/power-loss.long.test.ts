/** Promise P2: an acknowledged write survives the loss of power, on a disk that keeps what it was told to sync. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from '@jest/globals';
import { Disk, type Event, eventsOf, straceArguments } from './crash-images.ts';
import { dice } from './random-queries.ts';

const writer = join(import.meta.dirname, 'power-loss-writer.ts');
/** Images are written thousands of times; memory is kinder to the disk. */
const shelf = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

/** Everything that a real process wrote, synced and acknowledged while it stored so many lists. */
async function traced(synchronous: 'FULL' | 'NORMAL', lists: number): Promise<Event[]> {
  const folder = mkdtempSync(join(tmpdir(), 'watchfire-power-'));
  const trace = join(folder, 'trace');
  const command = [
    ...straceArguments(trace),
    process.execPath,
    '--no-warnings',
    writer,
    folder,
    synchronous,
    String(lists),
  ];
  const { error, stderr } = spawnSync('strace', command, { encoding: 'utf8', timeout: 120_000 });
  if (error) throw new Error(`this test needs strace (Debian package strace): ${error.message}`);
  const events = await eventsOf(trace, 'acknowledged');
  rmSync(folder, { recursive: true });
  const acknowledged = events.filter(({ is }) => is === 'acknowledge').length;
  if (acknowledged !== lists) throw new Error(`only ${acknowledged} of ${lists} lists were acknowledged: ${stderr}`);
  return events;
}

interface Verdict {
  lost: number;
  corrupt: number;
  half: number;
}

/** Cuts the power at random places of the trace and looks at what is left. */
function verdictOn(events: readonly Event[], images: number, seed: number): Verdict {
  const roll = dice(seed);
  const verdict: Verdict = { lost: 0, corrupt: 0, half: 0 };
  const answers = events.flatMap(({ is }, i) => (is === 'acknowledge' ? [i] : []));
  const anywhere = () => answers[0]! + roll.below(events.length - answers[0]!);
  // Half of them just after an answer, where a broken promise shows best.
  const cuts = Array.from({ length: images }, (_, i) => 1 + (i % 2 === 0 ? roll.of(answers) : anywhere()));
  cuts.sort((a, b) => a - b);
  const disk = new Disk();
  let done = 0;
  const folder = mkdtempSync(join(shelf, 'watchfire-image-'));
  for (const cut of cuts) {
    for (; done < cut; done++) disk.apply(events[done]!, done);
    rmSync(folder, { recursive: true });
    mkdirSync(folder);
    const image = disk.image(['store.db', 'store.db-wal'], roll);
    for (const [file, content] of image) writeFileSync(join(folder, file), content);
    judge(join(folder, 'store.db'), disk.acknowledged, verdict);
  }
  rmSync(folder, { recursive: true });
  return verdict;
}

function judge(file: string, acknowledged: ReadonlySet<number>, verdict: Verdict): void {
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(file);
    const [check] = db.prepare('PRAGMA integrity_check').all() as { integrity_check: string }[];
    if (check!.integrity_check !== 'ok') throw new Error(check!.integrity_check);
    if (!db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'resource'").get()) {
      // Even the tables are gone, and with them what was acknowledged.
      verdict.lost++;
      return;
    }
    const versions = db.prepare('SELECT r.key, v.body FROM resource r JOIN version v ON v.seq = r.seq').all();
    const whole = versions.filter(({ body }) => String(body).endsWith('x"}')).map(({ key }) => String(key));
    const stored = new Set([
      ...whole,
      ...db
        .prepare('SELECT key FROM kept')
        .all()
        .map(({ key }) => String(key)),
    ]);
    const indexed = db.prepare('SELECT count(DISTINCT pk) AS n FROM entry').get() as { n: number };
    const parts = (list: number) =>
      [`Task/${list}-a`, `Task/${list}-b`, String(list)].filter((part) => stored.has(part)).length;
    const most = Math.max(...acknowledged) + 20;
    let half = indexed.n !== versions.length;
    let lost = false;
    for (let list = 0; list < most; list++) {
      half ||= parts(list) % 3 !== 0;
      lost ||= acknowledged.has(list) && parts(list) === 0;
    }
    if (half) verdict.half++;
    if (lost) verdict.lost++;
  } catch {
    verdict.corrupt++;
  } finally {
    db?.close();
  }
}

describe('the power fails', () => {
  const seed = Math.floor(Math.random() * 1e9);

  it(`and nothing acknowledged is lost, nothing is half there, nothing is damaged, in 2,000 crash images (seed ${seed})`, async () => {
    const events = await traced('FULL', 400);
    const wrote = (file: string) => events.some((event) => event.is === 'write' && event.file === file);
    expect([wrote('store.db'), wrote('store.db-wal')]).toEqual([true, true]);
    expect(verdictOn(events, 2_000, seed)).toEqual({ lost: 0, corrupt: 0, half: 0 });
  }, 300_000);

  it(`and the test would see it: with synchronous=NORMAL more than half of 400 images lose something (seed ${seed})`, async () => {
    const verdict = verdictOn(await traced('NORMAL', 400), 400, seed);
    expect(verdict.lost).toBeGreaterThan(200);
    expect(verdict).toMatchObject({ corrupt: 0, half: 0 });
  }, 300_000);
});
