/** Short words for what the tests of the store write. */
import { keyOf, type ResourceKey } from '../../src/fhir/references.ts';
import { type Criterion, type IndexEntries, noEntries, type SearchQuery } from '../../src/search/query.ts';
import type { AuditRow, Change, GappedText, StoredChange } from '../../src/store/store.ts';

export const key = (reference: string): ResourceKey => keyOf(reference)!;

interface Draft {
  readonly index?: IndexEntries;
  readonly text?: GappedText;
  /** Stands in the text. */
  readonly mark?: string;
  readonly method?: 'POST' | 'PUT' | 'PATCH';
  readonly expect?: 'absent' | 'any' | { readonly versionId: number };
}

export const save = (reference: string, draft: Draft = {}): Change => {
  const { index = noEntries, mark = '', method = 'PUT', expect = 'any' } = draft;
  const text = draft.text ?? [`{"resourceType":"${key(reference).type}","meta":{`, `},"mark":"${mark}"}`];
  return { op: 'write', key: key(reference), method, text, index, expect };
};

export const tombstone = (reference: string, expect: 'any' | { versionId: number } = 'any'): Change => ({
  op: 'write',
  key: key(reference),
  method: 'DELETE',
  index: noEntries,
  expect,
});

/** A search for Tasks. */
export const ask = (where: Criterion, more: Partial<SearchQuery> = {}): SearchQuery => ({
  type: 'Task',
  where,
  sort: [],
  count: 1_000,
  total: 'none',
  includes: [],
  ...more,
});
export const everything: Criterion = { is: 'all', of: [] };
export const entries = (some: Partial<IndexEntries>): IndexEntries => ({ ...noEntries, ...some });
export const points = (...references: readonly (readonly [name: string, target: string])[]): IndexEntries =>
  entries({ references: references.map(([name, target]) => ({ name, target })) });

export const auditRow = (row: Partial<AuditRow> = {}): AuditRow => ({
  at: 1,
  who: 'Client/admin',
  key: '',
  interaction: 'read',
  action: 'R',
  target: 'Patient/1',
  patients: '',
  status: 200,
  requestId: 'r',
  address: '127.0.0.1',
  query: '',
  reason: '',
  ...row,
});

/** The code of the problem that a promise is refused with, or 'fulfilled'. */
export const refusal = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'fulfilled',
    (error: { code?: string; message: string }) => error.code ?? error.message,
  );

/** The first so many, or fewer when it ends before. */
export async function take(changes: AsyncIterable<StoredChange>, count: number): Promise<StoredChange[]> {
  const taken: StoredChange[] = [];
  for await (const change of changes) {
    taken.push(change);
    if (taken.length === count) break;
  }
  return taken;
}

/** Gives up after half a minute, so that what does not come fails its test and not the run. */
export const noPatience = (): AbortSignal => AbortSignal.timeout(30_000);
