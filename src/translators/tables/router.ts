/** The customer's tables, read-only, as JSON and CSV: what a SELECT with a WHERE, the newest first and a LIMIT gave. docs/cardiac.md */
import { once } from 'node:events';
import { type Request, type Response, Router } from 'express';
import { writeExact } from '../../fhir/json.ts';
import { problem } from '../../fhir/outcome.ts';
import { visitOf } from '../../http/app.ts';
import { securityHeaders, send } from '../../http/respond.ts';
import type { Mapping } from '../../ingest/mapping.ts';
import type { Dispatch, Parameters } from '../../interactions/interaction.ts';
import { demandTypes } from '../../interactions/permit.ts';
import { queryOf } from '../../interactions/route.ts';
import { type Asked, askedIn } from '../cardiac/asked.ts';
import { type Search, searchFor } from '../cardiac/asker.ts';
import { readingKinds } from '../cardiac/kinds.ts';
import { createRows } from '../cardiac/rows.ts';
import { deviceActivityLog } from './activity.ts';
import { deviceAlerts, deviceReadings, patientDevices } from './cardiac.ts';
import { csvHead, csvLine } from './csv.ts';
import { type PlacedRow, placeIn, placeText, rowsOf } from './rows.ts';
import type { Row, Setting, Table } from './table.ts';
import { deviceDataReading, vitalSigns } from './vitals.ts';

export interface TablesDoor {
  readonly dispatch: Dispatch;
  readonly canonical: string;
  /** FHIR base. */
  readonly base: string;
  readonly mapping: Pick<Mapping, 'spec'>;
  readonly makerOf: (name: string) => string | undefined;
}

const tables: ReadonlyMap<string, Table> = new Map(
  [deviceReadings, patientDevices, deviceAlerts, deviceDataReading, deviceActivityLog, vitalSigns].map((table) => [
    table.name,
    table,
  ]),
);

const DEFAULT_COUNT = 100;
const MOST = 1_000;

/** Names that are none of columns. */
const ours = ['_count', '_sort', 'format', 'page'];

function countIn({ _count: count }: Asked): number | undefined {
  if (count === undefined) return undefined;
  if (/^[1-9]\d{0,3}$/.test(count) && Number(count) <= MOST) return Number(count);
  throw problem('value', `_count must be a number from 1 to ${MOST}`, { expression: '_count' });
}

function wantsCsv(request: Request, { format }: Asked): boolean {
  if (format === undefined) return /\btext\/csv\b/i.test(request.headers.accept ?? '');
  if (format !== 'csv' && format !== 'json')
    throw problem('value', 'format must be json or csv', { expression: 'format' });
  return format === 'csv';
}

/** GET /legacy/{table}; whoever asks has been identified. */
export function tablesRouter(door: TablesDoor): Router {
  const { dispatch, canonical, base, mapping, makerOf } = door;
  const kinds = readingKinds(mapping, canonical);
  const rows = createRows({ canonical, kinds, makerOf });

  function settingOf(search: Search): Setting {
    const known = new Map<string, string>();
    return {
      ...{ canonical, kinds, rows, mapping, search },
      async patientIds(references) {
        const unknown = [...new Set(references)].filter((one) => one.startsWith('Patient/') && !known.has(one));
        for (let i = 0; i < unknown.length; i += 100) {
          const ids = unknown.slice(i, i + 100).map((one) => one.slice('Patient/'.length));
          const { matches } = await search('Patient', [
            ['_id', ids.join(',')],
            ['_count', '100'],
          ]);
          for (const { id, identifier } of matches) known.set(`Patient/${id}`, identifier?.[0]?.value ?? id);
        }
        return known;
      },
    };
  }

  async function filtersIn(table: Table, asked: Asked, setting: Setting): Promise<Parameters | undefined> {
    const all: (readonly [string, string])[] = [];
    for (const [column, filter] of Object.entries(table.filters)) {
      const value = asked[column];
      const meant = value === undefined ? [] : await filter(value, setting);
      if (meant === undefined) return undefined;
      all.push(...meant);
    }
    return all;
  }

  async function* rowsFor(table: Table, asked: Asked, search: Search, isCounted: boolean): AsyncGenerator<PlacedRow> {
    const setting = settingOf(search);
    const from = placeIn(asked.page);
    const filters = await filtersIn(table, asked, setting);
    if (filters !== undefined) yield* rowsOf(table, filters, setting, from, isCounted);
  }

  /** At most so many, and where the next one is. */
  async function pageOf(found: AsyncGenerator<PlacedRow>, count: number) {
    const page: Row[] = [];
    let total: number | undefined;
    for await (const one of found) {
      total ??= one.total;
      if (page.length === count) return { page, total, next: placeText(one.place) };
      page.push(one.row);
    }
    return { page, total, next: undefined };
  }

  const nextLink = (table: Table, asked: Asked, next: string | undefined): string | null => {
    if (next === undefined) return null;
    const { page: _, ...same } = asked;
    const query = queryOf(Object.entries({ ...same, page: next }) as Parameters);
    return `${base.replace(/\/fhir$/, '')}/legacy/${table.name}?${query}`;
  };

  const headersOf = (response: Response, type: string) => ({
    'Content-Type': `${type}; charset=utf-8`,
    'X-Request-Id': visitOf(response).requestId,
  });

  /** The whole table as it is read; a client that takes its time is waited for. */
  async function stream(request: Request, response: Response, table: Table, found: AsyncGenerator<PlacedRow>) {
    let held = '';
    const write = async () => {
      if (response.destroyed) return;
      if (!response.headersSent) response.writeHead(200, { ...securityHeaders, ...headersOf(response, 'text/csv') });
      if (request.method !== 'HEAD' && !response.write(held))
        await Promise.race([once(response, 'drain'), once(response, 'close')]);
      held = '';
    };
    held = csvHead(table.columns);
    for await (const { row } of found) {
      held += csvLine(table.columns, row);
      if (held.length > 65_536) await write();
      if (response.destroyed || request.method === 'HEAD') break;
    }
    await write();
    response.end();
  }

  const router = Router({ caseSensitive: true });
  router
    .route('/:table')
    .get(async (request, response) => {
      const table = tables.get(request.params.table);
      if (!table) throw problem('not-found', `no such table; there are ${[...tables.keys()].join(', ')}`);
      demandTypes([table.type, ...table.needs], visitOf(response).caller);
      const asked = askedIn(request, [...Object.keys(table.filters), ...ours]);
      if (asked['_sort'] !== undefined && asked['_sort'] !== `-${table.sort}`)
        throw problem('value', `_sort may only be -${table.sort}: the newest come first`, { expression: '_sort' });
      const isCsv = wantsCsv(request, asked);
      const count = countIn(asked);
      const found = rowsFor(table, asked, searchFor(dispatch, request, response, base), !isCsv);
      if (isCsv && count === undefined) return stream(request, response, table, found);
      const { page, total, next } = await pageOf(found, count ?? DEFAULT_COUNT);
      const link = nextLink(table, { ...asked, format: isCsv ? 'csv' : 'json' }, next);
      if (isCsv) {
        const lines = page.map((row) => csvLine(table.columns, row));
        const more: Record<string, string> = link === null ? {} : { Link: `<${link}>; rel="next"` };
        send(request, response, 200, csvHead(table.columns) + lines.join(''), {
          ...headersOf(response, 'text/csv'),
          ...more,
        });
        return;
      }
      const names = table.columns.map(({ name }) => name);
      const shown = page.map((row) => Object.fromEntries(names.map((name) => [name, row[name] ?? null])));
      const body = {
        table: table.name,
        columns: table.columns,
        total: table.hasTotal ? (total ?? 0) : null,
        rows: shown,
        next: link,
      };
      send(request, response, 200, writeExact(body), headersOf(response, 'application/json'));
    })
    .all(() => {
      throw problem('not-supported', 'The tables are read only', { status: 405, headers: { Allow: 'GET, HEAD' } });
    });
  return router;
}
