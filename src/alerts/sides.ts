/**
 * One value held against several tables, side by side: what each says first of critical low, low, high and critical high counts,
 * and what one does not say is left to the next. docs/alerts.md#changing-a-limit
 */
import type { CodedLimit, Interval, Limit } from './thresholds.ts';

type Direction = 'low' | 'high';

/** The value in the unit of one table, and those of its intervals that are for this person. */
export interface Held {
  readonly value: number;
  readonly intervals: readonly Interval[];
}

/** What is said of a value; `near`: normal, but within the dead band of a limit. */
export interface Weighed {
  readonly severity: 'normal' | 'abnormal' | 'critical';
  readonly direction?: Direction;
  readonly near?: true;
  readonly alert?: string;
}

const reaches = (value: number, low: Limit | undefined): boolean =>
  low === undefined || (low.excluded ? value > low.value : value >= low.value);
const stays = (value: number, high: Limit | undefined): boolean =>
  high === undefined || (high.excluded ? value < high.value : value <= high.value);
const isIn = (value: number, { low, high }: Interval): boolean => reaches(value, low) && stays(value, high);

/** Inside by less than the dead band of the limit beside it. */
const isNear = {
  low: (value: number, { low }: Interval) => low?.deadBand !== undefined && value < low.value + low.deadBand,
  high: (value: number, { high }: Interval) => high?.deadBand !== undefined && value > high.value - high.deadBand,
} as const;

/** Below all that is normal; above it, or between two that are. */
const isBeyond = {
  low: (value: number, normal: readonly Interval[]) => normal.every(({ low }) => !reaches(value, low)),
  high: (value: number, normal: readonly Interval[]) =>
    normal.some(({ low }) => reaches(value, low)) && !normal.some((interval) => isIn(value, interval)),
} as const;

/** A critical interval begins at the limit on the other side, and has no end on its own. */
const sideOf = ({ low }: Interval): Direction => (low === undefined ? 'low' : 'high');

const outside = (severity: 'abnormal' | 'critical', direction: Direction, limit: Limit | undefined): Weighed => ({
  severity,
  direction,
  ...(limit?.alert !== undefined && { alert: limit.alert }),
});

function onSide(direction: Direction, tables: readonly Held[]): Weighed | undefined {
  let isCriticalSaid = false;
  let abnormal: Weighed | undefined;
  for (const { value, intervals } of tables) {
    const critical = intervals.filter((one) => one.kind === 'critical' && sideOf(one) === direction);
    if (!isCriticalSaid && critical.length > 0) {
      isCriticalSaid = true;
      const found = critical.find((one) => isIn(value, one));
      if (found) return outside('critical', direction, direction === 'low' ? found.high : found.low);
    }
    const normal = intervals.filter((one) => one.kind === 'normal');
    if (abnormal || normal.length === 0 || normal.some((one) => one[direction] === undefined)) continue;
    // Who calls a value normal is not contradicted by whoever comes after.
    if (!isBeyond[direction](value, normal)) {
      const within = normal.filter((one) => isIn(value, one));
      const near = within.length > 0 && within.every((one) => isNear[direction](value, one));
      return { severity: 'normal', ...(near && { near }) };
    }
    abnormal = outside('abnormal', direction, normal[0]![direction]);
  }
  return abnormal;
}

/** Undefined where none of the tables says what is normal. */
export function weigh(tables: readonly Held[]): Weighed | undefined {
  const low = onSide('low', tables);
  const high = onSide('high', tables);
  for (const severity of ['critical', 'abnormal'] as const)
    for (const said of [low, high]) if (said?.severity === severity) return said;
  if (!tables.some(({ intervals }) => intervals.some(({ kind }) => kind === 'normal'))) return undefined;
  return { severity: 'normal', ...((low?.near || high?.near) && { near: true as const }) };
}

/** The same of a value that is a code: who names critical codes names all of them, and so of abnormal ones. Normal where nothing is said. */
export function weighCode(codes: readonly string[], tables: readonly ReadonlyMap<string, CodedLimit>[]): Weighed {
  const said = new Set<CodedLimit['severity']>();
  for (const table of tables) {
    const found = codes.map((code) => table.get(code)).find((limit) => limit && !said.has(limit.severity));
    if (found) return found;
    for (const { severity } of table.values()) said.add(severity);
  }
  return { severity: 'normal' };
}
