/** The rows of a table one after another, each with its place: where a later request goes on with it. */
import { problem } from '../../fhir/outcome.ts';
import type { Parameters } from '../../interactions/interaction.ts';
import type { Row, Setting, Sight, Table } from './table.ts';

/** A row by the page of the search that its matches begin on, by the match there, and among those of one time. */
export interface Place {
  readonly page?: string;
  readonly match: number;
  readonly row: number;
}

export interface PlacedRow {
  readonly row: Row;
  readonly place: Place;
  /** Matches in all, where rows are counted by them. */
  readonly total?: number;
}

/** Matches that are fetched at once. */
const AT_ONCE = 200;
const start: Place = { match: 0, row: 0 };

export const placeText = ({ page, match, row }: Place): string =>
  Buffer.from(JSON.stringify([match, row, page ?? ''])).toString('base64url');

export function placeIn(text: string | undefined): Place {
  if (text === undefined) return start;
  const refused = () => problem('value', 'page must be as `next` named it', { expression: 'page' });
  try {
    const [match, row, page] = JSON.parse(Buffer.from(text, 'base64url').toString());
    const isCount = (one: unknown) => Number.isInteger(one) && (one as number) >= 0;
    if (!isCount(match) || !isCount(row) || typeof page !== 'string') throw refused();
    return page === '' ? { match, row } : { match, row, page };
  } catch {
    throw refused();
  }
}

/** Matches of one time, in the order of their rows. */
interface Cluster {
  readonly time: string | undefined;
  readonly begins: Omit<Place, 'row'>;
  readonly groups: Map<string, any[]>;
}

export async function* rowsOf(
  table: Table,
  filters: Parameters,
  setting: Setting,
  from: Place,
  isCounted: boolean,
): AsyncGenerator<PlacedRow> {
  const { type, where, group, hasTotal } = table;
  const asked: Parameters = [
    ...where(setting),
    ...filters,
    ['_count', `${AT_ONCE}`],
    ...(hasTotal && isCounted ? [['_total', 'accurate'] as const] : []),
  ];
  let page = from.page;
  let first = from.match;
  let skip = from.row;
  let open: Cluster | undefined;
  let all: Sight['all'] = new Map();
  for (let isMore = true; isMore; isMore = page !== undefined) {
    const found = await setting.search(type, asked, page);
    all = new Map([...(open ? all : []), ...found.all]);
    const whole: Cluster[] = [];
    for (const [i, match] of found.matches.entries()) {
      if (i < first) continue;
      const time = group?.time(match);
      if (!open || time === undefined || time !== open.time) {
        if (open) whole.push(open);
        open = { time, begins: page === undefined ? { match: i } : { page, match: i }, groups: new Map() };
      }
      const name = group?.row(match) ?? '';
      open.groups.set(name, [...(open.groups.get(name) ?? []), match]);
    }
    page = found.next;
    first = 0;
    if (page === undefined && open) {
      whole.push(open);
      open = undefined;
    }
    const groups = whole.flatMap(({ groups: some }) => [...some.values()]);
    const places = whole.flatMap(({ begins, groups: some }) => [...some.keys()].map((_, row) => ({ ...begins, row })));
    const rows = await table.rowsOf(groups, { all }, setting);
    for (const [i, row] of rows.entries()) {
      if (i < skip || row === undefined) continue;
      yield { row, place: places[i]!, ...(found.total === undefined ? {} : { total: found.total }) };
    }
    if (rows.length > 0) skip = 0;
  }
}
