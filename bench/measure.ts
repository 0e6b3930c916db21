/** The closed loop: every connection asks again as soon as it is answered, and only right answers count. */
import { type Connection, openConnection } from './client.ts';
import { sequence } from './data.ts';
import type { Operation, Running } from './operation.ts';
import { busySeconds, processSeconds } from './processes.ts';
import { parsed, type World } from './world.ts';

export interface Figure {
  readonly operation: string;
  /** Right answers per second of the measured window; 0 when what was written could not be read back. */
  readonly perSecond: number;
  readonly unitsPerSecond: number;
  /** Milliseconds, over right answers only. */
  readonly p50: number;
  readonly p99: number;
  readonly longest: number;
  readonly answers: number;
  readonly wrong: number;
  /** The first few complaints, without any body. */
  readonly complaints: readonly string[];
  readonly verified: 'ok' | 'failed' | 'nothing to verify';
  /** CPU of the server's processes, threads included, per answer; undefined without their ids. */
  readonly serverMicroseconds?: number;
  /** The same of the processes beside it, such as its database's. */
  readonly besideMicroseconds?: number;
  /** Cores used in the window by the server, by this driver and by everything else on the machine. */
  readonly cores: { readonly server?: number; readonly driver: number; readonly others?: number };
}

export interface Load {
  readonly concurrency: number;
  readonly seconds: number;
  readonly warmUp: number;
  readonly seed: number;
  /** Server processes; their children count with them. */
  readonly pids: readonly number[];
  /** Processes that work for the server, told apart from it. */
  readonly beside?: readonly number[];
  /** Told twice a second how many right answers there were in how many measured seconds. */
  progress?(operation: string, answers: number, seconds: number): void;
}

const SHORT_WARM_UP = 0.3;
const KEPT_COMPLAINTS = 3;

interface Mark {
  readonly at: number;
  readonly server: number;
  readonly beside: number;
  readonly driver: number;
  readonly machine: number;
}

const mark = ({ pids, beside = [] }: Load): Mark => {
  const { user, system } = process.cpuUsage();
  return {
    server: processSeconds(pids),
    beside: processSeconds(beside),
    driver: (user + system) / 1e6,
    machine: busySeconds(),
    at: performance.now(),
  };
};

/** Runs one operation for the window and says what came of it. Throws only when it could not be set up. */
export async function measure(operation: Operation, world: World, load: Load): Promise<Figure> {
  const running = await operation.begin(world, load.seconds);
  const connections = Array.from({ length: load.concurrency }, () => openConnection(world.base));
  try {
    return await run(operation, running, connections, load);
  } finally {
    for (const connection of connections) connection.close();
  }
}

async function run(operation: Operation, running: Running, connections: readonly Connection[], load: Load) {
  const times: number[] = [];
  const complaints: string[] = [];
  let wrong = 0;
  let served = 0;
  const from = performance.now() + 1000 * (operation.short ? Math.min(SHORT_WARM_UP, load.warmUp) : load.warmUp);
  const until = from + load.seconds * 1000;
  let first: Mark | undefined;
  let last: Mark | undefined;

  const worker = async (connection: Connection, number: number) => {
    const random = sequence(load.seed * 7907 + number * 104_729 + operation.name.length);
    for (;;) {
      const asked = performance.now();
      if (asked >= from) first ??= mark(load);
      if (asked >= until || last) break;
      const job = running.next(number, random);
      if (!job) {
        last = mark(load);
        break;
      }
      let complaint: string | undefined;
      let answered: number;
      try {
        const answer = await connection.send(job.request);
        answered = performance.now();
        complaint = job.judge(answer, parsed(answer));
      } catch (error) {
        answered = performance.now();
        complaint = (error as Error).message;
      }
      if (complaint !== undefined) {
        wrong++;
        if (complaints.length < KEPT_COMPLAINTS) complaints.push(complaint);
      }
      if (!first || last) continue;
      if (answered >= until) {
        last = mark(load);
        break;
      }
      served++;
      if (complaint === undefined) times.push(answered - asked);
    }
  };

  const ticking = setInterval(() => {
    if (first && !last) load.progress?.(operation.name, times.length, (performance.now() - first.at) / 1000);
  }, 500);
  await Promise.all(connections.map(worker));
  clearInterval(ticking);
  const end = last ?? mark(load);
  const begin = first ?? end;

  let verified: Figure['verified'] = running.verify ? 'ok' : 'nothing to verify';
  try {
    await running.verify?.();
  } catch (error) {
    verified = 'failed';
    complaints.push((error as Error).message);
  }
  if (end.at <= begin.at) complaints.push('the supply ran dry before anything was measured');
  return summary(operation, { times, complaints, wrong, served, verified, begin, end }, load);
}

interface Outcome {
  readonly times: number[];
  readonly complaints: readonly string[];
  readonly wrong: number;
  readonly served: number;
  readonly verified: Figure['verified'];
  readonly begin: Mark;
  readonly end: Mark;
}

function summary(operation: Operation, outcome: Outcome, load: Load): Figure {
  const { complaints, wrong, served, verified, begin, end } = outcome;
  const times = outcome.times.sort((a, b) => a - b);
  const seconds = (end.at - begin.at) / 1000;
  const rate = verified === 'failed' || seconds <= 0 ? 0 : times.length / seconds;
  const server = end.server - begin.server;
  const beside = end.beside - begin.beside;
  const driver = end.driver - begin.driver;
  const known = load.pids.length > 0;
  const over = (cpu: number) => rounded(cpu / (seconds || 1), 2);
  return {
    operation: operation.name,
    perSecond: rounded(rate, rate < 100 ? 1 : 0),
    unitsPerSecond: Math.round(rate * operation.units),
    p50: rounded(quantile(times, 0.5), 3),
    p99: rounded(quantile(times, 0.99), 3),
    longest: rounded(quantile(times, 1), 1),
    answers: times.length,
    wrong,
    complaints,
    verified,
    serverMicroseconds: known && served > 0 ? Math.round((server / served) * 1e6) : undefined,
    ...(load.beside && served > 0 && { besideMicroseconds: Math.round((beside / served) * 1e6) }),
    cores: {
      server: known ? over(server) : undefined,
      driver: over(driver),
      others: known ? Math.max(0, over(end.machine - begin.machine - server - beside - driver)) : undefined,
    },
  };
}

/** The value that a share of a sorted row does not exceed; 0 of an empty row. */
export const quantile = (sorted: readonly number[], share: number): number =>
  sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;

export const rounded = (value: number, digits: number): number => Math.round(value * 10 ** digits) / 10 ** digits;

export const faulty = (figure: Figure): boolean =>
  figure.wrong > 0 || figure.verified === 'failed' || figure.answers === 0;
