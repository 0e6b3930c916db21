/** The client against a maker that has the faults of domain.md 2.11: each call is answered in the end, by trying again as is right for the fault. */
import { expect, it } from '@jest/globals';
import { isReadable, readReply } from '../../src/outbound/read-reply.ts';
import { secrets, visiting } from './visit-maker.ts';

it.each([
  ['token-revoked', 'tokens'],
  ['expired-mid-page', 'none'],
  ['clock-ahead', 'none'],
  ['clock-behind', 'none'],
  ['too-many-requests', 'waits'],
  ['too-many-requests-date', 'waits'],
  ['maintenance', 'waits'],
  ['server-error', 'retries'],
  ['server-errors', 'retries'],
  ['no-answer', 'retries'],
  ['slow-body', 'retries'],
  ['reset', 'retries'],
  ['truncated-json', 'retries'],
  ['html-page', 'retries'],
  ['wrong-content-type', 'none'],
  ['byte-order-mark', 'none'],
])('a maker with the fault %s answers every call in the end (%s)', async (fault, shown) => {
  const options = { maker: 'boston-scientific', faults: [fault] } as const;
  // By the clock on the wall: short where nothing comes, else so long that a busy machine is no fault of the maker.
  const isSilent = fault === 'no-answer' || fault === 'slow-body';
  const limits = isSilent ? { headers: 1_000, total: 2_000 } : {};
  const work: Parameters<typeof visiting>[2] = async ({ time, clientIn, path }) => {
    const client = clientIn('production');
    for (let i = 0; i < 40; i++) {
      const reply = await time.settle(client.call({ method: 'GET', path, isGood: isReadable }));
      expect(readReply(reply).is).toBe('read');
    }
    const { calls, failures, retries, tokens, up } = client.state();
    expect({ calls, failures, up }).toEqual({ calls: 40, failures: 0, up: true });
    expect([tokens > 1, retries > 0]).toEqual([shown === 'tokens', shown === 'retries' || shown === 'waits']);
    if (shown === 'waits') expect(Math.max(...time.slept)).toBeGreaterThanOrEqual(1_000);
  };
  await visiting(options, secrets, work, limits);
});
