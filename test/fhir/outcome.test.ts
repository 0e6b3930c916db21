/** What of an error the log has to tell. */
import { describe, expect, it } from '@jest/globals';
import { isBroken, problem } from '../../src/fhir/outcome.ts';
import { refusalOf } from '../../src/interactions/bundle-answer.ts';
import { notIndexed } from '../../src/search/refusals.ts';

describe('The log', () => {
  it('is spared what passes, which the client is told to wait out', () => {
    const passing = notIndexed('A parameter', '1');
    expect([isBroken(passing), refusalOf(passing).cause]).toEqual([false, undefined]);
    expect(isBroken(problem('invalid', 'this is wrong'))).toBe(false);
  });

  it('is told what broke', () => {
    for (const broken of [
      new Error('a fault'),
      problem('no-store', 'the disk is full'),
      problem('timeout', 'too slow'),
    ])
      expect([isBroken(broken), refusalOf(broken).cause]).toEqual([true, broken]);
  });
});
