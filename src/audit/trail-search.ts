/** Reads and searches the server's own audit rows beside the AuditEvents that clients created. https://hl7.org/fhir/R4/auditevent.html */
import { problem } from '../fhir/outcome.ts';
import type { Resource } from '../fhir/references.ts';
import { notFound } from '../interactions/answer.ts';
import type { FhirRequest, Interaction } from '../interactions/interaction.ts';
import { pageOf, searchset } from '../interactions/search.ts';
import type { Runtime } from '../runtime.ts';
import { extract } from '../search/extract.ts';
import { matches } from '../search/match.ts';
import type { PageTokens } from '../search/page-token.ts';
import { parseSearch } from '../search/parse.ts';
import type { Criterion, SearchQuery } from '../search/query.ts';
import type { AuditWindow, Cursor, Store, Version } from '../store/store.ts';
import { auditEvent, sequenceOf } from './audit-event.ts';

const DEADLINE = 5_000;
const BLOCK = 500;

export interface TrailView {
  readonly canonical: string;
  readonly server: string;
  readonly tokens: PageTokens;
  readonly runtime: Runtime;
}

/** What the engine can narrow rows by; a superset of the hits, each of which is matched again by all that was asked. */
function windowOf(where: Criterion): Omit<AuditWindow, 'count'> {
  const parts = where.is === 'all' ? where.of : [where];
  let window: Omit<AuditWindow, 'count'> = {};
  for (const part of parts) {
    if (part.is === 'all') window = { ...window, ...windowOf(part) };
    else if (part.is === 'range' && part.name === 'AuditEvent.date') {
      const from = part.high?.atLeast ?? part.high?.above ?? part.low?.atLeast ?? part.low?.above;
      const to = part.low?.atMost ?? part.low?.below ?? part.high?.atMost ?? part.high?.below;
      window = { ...window, ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
    } else if (part.is === 'key' && part.name === 'AuditEvent.action') {
      window = { ...window, action: part.second || part.first };
    } else if (part.is === 'id' && part.ids.length === 1) {
      window = { ...window, sequence: sequenceOf(part.ids[0]!) ?? 0 };
    }
  }
  return window;
}

const versionOf = (event: Resource, at: number): Version => ({
  key: { type: 'AuditEvent', id: event.id! },
  versionId: 1,
  lastUpdated: at,
  method: 'POST',
  text: JSON.stringify(event),
});

interface Hit {
  readonly version: Version;
  readonly at: number;
  readonly sequence?: number;
}

export const readTrail = (stored: Interaction, { canonical, server }: TrailView): Interaction => ({
  ...stored,
  async handle(request, context) {
    const sequence = request.type === 'AuditEvent' ? sequenceOf(request.id) : undefined;
    if (sequence === undefined) return stored.handle(request, context);
    const [row] = context.caller.access.unrestricted ? await context.store.audit({ sequence, count: 1 }) : [];
    if (!row) throw notFound({ type: request.type, id: request.id });
    return {
      status: 200,
      version: versionOf(auditEvent(row, canonical, server), row.at),
      patients: row.patients.split(' ').filter(Boolean),
    };
  },
});

export const searchTrail = (stored: Interaction, view: TrailView): Interaction => {
  const { canonical, server, tokens, runtime } = view;

  async function ownRows(
    where: Criterion,
    before: number | undefined,
    count: number,
    store: Pick<Store, 'audit'>,
  ): Promise<Hit[]> {
    const deadline = runtime.now() + DEADLINE;
    const window = windowOf(where);
    const hits: Hit[] = [];
    for (let from = before; hits.length < count; ) {
      const rows = await store.audit({ ...window, before: from, count: BLOCK });
      for (const row of rows) {
        const event = auditEvent(row, canonical, server);
        const version = versionOf(event, row.at);
        if (matches(where, extract(event), version.key, row.at))
          hits.push({ version, at: row.at, sequence: row.sequence });
        if (hits.length === count) break;
      }
      if (rows.length < BLOCK) break;
      from = rows[rows.length - 1]!.sequence;
      if (runtime.now() > deadline)
        throw problem('timeout', 'the search of the audit trail took too long; narrow it by date or patient');
    }
    return hits;
  }

  async function page(
    query: SearchQuery,
    after: Cursor | undefined,
    store: Pick<Store, 'audit' | 'search'>,
    own: boolean,
  ) {
    const [before, ...rest] = after ?? [null];
    const count = query.count;
    const rows =
      own && before !== -1 ? await ownRows(query.where, (before as number | null) ?? undefined, count + 1, store) : [];
    const newestFirst: SearchQuery = {
      ...query,
      sort: [{ by: 'range', name: 'AuditEvent.date', descending: true }],
      total: 'none',
    };
    const storedAfter = rest.length > 0 ? rest : undefined;
    const kept =
      rest[0] === 'end'
        ? { matches: [], included: [], next: undefined }
        : await store.search({ ...newestFirst, count: Math.max(count, 1) }, storedAfter);
    const storedHits: Hit[] = kept.matches.map((version) => ({
      version,
      at: Date.parse(JSON.parse(version.text).recorded),
    }));
    const merged = [...rows, ...storedHits].sort((a, b) => b.at - a.at).slice(0, count);
    const lastRow = merged.findLast(({ sequence }) => sequence !== undefined)?.sequence ?? before;
    const rowsLeft = rows.length > merged.filter(({ sequence }) => sequence !== undefined).length;
    const storedShown = merged.filter(({ sequence }) => sequence === undefined).length;
    const storedLeft = storedShown < storedHits.length || kept.next !== undefined;
    let storedNext: Cursor = ['end'];
    if (storedLeft && storedShown === storedHits.length) storedNext = kept.next!;
    else if (storedLeft && storedShown > 0)
      storedNext = (await store.search({ ...newestFirst, count: storedShown }, storedAfter)).next!;
    else if (storedLeft) storedNext = storedAfter ?? [];
    const next: Cursor | undefined =
      rowsLeft || storedLeft ? [rowsLeft ? (lastRow as number | null) : -1, ...storedNext] : undefined;
    return { matches: merged.map(({ version }) => version), included: kept.included, next };
  }

  return {
    ...stored,
    async handle(request: FhirRequest, context) {
      if (request.type !== 'AuditEvent') return stored.handle(request, context);
      const { caller, store } = context;
      const { asked, token } = pageOf(request.parameters);
      const { query, used } = parseSearch('AuditEvent', asked, { strict: request.strict });
      const sorted = asked.filter(([name]) => name === '_sort');
      if (sorted.some(([, value]) => value !== '-date'))
        throw problem('not-supported', 'AuditEvents come newest first; _sort may only be -date');
      if (query.total === 'accurate' || query.count === 0)
        throw problem('not-supported', 'the audit trail gives no total');
      const bound = `AuditEvent?${JSON.stringify(used)}`;
      const after = token === undefined ? undefined : (tokens.open(token, bound, caller.who, runtime.now()) as Cursor);
      const found = await page(caller.access.narrow(query), after, store, caller.access.unrestricted);
      const next = found.next && tokens.seal(found.next, bound, caller.who, runtime.now());
      return {
        status: 200,
        text: searchset(request.base, 'AuditEvent', used, { ...found, next }, caller.access.shows),
      };
    },
  };
};
