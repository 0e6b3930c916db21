/** How the engines stand to their floors and to each other: medians of the ratios within each round. */
import type { Figure } from './measure.ts';
import { rounded } from './measure.ts';
import { table } from './report.ts';
import { median } from './targets.ts';

/** What the server on MongoDB is to reach of the MongoDB floor's requests per second, whatever the operation. */
export const LEAST_SHARE = 0.5;

/** One operation of one round. */
export interface EngineRound {
  readonly mongodb?: Figure;
  readonly mongodbFloor?: Figure;
  readonly sqlite?: Figure;
  readonly sqliteFloor?: Figure;
}
type Seat = keyof EngineRound;

export interface Standing {
  readonly operation: string;
  readonly perSecond: Readonly<Record<Seat, number>>;
  readonly p50: Readonly<Record<Seat, number>>;
  readonly p99: number;
  /** CPU of the server's process, and of all members of the set, per request. */
  readonly microseconds: Readonly<Record<Seat, number>>;
  readonly besideMicroseconds: Readonly<Record<Seat, number>>;
  readonly shareOfFloor: number;
  readonly toEmbedded: number;
  readonly embeddedShareOfFloor: number;
  readonly floorToFloor: number;
  readonly met: boolean;
  /** Wrong answers on any side, and readings back that failed. */
  readonly wrong: number;
}

const SEATS: readonly Seat[] = ['mongodb', 'mongodbFloor', 'sqlite', 'sqliteFloor'];

export function standing(operation: string, rounds: readonly EngineRound[]): Standing {
  const of = (seat: Seat, pick: (figure: Figure) => number | undefined, digits = 0) =>
    rounded(median(rounds.map((round) => (round[seat] ? (pick(round[seat]) ?? 0) : 0))), digits);
  const each = (pick: (figure: Figure) => number | undefined, digits = 0) =>
    Object.fromEntries(SEATS.map((seat) => [seat, of(seat, pick, digits)])) as Record<Seat, number>;
  const ratio = (one: Seat, other: Seat) =>
    rounded(median(rounds.map((round) => (round[one]?.perSecond ?? 0) / (round[other]?.perSecond || Infinity))), 3);
  const wrong = rounds
    .flatMap((round) => SEATS.flatMap((seat) => round[seat] ?? []))
    .reduce((sum, figure) => sum + figure.wrong + (figure.verified === 'failed' ? 1 : 0), 0);
  const shareOfFloor = ratio('mongodb', 'mongodbFloor');
  return {
    operation,
    perSecond: each(({ perSecond }) => perSecond),
    p50: each(({ p50 }) => p50, 2),
    p99: of('mongodb', ({ p99 }) => p99, 1),
    microseconds: each(({ serverMicroseconds }) => serverMicroseconds),
    besideMicroseconds: each(({ besideMicroseconds }) => besideMicroseconds),
    shareOfFloor,
    toEmbedded: ratio('mongodb', 'sqlite'),
    embeddedShareOfFloor: ratio('sqlite', 'sqliteFloor'),
    floorToFloor: ratio('mongodbFloor', 'sqliteFloor'),
    met: wrong === 0 && shareOfFloor >= LEAST_SHARE,
    wrong,
  };
}

export function engineTable(standings: readonly Standing[]): string {
  const heads = [
    'operation',
    'MongoDB req/s',
    'p50 / p99 ms',
    'CPU us, node + members',
    'floor req/s',
    'floor CPU us',
    'share of floor (0.5)',
    'met',
    'embedded req/s',
    'its share of its floor',
    'MongoDB / embedded',
    'floor / floor',
    'wrong',
  ];
  const cpu = ({ microseconds, besideMicroseconds }: Standing, seat: Seat) =>
    `${microseconds[seat]} + ${besideMicroseconds[seat]}`;
  const lines = standings.map((s) => [
    s.operation,
    s.perSecond.mongodb,
    `${s.p50.mongodb} / ${s.p99}`,
    cpu(s, 'mongodb'),
    s.perSecond.mongodbFloor,
    cpu(s, 'mongodbFloor'),
    s.shareOfFloor.toFixed(2),
    s.met ? 'yes' : 'no',
    s.perSecond.sqlite || '-',
    s.embeddedShareOfFloor.toFixed(2),
    s.toEmbedded.toFixed(2),
    s.floorToFloor.toFixed(2),
    s.wrong,
  ]);
  return table(heads, lines);
}
