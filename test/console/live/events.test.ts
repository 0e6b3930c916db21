/** Live events over real HTTP: what is told, to whom, in which order, and what is told again. docs/live-events.md */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { openHouse, type TestHouse, together } from '../../support/house.ts';
import { quickest } from '../../support/quickest.ts';
import { until } from '../../support/until.ts';
import { as, type EventStream, flag, openEvents, priority } from './event-stream.ts';

let house: TestHouse;
const open: EventStream[] = [];

beforeAll(async () => {
  house = await openHouse();
  for (const id of ['p1', 'p2']) await house.update({ resourceType: 'Patient', id });
});
afterEach(() => {
  for (const stream of open.splice(0)) stream.close();
});
afterAll(() => house.stop());

async function listen(query: string, headers: Record<string, string> = as(house.adminToken)): Promise<EventStream> {
  const stream = await openEvents(house.url, query, headers);
  open.push(stream);
  return stream;
}
const put = async (resource: any) => {
  const answer = await house.update(resource);
  if (answer.status >= 300) throw new Error(answer.text);
  return answer;
};
/** Milliseconds until an alert is told on all of the streams, what they said of the last, and how many were sent. */
async function fastest(streams: readonly EventStream[]) {
  let told = 0;
  let events: Awaited<ReturnType<EventStream['first']>>[] = [];
  const took = await quickest(1_000, async () => {
    const resource = flag('p1', priority('PH'));
    const begun = performance.now();
    await put(resource);
    told++;
    events = await Promise.all(streams.map((stream) => stream.first(about(`Flag/${resource.id}`))));
    return Math.max(...events.map(({ at }) => at)) - begun;
  });
  return { took, events, told };
}
const about =
  (reference: string, event?: string) =>
  ({ data, event: name }: EventStream['events'][number]) =>
    data.reference === reference && (event === undefined || event === name);

describe('GET /events', () => {
  it('sends its headers at once, says how long to wait and where the log is (0-007)', async () => {
    const stream = await listen('?topics=device-alert');

    expect(stream.status).toBe(200);
    expect(stream.headers['content-type']).toBe('text/event-stream; charset=utf-8');
    expect(stream.headers['cache-control']).toContain('no-store');
    await until(() => stream.text().includes('\n\n'));
    expect(stream.text()).toMatch(/^retry: 2000\nid: [^\n]+\n\n/);
  });

  it('tells of an alert that opens, in time for a page, with what a row needs', async () => {
    const stream = await listen('?topics=device-alert');
    const { took, events } = await fastest([stream]);

    expect(took).toBeLessThan(1_000);
    expect(events[0]).toMatchObject({
      event: 'device-alert',
      id: expect.stringMatching(/./),
      data: { topic: 'device-alert', versionId: '1', patient: 'Patient/p1', resource: { status: 'active' } },
    });
  });

  it('tells once of each time that it gets worse, is over, is taken up again and is deleted, and of nothing between', async () => {
    const stream = await listen('?topics=device-alert,device-alert-resolved');
    const resource = flag('p1', priority('PM'));
    const reference = `Flag/${resource.id}`;
    await put(resource);
    await put({ ...resource, period: { start: '2026-11-29' } });
    await put({ ...resource, ...priority('PH') });
    await put({ ...resource, ...priority('PH'), period: { start: '2026-11-29' } });
    await put({ ...resource, status: 'inactive' });
    await put({ ...resource, status: 'inactive', period: { end: '2026-11-29' } });
    await put(resource);
    await house.remove(reference);

    await stream.first(({ data }) => data.reference === reference && data.deleted);
    expect(stream.events.filter(about(reference)).map(({ event, data }) => [event, data.versionId])).toEqual([
      ['device-alert', '1'],
      ['device-alert', '3'],
      ['device-alert-resolved', '5'],
      ['device-alert', '7'],
      ['device-alert-resolved', '8'],
    ]);
  });

  it('takes no Flag for an alert that is of no alert type, and a finding about no patient for one', async () => {
    const stream = await listen('?topics=device-alert');
    await put(flag('p1', { id: 'allergy', code: { text: 'Beware of the dog' } }));
    const issue = { resourceType: 'DetectedIssue', status: 'final', detail: 'Battery low' };
    await put({ ...issue, id: 'about-somebody', patient: { reference: 'Patient/p1' } });
    await put({ ...issue, id: 'about-nobody' });

    await stream.first(about('DetectedIssue/about-nobody'));
    expect(stream.events).toHaveLength(1);
  });

  it('tells who has a task: it is there, taken on, given back; a new note is none of that', async () => {
    const stream = await listen('?topics=task-assigned');
    const task = { resourceType: 'Task', id: 't1', status: 'requested', intent: 'order' };
    await put(task);
    await put({ ...task, status: 'accepted', owner: { display: 'RN Lee' } });
    await put({ ...task, status: 'accepted', owner: { display: 'RN Lee' }, note: [{ text: 'called' }] });
    await put(task);

    await stream.first(({ data }) => data.versionId === '4');
    expect(stream.events.map(({ data }) => data.versionId)).toEqual(['1', '2', '4']);
  });

  it('tells of a device whose state or patient changes, and of reports of implants', async () => {
    const stream = await listen('?topics=device-status-changed,cied-transmission');
    const device = { resourceType: 'Device', id: 'd1', status: 'active' };
    await put(device);
    await put({ ...device, note: [{ text: 'dusty' }] });
    await put({ ...device, patient: { reference: 'Patient/p1' } });
    await put({ ...device, status: 'inactive', patient: { reference: 'Patient/p1' } });
    const code = {
      coding: [{ system: 'https://example.org/fhir/CodeSystem/cardiac-device-kind', code: 'interrogation-report' }],
    };
    await put({ resourceType: 'DiagnosticReport', id: 'r1', status: 'final', code });

    await stream.first(about('DiagnosticReport/r1', 'cied-transmission'));
    expect(stream.events.map(({ data }) => `${data.reference}/${data.versionId}`)).toEqual([
      ...['Device/d1/1', 'Device/d1/3', 'Device/d1/4', 'DiagnosticReport/r1/1'],
    ]);
  });

  it('tells of one patient alone where that is asked', async () => {
    const [mine, all] = [await listen('?topics=device-alert&patient=p2'), await listen('?topics=device-alert')];
    const [one, other] = [flag('p1'), flag('p2')];
    await put(one);
    await put(other);

    await mine.first(about(`Flag/${other.id}`));
    await all.first(about(`Flag/${one.id}`));
    expect(mine.events).toHaveLength(1);
  });

  it.each([
    ['?topics=device-alert,nonsense', 400, /known are .*device-alert.*vital-sign-recorded/],
    ['', 400, /topics is needed: some of cied-transmission, device-alert/],
    ['?topics=device-alert&patient=a/b', 400, /id of a Patient/],
    ['?topics=device-alert&topics=x', 400, /each once/],
    ['?topics=device-alert&since=1', 400, /topics, patient and after/],
    ['?topics=device-alert&after=%0Aid:', 400, /none of ours/],
  ])('refuses %s with %i', async (query, status, words) => {
    const stream = await listen(query);

    expect(stream.status).toBe(status);
    expect(JSON.parse(stream.text()).issue[0].diagnostics).toMatch(words);
  });

  it('takes GET alone, and nobody who says not who he is, or whose token is wrong', async () => {
    expect((await house.ask('POST', '/events?topics=device-alert')).status).toBe(405);
    expect((await listen('?topics=device-alert', {})).status).toBe(401);
    expect((await listen('?topics=device-alert', as('wrong-token'))).status).toBe(401);
  });

  it('leaves one row in the audit trail for each time it is opened', async () => {
    const rows = async () =>
      (await house.search('AuditEvent?subtype=events&_count=100')).filter(({ outcome }) => outcome === '0').length;
    const before = await rows();
    const stream = await listen('?topics=device-alert&patient=p1');
    const resource = flag('p1');
    await put(resource);
    await stream.first(about(`Flag/${resource.id}`));

    expect(await rows()).toBe(before + 1);
    const [row] = await house.search('AuditEvent?subtype=events&patient=p1');
    expect(row).toMatchObject({ action: 'R', outcome: '0' });
  });
});

describe('Whoever was away', () => {
  it('is told what was missed, once and in order, by the id of the last event or by `after`', async () => {
    const first = await listen('?topics=device-alert');
    const before = flag('p1');
    await put(before);
    const { id } = await first.first(about(`Flag/${before.id}`));
    first.close();
    const missed = [flag('p1'), flag('p1')];
    for (const one of missed) await put(one);

    const again = await listen('?topics=device-alert', { ...as(house.adminToken), 'last-event-id': id });
    const byAfter = await listen(`?topics=device-alert&after=${encodeURIComponent(id)}`);
    const later = flag('p1');
    await put(later);

    for (const stream of [again, byAfter]) {
      await stream.first(about(`Flag/${later.id}`));
      expect(stream.events.map(({ data }) => data.reference)).toEqual(
        [...missed, later].map((one) => `Flag/${one.id}`),
      );
    }
  });

  it('is told each thing once and in order, however much is written while it comes back', async () => {
    const first = await listen('?topics=device-alert');
    const before = flag('p1');
    await put(before);
    const { id } = await first.first(about(`Flag/${before.id}`));
    const flags = Array.from({ length: 60 }, () => flag('p1'));
    const writing = together(4, async (writer) => {
      for (let i = writer; i < flags.length; i += 4) await put(flags[i]);
    });
    const streams = await together(12, async (n) => {
      await new Promise((go) => setTimeout(go, n * 5));
      return listen('?topics=device-alert', { ...as(house.adminToken), 'last-event-id': id });
    });
    await writing;

    await first.first(() => first.events.length === 1 + flags.length);
    for (const stream of streams) {
      await stream.first(() => stream.events.length >= flags.length);
      expect(stream.events.map((event) => event.id)).toEqual(first.events.slice(1).map((event) => event.id));
    }
  });

  it('is told the same after the server was started anew, also of what is written meanwhile (0-110)', async () => {
    const first = await listen('?topics=device-alert');
    const id = await until(() => first.lastId() || undefined);
    await house.restart();
    const flags = Array.from({ length: 40 }, () => flag('p1'));
    const writing = together(4, async (writer) => {
      for (let i = writer; i < flags.length; i += 4) await put(flags[i]);
    });
    const streams = await together(8, async (n) => {
      await new Promise((go) => setTimeout(go, n * 5));
      return listen('?topics=device-alert', { ...as(house.adminToken), 'last-event-id': id });
    });
    await writing;
    const last = flag('p1');
    await put(last);

    for (const stream of streams) {
      await stream.first(about(`Flag/${last.id}`));
      const references = stream.events.map(({ data }) => data.reference);
      expect(references.toSorted()).toEqual([...flags, last].map((one) => `Flag/${one.id}`).toSorted());
      const ids = stream.events.map((event) => Number(event.id));
      expect(ids).toEqual(ids.toSorted((a, b) => a - b));
    }
  });

  it.each(['r none', '999999999999', '-1'])(
    'is told to ask for all where the id %p is none of this store',
    async (id) => {
      const stream = await listen('?topics=device-alert', { ...as(house.adminToken), 'last-event-id': id });

      expect(await stream.first(({ event }) => event === 'reset')).toMatchObject({ data: {} });
      const later = flag('p1');
      await put(later);
      await stream.first(about(`Flag/${later.id}`));
      expect(stream.events).toHaveLength(2);
    },
  );
});

describe('Many', () => {
  it('open streams, 200 at once, are each told of an alert within a second (0-149)', async () => {
    await house.create({ resourceType: 'Patient' });
    const streams = await together(200, () => listen('?topics=device-alert'));
    const { took, told } = await fastest(streams);

    expect(took).toBeLessThan(1_000);
    expect(streams.map(({ events: all }) => all.length)).toEqual(Array(200).fill(told));
    const more = await together(60, () => listen('?topics=device-alert'));
    expect(more.filter(({ status }) => status === 429)).toHaveLength(10);
  });

  it('readings of one device are told four times a second, the newest of each vital sign, and no alert waits for them', async () => {
    const stream = await listen('?topics=vital-sign-recorded,device-alert');
    const reading = (n: number, code: string) => ({
      resourceType: 'Observation',
      id: `o-${code}-${n}`,
      status: 'final',
      category: [
        { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'vital-signs' }] },
      ],
      code: { coding: [{ system: 'http://loinc.org', code }] },
      subject: { reference: 'Patient/p1' },
      device: { reference: 'Device/d1' },
      valueQuantity: { value: 70 + n, system: 'http://unitsofmeasure.org', code: '/min', unit: '/min' },
    });
    const begun = performance.now();
    for (let n = 0; n < 60; n++) await Promise.all([put(reading(n, '8867-4')), put(reading(n, '9279-1'))]);
    const resource = flag('p1');
    await put(resource);
    const periods = Math.ceil((performance.now() - begun) / 250);
    await stream.first(about(`Flag/${resource.id}`));

    const told = stream.events.filter(({ event }) => event === 'vital-sign-recorded').map(({ data }) => data.reference);
    expect(told).toContain('Observation/o-8867-4-59');
    expect(told).toContain('Observation/o-9279-1-59');
    // One at once where nothing was heard for a period, then the newest of both.
    expect(told.length).toBeLessThanOrEqual(3 * (periods + 2));
    expect(new Set(told).size).toBe(told.length);
  });
});

describe('A server that stops', () => {
  it('ends its streams at once and says so', async () => {
    const other = await openHouse({ drainSeconds: 40 });
    const stream = await openEvents(other.url, '?topics=device-alert', as(other.adminToken));
    const begun = performance.now();
    await other.stop();

    // Far from the time that requests have which are under way.
    expect(performance.now() - begun).toBeLessThan(10_000);
    expect(await until(() => stream.events.at(-1))).toMatchObject({ event: 'end', data: { why: 'stopping' } });
  });
});
