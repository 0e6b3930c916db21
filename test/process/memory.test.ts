import { describe, expect, it } from '@jest/globals';
import { trimWhenQuiet } from '../../src/process/memory.ts';
import { systemRuntime } from '../../src/runtime.ts';

/** Lets `rounds` quiet times pass while `requests` counts what came in; answers how many bytes of the heap they freed. */
async function freed(rounds: number, requests: (round: number) => number): Promise<number> {
  // One piece, too large to be young: what else is collected at the same time is much less.
  let garbage: number[] | undefined = new Array(10_000_000).fill(0);
  const before = process.memoryUsage().heapUsed - garbage.length;
  garbage = undefined;
  const stop = new AbortController();
  let round = 0;
  const sleep = async () => {
    if (++round > rounds) stop.abort();
  };
  await trimWhenQuiet(() => requests(round), { ...systemRuntime, sleep }, stop.signal);
  return before - process.memoryUsage().heapUsed;
}

const MANY_BYTES = 40_000_000;

describe('Memory', () => {
  it('is given back when nobody has asked for a while after a load', async () => {
    expect(await freed(3, () => 500)).toBeGreaterThan(MANY_BYTES);
  });

  it('is left alone while requests come in, and where there were too few to matter', async () => {
    expect(await freed(3, (round) => round * 500)).toBeLessThan(MANY_BYTES);
    expect(await freed(3, () => 10)).toBeLessThan(MANY_BYTES);
  });
});
