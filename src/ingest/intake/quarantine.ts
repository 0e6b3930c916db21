/** What came in and could not be taken in, kept until somebody decides: nothing is thrown away. docs/storage.md */
import { hash } from 'node:crypto';
import type { Change, Kept, Store } from '../../store/store.ts';

export const quarantineKind = 'quarantine';

export type QuarantineCode =
  | 'no-patient'
  | 'no-device'
  | 'unreadable'
  | 'implausible'
  | 'unmapped'
  | 'conflict'
  | 'refused';

export interface Quarantined {
  readonly feed: string;
  /** When it came, in milliseconds. */
  readonly at: number;
  readonly code: QuarantineCode;
  /** A sentence, without a value of the payload. */
  readonly reason: string;
  /** `DocumentReference/1` of what came. */
  readonly raw?: string;
  /** The row of it, as sent. */
  readonly row?: unknown;
  readonly device?: string;
  readonly patient?: string;
  readonly state: 'open' | 'taken-in' | 'discarded';
}

/** The same for the same thing, so that what is sent again is quarantined once. Begins with the feed; may stand in a URL. */
export const quarantineId = (feed: string, ...what: readonly unknown[]): string =>
  `${feed}.${hash('sha256', JSON.stringify(what), 'hex').slice(0, 32)}`;

/** `expect`: the revision that was seen, or 'absent'; left out where nobody else can have touched it. */
export const quarantineChange = (id: string, value: Quarantined, expect?: number | 'absent'): Change => ({
  op: 'put',
  kind: quarantineKind,
  key: id,
  value,
  ...(expect === undefined ? {} : { expect }),
});

/** One as it is kept. */
export interface QuarantineRow extends Quarantined {
  readonly id: string;
  readonly revision: number;
}

/** Takes in again what was quarantined, with the payload as it came or as somebody repaired it. Each feed registers one. Throws where that cannot be done yet. */
export type Retry = (one: QuarantineRow, payload: Uint8Array) => Promise<void>;

const rowOf = ({ key, value, revision }: Kept): QuarantineRow => ({ ...(value as Quarantined), id: key, revision });

type Look = Pick<Store, 'get'>;

/** Those of these ids that nobody has decided yet. */
export async function openRows(store: Look, ids: readonly string[]): Promise<readonly QuarantineRow[]> {
  const kept = ids.length === 0 ? [] : await store.get(quarantineKind, ids);
  return kept.flatMap((one) => (one?.value.state === 'open' ? [rowOf(one)] : []));
}

/** Says what became of it; a conflict where somebody else has meanwhile. */
export const decision = ({ id, revision, ...one }: QuarantineRow, state: Quarantined['state']): Change =>
  quarantineChange(id, { ...one, state }, revision);

/** Quarantines what was not yet, whatever was decided of it; each once, also where it is named twice. */
export async function quarantineNew(
  store: Look,
  rows: readonly (readonly [id: string, row: Quarantined])[],
): Promise<readonly Change[]> {
  const distinct = [...new Map(rows)];
  const kept =
    distinct.length === 0
      ? []
      : await store.get(
          quarantineKind,
          distinct.map(([id]) => id),
        );
  return distinct.flatMap(([id, row], at) => (kept[at] === undefined ? [quarantineChange(id, row, 'absent')] : []));
}

export interface Quarantine {
  /** By feed, then by id; those after the id `after`. At most `limit`. */
  list(feed?: string, after?: string, limit?: number): Promise<readonly QuarantineRow[]>;
  get(id: string): Promise<QuarantineRow | undefined>;
}

export const createQuarantine = (store: Pick<Store, 'list' | 'get'>): Quarantine => ({
  async list(feed, after, limit = 100) {
    const prefix = feed === undefined ? '' : `${feed}.`;
    const from = after === undefined ? prefix : `${after}\u0000`;
    const kept = await store.list(quarantineKind, from, limit);
    return kept.filter(({ key }) => key.startsWith(prefix)).map(rowOf);
  },
  async get(id) {
    const [kept] = await store.get(quarantineKind, [id]);
    return kept && rowOf(kept);
  },
});
