/** Occasions on which an implant told something, and what is new of them: an interrogation, or all readings of one instant. A pure decision. */
import { hash } from 'node:crypto';
import { readingInstant } from '../observe.ts';
import type { Item, KeptOccasion } from './kept.ts';
import { type Fault, faultOf, isMdc, numbered } from './terms.ts';
import type { Interrogation, Reading, Strip, Told } from './told.ts';

export interface Occasion {
  /** Unique for the implant. */
  readonly name: string;
  /** The maker's id of the transmission, where there is one. */
  readonly transmission?: string;
  readonly session?: string;
  /** As sent, and in milliseconds. */
  readonly at: string;
  readonly instant: number;
  readonly status: 'final' | 'preliminary' | 'corrected';
  readonly told: readonly Item[];
  readonly report?: Interrogation['report'];
  readonly strips: readonly Strip[];
}

/** Whether it says when it was. */
export const isTimed = ({ instant }: { readonly instant: number }): boolean => Number.isFinite(instant);

/** What is told in pieces is one occasion. */
export function occasionsOf({ interrogations, readings, reports = [] }: Told): readonly Occasion[] {
  const byInstant = new Map<string, Reading[]>();
  for (const reading of readings.filter(isTimed)) {
    const name = readingInstant(reading.instant);
    const others = byInstant.get(name);
    if (others) others.push(reading);
    else byInstant.set(name, [reading]);
  }
  const byName = new Map<string, Occasion>();
  for (const { id, terms, strips = [], ...rest } of interrogations.filter(isTimed)) {
    const name = `t|${id.slice(0, 200)}`;
    const before = byName.get(name);
    byName.set(name, {
      ...before,
      ...rest,
      name,
      transmission: id,
      strips: [...(before?.strips ?? []), ...strips],
      told: [...(before?.told ?? []), ...terms.map((term) => ({ term: numbered(term) }))],
    });
  }
  const told: Occasion[] = [...byName.values()];
  for (const [name, [first, ...more]] of byInstant) {
    const { timestamp, instant } = first!;
    told.push({
      name,
      at: timestamp,
      instant,
      status: 'final',
      strips: [],
      told: [first!, ...more].map(({ term, id, kind, channel }) => ({ term: numbered(term), id, kind, channel })),
    });
  }
  for (const { timestamp: at, instant, report } of reports.filter(isTimed)) {
    const name = readingInstant(instant);
    const i = told.findIndex((occasion) => occasion.name === name);
    if (i >= 0) told[i] = { ...told[i]!, report };
    else told.push({ name, at, instant, status: 'final', strips: [], told: [], report });
  }
  return told;
}

/** A short digest of anything told. */
export const digest = (told: unknown): string => hash('sha256', JSON.stringify(told), 'base64url').slice(0, 22);

/** What makes a value another one. */
const sayingOf = ({ term: { name: _name, ...said } }: Item): string => JSON.stringify(said);

const keyOfTerm = ({ term, channel }: Item): string =>
  `${term.code}|${term.instance ?? ''}|${isMdc(term) ? '' : (channel ?? '')}`;

export interface News {
  /** All values of the occasion, as they will be kept. */
  readonly items: ReadonlyMap<string, Item>;
  readonly added: readonly string[];
  readonly changed: readonly string[];
  readonly refused: readonly { readonly key: string; readonly item: Item; readonly fault: Fault }[];
  /** All refusals, as they will be kept. */
  readonly refusals: Readonly<Record<string, string>>;
  readonly duplicates: number;
}

/** Holds what is told of an occasion against what is kept of it. */
export function newsOf({ told }: Pick<Occasion, 'told'>, kept: KeptOccasion | undefined): News {
  const items = new Map<string, Item>(Object.entries(kept?.items ?? {}));
  const fresh = new Set<string>();
  const added: string[] = [];
  const changed: string[] = [];
  const refused: News['refused'][number][] = [];
  const refusals: Record<string, string> = { ...kept?.refused };
  let duplicates = 0;
  for (const item of told) {
    let key = keyOfTerm(item);
    const known = items.get(key);
    const isAnother =
      known !== undefined &&
      sayingOf(known) !== sayingOf(item) &&
      // Two readings of one kind at one instant, by their ids; or a term that is told twice.
      (item.id === undefined ? fresh.has(key) : known.id !== undefined && known.id !== item.id);
    if (isAnother) key = `${key}~${item.id ?? digest(sayingOf(item))}`;
    const before = items.get(key);
    if (before && sayingOf(before) === sayingOf(item)) {
      duplicates++;
      fresh.add(key);
      continue;
    }
    const fault = faultOf(item.term);
    if (fault) {
      const saying = digest(sayingOf(item));
      if (refusals[key] === saying) duplicates++;
      else refused.push({ key, item, fault });
      refusals[key] = saying;
      continue;
    }
    if (before) changed.push(key);
    else added.push(key);
    items.set(key, item);
    fresh.add(key);
  }
  return { items, added, changed, refused, refusals, duplicates };
}
