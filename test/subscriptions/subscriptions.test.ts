/** The life of an R4 Subscription, its private parts, and the schedule of the delivery contract. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import type { Access, Caller } from '../../src/interactions/interaction.ts';
import { fullAccess, system } from '../../src/smart/access.ts';
import { parseCriteria } from '../../src/subscriptions/criteria.ts';
import { readRetryAfter } from '../../src/subscriptions/schedule.ts';
import { setSecret } from '../../src/subscriptions/secret.ts';
import { createWorld, reply, type Script, type World } from '../simulation/world.ts';

const hours = 3_600_000;
const worlds: World[] = [];
afterEach(async () => {
  for (const world of worlds.splice(0)) await world.close();
});

async function open(script: Script, accessOf?: () => Access): Promise<World> {
  const world = await createWorld({ seed: 7, script, accessOf });
  worlds.push(world);
  return world;
}
const answers =
  (status: () => number, headers?: Record<string, string>): Script =>
  async () =>
    reply(status(), headers);
const well = answers(() => 200);

const subscription = (channel: object = {}, more: object = {}) => ({
  resourceType: 'Subscription',
  status: 'requested',
  reason: 'test',
  criteria: 'Observation?code=http://example.org/codes|a',
  channel: {
    type: 'rest-hook',
    endpoint: 'https://ehr.example.org/fhir',
    payload: 'application/fhir+json',
    ...channel,
  },
  ...more,
});
const observation = (code = 'a') => ({
  resourceType: 'Observation',
  status: 'final',
  code: { coding: [{ system: 'http://example.org/codes', code }] },
});
const subscribe = (world: World, ...parts: Parameters<typeof subscription>) =>
  world.ask('create', 'Subscription', subscription(...parts));
const newest = async (world: World, id: string) => {
  const [version] = await world.store.read([{ type: 'Subscription', id }]);
  return JSON.parse(version!.text);
};

describe('a Subscription', () => {
  it('is requested by its client and made active by the server', async () => {
    const world = await open(well);
    const { id, status } = await subscribe(world);
    await world.pass(10);
    expect(status).toBe('requested');
    expect((await newest(world, id)).status).toBe('active');
  });

  it('tells of new versions that match, with the exact text, from the moment it was asked for', async () => {
    const world = await open(well);
    await world.ask('create', 'Observation', observation());
    const { id } = await subscribe(world);
    const first = await world.ask('create', 'Observation', observation());
    await world.ask('create', 'Observation', observation('b'));
    await world.ask('update', 'Observation', { ...observation(), id: first.id, note: [{ text: 'again' }] });
    await world.ask('update', 'Observation', { ...observation('b'), id: first.id });
    await world.pass(10);
    expect(world.received.map(({ id, method, url }) => [id, method, url])).toEqual([
      [`${id}_1`, 'PUT', `https://ehr.example.org/fhir/Observation/${first.id}`],
      [`${id}_2`, 'PUT', `https://ehr.example.org/fhir/Observation/${first.id}`],
    ]);
    const version = await world.store.vread({ type: 'Observation', id: first.id }, 1);
    expect(world.received[0]!.body).toBe(version!.text);
    expect(world.received[0]!.headers['content-type']).toBe('application/fhir+json');
  });

  it('without a payload says only that something came', async () => {
    const world = await open(well);
    await subscribe(world, { payload: undefined });
    await world.ask('create', 'Observation', observation());
    await world.pass(10);
    expect(world.received.map(({ method, url, body }) => [method, url, body])).toEqual([
      ['POST', 'https://ehr.example.org/fhir', ''],
    ]);
  });

  it('may watch a whole type', async () => {
    const world = await open(well);
    await subscribe(world, {}, { criteria: 'Observation' });
    await subscribe(world, {}, { criteria: 'Observation?' });
    await world.ask('create', 'Observation', observation('b'));
    await world.pass(10);
    expect(world.received.length).toBe(2);
  });

  it('is refused with the element to blame where it cannot be served', async () => {
    const world = await open(well);
    const refusals: [object, object, number, string, string][] = [
      [{}, { criteria: 'Observation?bogus=1' }, 422, 'not-supported', 'Subscription.criteria'],
      [{}, { criteria: 'Observation?date=yesterday' }, 422, 'value', 'Subscription.criteria'],
      [{}, { criteria: 'Observation?code' }, 422, 'business-rule', 'Subscription.criteria'],
      [{}, { criteria: 'Observation?code=%ZZ' }, 422, 'business-rule', 'Subscription.criteria'],
      [{}, { criteria: '/Observation?code=a' }, 422, 'business-rule', 'Subscription.criteria'],
      [{}, { criteria: 'Nonsense?code=a' }, 422, 'not-supported', 'Subscription.criteria'],
      [{ type: 'websocket' }, {}, 422, 'not-supported', 'Subscription.channel.type'],
      [{ type: 'email' }, {}, 422, 'not-supported', 'Subscription.channel.type'],
      [{ payload: 'text/plain' }, {}, 422, 'not-supported', 'Subscription.channel.payload'],
      [{ endpoint: undefined }, {}, 422, 'business-rule', 'Subscription.channel.endpoint'],
      [{ endpoint: 'http://127.0.0.1/' }, {}, 422, 'business-rule', 'Subscription.channel.endpoint'],
      [{ endpoint: 'https://169.254.169.254/' }, {}, 422, 'business-rule', 'Subscription.channel.endpoint'],
      [{ header: ['X-A: b', 'Host: a'] }, {}, 422, 'value', 'Subscription.channel.header[1]'],
      [{ header: ['X-A: b\r\nHost: a'] }, {}, 422, 'value', 'Subscription.channel.header[0]'],
      [{ header: ['webhook-signature: v1,x'] }, {}, 422, 'value', 'Subscription.channel.header[0]'],
      [{ header: ['X-A: b', 'x-a: c'] }, {}, 422, 'value', 'Subscription.channel.header[1]'],
      [{ header: ['X-A: ***'] }, {}, 422, 'value', 'Subscription.channel.header[0]'],
      [{ header: Array.from({ length: 17 }, (_, i) => `X-${i}: b`) }, {}, 422, 'value', 'Subscription.channel.header'],
    ];
    for (const [channel, more, status, code, expression] of refusals) {
      const refused = subscribe(world, channel, more);
      await expect(refused).rejects.toMatchObject({ status, issues: [{ code, expression }] });
    }
  });

  it('begins as requested where it is the copy of one that was active or in error', async () => {
    const world = await open(well);
    for (const status of ['active', 'error']) {
      expect(await subscribe(world, {}, { status, error: 'of another' })).toMatchObject({ status: 'requested' });
    }
  });

  it('takes no status of the server from a client in an update', async () => {
    const world = await open(well);
    const { id } = await subscribe(world);
    await world.pass(10);
    const forged = world.ask('update', 'Subscription', { ...(await newest(world, id)), status: 'error' });
    await expect(forged).rejects.toMatchObject({ status: 422, issues: [{ expression: 'Subscription.status' }] });
  });

  it('is refused to a caller who may not read what it watches for', async () => {
    const world = await open(well);
    const blind: Caller = {
      who: 'Device/1',
      access: { ...fullAccess, permits: (interaction) => interaction !== 'read' },
    };
    await expect(world.ask('create', 'Subscription', subscription(), blind)).rejects.toMatchObject({ status: 403 });
  });

  it('keeps header values to itself, and keeps them when *** comes back', async () => {
    const world = await open(well);
    const made = await subscribe(world, { header: ['Authorization: Bearer s3cret', 'X-Tenant: 7'] });
    expect(made.channel.header).toEqual(['Authorization: ***', 'X-Tenant: ***']);
    await world.pass(10);
    const read = await newest(world, made.id);
    const header = [...read.channel.header.slice(0, 1), 'X-Tenant: 8'];
    await world.ask('update', 'Subscription', { ...read, channel: { ...read.channel, header } });
    await world.ask('create', 'Observation', observation());
    await world.pass(10);
    expect(world.received[0]!.headers).toMatchObject({ Authorization: 'Bearer s3cret', 'X-Tenant': '8' });
    const { versions } = await world.store.history({ type: 'Subscription', id: made.id }, { count: 10 });
    expect(versions.length).toBeGreaterThan(1);
    for (const { text } of versions) expect(text).not.toMatch(/s3cret|: [78]"/);
  });

  it('from before its owner stood in it is given its kept owner with the next change', async () => {
    const world = await open(well);
    const { extension: owner, ...made } = await subscribe(world);
    expect(owner[0].valueReference.identifier.value).toBe('Client/admin');
    await world.pass(10);
    // As an older Watchfire left it: what the notifier writes is not touched.
    const { extension: _none, ...former } = await newest(world, made.id);
    await world.ask('update', 'Subscription', former, system('notifier'));
    expect((await newest(world, made.id)).extension).toBeUndefined();
    await world.ask('update', 'Subscription', former, { who: 'Practitioner/other', access: fullAccess });
    expect((await newest(world, made.id)).extension).toEqual(owner);
  });

  it('tells a kept header value to no other scheme, host or port', async () => {
    const world = await open(well);
    const made = await subscribe(world, { header: ['X-Tenant: 7', 'Authorization: Bearer s3cret'] });
    const move = (endpoint: string, header: readonly string[]) =>
      world.ask('update', 'Subscription', { ...made, channel: { ...made.channel, endpoint, header } });
    for (const endpoint of ['https://evil.example.com/fhir', 'https://ehr.example.org:8443/fhir']) {
      await expect(move(endpoint, ['X-Tenant: 8', 'Authorization: ***'])).rejects.toMatchObject({
        status: 422,
        issues: [{ code: 'value', expression: 'Subscription.channel.header[1]' }],
      });
    }
    await move('https://EHR.example.org:443/other', ['Authorization: ***']);
    await move('https://new.example.com/fhir', ['Authorization: Bearer other']);
    await world.ask('create', 'Observation', observation());
    await world.pass(10);
    expect(world.received.map(({ url, headers }) => [new URL(url).host, headers['Authorization']])).toEqual([
      ['new.example.com', 'Bearer other'],
    ]);
  });

  it('is silent while it is off, and goes on with the next number', async () => {
    const world = await open(well);
    const { id } = await subscribe(world);
    await world.ask('create', 'Observation', observation());
    await world.pass(10);
    await world.ask('update', 'Subscription', { ...(await newest(world, id)), status: 'off' });
    await world.ask('create', 'Observation', observation());
    await world.pass(10);
    await world.ask('update', 'Subscription', { ...(await newest(world, id)), status: 'requested' });
    await world.ask('create', 'Observation', observation());
    await world.pass(10);
    expect(world.received.map((call) => call.id)).toEqual([`${id}_1`, `${id}_2`]);
    expect((await newest(world, id)).status).toBe('active');
  });

  it('is forgotten with its secrets when it is deleted, but not the numbers it used', async () => {
    const world = await open(well);
    const made = await subscribe(world, { header: ['X-Tenant: 7'] });
    await world.ask('create', 'Observation', observation());
    await world.pass(10);
    await world.ask('delete', 'Subscription', made);
    await world.ask('create', 'Observation', observation());
    await world.pass(10);
    const kinds = ['subscription-owner', 'subscription-headers', 'subscription-secret'];
    expect((await Promise.all(kinds.map((kind) => world.store.get(kind, [made.id])))).flat()).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    await expect(world.ask('update', 'Subscription', { ...made, status: 'requested' })).rejects.toMatchObject({
      issues: [{ expression: 'Subscription.channel.header[0]' }],
    });
    await world.ask('update', 'Subscription', { ...subscription(), id: made.id });
    await world.ask('create', 'Observation', observation());
    await world.pass(10);
    expect(world.received.map(({ id }) => id)).toEqual([`${made.id}_1`, `${made.id}_2`]);
  });

  it('is switched off when its end comes', async () => {
    const world = await open(well);
    const end = new Date(world.runtime.now() + hours).toISOString();
    const { id } = await subscribe(world, {}, { end });
    await world.pass(2 * hours);
    await world.ask('create', 'Observation', observation());
    await world.pass(1_000);
    expect((await newest(world, id)).status).toBe('off');
    expect(world.received).toEqual([]);
    const late = await subscribe(world, {}, { end });
    expect(late.status).toBe('off');
  });

  it('goes to error when its owner may no longer read, and sends nothing more', async () => {
    let access: Access = fullAccess;
    let status = 500;
    const world = await open(
      answers(() => status),
      () => access,
    );
    const { id } = await subscribe(world);
    await world.ask('create', 'Observation', observation());
    await world.pass(100);
    expect(world.received.length).toBe(1);
    access = { ...fullAccess, unrestricted: false, permits: () => false };
    status = 200;
    await world.pass(hours);
    expect(world.received.length).toBe(1);
    expect(await newest(world, id)).toMatchObject({ status: 'error', error: expect.stringContaining('no longer') });
  });

  it.each([
    ['every right', { permits: () => false }],
    ['the element that it goes by', { hides: () => ['Observation.code'] }],
  ])('says once that its owner has lost %s, with the next event, and goes on anew when asked to', async (_, lost) => {
    let access: Access = fullAccess;
    const world = await open(well, () => access);
    const { id } = await subscribe(world);
    await world.ask('create', 'Observation', observation());
    await world.pass(100);
    access = { ...fullAccess, unrestricted: false, ...lost };
    await world.ask('create', 'Observation', observation('other'));
    await world.pass(1_000);
    expect((await newest(world, id)).status).toBe('active');
    for (let i = 0; i < 5; i++) await world.ask('create', 'Observation', observation());
    await world.pass(1_000);
    const stopped = await newest(world, id);
    expect(stopped).toMatchObject({ status: 'error', error: expect.stringMatching(/no longer.*not sent/) });
    await world.ask('create', 'Observation', observation());
    world.crash();
    await world.pass(hours);
    expect((await newest(world, id)).meta.versionId).toBe(stopped.meta.versionId);
    expect(world.received.map((call) => call.id)).toEqual([`${id}_1`]);

    access = fullAccess;
    await world.ask('update', 'Subscription', { ...(await newest(world, id)), status: 'requested' });
    await world.ask('create', 'Observation', observation());
    await world.pass(1_000);
    const again = await newest(world, id);
    expect([again.status, again.error]).toEqual(['active', undefined]);
    expect(world.received.map((call) => call.id)).toEqual([`${id}_1`, `${id}_2`]);
    expect(world.counters().waiting).toBe(0);
  });
});

describe('a delivery that fails', () => {
  it('is tried after 1 s, 5 s, 30 s, 2 min, 10 min, 30 min, 1 h, then hourly for 72 h; then the Subscription is in error', async () => {
    let status = 500;
    const world = await open(answers(() => status));
    const { id } = await subscribe(world);
    for (let i = 0; i < 3; i++) await world.ask('create', 'Observation', observation());
    await world.pass(71 * hours);
    expect(await newest(world, id)).toMatchObject({ status: 'active', error: 'The endpoint answered 500' });
    await world.pass(4 * hours);
    expect(await newest(world, id)).toMatchObject({ status: 'error', error: expect.stringContaining('72 hours') });
    const tries = [...world.received];
    expect(new Set(tries.map((call) => call.id))).toEqual(new Set([`${id}_1`]));
    const gaps = tries.slice(1).map(({ at }, i) => (at - tries[i]!.at) / 1000);
    expect(gaps.slice(0, 7)).toEqual([1, 5, 30, 120, 600, 1800, 3600]);
    for (const gap of gaps.slice(7)) expect(Math.abs(gap - 3600)).toBeLessThanOrEqual(720);
    expect(new Set(gaps.slice(7)).size).toBeGreaterThan(10);

    await world.pass(24 * hours);
    expect(world.received.length).toBe(tries.length);
    status = 200;
    await world.ask('create', 'Observation', observation());
    await world.ask('update', 'Subscription', { ...(await newest(world, id)), status: 'requested' });
    await world.pass(100);
    expect(world.received.slice(tries.length).map((call) => call.id)).toEqual([1, 2, 3, 4].map((n) => `${id}_${n}`));
    expect((await newest(world, id)).error).toBeUndefined();
    expect((await newest(world, id)).status).toBe('active');
    expect(world.counters()).toEqual({ delivered: 4, failed: tries.length, waiting: 0 });
  });

  it('is no longer told of once the receiver is well again', async () => {
    let status = 503;
    const world = await open(answers(() => status));
    const { id } = await subscribe(world);
    await world.ask('create', 'Observation', observation());
    await world.pass(5 * hours);
    expect((await newest(world, id)).error).toBe('The endpoint answered 503');
    status = 204;
    await world.pass(2 * hours);
    expect(await newest(world, id)).toMatchObject({ status: 'active' });
    expect((await newest(world, id)).error).toBeUndefined();
  });

  it('switches the Subscription off at 410, at once', async () => {
    const world = await open(answers(() => 410));
    const { id } = await subscribe(world);
    await world.ask('create', 'Observation', observation());
    await world.ask('create', 'Observation', observation());
    await world.pass(10 * hours);
    expect(world.received.length).toBe(1);
    expect(await newest(world, id)).toMatchObject({ status: 'off', error: 'The endpoint answered 410' });
  });

  it('waits as long as Retry-After asks, at most an hour', async () => {
    for (const [header, wait] of [
      ['90', 90],
      ['86400', 3600],
      ['0', 1],
    ] as const) {
      const world = await open(answers(() => 429, { 'retry-after': header }));
      await subscribe(world);
      await world.ask('create', 'Observation', observation());
      await world.pass(2 * hours);
      const [first, second] = world.received;
      expect((second!.at - first!.at) / 1000).toBe(wait);
    }
    const now = Date.UTC(2026, 0, 1);
    expect(readRetryAfter(new Date(now + 60_000).toUTCString(), now)).toBe(60_000);
    expect(['soon', '-5', '', undefined].map((text) => readRetryAfter(text, now))).toEqual(Array(4).fill(undefined));
  });

  it('goes on after a restart where it stood, and not earlier', async () => {
    let status = 500;
    const world = await open(answers(() => status));
    const { id } = await subscribe(world);
    await world.ask('create', 'Observation', observation());
    await world.pass(800_000);
    const before = world.received.length;
    world.crash();
    await world.pass(60_000);
    expect(world.received.length).toBe(before);
    status = 200;
    await world.pass(hours);
    expect(world.received.slice(before).map((call) => call.id)).toEqual([`${id}_1`]);
  });
});

describe('the secret of a Subscription', () => {
  const verify = (secret: string, { headers, body }: World['received'][number]) => {
    // The package compares with the system's clock; the signature is recomputed for the time that was sent.
    const at = new Date(Number(headers['webhook-timestamp']) * 1000);
    return headers['webhook-signature']!.split(' ').includes(
      new Webhook(secret).sign(headers['webhook-id']!, at, body),
    );
  };

  it('signs every call, a new one beside the old for a day', async () => {
    const world = await open(well);
    const { id } = await subscribe(world);
    const tell = async () => {
      await world.ask('create', 'Observation', observation());
      await world.pass(10);
      return world.received[world.received.length - 1]!;
    };
    const unknown = await tell();
    expect(unknown.headers['webhook-signature']).toMatch(/^v1,[A-Za-z0-9+/]{43}=$/);
    const parts = { store: world.store, runtime: world.runtime, id };
    const { secret: first } = await setSecret(parts);
    const call = await tell();
    expect([verify(first, call), call.headers['webhook-signature']!.split(' ').length]).toEqual([true, 2]);
    const given = `whsec_${Buffer.alloc(24, 9).toString('base64')}`;
    expect(await setSecret({ ...parts, secret: given })).toEqual({ secret: given });
    const both = await tell();
    expect([verify(first, both), verify(given, both)]).toEqual([true, true]);
    await world.pass(25 * hours);
    const later = await tell();
    expect([verify(first, later), verify(given, later)]).toEqual([false, true]);
    await expect(setSecret({ ...parts, secret: 'whsec_short' })).rejects.toMatchObject({ status: 422 });
    await expect(setSecret({ ...parts, id: 'nobody' })).rejects.toMatchObject({ status: 404 });
  });

  it('signs for its day however many come after it, ten at most, the newest first', async () => {
    const world = await open(well);
    const { id } = await subscribe(world);
    const secrets: string[] = [];
    const change = async () => {
      const { secret } = await setSecret({ store: world.store, runtime: world.runtime, id });
      secrets.unshift(secret);
    };
    const signers = async () => {
      await world.ask('create', 'Observation', observation());
      await world.pass(10);
      const { headers, body } = world.received[world.received.length - 1]!;
      const at = new Date(Number(headers['webhook-timestamp']) * 1000);
      const signed = secrets.map((secret) => new Webhook(secret).sign(headers['webhook-id']!, at, body));
      return headers['webhook-signature']!.split(' ').map((part) => signed.indexOf(part));
    };
    await change();
    await world.pass(25 * hours);
    await change();
    await world.pass(10 * hours);
    await change();
    await world.pass(10 * hours);
    expect(await signers()).toEqual([0, 1, 2]);
    await world.pass(5 * hours);
    expect(await signers()).toEqual([0, 1]);
    for (let i = 0; i < 12; i++) await change();
    expect(await signers()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    // One that comes back signs once, as the newest.
    await setSecret({ store: world.store, runtime: world.runtime, id, secret: secrets[3]! });
    expect((await signers()).slice(0, 4)).toEqual([3, 0, 1, 2]);
  });
});

describe('criteria', () => {
  it('about AuditEvent are refused, since rows of the server never come by the version log', () => {
    for (const criteria of ['AuditEvent', 'AuditEvent?action=C']) {
      expect(() => parseCriteria(criteria, undefined)).toThrow(
        expect.objectContaining({
          status: 422,
          issues: [expect.objectContaining({ code: 'business-rule', expression: 'Subscription.criteria' })],
        }),
      );
    }
  });

  it('have no fragment; an escaped # is part of a value', () => {
    const fault = expect.objectContaining({
      status: 422,
      issues: [expect.objectContaining({ code: 'business-rule', expression: 'Subscription.criteria' })],
    });
    for (const criteria of ['Flag?status=active#x', 'Flag#x', 'Flag?status=active#']) {
      expect(() => parseCriteria(criteria, undefined)).toThrow(fault);
    }
    expect(parseCriteria('Flag?identifier=a%23b', undefined).where).toMatchObject({ first: 'a#b' });
  });

  it('take escapes as they come and a plus as itself', () => {
    const plain = parseCriteria('Observation?code=http://loinc.org|8867-4', undefined);
    expect(parseCriteria('Observation?code=http%3A%2F%2Floinc.org%7C8867-4', undefined)).toEqual(plain);
    const date = parseCriteria('Observation?date=ge2026-01-01T00:00:00+01:00', undefined);
    expect(parseCriteria('Observation?date=ge2025-12-31T23:00:00Z', undefined)).toEqual(date);
  });
});
