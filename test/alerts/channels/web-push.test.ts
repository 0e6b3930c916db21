/** Web push against a push service on this machine: what a browser can read, what is forgotten, and who may ask for it. */
import { createECDH, createPublicKey, hash, verify } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import express from 'express';
import type { Message } from '../../../src/alerts/channels/channel.ts';
import { pushContacts, pushKind, subscribing } from '../../../src/alerts/channels/push-subscriptions.ts';
import { webPush } from '../../../src/alerts/channels/web-push.ts';
import { pushSubscriptionsRouter } from '../../../src/http/push-subscriptions.ts';
import { guardedClient } from '../../../src/outbound/guarded-client.ts';
import { encryptPush, MOST_PUSHED, vapidPublicKey } from '../../../src/outbound/web-push.ts';
import { systemRuntime } from '../../../src/runtime.ts';
import { openSqliteStore } from '../../../src/store/sqlite/sqlite-store.ts';
import { message } from './message.ts';
import { pushedBrowser } from './pushed-browser.ts';

const runtime = systemRuntime;
const never = new AbortController().signal;
/** A login, kept; its epoch rises with whatever ends all that was given out to it. */
const userOf = (login: string, more: object = {}) =>
  ({ op: 'put', kind: 'user', key: login, value: { login, fhirUser: 'Practitioner/7', epoch: 1, ...more } }) as const;
const pushed = (value: string, more: Partial<Message> = {}) => message({ kind: 'web-push', value }, more);

interface Call {
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}
let calls: Call[] = [];
let status = 201;
const receiver = createServer(async (request, response) => {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part);
  calls.push({ headers: request.headers, body: Buffer.concat(parts) });
  response.writeHead(status).end();
});
let url = '';
let client: ReturnType<typeof guardedClient>;
beforeAll(async () => {
  await new Promise<void>((go) => receiver.listen(0, '127.0.0.1', go));
  const host = `127.0.0.1:${(receiver.address() as AddressInfo).port}`;
  url = `http://${host}`;
  client = guardedClient({ allow: [host], runtime });
});
afterAll(async () => {
  await client.close();
  await new Promise((go) => receiver.close(go));
});

describe('web push', () => {
  // https://www.rfc-editor.org/rfc/rfc8291#appendix-A
  const browser = {
    p256dh: 'BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4',
    auth: 'BTBZMqHH6r4Tts7J_aSIgg',
  };
  const chance = {
    privateKey: Buffer.from('yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw', 'base64url'),
    salt: Buffer.from('DGv6ra1nlYgDCS1FRnbzlw', 'base64url'),
  };

  const vapid = { privateKey: Buffer.alloc(32, 5), contact: 'mailto:admin@clinic.example.org' };

  it('encrypts as RFC 8291 shows', () => {
    const sealed = encryptPush('When I grow up, I want to be a watermelon', { endpoint: '', ...browser }, chance);
    expect(sealed.toString('base64url')).toBe(
      'DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN',
    );
  });

  /** A browser that is subscribed; what it gets. */
  async function subscribed() {
    const store = await openSqliteStore({ file: ':memory:', runtime });
    const browser = pushedBrowser();
    const target = { endpoint: `${url}/push/1`, ...browser.keys };
    await store.commit([userOf('nora'), { op: 'put', kind: 'user-session', key: 's', value: {} }]);
    const nora = { who: 'Practitioner/7', login: 'nora', epoch: 1, session: 's' };
    await store.commit(await subscribing(nora, target, store));
    const [kept] = await store.list(pushKind, '', 10);
    const channel = webPush(client, runtime, store, vapid);
    const send = async (more: Partial<Message> = {}, answer = 201) => {
      calls = [];
      status = answer;
      const sent = await channel.send(pushed(kept!.key, more), never);
      return { sent, headers: calls[0]!.headers, text: browser.read(calls[0]!.body) };
    };
    return { store, send, key: kept!.key };
  }

  it('reaches the browser of a user, signed as this server, and forgets one that is gone', async () => {
    const { store, send } = await subscribed();
    const { sent, headers, text } = await send();
    expect(sent).toBe('sent');
    expect(headers).toMatchObject({ 'content-encoding': 'aes128gcm', urgency: 'high' });
    expect(JSON.parse(text)).toMatchObject({ id: '01-message', link: pushed('').link });
    const [, head, claims, signature, point] =
      /^vapid t=([\w-]+)\.([\w-]+)\.([\w-]+), k=([\w-]+)$/.exec(headers.authorization!) ?? [];
    expect(point).toBe(vapidPublicKey(vapid));
    expect(JSON.parse(Buffer.from(claims!, 'base64url').toString())).toMatchObject({ aud: url, sub: vapid.contact });
    const bytes = Buffer.from(point!, 'base64url');
    const jwk = {
      kty: 'EC',
      crv: 'P-256',
      x: bytes.subarray(1, 33).toString('base64url'),
      y: bytes.subarray(33).toString('base64url'),
    };
    const key = { key: createPublicKey({ key: jwk, format: 'jwk' }), dsaEncoding: 'ieee-p1363' } as const;
    expect(verify('sha256', Buffer.from(`${head}.${claims}`), key, Buffer.from(signature!, 'base64url'))).toBe(true);

    expect((await send({}, 410)).sent).toMatchObject({ failed: 'recipient-unavailable', isFinal: true });
    expect(await store.list(pushKind, '', 10)).toEqual([]);
    await store.close();
  });

  it.each([
    ['is disabled', userOf('nora', { disabled: 1 })],
    ['was signed out everywhere', userOf('nora', { epoch: 2 })],
    ['is no more', { op: 'drop', kind: 'user', key: 'nora' } as const],
  ])('tells nobody whose login %s, though the message waits already', async (_what, change) => {
    const { store, key } = await subscribed();
    await store.commit([change]);
    calls = [];
    const sent = await webPush(client, runtime, store, vapid).send(pushed(key), never);
    expect([sent, calls]).toEqual([expect.objectContaining({ failed: 'recipient-unavailable', isFinal: true }), []]);
    expect(await pushContacts('Practitioner/7', store, new Set(['web-push']))).toEqual([]);
    await store.close();
  });

  it('hands over what a browser can read, however long the text: its end is cut, its link is whole', async () => {
    const { store, send } = await subscribed();
    for (const sign of ['x', 'Ä', '"', '\u0001', '🫀']) {
      const long = `Heart rate is critically high ${sign.repeat(5_000)}`;
      const { sent, text } = await send({ text: long });
      expect([sent, Buffer.byteLength(text) <= MOST_PUSHED]).toEqual(['sent', true]);
      const { body, ...rest } = JSON.parse(text);
      expect(rest).toMatchObject({ id: '01-message', link: pushed('').link, priority: 'stat' });
      expect(Buffer.byteLength(text)).toBeGreaterThan(MOST_PUSHED - 400);
      expect(long.startsWith(body.slice(0, -1)) && body.endsWith('…')).toBe(true);
      expect(body.isWellFormed()).toBe(true);
    }
    await store.close();
  });
});

describe('where a browser asks to be pushed to', () => {
  it('takes people alone, each for themselves, and ten browsers of one at most', async () => {
    const store = await openSqliteStore({ file: ':memory:', runtime });
    const people = ['Practitioner/7', 'Patient/1'];
    const app = express();
    app.use((request, response, next) => {
      const who = String(request.headers['x-who'] ?? 'anonymous');
      // Of a page; an app comes without a session.
      const session = people.includes(who) && { session: { login: who, epoch: 1, id: who } };
      response.locals['visit'] = { requestId: 'r', caller: { who, ...session } };
      next();
    });
    for (const who of people)
      await store.commit([userOf(who), { op: 'put', kind: 'user-session', key: who, value: {} }]);
    app.use('/push-subscriptions', pushSubscriptionsRouter({ store, runtime, client, publicKey: 'key' }));
    app.use((error: any, _request: any, response: any, _next: any) => response.status(error.status ?? 500).end());
    const server = app.listen(0, '127.0.0.1');
    await new Promise((go) => server.once('listening', go));
    const path = `http://127.0.0.1:${(server.address() as AddressInfo).port}/push-subscriptions`;
    const ask = (method: string, who: string, body?: object) =>
      fetch(path, {
        method,
        headers: { ...(who && { 'x-who': who }), 'content-type': 'application/json' },
        body: body && JSON.stringify(body),
      });
    const pair = createECDH('prime256v1');
    const noPoint = Buffer.alloc(65).toString('base64url');
    const keys = { p256dh: pair.generateKeys('base64url'), auth: Buffer.alloc(16).toString('base64url') };
    const browser = (name: string, more: object = {}) => ({ endpoint: `${url}/${name}`, keys, ...more });
    try {
      for (const [who, status] of [
        ['', 401],
        ['Client/admin', 403],
        ['Device/1', 403],
        ['Practitioner/app', 403],
      ] as const)
        expect((await ask('POST', who, browser('a'))).status).toBe(status);
      expect(await (await ask('GET', 'Practitioner/7')).json()).toEqual({ public_key: 'key', subscriptions: [] });
      for (const wrong of [
        { endpoint: 'http://10.0.0.1/' },
        { endpoint: 7 },
        { keys: { ...keys, auth: 'x' } },
        { keys: { ...keys, p256dh: noPoint } },
      ])
        expect((await ask('POST', 'Practitioner/7', browser('a', wrong))).status).toBeGreaterThanOrEqual(400);
      expect(await store.list('push-subscription', '', 100)).toEqual([]);
      // Of an earlier version: nobody knows whose they are.
      await store.commit([{ op: 'put', kind: pushKind, key: 'Practitioner/7|old', value: { endpoint: url, ...keys } }]);
      expect(await pushContacts('Practitioner/7', store, new Set(['web-push']))).toEqual([]);
      for (let i = 0; i < 12; i++) expect((await ask('POST', 'Practitioner/7', browser(`b${i}`))).status).toBe(201);
      const left = (await store.list('push-subscription', 'Practitioner/7|', 100)).map(({ value }) => value.endpoint);
      expect(left.sort()).toEqual(Array.from({ length: 10 }, (_, i) => `${url}/b${i + 2}`).sort());
      const names = async (who: string) => ((await (await ask('GET', who)).json()) as any).subscriptions;
      const name = (path: string) => hash('sha256', `${url}/${path}`, 'hex').slice(0, 32);
      expect(await names('Practitioner/7')).toEqual(expect.arrayContaining([name('b2'), name('b11')]));
      expect(await names('Practitioner/71')).toEqual([]);
      expect((await ask('PUT', 'Practitioner/7', browser('b4'))).status).toBe(200);
      expect((await ask('PUT', 'Practitioner/7', browser('b0'))).status).toBe(404);
      await ask('DELETE', 'Patient/1', { endpoint: `${url}/b5` });
      expect(await store.list('push-subscription', '', 100)).toHaveLength(10);
      await ask('DELETE', 'Practitioner/7', { endpoint: `${url}/b5` });
      expect(await store.list('push-subscription', '', 100)).toHaveLength(9);
      // A browser tells of the alerts of who asked last, and of nobody else's.
      expect((await ask('POST', 'Patient/1', browser('b6'))).status).toBe(201);
      expect([await names('Patient/1'), (await names('Practitioner/7')).length]).toEqual([[name('b6')], 8]);
      expect((await ask('PUT', 'Practitioner/7', browser('b6'))).status).toBe(404);
    } finally {
      await new Promise((go) => server.close(go));
      await store.close();
    }
  });
});
