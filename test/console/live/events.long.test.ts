/** Live events where it takes longer: over two servers, to readers that hang, and of rights that end elsewhere. docs/live-events.md */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { openBrowser } from '../../smart/pages/sign-in-house.ts';
import { describeOnMongod } from '../../support/describe-mongod.ts';
import { openHouse, type TestHouse, together } from '../../support/house.ts';
import { quickest } from '../../support/quickest.ts';
import { type TestStore, testStore } from '../../support/test-store.ts';
import { until } from '../../support/until.ts';
import { as, type EventStream, flag, openEvents } from './event-stream.ts';

const open: EventStream[] = [];
afterEach(() => {
  for (const stream of open.splice(0)) stream.close();
});
async function listen(house: TestHouse, query: string, headers = as(house.adminToken)): Promise<EventStream> {
  const stream = await openEvents(house.url, query, headers);
  open.push(stream);
  return stream;
}
const about =
  (resource: { readonly id: string }) =>
  ({ data }: EventStream['events'][number]) =>
    data.reference === `Flag/${resource.id}`;

describe('A reader that hangs', () => {
  let house: TestHouse;
  beforeAll(async () => {
    house = await openHouse();
    await house.update({ resourceType: 'Patient', id: 'p1' });
  });
  afterAll(() => house.stop());

  it('is cut within seconds and costs the others nothing; come back, it is told all that it missed, once', async () => {
    const div = `<div xmlns="http://www.w3.org/1999/xhtml">${'x'.repeat(7_000)}</div>`;
    const [hanging, well] = await together(2, () => listen(house, '?topics=device-alert'));
    const first = flag('p1');
    await house.update(first);
    await hanging!.first(about(first));
    const from = hanging!.lastId();
    hanging!.hang();
    const flags = Array.from({ length: 2_000 }, () => flag('p1', { text: { status: 'generated', div } }));
    for (let i = 0; i < flags.length; i += 100) {
      const entries = flags.slice(i, i + 100).map((resource) => ({
        resource,
        request: { method: 'PUT', url: `Flag/${resource.id}` },
      }));
      expect((await house.transaction(entries)).status).toBe(200);
    }
    await well!.first(about(flags.at(-1)!), 30);
    expect(well!.events).toHaveLength(1 + flags.length);
    // What the server had sent already is in buffers of both systems; the rest it let go.
    await new Promise((go) => setTimeout(go, 7_000));
    hanging!.resume();
    await until(hanging!.isOver);
    expect(hanging!.events.length).toBeLessThan(flags.length);

    const again = await listen(house, '?topics=device-alert', { ...as(house.adminToken), 'last-event-id': from });
    await again.first(about(flags.at(-1)!), 30);
    expect(again.events.map(({ data }) => data.reference)).toEqual(flags.map(({ id }) => `Flag/${id}`));
  });

  it('that was away for too much is told to ask for all, not for each', async () => {
    const stream = await listen(house, '?topics=device-alert');
    const before = flag('p1');
    await house.update(before);
    const { id } = await stream.first(about(before));
    stream.close();
    await house.restart();
    for (let i = 0; i < 41; i++) {
      const entries = Array.from({ length: 100 }, () => flag('p1')).map((resource) => ({
        resource,
        request: { method: 'PUT', url: `Flag/${resource.id}` },
      }));
      await house.transaction(entries);
    }

    const again = await listen(house, '?topics=device-alert', { ...as(house.adminToken), 'last-event-id': id });
    await again.first(({ event }) => event === 'reset');
    const later = flag('p1');
    await house.update(later);
    await again.first(about(later));
    expect(again.events.at(-1)!.data.reference).toBe(`Flag/${later.id}`);
  });
});

describeOnMongod('Live events of two servers on one MongoDB', () => {
  const PASSWORD = 'harbour-lantern-quilt-97';
  let store: TestStore;
  let first: TestHouse;
  let second: TestHouse;

  beforeAll(async () => {
    store = await testStore('mongodb');
    first = await openHouse({ ...store });
    second = await openHouse({ ...store });
    await first.update({ resourceType: 'Practitioner', id: 'nina' });
    await first.update({ resourceType: 'Patient', id: 'p1' });
    await first.update(team('active'));
    const user = { login: 'nina', password: PASSWORD, fhirUser: 'Practitioner/nina', roles: ['nurse'] };
    const { status, text } = await first.ask('POST', '/admin/users', user);
    if (status !== 201) throw new Error(text);
  }, 120_000);
  afterAll(async () => {
    await Promise.all([first?.stop(), second?.stop()]);
    await store?.drop();
  });

  const team = (status: string) => ({
    resourceType: 'CareTeam',
    id: 'team',
    status,
    subject: { reference: 'Patient/p1' },
    participant: [{ member: { reference: 'Practitioner/nina' } }],
  });

  it('are told at the one of what is written at the other, at once', async () => {
    const [here, there] = [await listen(first, '?topics=device-alert'), await listen(second, '?topics=device-alert')];
    let sent = 0;
    const took = await quickest(3_000, async () => {
      const [one, other] = [flag('p1'), flag('p1')];
      const begun = performance.now();
      await second.update(one);
      await first.update(other);
      sent += 2;
      const told = await Promise.all(
        [here, there].flatMap((stream) => [one, other].map((it) => stream.first(about(it)))),
      );
      return Math.max(...told.map(({ at }) => at)) - begun;
    });
    expect(took).toBeLessThan(3_000);
    expect([here.events.length, there.events.length]).toEqual([sent, sent]);
  });

  it('go on at the other server where the one stopped, with the same ids', async () => {
    const stream = await listen(first, '?topics=device-alert');
    const before = flag('p1');
    await first.update(before);
    const { id } = await stream.first(about(before));
    stream.close();
    const missed = [flag('p1'), flag('p1')];
    for (const one of missed) await first.update(one);

    const again = await listen(second, '?topics=device-alert', { ...as(second.adminToken), 'last-event-id': id });
    const later = flag('p1');
    await first.update(later);
    await again.first(about(later));
    expect(again.events.map(({ data }) => data.reference)).toEqual([...missed, later].map((one) => `Flag/${one.id}`));
  });

  it('end within five seconds of a right that ended at the other server', async () => {
    const path = `/oauth/account/sign-in/page-${Buffer.from('/cardiac/').toString('base64url')}`;
    const browser = openBrowser(second.url);
    await browser.get(path);
    await browser.post(`${path}/login`, { login: 'nina', password: PASSWORD });
    const cookie = browser.setCookies.findLast((line) => line.startsWith('watchfire='))!.split(';')[0]!;
    const stream = await listen(second, '?topics=device-alert', { cookie, accept: 'text/event-stream' });
    const hers = flag('p1');
    await first.update(hers);
    await stream.first(about(hers));
    await first.update(team('inactive'));
    await new Promise((go) => setTimeout(go, 5_000));
    const after = flag('p1');
    const admins = await listen(second, '?topics=device-alert');
    await first.update(after);
    await admins.first(about(after));
    await new Promise((go) => setTimeout(go, 500));

    expect(stream.events.filter(({ event }) => event === 'device-alert')).toHaveLength(1);
  });
});
