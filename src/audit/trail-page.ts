/** One page of AuditEvents out of two streams, newest first: the server's own rows, and those that clients created. https://hl7.org/fhir/R4/http.html#paging */
import { type RelativeText, relativeTo } from '../fhir/own-base.ts';
import { keyOf, type ResourceKey, referenceTo } from '../fhir/references.ts';
import { extract } from '../search/extract.ts';
import type { Include, SearchQuery } from '../search/query.ts';
import { type Cursor, isDeleted, type Store, type Version } from '../store/store.ts';
import { ownEvents, type TrailView } from './own-events.ts';

/** Where a page begins: in the rows before a number, and in the stored resources after a cursor. */
export interface Position {
  /** Undefined for the newest. */
  readonly before: number | 'end' | undefined;
  /** Undefined for the first. */
  readonly after: Cursor | 'end' | undefined;
}

export const start: Position = { before: undefined, after: undefined };
/** For whom the server's own rows are not there. */
export const withoutRows: Position = { before: 'end', after: undefined };

/** A position as one flat list, as page tokens carry it. */
export const cursorOf = ({ before, after }: Position): Cursor =>
  after === undefined || after === 'end' ? [before ?? null, after ?? null] : [before ?? null, 'after', ...after];

/** The position that `cursorOf` made a list of. */
export function positionOf([before, state, ...cursor]: Cursor): Position {
  return {
    before: before === 'end' ? before : ((before as number | null) ?? undefined),
    after: state === 'after' ? cursor : state === 'end' ? state : undefined,
  };
}

interface Dated {
  readonly version: Version;
  readonly at: number;
}

/** Takes the newer of the two heads until there are enough; the order within a stream is never changed. */
function merge(rows: readonly Dated[], resources: readonly Dated[], count: number) {
  const merged: Version[] = [];
  let [row, resource] = [0, 0];
  while (merged.length < count && (row < rows.length || resource < resources.length)) {
    const isRow = resource === resources.length || (row < rows.length && rows[row]!.at >= resources[resource]!.at);
    merged.push((isRow ? rows[row++] : resources[resource++])!.version);
  }
  return { merged, rowsTaken: row, resourcesTaken: resource };
}

export interface TrailPage {
  readonly matches: readonly Version[];
  readonly included: readonly Version[];
  readonly next: Position | undefined;
}

type TrailStore = Pick<Store, 'audit' | 'search' | 'read'>;

/** The page of a query that begins there. Sort and total of the query are not asked; includes are followed from both streams, also by absolute references below `base`. */
export async function trailPage(
  query: SearchQuery,
  { before, after }: Position,
  store: TrailStore,
  view: TrailView,
  base: string,
): Promise<TrailPage> {
  const { where, count, includes } = query;
  const ofResources = (limit: number): SearchQuery => ({
    ...query,
    sort: [{ by: 'range', name: 'AuditEvent.date', descending: true }],
    count: limit,
    total: 'none',
    includes: [],
  });

  const rows = before === 'end' ? [] : await ownEvents(where, before, count + 1, store, view);
  const stored = after === 'end' ? { matches: [], next: undefined } : await store.search(ofResources(count), after);
  const resources = stored.matches.map((version) => ({ version, at: Date.parse(JSON.parse(version.text).recorded) }));
  const { merged, rowsTaken, resourcesTaken } = merge(rows, resources, count);

  async function nextAfter(): Promise<Cursor | 'end' | undefined> {
    if (resourcesTaken === resources.length) return stored.next ?? 'end';
    if (resourcesTaken === 0 || after === 'end') return after;
    // The engine alone knows the cursor behind a resource that is not the last of its page.
    return (await store.search(ofResources(resourcesTaken), after)).next ?? 'end';
  }

  function nextBefore(): number | 'end' {
    if (rowsTaken === rows.length) return 'end';
    // Rows that are written while somebody pages, such as those of the paging itself, come on no later page.
    return rowsTaken === 0 ? rows[0]!.sequence + 1 : rows[rowsTaken - 1]!.sequence;
  }

  const next: Position = { before: nextBefore(), after: await nextAfter() };
  return {
    matches: merged,
    included: await includedBy(merged, includes, store, relativeTo(base)),
    next: next.before === 'end' && next.after === 'end' ? undefined : next,
  };
}

/** What the events refer to, as far as the includes ask for it. */
async function includedBy(
  events: readonly Version[],
  includes: readonly Include[],
  store: Pick<Store, 'read'>,
  relative: RelativeText,
): Promise<readonly Version[]> {
  if (includes.length === 0) return [];
  const wanted = new Map<string, ResourceKey>();
  for (const { text } of events) {
    for (const { name, target } of extract(JSON.parse(relative(text))).references) {
      const key = keyOf(target);
      const isAsked = includes.some(
        (asked) => (asked.name ?? name) === name && (asked.target ?? key?.type) === key?.type,
      );
      if (key && isAsked) wanted.set(referenceTo(key), key);
    }
  }
  const found = await store.read([...wanted.values()]);
  return found.filter((version) => version !== undefined).filter((version) => !isDeleted(version));
}
