/** Numbers the events of each Subscription: 1, 2, 3 ..., one for each version, also where the version log hands one over twice. */
import { createHash } from 'node:crypto';
import { referenceTo } from '../fhir/references.ts';
import type { Change, Store, Version } from '../store/store.ts';
import { type KeptCounter, kinds, put } from './kept.ts';
import type { Span } from './waiting.ts';

export interface Numbers {
  /** The next number of a Subscription, or undefined where the version has one already. */
  next(id: string, version: Version): Promise<number | undefined>;
  /** What was given since the last call, and the changes that keep it. */
  given(): { readonly rows: ReadonlyMap<string, Span>; readonly puts: readonly Change[] };
}

/** Newest events of a Subscription that are known again. A log repeats the last seconds, not hours. */
const remembered = 128;

/** `doesRepeat` where the version log may hand over a version twice. */
export function createNumbers(store: Pick<Store, 'get'>, doesRepeat: boolean): Numbers {
  const counters = new Map<string, { last: number; readonly recent: string[] }>();
  let rows = new Map<string, Span>();

  async function counterOf(id: string) {
    const known = counters.get(id);
    if (known) return known;
    const [kept] = await store.get(kinds.counter, [id]);
    const { last = 0, recent = [] } = (kept?.value as KeptCounter | undefined) ?? {};
    const counter = { last, recent: [...recent] };
    counters.set(id, counter);
    return counter;
  }

  return {
    async next(id, version) {
      const counter = await counterOf(id);
      if (doesRepeat) {
        const print = fingerprint(version);
        if (counter.recent.includes(print)) return undefined;
        counter.recent.push(print);
        if (counter.recent.length > remembered) counter.recent.shift();
      }
      const number = ++counter.last;
      rows.set(id, { first: rows.get(id)?.first ?? number, last: number });
      return number;
    },
    given() {
      const puts = [...rows.keys()].map((id) => {
        const { last, recent } = counters.get(id)!;
        return put(kinds.counter, id, (doesRepeat ? { last, recent: [...recent] } : { last }) satisfies KeptCounter);
      });
      const given = { rows, puts };
      rows = new Map();
      return given;
    },
  };
}

/** 72 bits: two of a Subscription's last events never share one. */
const fingerprint = ({ key, versionId }: Version): string =>
  createHash('sha256')
    .update(`${referenceTo(key)}/${versionId}`)
    .digest('base64url')
    .slice(0, 12);
