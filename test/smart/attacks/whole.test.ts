/** The table of attacks is whole: each number of issue 7 has rows, and docs/security.md leads to them. */
import { readdirSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { textOf } from '../../support/sources.ts';

const folder = 'test/smart/attacks/';
const files = readdirSync(new URL('.', import.meta.url)).filter((name) => name.endsWith('.test.ts'));
/** Rows by number: `['O1', 'a prefix of it', ...`, over one line or several. */
const rows = files.flatMap((name) =>
  [...textOf(folder + name).matchAll(/\[\s*'([OI]\d+)',\s*(?:'|`|attack\b)/g)].map(([, number]) => number!),
);
const numbers = [...Array.from({ length: 30 }, (_, i) => `O${i + 1}`), ...['O36', 'O37', 'O38', 'I41', 'I54']];

describe('The table of attacks', () => {
  it('has rows for every number', () => {
    expect(numbers.filter((number) => !rows.includes(number))).toEqual([]);
    expect(rows.length).toBeGreaterThan(350);
  });

  it('names no number that docs/security.md does not explain', () => {
    const page = textOf('docs/security.md');
    expect([...new Set(rows)].filter((number) => !page.includes(`| ${number} |`))).toEqual([]);
  });
});
