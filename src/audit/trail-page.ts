/** One page of AuditEvents out of two streams, newest first: the server's own rows, and those that clients created. https://hl7.org/fhir/R4/http.html#paging */
import { keyOf, type ResourceKey, referenceTo } from '../fhir/references.ts';
import { extractorAt } from '../search/extract.ts';
import type { Include, IndexEntries, SearchQuery } from '../search/query.ts';
import { type Cursor, isDeleted, type Store, type Version } from '../store/store.ts';
import { ownEvents, ownEventsAfter, type TrailView } from './own-events.ts';
import { placeBefore, resourcesBefore } from './trail-back.ts';
import type { Place, Position } from './trail-position.ts';

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

const dated = (version: Version): Dated => ({ version, at: Date.parse(JSON.parse(version.text).recorded) });

export interface TrailPage {
  readonly matches: readonly Version[];
  readonly included: readonly Version[];
  /** Where the page after this one begins. */
  readonly next: Position | undefined;
  /** Where this page begins, when another one is before it. */
  readonly previous: Position | undefined;
}

export type TrailStore = Pick<Store, 'audit' | 'search' | 'read'>;

/** The stored resources of the query, newest first, so many at once. */
const ofResources =
  (query: SearchQuery) =>
  (count: number): SearchQuery => ({
    ...query,
    sort: [{ by: 'range', name: 'AuditEvent.date', descending: true }],
    count,
    total: 'none',
    includes: [],
  });

/** The page of a query that begins there. Sort and total of the query are not asked; includes are followed from both streams, also by absolute references below `base`. */
export async function trailPage(
  query: SearchQuery,
  position: Position,
  store: TrailStore,
  view: TrailView,
  base: string,
): Promise<TrailPage> {
  const { where, count, includes } = query;
  const { before, after } = position;
  const resourcesOf = ofResources(query);
  const rows = before === 'end' ? [] : await ownEvents(where, before, count + 1, store, view);
  const stored = after.ended ? { matches: [], next: undefined } : await store.search(resourcesOf(count), after.from);
  const resources = stored.matches.map(dated);
  const { merged, rowsTaken, resourcesTaken } = merge(rows, resources, count);

  const placeAfter = (next: Cursor | undefined): Place =>
    next === undefined ? { from: after.from, ended: true } : { from: next, ended: false };
  async function nextAfter(): Promise<Place> {
    if (after.ended) return after;
    if (resourcesTaken === resources.length) return placeAfter(stored.next);
    if (resourcesTaken === 0) return after;
    // The engine alone knows the cursor behind a resource that is not the last of its page.
    return placeAfter((await store.search(resourcesOf(resourcesTaken), after.from)).next);
  }

  function nextBefore(): number | 'end' {
    if (rowsTaken === rows.length) return 'end';
    // Rows that are written while somebody pages, such as those of the paging itself, come on no later page.
    return rowsTaken === 0 ? rows[0]!.sequence + 1 : rows[rowsTaken - 1]!.sequence;
  }

  const top = position.top ?? (rows[0] === undefined ? 0 : rows[0].sequence + 1);
  const next: Position = { before: nextBefore(), after: await nextAfter(), top };
  return {
    matches: merged,
    included: await includedBy(merged, includes, store, extractorAt(base)),
    next: next.before === 'end' && next.after.ended ? undefined : next,
    previous: position.top === undefined || isFirst(position) ? undefined : position,
  };
}

/** Without own rows, a page that begins with the first resource is the first. */
const isFirst = ({ top, after }: Position): boolean => top === 0 && after.from === undefined && !after.ended;

/** The page of a query that ends there. */
export async function trailPageBefore(
  query: SearchQuery,
  position: Position,
  store: TrailStore,
  view: TrailView,
  base: string,
): Promise<TrailPage> {
  const { where, count, includes } = query;
  const { before, after, top = 0 } = position;
  const resourcesOf = ofResources(query);
  const from = before === 'end' || before === undefined ? 0 : before;
  const rows = await ownEventsAfter(where, from, top, count + 1, store, view);
  const resources = (await resourcesBefore(after, count, resourcesOf, store)).map(dated);

  let [row, resource] = [0, 0];
  while (row + resource < count && (row < rows.length || resource < resources.length)) {
    const [ofRows, ofStored] = [rows[row], resources[resources.length - 1 - resource]];
    if (ofStored === undefined || (ofRows !== undefined && ofRows.at < ofStored.at)) row++;
    else resource++;
  }
  const taken = resource === 0 ? [] : resources.slice(-resource);
  const { merged } = merge(rows.slice(0, row).toReversed(), taken, count);
  const begins: Position = {
    before: row === 0 ? before : rows[row - 1]!.sequence + 1,
    after: await placeBefore(after, resource, resourcesOf, store),
    top,
  };
  const hasMore =
    rows.length > row || resources.length > resource || (resources.length === count && begins.after.from !== undefined);
  return {
    matches: merged,
    included: await includedBy(merged, includes, store, extractorAt(base)),
    next: position,
    previous: hasMore ? begins : undefined,
  };
}

/** What the events refer to, as far as the includes ask for it. */
async function includedBy(
  events: readonly Version[],
  includes: readonly Include[],
  store: Pick<Store, 'read'>,
  extract: (text: string) => IndexEntries,
): Promise<readonly Version[]> {
  if (includes.length === 0) return [];
  const wanted = new Map<string, ResourceKey>();
  for (const { text } of events) {
    for (const { name, target } of extract(text).references) {
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
