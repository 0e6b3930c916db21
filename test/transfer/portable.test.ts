/** What of the private state moves to another store. */
import { describe, expect, it } from '@jest/globals';
import { type Job, newJob } from '../../src/operations/kept.ts';
import { portable } from '../../src/transfer/portable.ts';

const running: Job = {
  ...newJob(['Patient', 'Observation'], 1, 'own'),
  ...{ state: 'running', started: 2, at: 1, after: ['x', 57], done: 40, of: 90, entries: 12 },
};
const job = (value: Job) => portable({ kind: 'reindex', key: 'j', value })?.value;

describe('Private state', () => {
  it('moves as it is, with the moment at which it expires', () => {
    const kept = { kind: 'subscription-secret', key: 's', value: { current: 'whsec_a' }, expires: 7 };
    expect(portable(kept)).toEqual(kept);
  });

  it.each(['lease', 'lease-owner', 'lease-check', 'cursor', 'delivery-bell', 'alert-watch', 'import'])(
    'stays where it speaks of the store alone: %s',
    (kind) => expect(portable({ kind, key: 'notifier', value: {} })).toBeUndefined(),
  );

  it('moves with the cursors of whoever else has one', () => {
    const kept = { kind: 'cursor', key: 'feed', value: 'since-yesterday' };
    expect(portable(kept)).toEqual(kept);
  });

  it('has jobs that are not over begin again, since their place is one in the index that stays', () => {
    expect(job(running)).toEqual({ ...newJob(['Patient', 'Observation'], 1, 'own') });
  });

  it('keeps what became of a job that is over, without a place', () => {
    const { after: _place, ...over } = { ...running, state: 'cancelled' as const, ended: 3 };
    expect(job({ ...running, state: 'cancelled', ended: 3 })).toEqual(over);
  });

  it('is the same when it moves once more', () => {
    const once = { kind: 'reindex', key: 'j', value: job(running) };
    expect(portable(once)).toEqual(once);
  });
});
