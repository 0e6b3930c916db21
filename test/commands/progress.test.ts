/** What a long command shows while it works. */
import { describe, expect, it } from '@jest/globals';
import { createProgress } from '../../src/commands/progress.ts';

/** What is written when so many of 10,000 are done after so many ms. */
function written(out: { isTTY?: boolean; columns?: number }, steps: readonly (readonly [ms: number, done: number])[]) {
  const texts: string[] = [];
  let now = 0;
  const progress = createProgress({ ...out, write: (text) => texts.push(text) }, () => now);
  for (const [ms, done] of steps) {
    now = ms;
    progress.show('imported', done, 10_000);
  }
  progress.clear();
  return texts;
}

describe('Progress', () => {
  it('is a bar with rate and time left where somebody watches, and goes away at the end', () => {
    const texts = written({ isTTY: true, columns: 80 }, [
      [1_000, 0],
      [1_050, 100],
      [2_000, 2_500],
      [3_000, 5_000],
    ]);
    expect(texts).toEqual([
      `\r\x1b[2Kimported [${'#'.repeat(7)}${'.'.repeat(19)}]  25%  2,500 of 10,000  2,500/s  3 s left`,
      `\r\x1b[2Kimported [${'#'.repeat(13)}${'.'.repeat(13)}]  50%  5,000 of 10,000  2,500/s  2 s left`,
      '\r\x1b[2K',
    ]);
  });

  it('is a plain line now and then where nobody does', () => {
    const texts = written({}, [
      [0, 0],
      [2_000, 1_000],
      [6_000, 3_000],
      [7_000, 9_000],
    ]);
    expect(texts).toEqual(['imported 30%  3,000 of 10,000  500/s  14 s left\n']);
  });

  it('never tells more than all, however rough the number was', () => {
    const texts = written({ isTTY: true, columns: 20 }, [
      [0, 0],
      [1_000, 20_000],
    ]);
    expect(texts[0]).toBe('\r\x1b[2Kimported 100%  20,000 of 20,000  20,000/s  0 s left');
  });
});
