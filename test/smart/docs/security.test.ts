/** docs/security.md names for each promise a test, and every one that it names is there. */
import { existsSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { textOf } from '../../support/sources.ts';

const page = textOf('docs/security.md');
const root = new URL('../../../', import.meta.url);

/** Path and sentence of each test that is named; without a sentence the whole file is meant. */
const named = [...page.matchAll(/`(test\/[^`]+)`((?:(?:: |, )"[^"]+")*)/g)].flatMap(([, path, sentences]) => {
  const told = [...sentences!.matchAll(/"([^"]+)"/g)].map(([, sentence]) => sentence!);
  return told.length > 0 ? told.map((sentence) => ({ path: path!, sentence })) : [{ path: path!, sentence: '' }];
});

describe('docs/security.md', () => {
  it('names tests that are there, by the sentences that stand in them', () => {
    expect(named.length).toBeGreaterThan(80);
    const missing = named.filter(
      ({ path, sentence }) => !existsSync(new URL(path, root)) || !textOf(path).includes(sentence),
    );
    expect(missing).toEqual([]);
  });

  it('has a row with a test for every attack, or says that it is not here yet', () => {
    const rows = new Map(
      [...page.matchAll(/^\| ([OI]\d+) \| .* \| (.*) \|$/gm)].map(([, name, tests]) => [name!, tests!]),
    );
    const later = page.slice(page.indexOf('## Not here yet'));
    const attacks = [...Array.from({ length: 38 }, (_, i) => `O${i + 1}`), 'I41', 'I51', 'I54'];
    const unanswered = attacks.filter((name) => !rows.get(name)?.includes('`test/') && !later.includes(name));
    expect(unanswered).toEqual([]);
  });

  it('has a test for every promise', () => {
    const promises = [...page.matchAll(/^\| promise \| test \|\n.*\n((?:\|.*\n)+)/gm)].flatMap(([, rows]) =>
      rows!.trim().split('\n'),
    );
    expect(promises.length).toBeGreaterThan(10);
    expect(promises.filter((row) => !row.includes('`test/'))).toEqual([]);
  });
});
