/** Values over time as charts show them: each code and unit a line of its own, with what is normal for this patient. docs/dashboard.md */

import { writeExact } from '../../fhir/json.ts';
import type { Parameters } from '../../interactions/interaction.ts';
import type { Search } from '../../translators/cardiac/asker.ts';
import { measuredAt } from '../../translators/cardiac/rows.ts';
import type { Band, Normal } from './band.ts';
import { namedIn } from './named.ts';
import type { ChartSetting } from './setting.ts';
import { type Vitals, vitalKinds } from './vitals.ts';

const HOUR = 3_600_000;
const MOST_POINTS = 1_000;
const MOST_VITALS = 500;

export interface Series {
  readonly kind: string;
  /** As it was written; `channel` is what stands behind the name of its kind where that is all. */
  readonly name: string;
  readonly channel: string | null;
  readonly unit: string;
  /** Milliseconds and value, oldest first; where it was judged to be beyond its limits, how. */
  readonly points: (readonly [at: number, value: unknown, beyond?: string])[];
  /** What is normal for this patient by the limits that alerts go by; an end may be open. */
  band?: Band;
}

/** Each with a value that counts: an Observation, and as one of its own each of its components. */
function partsOf(observation: any): readonly any[] {
  const { component = [], interpretation, ...whole } = observation;
  const parts = component.map(({ code, valueQuantity, interpretation: own }: any) => ({
    ...whole,
    code,
    valueQuantity,
    ...(own && { interpretation: own }),
  }));
  return [observation, ...parts].filter(({ valueQuantity }) => valueQuantity?.value !== undefined);
}

interface Asked {
  /** FHIR search, without whose and when. */
  readonly which: Parameters;
  readonly hours: number;
  readonly most: number;
}

async function newestOf({ which, hours, most }: Asked, reference: string, search: Search, now: number) {
  const { matches } = await search('Observation', [
    ['patient', reference],
    ...which,
    ['status:not', 'entered-in-error'],
    ['date', `ge${new Date(now - hours * HOUR).toISOString()}`],
    ['_sort', '-date'],
    ['_count', `${most}`],
  ]);
  return matches.toReversed();
}

/** Of Observations, the oldest first, each code and unit a line of its own; what has no kind is left out. */
function linesIn(
  observations: readonly any[],
  kindOf: (part: any) => string | undefined,
  { bandOf, beyondIn }: Normal,
): readonly Series[] {
  const lines = new Map<string, Series>();
  const newest = new Map<Series, any>();
  for (const one of observations.flatMap(partsOf)) {
    const kind = kindOf(one);
    const { value, code, unit = code } = one.valueQuantity;
    const at = Date.parse(measuredAt(one) ?? '');
    if (Number.isNaN(at) || kind === undefined) continue;
    const named = namedIn(one, kind);
    const key = `${kind} ${named.name} ${code ?? unit}`;
    const line: Series = lines.get(key) ?? { kind, ...named, unit: unit ?? '', points: [] };
    const beyond = beyondIn(one);
    line.points.push(beyond === undefined ? [at, value] : [at, value, beyond]);
    lines.set(key, line);
    newest.set(line, one);
  }
  for (const [line, one] of newest) {
    const band = bandOf(one);
    if (band) line.band = band;
  }
  return [...lines.values()];
}

const inOrder = (lines: readonly Series[], kinds: readonly string[]): readonly Series[] =>
  lines.toSorted((a, b) => kinds.indexOf(a.kind) - kinds.indexOf(b.kind));

/** The newest values of these kinds, each code and unit a line of its own. */
export async function seriesOf(
  kindsAsked: readonly string[],
  hours: number,
  reference: string,
  search: Search,
  normal: Normal,
  { kinds, now }: Pick<ChartSetting, 'kinds' | 'now'>,
): Promise<readonly Series[]> {
  const code = kindsAsked.flatMap((kind) => kinds.codes(kind) ?? []).join(',');
  const which: Parameters = [
    ['code', code],
    ['value-quantity:missing', 'false'],
  ];
  const found = await newestOf({ which, hours, most: MOST_POINTS }, reference, search, now);
  const wanted = (part: any) => [kinds.of(part)].find((kind) => kindsAsked.includes(kind));
  return inOrder(linesIn(found, wanted, normal), kindsAsked);
}

/** The newest values of vital signs besides the heart rate: of each so many, however often another is measured. */
export async function vitalSeriesOf(
  { searches, kindOf }: Vitals,
  hours: number,
  reference: string,
  search: Search,
  normal: Normal,
  now: number,
): Promise<readonly Series[]> {
  const found = await Promise.all(
    searches.map((codes) =>
      newestOf({ which: [['combo-code', codes]], hours, most: MOST_VITALS }, reference, search, now),
    ),
  );
  return inOrder(
    found.flatMap((some) => linesIn(some, kindOf, normal)),
    vitalKinds,
  );
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
