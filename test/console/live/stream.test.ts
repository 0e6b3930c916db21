/** What a stream leaves out: elements that its caller may not see, and what happens by them. docs/live-events.md */
import { createServer, get, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Place } from '../../../src/console/live/reader.ts';
import { createStream } from '../../../src/console/live/stream.ts';
import { readTopics } from '../../../src/console/live/topics.ts';
import type { Access } from '../../../src/interactions/interaction.ts';
import { systemRuntime } from '../../../src/runtime.ts';
import { fullAccess } from '../../../src/smart/access.ts';
import { flag, priority } from './event-stream.ts';

const base = 'https://house.example.org/fhir';
const topics = readTopics('https://example.org/fhir', base);

/** What a version that is the first of its resource leads to. */
function placeOf(resource: any): Place {
  const key = { type: resource.resourceType, id: resource.id };
  const happenings = topics.of({ key, lastUpdated: 0, before: undefined, after: resource }).map((trigger) => ({
    ...{ token: '1', trigger, key, versionId: 1, lastUpdated: 0, isDeleted: false },
    ...{ resource, text: JSON.stringify(resource) },
  }));
  return { token: '1', name: `${resource.id}/1`, happenings };
}

let server: Server;
let access: Access = fullAccess;
let place: Place;
beforeAll(async () => {
  server = createServer((_request, response) => {
    const stream = createStream({
      response,
      topics: new Set(['device-alert', 'task-assigned']),
      where: new Map(),
      caller: async () => ({ who: 'Practitioner/7', access }),
      runtime: systemRuntime,
      signal: new AbortController().signal,
    });
    stream.take(place);
    stream.beat('2');
    setTimeout(() => response.end(), 100);
  });
  await new Promise<void>((go) => server.listen(0, '127.0.0.1', go));
});
afterAll(() => void server.close());

const heard = (resource: any, seen: Partial<Access>): Promise<string> => {
  access = { ...fullAccess, unrestricted: false, ...seen };
  place = placeOf(resource);
  return new Promise((resolve, reject) => {
    get(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, async (response) => {
      let text = '';
      for await (const chunk of response) text += chunk;
      resolve(text);
    }).on('error', reject);
  });
};
const without = (element: string) => (text: string) => JSON.stringify({ ...JSON.parse(text), [element]: undefined });
const task = { resourceType: 'Task', id: 't', status: 'requested', intent: 'order', for: { reference: 'Patient/p1' } };

it('leaves hidden elements out, of the resource and of what is said about it', async () => {
  const whole = await heard(task, {});
  expect(whole).toContain('"patient":"Patient/p1"');
  expect(whole).toContain('"resource":{"resourceType":"Task"');

  const hidden = await heard(task, { hides: () => ['for'], shows: without('for') });
  expect(hidden).toContain('event: task-assigned');
  expect(hidden).not.toContain('Patient/p1');
});

it('says nothing of what happens by a hidden element', async () => {
  const resource = flag('p1', priority('PH'));
  expect(await heard(resource, {})).toContain('event: device-alert');

  expect(await heard(resource, { hides: () => ['status'], shows: without('status') })).not.toContain('device-alert');
});

it('says nothing of a type that may not be read, whatever is seen of it', async () => {
  expect(await heard(task, { permits: (_interaction, type) => type !== 'Task' })).not.toContain('task-assigned');
  expect(await heard(task, { sees: () => false })).not.toContain('task-assigned');
});

it('sends no resource of more than 8 KB, and what is said about it still', async () => {
  const text = await heard({ ...task, description: 'x'.repeat(9_000) }, {});

  expect(text).toContain('"reference":"Task/t"');
  expect(text.length).toBeLessThan(500);
});

it('keeps digits and escapes of the stored text, in one line', async () => {
  const text = await heard(
    { ...task, description: 'one\ntwo\u2028three' },
    { shows: (shown) => shown.replace('"Task"', '"Task","n":98.0') },
  );

  expect(text).toContain('"n":98.0');
  expect(text.split('\n').filter((line) => line.startsWith('data: {"topic"'))).toHaveLength(1);
  expect(JSON.parse(/data: (\{"topic[^\n]*)/.exec(text)![1]!).resource.description).toBe('one\ntwo\u2028three');
});
