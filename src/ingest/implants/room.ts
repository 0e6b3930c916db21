/** From what is told of an implant to the entries of one transaction; nothing where it has been told before. docs/implants.md */
import type { Entry } from '../../interactions/interaction.ts';
import { createLine, settle } from '../../interactions/settle.ts';
import type { Runtime } from '../../runtime.ts';
import type { Change, Kept, Store } from '../../store/store.ts';
import { isOvertaken } from '../intake/overtaken.ts';
import { type Origins, provenanceEntry } from '../intake/provenance.ts';
import type { TakeIn } from '../intake/take-in.ts';
import { type Asked, type Entries, nothing, type Outcome } from './asked.ts';
import { ciedOf, implantIdOf } from './identity.ts';
import { implantKind } from './kept.ts';
import { occasionsOf } from './occasion.ts';
import { isDateTime } from './patient.ts';
import type { Told } from './told.ts';
import { write } from './write-told.ts';

export type { Entries, Outcome } from './asked.ts';

export interface Implants {
  /**
   * `raw`: the `DocumentReference/1` that it was read from, for Provenance. Where the transaction is overtaken (see `isOvertaken`), ask
   * again. One look at the store where nothing is new.
   */
  entriesOf(told: Told, raw?: string): Promise<Entries>;
  /** The same, stored; looks again where somebody else was faster. `also` goes into the same commit where anything is new. */
  tell(takeIn: TakeIn, feed: string, told: Told, more?: More): Promise<Outcome>;
}

export interface More {
  readonly raw?: string;
  readonly entries?: readonly Entry[];
  also?(outcome: Outcome): readonly Change[];
}

export interface ImplantsParts {
  readonly store: Pick<Store, 'read' | 'get' | 'search' | 'commit'>;
  readonly runtime: Pick<Runtime, 'now'>;
  readonly canonical: string;
}

const MOST_REMEMBERED = 10_000;

export function createImplants({ store, runtime, canonical }: ImplantsParts): Implants {
  const line = createLine();
  /** Revision of what was kept of an implant when entries were last made. Still the same, they were not stored. */
  const made = new Map<string, number>();

  async function entriesOf(told: Told, raw?: string): Promise<Entries> {
    const cied = ciedOf(told.implant);
    const now = runtime.now();
    if (cied === undefined) {
      const reason = 'It names no device: neither by a serial number nor as its maker calls it';
      const one = {
        feed: told.implant.maker,
        at: now,
        code: 'no-device',
        reason,
        raw,
        row: told,
        state: 'open',
      } as const;
      return { entries: [], also: [], outcome: { ...nothing, quarantined: [one] } };
    }
    const implant = implantIdOf(cied);
    // The last word on each.
    const alerts = [...new Map(told.alerts.map((alert) => [alert.id, alert])).values()];
    const occasions = occasionsOf(told);
    const names = occasions.map(({ name }) => `${implant}|${name}`);
    const alertNames = alerts.map(({ id }) => `${implant}!${told.implant.maker}|${id.slice(0, 300)}`);
    const keys = [implant, `${implant}?`, ...names, ...alertNames];
    const kept = await store.get(implantKind, keys);
    const rowAt = (i: number): { key: string; kept: Kept | undefined } => ({ key: keys[i]!, kept: kept[i] });
    const revision = kept[0]?.revision ?? 0;
    const asked: Asked = {
      told,
      raw,
      cied,
      implant,
      now,
      isRetry: made.get(implant) === revision,
      own: rowAt(0),
      unplaced: rowAt(1),
      occasions: occasions.map((occasion, i) => ({ ...rowAt(2 + i), occasion })),
      alerts: alerts.map((alert, i) => ({ ...rowAt(2 + occasions.length + i), alert })),
    };
    const all = await write(asked, { store, canonical });
    if (all.entries.length === 0) return all;
    if (made.size >= MOST_REMEMBERED) made.clear();
    made.set(implant, revision);
    return { ...all, entries: [...all.entries, ...provenances(all, asked)] };
  }

  async function attempt(takeIn: TakeIn, feed: string, told: Told, more: More): Promise<Outcome> {
    const { entries, also, outcome } = await entriesOf(told, more.raw);
    const changes = [...also, ...(more.also?.(outcome) ?? [])];
    if (entries.length > 0) await takeIn(feed, [...(more.entries ?? []), ...entries], changes);
    else if (changes.length > 0) await store.commit(changes);
    return outcome;
  }

  return {
    entriesOf,
    tell: (takeIn, feed, told, more = {}) =>
      line(ciedOf(told.implant) ?? '', () => settle(runtime, () => attempt(takeIn, feed, told, more), { isOvertaken })),
  };
}

/** One for what is new, one for what is changed. */
function provenances({ entries, device }: Entries, { raw, told, now }: Asked): readonly Entry[] {
  if (raw === undefined) return [];
  return (['CREATE', 'UPDATE'] as const).flatMap((activity) => {
    const made = entries
      .filter(({ conditions }) => (conditions.ifMatch === undefined) === (activity === 'CREATE'))
      .filter(({ url }) => !url.startsWith('Binary/'));
    if (made.length === 0) return [];
    const targets = made.map(({ url }) => url);
    const { assumptions, implant } = told;
    const occurred = occurredIn(made, told);
    const by = { raw, recorded: now, author: device, feed: implant.maker, activity, assumptions };
    return [provenanceEntry({ targets, occurred, ...by })];
  });
}

/** When the device measured and noticed what is written; where that is of no time, when it was last heard of. */
function occurredIn(made: readonly Entry[], { implant }: Told): Origins['occurred'] {
  const times = made
    .flatMap(({ body }) => body?.resource['effectiveDateTime'] ?? body?.resource['identifiedDateTime'] ?? [])
    .filter((time) => !Number.isNaN(Date.parse(time)))
    .sort((a, b) => Date.parse(a) - Date.parse(b));
  const [first, last] = [times[0], times.at(-1)];
  if (first === undefined) return isDateTime(implant.lastContact) ? implant.lastContact : undefined;
  return Date.parse(first) === Date.parse(last) ? first : [first, last];
}
