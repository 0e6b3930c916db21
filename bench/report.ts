/** How figures are shown: one table row per operation. */
import type { Figure } from './measure.ts';
import { BARE, READS } from './reads.ts';
import { WRITES } from './writes.ts';

/** Every operation in the order in which one run measures them: what delete deletes, create has made before. */
export const OPERATIONS = [
  'create',
  'read',
  'vread',
  'update',
  'cond-create',
  'search',
  'include',
  'token',
  'iot-post',
  'iot-reading',
  'iot-batch',
  'transaction',
  'delete',
].map((name) => [...READS, ...WRITES].find((operation) => operation.name === name)!);

export const operationNamed = (name: string) => [...OPERATIONS, ...BARE].find((operation) => operation.name === name);

export function figureTable(figures: readonly Figure[]): string {
  const lines = figures.map((f) => [
    f.operation,
    f.perSecond,
    f.p50,
    f.p99,
    f.longest,
    f.answers,
    f.wrong,
    f.verified === 'nothing to verify' ? '-' : f.verified,
    f.serverMicroseconds ?? '-',
    f.cores.driver,
    f.cores.others ?? '-',
  ]);
  const heads = [
    'operation',
    'req/s',
    'p50 ms',
    'p99 ms',
    'max ms',
    'answers',
    'wrong',
    'read back',
    'server CPU us/req',
    'driver cores',
    'other cores',
  ];
  return table(heads, lines);
}

/** A Markdown table; all columns but the first are figures. */
export function table(heads: readonly string[], lines: readonly (readonly unknown[])[]): string {
  const row = (cells: readonly unknown[]) => `| ${cells.join(' | ')} |`;
  return [row(heads), `|---|${'---:|'.repeat(heads.length - 1)}`, ...lines.map(row)].join('\n');
}
