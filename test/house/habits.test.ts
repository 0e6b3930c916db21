/** Habits of the house that a program can check: headers, one reader of the environment, one clock, settings documented. */
import { describe, expect, it } from '@jest/globals';
import { settings } from '../../src/config.ts';
import { codeOf, filesBelow, textOf } from '../support/sources.ts';

const sources = [...filesBelow('src', '.ts'), ...filesBelow('mappings', '.ts')];

/** `file:line` of every line of code that matches, outside the files that may. */
const found = (pattern: RegExp, ...allowed: readonly string[]): readonly string[] =>
  sources
    .filter((path) => !allowed.some((place) => path.startsWith(place)))
    .flatMap((path) =>
      codeOf(path)
        .split('\n')
        .flatMap((line, index) => (pattern.test(line) ? [`${path}:${index + 1}`] : [])),
    );

describe('Every source file', () => {
  it('says in its first line what it is', () => {
    expect(sources.length).toBeGreaterThan(20);
    expect(sources.filter((path) => !/^\/\*\*(?: \S|$)/m.test(textOf(path).split('\n', 1)[0]!))).toEqual([]);
  });

  it('holds about 300 lines at most', () => {
    expect(sources.filter((path) => textOf(path).split('\n').length > 340)).toEqual([]);
  });

  it('leaves the environment to config.ts', () => {
    expect(found(/\bprocess\.env\b/, 'src/config.ts')).toEqual([]);
  });

  it('takes the time from the runtime', () => {
    expect(found(/\bDate\.now\b|\bnew Date\(\s*\)|(?<!new )\bDate\(\)/, 'src/runtime.ts')).toEqual([]);
  });

  it('takes chance from the runtime', () => {
    const chance = /\bMath\.random\b|\brandom(?:Bytes|UUID|Int|Fill|FillSync)\b|\bgetRandomValues\b/;
    expect(found(chance, 'src/runtime.ts')).toEqual([]);
  });

  it('writes to the console only where a person typed a command', () => {
    expect(found(/\bconsole\./, 'src/main.ts', 'src/commands/', 'src/demo')).toEqual([]);
  });

  it('leaves nothing for later', () => {
    const words = new RegExp(
      `\\b(?:${['TO', 'FIX', 'XX'].map((half, at) => half + ['DO', 'ME', 'X'][at]).join('|')})\\b`,
    );
    expect(sources.filter((path) => words.test(textOf(path)))).toEqual([]);
  });

  it('belongs to no room called utils, helpers, common, services or manager', () => {
    expect(sources.filter((path) => /\b(?:utils?|helpers?|common|services?|managers?)\b/.test(path))).toEqual([]);
  });
});

describe('What a file exports', () => {
  it('is a value that some other file uses', () => {
    const places = ['src', 'mappings', 'test', 'bench', 'scripts'];
    const readers = places.flatMap((place) => [...filesBelow(place, '.ts'), ...filesBelow(place, '.mjs')]);
    const words = new Map(readers.map((path) => [path, new Set(textOf(path).match(/\w+/g))]));
    const unused = sources.flatMap((path) =>
      [...codeOf(path).matchAll(/^export (?:async )?(?:const|function\*?|class|let) (\w+)/gm)]
        .map(([, name]) => name!)
        .filter((name) => !readers.some((reader) => reader !== path && words.get(reader)!.has(name)))
        .map((name) => `${path}: ${name}`),
    );
    expect(unused).toEqual([]);
  });
});

describe('docs/configuration.md', () => {
  const rows = textOf('docs/configuration.md')
    .split('\n')
    .filter((line) => /^\| `[A-Z_]+` \|/.test(line))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
  const inCode = (text: string) => (text === '' ? '' : `\`${text}\``);

  it('lists exactly the settings of config.ts, with defaults, aliases and meaning', () => {
    const table = settings.map(({ name, fallback, aliases, meaning }) => [
      inCode(name),
      inCode(fallback),
      aliases.map(inCode).join(', '),
      meaning,
    ]);
    expect(rows).toEqual(table);
  });
});
