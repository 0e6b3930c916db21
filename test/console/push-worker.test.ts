/** What a page needs to be told of alerts on this device: the worker at its address, and a door that takes the cookie of a sign-in. docs/escalation.md */
import { createECDH } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openBrowser } from '../smart/pages/sign-in-house.ts';
import { openHouse, type TestHouse } from '../support/house.ts';
import { openWard, PASSWORD } from './cardiac-world.ts';

let house: TestHouse;
beforeAll(async () => {
  house = await openHouse({ pushContact: 'mailto:it@clinic.example.org', outboundAllow: ['127.0.0.1:9'] });
  await openWard(house);
});
afterAll(() => house.stop());

const nobody = { authorization: '' };

describe('The worker that shows what is pushed', () => {
  it('stands in front of no page, loads nothing from elsewhere, is asked for anew, and speaks as the browser asks', async () => {
    const { status, headers, text } = await house.ask('GET', '/console/push/worker.js', undefined, {
      ...nobody,
      'accept-language': 'de',
    });
    expect(status).toBe(200);
    expect(Object.fromEntries(headers)).toMatchObject({
      'content-type': 'text/javascript; charset=utf-8',
      'content-security-policy': "default-src 'none'; connect-src 'self'",
      'cache-control': 'no-cache',
      vary: 'Cookie, Accept-Language',
      'x-content-type-options': 'nosniff',
    });
    expect(headers.get('service-worker-allowed')).toBeNull();
    expect(text).toContain('const lost = "Auf dieses Gerät kommen keine Alarme mehr.');
    const english = await house.ask('GET', '/console/push/worker.js', undefined, nobody);
    expect(english.text).toContain('const lost = "Alerts no longer come to this device.');
  });

  it('keeps nothing in the browser', async () => {
    const { text } = await house.ask('GET', '/console/push/worker.js', undefined, nobody);
    expect(text).not.toMatch(/\b(?:caches|indexedDB|localStorage|importScripts)\b|'fetch'/);
  });
});

describe('A browser of somebody who is signed in at a page', () => {
  const keys = {
    p256dh: createECDH('prime256v1').generateKeys('base64url'),
    auth: Buffer.alloc(16).toString('base64url'),
  };
  const subscription = { endpoint: 'https://127.0.0.1:9/push/1', keys };

  it('subscribes by the cookie, for our own pages alone, and is told whether the server pushes', async () => {
    const browser = openBrowser(house.url);
    await browser.get('/oauth/account/sign-in/apps');
    await browser.post('/oauth/account/sign-in/apps/login', { login: 'nina', password: PASSWORD });
    const cookie = browser.setCookies.findLast((line) => line.startsWith('watchfire='))!.split(';')[0]!;
    const ask = (
      method: string,
      path: string,
      body?: object,
      page: Record<string, string> = { 'x-watchfire-page': '1' },
    ) => house.ask(method, path, body, { ...nobody, cookie, ...page });
    expect((await ask('GET', '/console/session')).body).toMatchObject({ who: 'Practitioner/nina', hasPush: true });

    expect((await ask('POST', '/push-subscriptions', subscription, {})).status).toBe(403);
    expect((await ask('POST', '/push-subscriptions', subscription)).status).toBe(201);
    expect((await ask('GET', '/push-subscriptions')).body).toMatchObject({
      public_key: expect.any(String),
      subscriptions: [expect.stringMatching(/^[0-9a-f]{32}$/)],
    });
    expect((await ask('DELETE', '/push-subscriptions', { endpoint: subscription.endpoint })).status).toBe(204);
    expect((await ask('GET', '/push-subscriptions')).body.subscriptions).toEqual([]);
    expect((await house.ask('GET', '/push-subscriptions', undefined, nobody)).status).toBe(401);
  });
});
