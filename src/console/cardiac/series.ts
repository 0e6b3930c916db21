/** Values over time as charts show them: each code and unit a line of its own, with what is normal for this patient. docs/dashboard.md */

import { writeExact } from '../../fhir/json.ts';
import type { Search } from '../../translators/cardiac/asker.ts';
import { measuredAt } from '../../translators/cardiac/rows.ts';
import type { Band, Normal } from './band.ts';
import type { ChartSetting } from './setting.ts';

const HOUR = 3_600_000;
const MOST_POINTS = 1_000;

export interface Series {
  readonly kind: string;
  /** Channel of a lead, or what else tells it from its like. */
  readonly name: string;
  readonly unit: string;
  /** Milliseconds and value, oldest first; where it was judged to be beyond its limits, how. */
  readonly points: (readonly [at: number, value: unknown, beyond?: string])[];
  /** What is normal for this patient by the limits that alerts go by; an end may be open. */
  band?: Band;
}

/** The newest values of these kinds, each code and unit a line of its own. */
export async function seriesOf(
  kindsAsked: readonly string[],
  hours: number,
  reference: string,
  search: Search,
  { bandOf, beyondIn }: Normal,
  { kinds, now }: Pick<ChartSetting, 'kinds' | 'now'>,
): Promise<readonly Series[]> {
  const codes = kindsAsked.flatMap((kind) => kinds.codes(kind) ?? []).join(',');
  const { matches } = await search('Observation', [
    ['patient', reference],
    ['code', codes],
    ['status:not', 'entered-in-error'],
    ['value-quantity:missing', 'false'],
    ['date', `ge${new Date(now - hours * HOUR).toISOString()}`],
    ['_sort', '-date'],
    ['_count', `${MOST_POINTS}`],
  ]);
  const lines = new Map<string, Series>();
  const newest = new Map<Series, any>();
  for (const one of matches.toReversed()) {
    const kind = kinds.of(one);
    const { value, code, unit = code } = one.valueQuantity;
    const at = Date.parse(measuredAt(one) ?? '');
    if (Number.isNaN(at)) continue;
    const name = one.code?.text ?? one.code?.coding?.[0]?.display ?? kind;
    const key = `${kind} ${name} ${code ?? unit}`;
    const line: Series = lines.get(key) ?? { kind, name, unit: unit ?? '', points: [] };
    const beyond = beyondIn(one);
    line.points.push(beyond === undefined ? [at, value] : [at, value, beyond]);
    lines.set(key, line);
    newest.set(line, one);
  }
  for (const [line, one] of newest) {
    const band = bandOf(one);
    if (band) line.band = band;
  }
  return [...lines.values()].sort((a, b) => kindsAsked.indexOf(a.kind) - kindsAsked.indexOf(b.kind));
}

const columns = ['time', 'kind', 'name', 'value', 'unit', 'beyond', 'low', 'high'] as const;

/** A cell of a text that others wrote: quoted, and no formula to a spreadsheet. https://owasp.org/www-community/attacks/CSV_Injection */
const cell = (value: unknown): string => {
  if (value === undefined || value === null) return '';
  if (typeof value !== 'string') return writeExact(value);
  return `"${(/^[=+\-@\t\r]/.test(value) ? `'${value}` : value).replaceAll('"', '""')}"`;
};

/** The same lines as a table. https://www.rfc-editor.org/rfc/rfc4180 */
export function asCsv(all: readonly Series[]): string {
  const lines = all.flatMap(({ kind, name, unit, points, band }) =>
    points.map(([at, value, beyond]) =>
      [new Date(at).toISOString(), ...[kind, name, value, unit, beyond, band?.low, band?.high].map(cell)].join(','),
    ),
  );
  return [columns.join(','), ...lines, ''].join('\r\n');
}
