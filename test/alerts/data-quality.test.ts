import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Quarantined, quarantineChange, quarantineId } from '../../src/ingest/intake/quarantine.ts';
import { type ImplantsHouse, openImplantsHouse } from '../support/implants-house.ts';

let house: ImplantsHouse;
beforeAll(async () => {
  house = await openImplantsHouse('sqlite');
}, 60_000);
afterAll(() => house.stop());

let count = 0;
/** Puts one row aside, as every feed does. */
function putAside(feed: string, more: Partial<Quarantined> = {}) {
  const row: Quarantined = {
    feed,
    at: Date.now(),
    code: 'implausible',
    reason: 'The value is outside of what can be',
    state: 'open',
    ...more,
  };
  return house.takeIn(feed, [], [quarantineChange(quarantineId(feed, ++count), row, 'absent')]);
}
const open = async (query = '') => house.search('Task', `code=data-quality&status=requested${query}`);
const about = (device: string) => ({ device: `Device/${device}` });

describe('What a feed puts aside', () => {
  it('is told once for each feed and device, to those who look after feeds and not to nurses (0-112)', async () => {
    await house.write({ resourceType: 'Device', id: 'one' });
    for (let i = 0; i < 20; i++) await putAside('medtronic', about('one'));
    await putAside('abbott', about('one'));
    const tasks = await open('&subject=Device/one');
    const [issue] = await house.search('DetectedIssue', `_id=${tasks[0].reasonReference.reference.split('/')[1]}`);

    expect(tasks).toHaveLength(2);
    expect(tasks[0]).toMatchObject({ priority: 'routine', focus: { reference: 'Device/one' } });
    expect(await house.search('Flag')).toEqual([]);
    expect(await house.search('Task', 'code=alert-review')).toEqual([]);
    expect(issue).toMatchObject({
      severity: 'low',
      contained: [{ resourceType: 'OperationOutcome', issue: [{ code: 'invalid' }] }],
      implicated: [{ reference: 'Device/one' }],
    });
    expect(issue.patient).toBeUndefined();
  });

  it('is told anew when somebody was done with the Task', async () => {
    const feed = 'biotronik';
    await putAside(feed);
    const [task] = (await open()).filter(({ description }: any) => description.includes(feed));
    await house.write({ ...task, status: 'completed' });
    await putAside(feed);
    await putAside(feed);
    const all = (await house.search('Task', 'code=data-quality')).filter(({ description }: any) =>
      description.includes(feed),
    );

    expect(all.map(({ status }: any) => status).sort()).toEqual(['completed', 'requested']);
  });

  it('is kept, each row of it, when many come at once, and told once', async () => {
    const feed = 'boston-scientific';
    const all = await Promise.allSettled(Array.from({ length: 20 }, () => putAside(feed, about('one'))));
    const rows = await house.store.list('quarantine', `${feed}.`, 100);

    expect(all.filter(({ status }) => status === 'rejected')).toEqual([]);
    expect(rows.filter(({ key }) => key.startsWith(`${feed}.`))).toHaveLength(20);
    expect((await open()).filter(({ description }: any) => description.includes(feed))).toHaveLength(1);
  });
});
