/** Two servers on one database: what is done at one holds at the other, and the work goes on when one leaves. docs/storage-mongodb.md */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { describeOnMongod } from '../support/describe-mongod.ts';
import { openHouse, type TestHouse, together } from '../support/house.ts';
import { type TestStore, testStore } from '../support/test-store.ts';
import { within } from './within.ts';

const observation = (text: string) => ({ resourceType: 'Observation', status: 'final', code: { text } });

describeOnMongod('Two servers on one MongoDB', () => {
  let store: TestStore;
  let receiver: Server;
  let host: string;
  let first: TestHouse;
  let second: TestHouse;
  let told: string[] = [];
  const ids = new Set<string>();

  const open = () => openHouse({ ...store, outboundAllow: [host] });
  const watching = (code: string) => ({
    resourceType: 'Subscription',
    status: 'requested',
    reason: 'test',
    criteria: `Observation?code:text=${code}`,
    channel: { type: 'rest-hook', endpoint: `http://${host}`, payload: 'application/fhir+json' },
  });
  const subscribe = async (house: TestHouse, code: string) => {
    const { body } = await house.create(watching(code));
    await within(60, async () => (await house.read(`Subscription/${body.id}`)).body.status === 'active');
  };

  beforeAll(async () => {
    receiver = createServer(async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      // A share that moves to another server breaks a call off, which is then made again.
      const id = String(request.headers['webhook-id']);
      if (!ids.has(id)) told.push(JSON.parse(body).code.text);
      ids.add(id);
      response.end();
    });
    await new Promise<void>((go) => receiver.listen(0, '127.0.0.1', go));
    host = `127.0.0.1:${(receiver.address() as AddressInfo).port}`;
    store = await testStore('mongodb');
    first = await open();
    second = await open();
  }, 120_000);
  afterAll(async () => {
    await Promise.all([first?.stop(), second?.stop()]);
    await store?.drop();
    await new Promise((go) => receiver?.close(go));
  });
  beforeEach(() => {
    told = [];
  });

  it('both tell what is subscribed to at the one and written at the other', async () => {
    await subscribe(first, 'heart');
    await subscribe(second, 'heart');
    for (const [at, house] of [second, first].entries()) await house.create(observation(`heart ${at}`));
    await within(60, () => told.length === 4);
    expect(told.toSorted()).toEqual(['heart 0', 'heart 0', 'heart 1', 'heart 1']);
  });

  it('share the deliveries of many Subscriptions, and each hears everything', async () => {
    await together(12, () => subscribe(first, 'many'));
    const delivered = async (house: TestHouse) => {
      const { text } = await house.ask('GET', '/metrics');
      return Number(/^watchfire_notifications_delivered_total (\d+)/m.exec(text)![1]);
    };
    const before = await Promise.all([first, second].map(delivered));
    // How the work is shared is looked at once a second: until then the first does all of it.
    const end = performance.now() + 60_000;
    for (let rounds = 1; performance.now() < end; rounds++) {
      for (let i = 0; i < 10; i++) await (i % 2 === 0 ? first : second).create(observation(`many ${rounds} ${i}`));
      await within(60, () => told.length >= 120 * rounds);
      expect(told.length).toBe(120 * rounds);
      for (const [i] of Array(10).entries())
        expect(told.filter((text) => text === `many ${rounds} ${i}`)).toHaveLength(12);
      const after = await Promise.all([first, second].map(delivered));
      if (after.every((count, at) => count > before[at]!)) return;
    }
    throw new Error('one server did all the work for a minute');
  });

  it('refuse a device key that was revoked at the other within 6 s', async () => {
    await first.create({
      resourceType: 'Device',
      identifier: [{ system: 'https://example.org/fhir/device-id', value: 'DEV1' }],
    });
    const key = await first.deviceKey('DEV1');
    const statusAt = async (house: TestHouse) =>
      (await house.ask('GET', '/fhir/Device?identifier=DEV1', undefined, { authorization: `Bearer ${key}` })).status;
    expect(await statusAt(second)).not.toBe(401);
    const { body } = await first.ask('GET', '/admin/keys');
    expect((await first.ask('DELETE', `/admin/keys/${body.keys[0].prefix}`)).status).toBeLessThan(300);
    expect(await statusAt(first)).toBe(401);
    const revoked = performance.now();
    await within(60, async () => {
      const asked = performance.now() - revoked;
      const isRefused = (await statusAt(second)) === 401;
      if (!isRefused) expect(asked).toBeLessThan(6_000);
      return isRefused;
    });
  });

  it('create one patient however many ask at both at once', async () => {
    const patient = { resourceType: 'Patient', identifier: [{ system: 'urn:mrn', value: 'A1' }] };
    const answers = await together(16, (i) =>
      (i % 2 === 0 ? first : second).create(patient, { 'if-none-exist': 'identifier=urn:mrn|A1' }),
    );
    const statuses = answers.map(({ status }) => status).sort();
    expect(statuses).toEqual([...Array(15).fill(200), 201]);
    expect(await second.search('Patient?identifier=urn:mrn|A1')).toHaveLength(1);
  });

  it('serve the pages that the other began', async () => {
    await together(5, (i) => first.create({ resourceType: 'Basic', code: { text: `${i}` } }));
    const { body } = await first.ask('GET', '/fhir/Basic?_count=2');
    const { search } = new URL(body.link.find(({ relation }: any) => relation === 'next').url);
    const next = await second.ask('GET', `/fhir/Basic${search}`);
    expect([next.status, next.body.entry.length]).toEqual([200, 2]);
  });

  it('are one when the other stops: what waited goes on within 30 s', async () => {
    await subscribe(first, 'left');
    await first.stop();
    await second.create(observation('left 1'));
    const begun = Date.now();
    await within(30, () => told.includes('left 1'));
    expect(Date.now() - begun).toBeLessThan(30_000);
    first = await open();
    await first.create(observation('left 2'));
    await within(60, () => told.includes('left 2'));
    expect(told).toEqual(['left 1', 'left 2']);
  });
});
