/** The server's own rows of the trail as AuditEvents: one by its number, or those that fulfil a criterion. https://hl7.org/fhir/R4/auditevent.html */
import { problem } from '../fhir/outcome.ts';
import type { Parameters } from '../interactions/interaction.ts';
import type { Runtime } from '../runtime.ts';
import { extract } from '../search/extract.ts';
import { matches } from '../search/match.ts';
import type { Bounds, Criterion, IndexEntries } from '../search/query.ts';
import type { AuditWindow, Store, StoredAuditRow, Version } from '../store/store.ts';
import { auditEvent, sequenceOf } from './audit-event.ts';

/** How long rows are looked through for one page, in milliseconds. */
const DEADLINE = 5_000;
/** Rows that are fetched at once. */
const BLOCK = 500;

/** What the rows are rendered with. */
export interface TrailView {
  readonly canonical: string;
  /** Names this server to those who read the trail. */
  readonly server: string;
  readonly runtime: Pick<Runtime, 'now'>;
}

/** A row as a resource, with its place in the trail. */
export interface OwnEvent {
  readonly version: Version;
  readonly at: number;
  readonly sequence: number;
}

/** A row has one version, for ever. */
export function eventOf(row: StoredAuditRow, { canonical, server }: TrailView): OwnEvent {
  const event = auditEvent(row, canonical, server);
  const version: Version = {
    key: { type: 'AuditEvent', id: event.id! },
    versionId: 1,
    lastUpdated: row.at,
    method: 'POST',
    text: JSON.stringify(event),
  };
  return { version, at: row.at, sequence: row.sequence };
}

const BY_AGENT = 'AuditEvent.agent';
/** What `agent` finds a caller by: as the row names it, whether it is a resource or not. The one name without a type gets one. */
const agentOf = (who: string): string => (who === 'anonymous' ? 'System/anonymous' : who);
const whoOf = (agent: string): string => (agent === 'System/anonymous' ? 'anonymous' : agent);

/** Parameters as they are parsed: `agent=anonymous` means nobody, not whatever resource has that id. */
export const withAgents = (parameters: Parameters): Parameters =>
  parameters.map(([name, value]) => [name, name === 'agent' ? value.split(',').map(agentOf).join(',') : value]);

function entriesOf(row: StoredAuditRow, event: OwnEvent): IndexEntries {
  const entries = extract(JSON.parse(event.version.text));
  return { ...entries, references: [...entries.references, { name: BY_AGENT, target: agentOf(row.who) }] };
}

type Narrowing = Omit<AuditWindow, 'count' | 'before'>;

/** A row has one instant, so a bound on either end of its interval is a bound on that. */
function instants(low: Bounds = {}, high: Bounds = {}): Narrowing {
  const from = high.atLeast ?? high.above ?? low.atLeast ?? low.above;
  const to = low.atMost ?? low.below ?? high.atMost ?? high.below;
  return { ...(from !== undefined && { from }), ...(to !== undefined && { to }) };
}

/** What the engine can narrow rows by: it finds a superset, since each row is held against the whole criterion afterwards. */
function narrowingBy(part: Criterion): Narrowing {
  if (part.is === 'all') return Object.assign({}, ...part.of.map(narrowingBy));
  if (part.is === 'id') return part.ids.length === 1 ? { sequence: sequenceOf(part.ids[0]!) ?? -1 } : {};
  if (!('name' in part)) return {};
  switch (part.name) {
    case 'AuditEvent.date':
    case 'AuditEvent._lastUpdated':
      return part.is === 'range' ? instants(part.low, part.high) : {};
    case 'AuditEvent.action':
      return part.is === 'key' && /^[CRUDE]$/.test(part.first) ? { action: part.first } : {};
    case 'AuditEvent.patient':
      return part.is === 'reference' ? { patient: part.target } : {};
    case 'AuditEvent.entity':
      return part.is === 'reference' ? { entity: part.target } : {};
    case 'AuditEvent.subtype':
      return part.is === 'key' ? interactionOf(part.second || part.first) : {};
    case BY_AGENT:
      return part.is === 'reference' ? { who: whoOf(part.target) } : {};
    default:
      return {};
  }
}

/** Whatever the system: the code stands for one interaction. */
const interactionOf = (code: string): Narrowing => (/^[a-z0-9-]+$/.test(code) ? { interaction: code } : {});

type Looking = Pick<Store, 'audit'>;

/** At most `count` events that fulfil the criterion, newest first, of rows before that number. Throws timeout after 5 s. */
export function ownEvents(
  where: Criterion,
  before: number | undefined,
  count: number,
  store: Looking,
  view: TrailView,
): Promise<readonly OwnEvent[]> {
  return eventsIn({ before, from: 0, count }, where, store, view, view.runtime.now() + DEADLINE);
}

/** The other way: of the events that fulfil the criterion, from that number on and before `top`, the `count` oldest, oldest first. */
export async function ownEventsAfter(
  where: Criterion,
  from: number,
  top: number,
  count: number,
  store: Looking,
  view: TrailView,
): Promise<readonly OwnEvent[]> {
  const deadline = view.runtime.now() + DEADLINE;
  const found: OwnEvent[] = [];
  // The log is read from its end: ever longer stretches of it, as long as there are too few in those before.
  for (let [low, length] = [from, BLOCK]; low < top && found.length < count; low += length, length *= 2) {
    const stretch = { before: Math.min(low + length, top), from: low, count: Number.POSITIVE_INFINITY };
    const events = await eventsIn(stretch, where, store, view, deadline);
    for (const event of events.toReversed()) found.push(event);
  }
  return found.slice(0, count);
}

/** Events of rows before one number and from another one on. */
interface Stretch {
  readonly before: number | undefined;
  readonly from: number;
  readonly count: number;
}

async function eventsIn(
  { before, from, count }: Stretch,
  where: Criterion,
  store: Looking,
  view: TrailView,
  deadline: number,
): Promise<readonly OwnEvent[]> {
  const narrowing = narrowingBy(where);
  const found: OwnEvent[] = [];
  for (let end = before; ; ) {
    const rows = await store.audit({ ...narrowing, before: end, count: BLOCK });
    for (const row of rows) {
      if (row.sequence < from) return found;
      const event = eventOf(row, view);
      if (matches(where, entriesOf(row, event), event.version.key, row.at) && found.push(event) === count) return found;
    }
    if (rows.length < BLOCK) return found;
    end = rows.at(-1)!.sequence;
    if (view.runtime.now() > deadline)
      throw problem('timeout', 'the search of the audit trail took too long; narrow it by date or patient');
  }
}
