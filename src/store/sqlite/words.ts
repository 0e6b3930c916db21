/**
 * The words that resources are found by (`_text`, `_content`), as tokens of an FTS5 index that keeps no text. What is new waits
 * in `fresh_words` until there is enough of it: into the index one by one, words would cost as much as all other entries.
 * https://sqlite.org/fts5.html#contentless_delete_tables
 */
import type { WordEntry } from '../../search/query.ts';
import type { Hashing } from '../hash.ts';
import type { Connection, Row } from './connection.ts';
import { hasWords, sameWords } from './entries.ts';
import { kindOf } from './hash.ts';

/** Resources whose words wait at most. */
const FRESH = 500;

/** 53 bits of the hash of one word under its name; what it is made of only letters and digits, as FTS5 needs it. */
export function tokenOf(name: string, word: string, hashing: Hashing): string {
  hashing.mix(kindOf.word, name, word);
  return ((hashing.high & 0x1fffff) * 0x100000000 + (hashing.low >>> 0)).toString(36);
}

/** The tokens of a resource with blanks around each, or '' where it has none. */
export function tokensOf(words: readonly WordEntry[], hashing: Hashing): string {
  let tokens = '';
  let [last, known] = ['', noTokens];
  for (const { name, word } of words) {
    if (name !== last) [last, known] = [name, knownTokens(name, hashing)];
    let token = known.get(word);
    if (token === undefined) {
      token = ` ${tokenOf(name, word, hashing)}`;
      if (known.size >= MOST_KNOWN) known.clear();
      known.set(word, token);
    }
    tokens += token;
  }
  return tokens && `${tokens} `;
}

/** Most words come again: their tokens by name, for each store. */
const known = new WeakMap<Hashing, Map<string, Map<string, string>>>();
const noTokens = new Map<string, string>();
const MOST_KNOWN = 4_000;

function knownTokens(name: string, hashing: Hashing): Map<string, string> {
  let names = known.get(hashing);
  if (!names) known.set(hashing, (names = new Map()));
  let tokens = names.get(name);
  if (!tokens) names.set(name, (tokens = new Map()));
  return tokens;
}

/** Puts the words of the new version in the place of the old one's; `old` and `entries` are the blocks of both. */
export function changeWords(
  connection: Connection,
  pk: number,
  old: Uint8Array,
  entries: Uint8Array,
  tokens: string,
): void {
  if (sameWords(old, entries)) return;
  if (hasWords(old)) {
    connection.sql('DELETE FROM words WHERE rowid = ?').run(pk);
    connection.sql('DELETE FROM fresh_words WHERE pk = ?').run(pk);
  }
  if (tokens !== '') connection.sql('INSERT INTO fresh_words (pk, tokens) VALUES (?, ?)').run(pk, tokens);
}

/** Moves the fresh words into the index where many wait. For the end of a transaction that wrote some. */
export function settleWords(connection: Connection): void {
  const [waiting] = connection.sql('SELECT count(*) FROM fresh_words').get() as unknown as Row;
  if (waiting < FRESH) return;
  connection.sql('INSERT INTO words (rowid, tokens) SELECT pk, tokens FROM fresh_words ORDER BY pk').run();
  connection.sql('DELETE FROM fresh_words').run();
}

/** `SELECT` of the pks of all resources that have the token, in two parts that each take the values of `valuesOfToken`. */
export const withToken =
  'SELECT rowid AS pk FROM words WHERE words MATCH ? UNION ALL SELECT pk FROM fresh_words WHERE instr(tokens, ?) > 0';
export const valuesOfToken = (token: string): readonly [string, string] => [`"${token}"`, ` ${token} `];
