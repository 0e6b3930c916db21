/** Turns the query tree into a condition in SQL on one row: equalities in `entry`, chains and words below EXISTS, the rest as a look at the block. */
import type { Criterion } from '../../search/query.ts';
import { aimFor, linkLook } from './aims.ts';
import { type Compiling, equality, join, type Piece, piece } from './compile.ts';
import { deniedTo } from './denials.ts';
import { type Look, lookFor } from './looks.ts';
import { tokenOf, valuesOfToken } from './words.ts';

/** The row that a condition is about: where its pk stands, and the name of its row of `resource`. */
export interface Subject {
  readonly pk: string;
  readonly row: string;
  /** How many chains lead here; names the rows of the next one. */
  readonly depth: number;
}
/** The candidates of a search. */
export const candidate: Subject = { pk: 'c.pk', row: 'r', depth: 0 };

/** Trees with more leaves than this are held against the entries in one call, so that no SQL grows without bounds. */
const LEAVES = 40;

/** True when every part of the criterion can be told from the block of one resource. */
export const isPlain = (criterion: Criterion): boolean => {
  switch (criterion.is) {
    case 'all':
    case 'any':
      return criterion.of.every(isPlain);
    case 'not':
      return isPlain(criterion.of);
    default:
      return criterion.is !== 'word' && criterion.is !== 'refers' && criterion.is !== 'referred';
  }
};

/** The criterion as a condition on the subject; names its row of `resource` where it looks closer. */
export function condition(criterion: Criterion, compiling: Compiling, subject: Subject = candidate): Piece {
  switch (criterion.is) {
    case 'all':
    case 'any': {
      if (criterion.of.length === 0) return piece(criterion.is === 'all' ? '1' : '0');
      if (leavesOf(criterion, LEAVES) <= LEAVES) return joined(criterion.is, criterion.of, compiling, subject);
      const plain = criterion.of.filter(isPlain);
      const others = criterion.of.filter((part) => !plain.includes(part));
      if (others.length === 0) return looked(criterion, compiling, subject);
      const parts = plain.length > 0 ? [{ is: criterion.is, of: plain }, ...others] : others;
      return joined(criterion.is, parts, compiling, subject);
    }
    case 'not': {
      const having = compiling.denials.get(criterion);
      if (having !== undefined) return deniedTo(having, subject.pk);
      if (isPlain(criterion) && leavesOf(criterion, LEAVES) > LEAVES) return looked(criterion, compiling, subject);
      const part = condition(criterion.of, compiling, subject);
      return piece(`NOT ${part.sql}`, ...part.values);
    }
    case 'refers':
    case 'referred': {
      const keys = compiling.links.get(criterion);
      if (keys)
        return look(linkLook(criterion, keys, compiling.type, compiling.connection.hashing), compiling, subject);
      return criterion.is === 'refers'
        ? refers(criterion, compiling, subject)
        : referred(criterion, compiling, subject);
    }
    case 'word':
      return word(criterion, compiling, subject);
    default: {
      const equal = equality(criterion, compiling.connection.hashing);
      if (!equal) return looked(criterion, compiling, subject);
      const { pk } = subject;
      return piece(`EXISTS (SELECT 1 FROM entry x WHERE x.hash = ? AND x.sort = ? AND x.pk = ${pk})`, ...equal);
    }
  }
}

function joined(is: 'all' | 'any', of: readonly Criterion[], compiling: Compiling, subject: Subject): Piece {
  const parts = of.map((part) => condition(part, compiling, subject));
  const { sql, values } = join(parts, is === 'all' ? ' AND ' : ' OR ');
  return piece(`(${sql})`, ...values);
}

const looked = (criterion: Criterion, compiling: Compiling, subject: Subject): Piece =>
  look(lookFor(compiling.type, criterion, compiling.connection.hashing), compiling, subject);

function look(one: Look, { connection }: Compiling, { row }: Subject): Piece {
  const { looks } = connection.called;
  looks.push(one);
  return piece(`look(${row}.entries, ${row}.key, ?)`, looks.length - 1);
}

/** One of the resources that the subject points to is alive and fulfils the criterion. */
function refers(criterion: Extract<Criterion, { is: 'refers' }>, compiling: Compiling, { row, depth }: Subject): Piece {
  const { aims } = compiling.connection.called;
  // Its number before those of the steps inside.
  const { name, type, byCanonical } = criterion;
  const aim = aims.push(aimFor(name, type, compiling.connection.hashing, byCanonical)) - 1;
  const target = `r${depth + 1}`;
  const inner = { pk: `${target}.pk`, row: target, depth: depth + 1 };
  const where = condition(criterion.where, { ...compiling, type: criterion.type }, inner);
  const called = byCanonical
    ? piece(
        `${target}.pk IN (SELECT k.pk FROM resource k WHERE k.key = j.value UNION ALL SELECT n.pk FROM entry n WHERE n.hash = canonical_hash(?, j.value) AND n.sort = 0)`,
        type,
      )
    : piece(`${target}.key = j.value`);
  return piece(
    `EXISTS (SELECT 1 FROM json_each(targets(${row}.refs, ${row}.entries, ?)) j CROSS JOIN resource ${target} ON ${called.sql} WHERE deadline(${target}.pk) AND ${target}.gone = 0 AND ${where.sql})`,
    aim,
    ...called.values,
    ...where.values,
  );
}

/** One of the resources that point to the subject fulfils the criterion. */
function referred(
  criterion: Extract<Criterion, { is: 'referred' }>,
  compiling: Compiling,
  { row, depth }: Subject,
): Piece {
  const [entry, source] = [`e${depth + 1}`, `r${depth + 1}`];
  const inner = { pk: `${entry}.pk`, row: source, depth: depth + 1 };
  const where = condition(criterion.where, { ...compiling, type: criterion.type }, inner);
  const { name, lanes, byCanonical } = criterion;
  const pointing = byCanonical
    ? `${entry}.hash IN (SELECT value FROM json_each(link_hashes(?, ${row}.key, ${row}.refs)))`
    : `${entry}.hash = key_hash(?, ${row}.key)`;
  // All that points here, or what stands in its lanes alone.
  const [hash, asked] = lanes
    ? [
        `${entry}.hash IN (SELECT value FROM json_each(lane_hashes(${row}.key, ?)))`,
        JSON.stringify([lanes.before, lanes.after]),
      ]
    : [`${pointing} AND ${entry}.sort = 0`, name];
  const joining = where.sql.includes(`${source}.`)
    ? ` CROSS JOIN resource ${source} ON ${source}.pk = ${entry}.pk`
    : '';
  return piece(
    `EXISTS (SELECT 1 FROM entry ${entry}${joining} WHERE ${hash} AND deadline(${entry}.pk) AND ${where.sql})`,
    asked,
    ...where.values,
  );
}

function word(criterion: Extract<Criterion, { is: 'word' }>, { connection }: Compiling, { pk }: Subject): Piece {
  const values = valuesOfToken(tokenOf(criterion.name, criterion.word, connection.hashing));
  return piece(
    `(EXISTS (SELECT 1 FROM words w WHERE w.rowid = ${pk} AND words MATCH ?) OR EXISTS (SELECT 1 FROM fresh_words f WHERE f.pk = ${pk} AND instr(f.tokens, ?) > 0))`,
    ...values,
  );
}

/** Leaves of the tree, counted no further than `enough`; a deep nest counts as many. */
function leavesOf(criterion: Criterion, enough: number, depth = 0): number {
  if (depth > 50) return enough + 1;
  if (criterion.is === 'not') return leavesOf(criterion.of, enough, depth + 1);
  if (criterion.is !== 'all' && criterion.is !== 'any') return 1;
  let leaves = 0;
  for (const part of criterion.of) {
    leaves += leavesOf(part, enough - leaves, depth + 1);
    if (leaves > enough) break;
  }
  return leaves;
}
