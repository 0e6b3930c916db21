/** What a search denies and few resources have, labels mostly: those are told once, so that no index is asked for each row. */
import type { Criterion } from '../../search/query.ts';
import { equality, piece } from './compile.ts';
import type { Connection, Row } from './connection.ts';

/** The pks of those that have what is denied; of denials that are not here an index tells. */
export type Denials = ReadonlyMap<Criterion, readonly number[]>;

/** More than so many are asked about one by one. */
const FEW = 32;
/** Most alternatives of one denial, and most denials of one search, that are looked up. */
const MOST = 10;

export function denialsIn(parts: readonly Criterion[], connection: Connection): Denials {
  const found = new Map<Criterion, readonly number[]>();
  const visit = (criterion: Criterion): void => {
    if (criterion.is === 'all' || criterion.is === 'any') criterion.of.forEach(visit);
    else if (criterion.is === 'not' && found.size < MOST) {
      const having = havingAny(criterion.of, connection);
      if (having !== undefined) found.set(criterion, having);
    }
  };
  parts.forEach(visit);
  return found;
}

function havingAny(denied: Criterion, { sql, hashing }: Connection): readonly number[] | undefined {
  const keys = denied.is === 'any' ? denied.of : [denied];
  const equals = keys
    .flatMap((key) => (key.is === 'key' ? [equality(key, hashing)] : []))
    .filter((one) => one !== undefined);
  if (equals.length !== keys.length || keys.length > MOST) return undefined;
  const pks: number[] = [];
  for (const equal of equals) {
    const rows = sql(`SELECT pk FROM entry WHERE hash = ? AND sort = ? LIMIT ${FEW + 1}`).all(
      ...equal,
    ) as unknown as Row[];
    for (const [pk] of rows) pks.push(pk);
    if (pks.length > FEW) return undefined;
  }
  return pks;
}

/** The denial as a condition on a row with this pk; a set built from a list of its own takes longer than a short page. */
export const deniedTo = (having: readonly number[], pk: string) =>
  having.length === 0 ? piece('1') : piece(`${pk} NOT IN (${having.map(() => '?').join()})`, ...having);
