/** docs/life-of-a-request.md names the real hops: every file is there, and has the function in it. */
import { describe, expect, it } from '@jest/globals';
import { codeOf, filesBelow, textOf } from '../support/sources.ts';

const page = textOf('docs/life-of-a-request.md');
const hops = [...page.matchAll(/`((?:[a-z0-9-]+\/)*[a-z0-9-]+\.ts)(?::(\w+))?`/g)].map(([, file, name]) => ({
  file: `src/${file}`,
  name,
}));
const files = new Set(filesBelow('src', '.ts'));

/** A function, a constant or an interface of the file, also one inside a function. */
const defines = (file: string, name: string): boolean =>
  new RegExp(`\\b(?:function\\*?|const|interface) ${name}\\b`).test(codeOf(file));

describe('The life of a request', () => {
  it('goes through files that there are', () => {
    expect(hops.length).toBeGreaterThan(50);
    expect(hops.filter(({ file }) => !files.has(file))).toEqual([]);
  });

  it('goes through functions that stand in those files', () => {
    expect(hops.filter(({ file, name }) => name !== undefined && files.has(file) && !defines(file, name))).toEqual([]);
  });

  it('takes eight hops or fewer, and is told on one page', () => {
    expect(page.split('\n').filter((line) => /^(?:9|\d\d)\. /.test(line))).toEqual([]);
    expect(page.split('\n').length).toBeLessThanOrEqual(121);
  });
});
