/** What the server needs when it is full: time to ready on its second start, resident memory and disk after 100,000 Observations. */
import { closeSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout } from 'node:timers/promises';
import { startServerProcess } from './contestants.ts';
import { VITALS } from './data.ts';
import { rounded } from './measure.ts';
import { residentMegabytes } from './processes.ts';
import { median } from './targets.ts';
import { settle } from './world.ts';

export interface Footprint {
  readonly observations: number;
  /** Through transactions of 100, four at a time. */
  readonly seededPerSecond: number;
  /** First start, on an empty folder, then starts on the full one. */
  readonly firstReadyMilliseconds: number;
  readonly readyMilliseconds: readonly number[];
  /** Straight after the last Observation; `anonymous` leaves out mapped files. */
  readonly resident: { readonly all: number; readonly anonymous: number };
  /** When nobody has asked for ten seconds. */
  readonly residentWhenQuiet: { readonly all: number; readonly anonymous: number };
  readonly residentAfterRestart: { readonly all: number; readonly anonymous: number };
  readonly bytesPerObservation: number;
  readonly auditBytesPerObservation: number;
  /** Bytes of each table with its indexes. */
  readonly tables: Readonly<Record<string, number>>;
  readonly fileBytes: number;
}

const HOURS = 60;
const QUIET = 10_000;

export async function measureFootprint(folder: string, observations = 100_000): Promise<Footprint> {
  const perPatient = HOURS * VITALS.length;
  const patients = Math.ceil(observations / perPatient);
  const server = await startServerProcess(folder, 'strict');
  const plan = {
    base: server.base,
    token: server.token,
    seed: 2,
    concurrency: 0,
    patients,
    hours: HOURS,
    nonce: 'full',
  };
  const world = await settle(plan).catch(async (error) => {
    await server.stop();
    throw error;
  });
  world.close();
  const resident = residentMegabytes(server.pid);
  await setTimeout(QUIET);
  const residentWhenQuiet = residentMegabytes(server.pid);
  await server.stop();

  const readyMilliseconds: number[] = [];
  let residentAfterRestart = resident;
  for (let again = 0; again < 3; again++) {
    const restarted = await startServerProcess(folder, 'strict');
    readyMilliseconds.push(restarted.readyMilliseconds);
    residentAfterRestart = residentMegabytes(restarted.pid);
    await restarted.stop();
  }

  const made = patients * perPatient;
  const { tables, fileBytes } = tableBytes(join(folder, 'server-strict'));
  const sum = (of: (name: string) => boolean) =>
    Object.entries(tables).reduce((total, [name, bytes]) => total + (of(name) ? bytes : 0), 0);
  const isAudit = (name: string) => /audit/i.test(name);
  return {
    observations: made,
    seededPerSecond: Math.round(world.seeding.resources / world.seeding.seconds),
    firstReadyMilliseconds: server.readyMilliseconds,
    readyMilliseconds,
    resident,
    residentWhenQuiet,
    residentAfterRestart,
    bytesPerObservation: Math.round(sum((name) => !isAudit(name)) / made),
    auditBytesPerObservation: rounded(sum(isAudit) / made, 1),
    tables,
    fileBytes,
  };
}

export const secondStart = (footprint: Footprint): number => median(footprint.readyMilliseconds);

/** Bytes by table, its indexes included, over every SQLite file in a folder that nobody has open. */
function tableBytes(folder: string) {
  const tables: Record<string, number> = {};
  let fileBytes = 0;
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const path = join(folder, name);
    if (!isDatabase(path)) continue;
    fileBytes += statSync(path).size;
    const db = new DatabaseSync(path, { readOnly: true });
    const rows: any[] = db
      .prepare(
        `SELECT coalesce(sqlite_schema.tbl_name, dbstat.name) AS name, sum(dbstat.pgsize) AS bytes FROM dbstat
         LEFT JOIN sqlite_schema ON sqlite_schema.name = dbstat.name GROUP BY 1`,
      )
      .all();
    for (const row of rows) tables[row.name] = (tables[row.name] ?? 0) + Number(row.bytes);
    db.close();
  }
  return { tables, fileBytes };
}

function isDatabase(path: string): boolean {
  if (!statSync(path).isFile()) return false;
  const start = Buffer.alloc(15);
  const file = openSync(path, 'r');
  readSync(file, start, 0, 15, 0);
  closeSync(file);
  return start.toString('latin1') === 'SQLite format 3';
}
