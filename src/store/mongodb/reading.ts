/** One reading of `resource`, in one session and within one deadline: every question of a search goes through here. */
import type { Binary, ClientSession, Document, Sort } from 'mongodb';
import { keyOf } from '../../fhir/references.ts';
import type { Criterion } from '../../search/query.ts';
import type { Considered } from '../explanation.ts';
import type { Place, Placed } from '../paging.ts';
import type { Version } from '../store.ts';
import { type Deadline, leftOf } from './deadline.ts';
import type { ReferencePart, ResourceDocument } from './document.ts';
import type { Parts } from './parts.ts';
import { bodyOf } from './schema.ts';

/** A question to the database, for whoever explains a search. */
export interface Question {
  readonly filter?: Document;
  readonly sort?: Sort;
  readonly limit?: number;
  readonly projection?: Document;
  readonly pipeline?: readonly Document[];
}
export type Step =
  | ({ readonly is: 'asked' } & Question)
  | { readonly is: 'read'; readonly type: string; readonly way: 'stream' | 'gather'; readonly by?: string }
  | ({ readonly is: 'followed'; readonly part: Criterion } & Omit<Considered, 'by'>);

/** How far chains are followed in one go. */
export interface Reach {
  /** Resources that a chain may lead to and be followed first: at once, and when a part of the candidates did not fill the page. */
  readonly few: number;
  readonly many: number;
  /** Candidates looked at before chains to many are followed. */
  readonly taste: number;
  /** Most candidates in one batch, and most that point to those and are looked at together. */
  readonly batch: number;
}
export const usualReach: Reach = { few: 1_000, many: 10_000, taste: 2_000, batch: 1_000 };

export interface Reading extends Deadline {
  readonly parts: Parts;
  readonly session: ClientSession | undefined;
  /** Far conditions that are known; see chains.ts. */
  readonly links: Map<Criterion, readonly string[]>;
  /** Far conditions that lead to more than so many. */
  readonly beyond: Map<Criterion, number>;
  readonly reach: Reach;
  readonly note?: ((step: Step) => void) | undefined;
}

/** Hashes are compared, so they stay what they are. */
const asStored = { promoteLongs: false } as const;

export async function find(
  reading: Reading,
  filter: Document,
  { sort, limit, projection }: Omit<Question, 'filter' | 'pipeline'>,
): Promise<Document[]> {
  const { parts, session, signal, note } = reading;
  note?.({
    is: 'asked',
    filter,
    ...(sort && { sort }),
    ...(limit !== undefined && { limit }),
    ...(projection && { projection }),
  });
  const cursor = parts.collections.resource.find<Document>(filter, {
    ...asStored,
    ...(session && { session }),
    ...(signal && { signal }),
    ...(sort && { sort }),
    ...(projection && { projection }),
    ...(limit !== undefined && { limit, batchSize: limit + 1 }),
    maxTimeMS: leftOf(reading, parts.runtime),
  });
  return cursor.toArray();
}

/** What a pipeline yields, one by one where nobody wants all of it at once. */
export async function* through(reading: Reading, pipeline: Document[]): AsyncGenerator<Document> {
  const { parts, session, signal, note } = reading;
  note?.({ is: 'asked', pipeline });
  const cursor = parts.collections.resource.aggregate<Document>(pipeline, {
    ...asStored,
    ...(session && { session }),
    ...(signal && { signal }),
    batchSize: 1_000,
    maxTimeMS: leftOf(reading, parts.runtime),
  });
  try {
    for await (const document of cursor) {
      leftOf(reading, parts.runtime);
      yield document;
    }
  } finally {
    await cursor.close();
  }
}

export async function aggregate(reading: Reading, pipeline: Document[]): Promise<Document[]> {
  const all: Document[] = [];
  for await (const document of through(reading, pipeline)) all.push(document);
  return all;
}

/** What a page needs of a resource. */
export type Row = Pick<ResourceDocument, '_id' | 'p'> &
  Partial<Pick<ResourceDocument, 'v' | 'u' | 'm' | 'b' | 'refs' | 'c'>> & {
    /** Of the sort keys. */
    readonly values: Place['values'];
  };

export const placed: Placed<Place> = { valueAt: ({ values }, key) => values[key]!, numberOf: ({ p }) => p };

const light = { _id: 1, p: 1 } as const;
const whole = { ...light, v: 1, u: 1, m: 1, b: 1 } as const;
const ties = { refs: 1, c: 1 } as const;

/** `bodies` to be shown, `ties` to be followed. */
export interface Wanted {
  readonly bodies: boolean;
  readonly ties: boolean;
}
export const fieldsOf = (wanted: Wanted): Document => ({
  ...(wanted.bodies ? whole : light),
  ...(wanted.ties && ties),
});

export const versionOf = (row: Document): Version => ({
  key: keyOf(row['_id'])!,
  versionId: Number(row['v']),
  lastUpdated: Number(row['u']),
  method: row['m'],
  text: bodyOf(row['b'] as Binary | undefined),
});

/** What a resource points to under the name, under any where that is left out. */
export const aimsOf = (refs: readonly ReferencePart[] = [], name: ReferencePart['n'] | undefined): readonly string[] =>
  (name === undefined ? refs : refs.filter(({ n }) => name.equals(n))).map(({ k }) => k);
