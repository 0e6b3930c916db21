/** All that a store holds, as lines in the order of an export: kept state first, since it says how the rest is indexed. */
import type { Contents } from '../store/engine.ts';
import type { HeldValue } from '../store/store.ts';
import { auditLine, keptLine, type Line, versionLine } from './lines.ts';
import { portable } from './portable.ts';

/** Where in a store a line came from; the rest is what comes after it. */
export type Place =
  | { readonly of: 'kept'; readonly after?: Pick<HeldValue, 'kind' | 'key'> }
  | { readonly of: 'versions'; readonly after?: string }
  | { readonly of: 'audit'; readonly after?: number };

export interface RecordAt {
  readonly line: Line;
  readonly place: Place;
}

/** From behind a place on. */
export async function* recordsOf(
  contents: Contents,
  from: Place = { of: 'kept' },
): AsyncGenerator<RecordAt, void, void> {
  if (from.of === 'kept') {
    for await (const held of contents.kept(from.after)) {
      const { kind, key } = held;
      const kept = portable(held);
      if (kept) yield { line: keptLine(kept), place: { of: 'kept', after: { kind, key } } };
    }
  }
  if (from.of !== 'audit') {
    for await (const held of contents.versions(from.of === 'versions' ? from.after : undefined)) {
      yield { line: versionLine(held), place: { of: 'versions', after: held.place } };
    }
  }
  for await (const row of contents.audit(from.of === 'audit' ? from.after : undefined)) {
    yield { line: auditLine(row), place: { of: 'audit', after: row.sequence } };
  }
}
