/** One reading in its maker's words, sound or spoiled by a fault of its row. */
import { drawn } from '../chance.ts';
import type { Dialect } from './dialect.ts';
import { type FaultName, faults } from './faults.ts';
import type { Row } from './timeline.ts';

/** A number with exactly these digits: 3.10 stays 3.10. */
export const digits = (text: string): unknown => (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(text);

function put(into: Record<string, any>, path: string, value: unknown): void {
  const [first = '', ...rest] = path.split('.');
  if (rest.length === 0) into[first] = value;
  else put((into[first] ??= {}), rest.join('.'), value);
}

const spellings: Readonly<Record<string, string>> = {
  bpm: 'beats/min',
  V: 'volts',
  mV: 'millivolts',
  ohm: 'kOhm',
  '%': 'pct',
};
const THREE_DAYS = 3 * 86_400_000;

/** Ohm as kOhm: the point goes three to the left. */
const kilo = (ohm: string) => {
  const padded = ohm.padStart(4, '0');
  return `${padded.slice(0, -3)}.${padded.slice(-3)}`;
};

/** When the maker says that it was measured. */
const toldAt = (row: Row, fault: FaultName | undefined): number =>
  fault === 'future-timestamps' ? row.at + THREE_DAYS : row.at;

export const unknownKind = (word: string): string => `X_${word}`;

/** Whether the value has a comma when the fault is about commas: whole numbers have none. */
const hasComma = (row: Row): boolean => row.value.includes('.');

/** Once, or twice where it is told twice. */
export function tellReading(dialect: Dialect, row: Row, seed: number, forced?: FaultName): readonly object[] {
  const fault = forced ?? row.fault;
  const { fields, kinds, channels } = dialect.reading;
  const kind = kinds[row.quantity]!;
  const isKilo = fault === 'unit-variants' && row.unit === 'ohm';
  const value = isKilo ? kilo(row.value) : row.value;
  const told = (id: string) => {
    const reading: Record<string, unknown> = {};
    put(reading, fields.id, id);
    put(reading, fields.device, fault === 'unknown-device' ? `${row.device.id}9` : row.device.id);
    put(reading, fields.kind, fault === 'unknown-enum' ? unknownKind(kind) : kind);
    if (row.channel) put(reading, fields.channel, channels[row.channel]);
    put(
      reading,
      fault === 'field-renamed' ? `${fields.value}New` : fields.value,
      fault === 'null-values'
        ? null
        : fault === 'string-values'
          ? value
          : fault === 'comma-decimals' && hasComma(row)
            ? value.replace('.', ',')
            : digits(value),
    );
    put(reading, fields.unit, fault === 'unit-variants' ? (spellings[row.unit] ?? row.unit) : row.unit);
    const at = toldAt(row, fault);
    put(reading, fields.at, fault === 'naive-timestamps' ? dialect.naive(at) : dialect.date(at));
    if (fault === 'field-added') reading['addedLately'] = { revision: Math.floor(100 * drawn(seed, 'added', id)) };
    if (row.report && dialect.reading.transmission) put(reading, dialect.reading.transmission, row.transmission);
    if (row.strip) Object.assign(reading, dialect.reading.strip?.(row.strip()));
    return reading;
  };
  const again =
    fault === 'duplicate-readings' ? [told(row.id)] : fault === 'duplicate-content' ? [told(`${row.id}b`)] : [];
  return [told(row.id), ...again];
}

/** Why a correct client keeps the row in quarantine; undefined where it stores the reading. */
export function quarantineOf(dialect: Dialect, row: Row): string | undefined {
  if (!row.fault) return undefined;
  if (row.fault === 'naive-timestamps') return dialect.reads.naive ? undefined : 'unreadable';
  if (row.fault === 'comma-decimals') return dialect.reads.comma || !hasComma(row) ? undefined : 'unreadable';
  const { quarantine } = faults[row.fault] as { quarantine?: string };
  return quarantine;
}
