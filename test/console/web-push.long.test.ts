/** Alerts on this device, in a real browser: switched on in the Settings, shown by the worker as the server pushed them, gone with whoever signs out. docs/escalation.md */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Browser, BrowserContext, CDPSession, Page, Worker } from 'playwright-core';
import { pushedBrowser } from '../alerts/channels/pushed-browser.ts';
import { openBrowser } from '../smart/pages/sign-in-house.ts';
import { complaintsOf, describeInChromium, openChromium } from '../support/chromium.ts';
import { openHouse, type TestHouse } from '../support/house.ts';
import { violationsOn } from '../support/page-checks.ts';
import { until } from '../support/until.ts';
import { observation, openWard, PASSWORD, store } from './cardiac-world.ts';

const WORKER = '/console/push/worker.js';

/** The browser's push service is none that can be reached from here: what it hands out is ours, and lives as long as the test. */
const standIn = `(() => {
  const wrap = (kept) => kept && {
    ...kept, toJSON: () => kept,
    unsubscribe: async () => { await window.pushService('unsubscribe'); return true; },
  };
  PushManager.prototype.getSubscription = async () => wrap(await window.pushService('get'));
  PushManager.prototype.subscribe = async (options) => wrap(await window.pushService('subscribe', options));
})()`;

describeInChromium('Alerts on this device', () => {
  const own = pushedBrowser();
  const pushed: Buffer[] = [];
  let endings = 0;
  const receiver = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part);
    pushed.push(Buffer.concat(parts));
    response.writeHead(201).end();
  });
  let pushUrl: string;
  let house: TestHouse;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let complaints: string[];
  let cdp: CDPSession;
  let subscription: { endpoint: string; keys: object } | undefined;
  let subscribedWith: any;
  const comes = (condition: string) => until(() => page.evaluate(condition));
  const stateIs = (text: string) => comes(`document.getElementById('push-state')?.textContent.startsWith('${text}')`);
  const ofWorker = (work: string): Promise<any> =>
    page.evaluate(`navigator.serviceWorker.getRegistration('${WORKER}').then((worker) => worker.${work})`);
  const shown = (): Promise<any[]> =>
    ofWorker('getNotifications().then((all) => all.map(({ title, body, tag, data }) => ({ title, body, tag, data })))');

  async function signIn(login: string): Promise<void> {
    await page.click('#sign-in');
    await page.fill('#login', login);
    await page.fill('#password', PASSWORD);
    await page.keyboard.press('Enter');
    await page.waitForURL('**/cardiac/**');
    await page.waitForSelector('#sign-out:not([hidden])');
  }

  /** How many browsers the server pushes to for somebody. */
  async function subscriptionsOf(login: string): Promise<number> {
    const blind = openBrowser(house.url);
    await blind.get('/oauth/account/sign-in/apps');
    await blind.post('/oauth/account/sign-in/apps/login', { login, password: PASSWORD });
    const cookie = blind.setCookies.findLast((line) => line.startsWith('watchfire='))!.split(';')[0]!;
    const headers = { authorization: '', cookie, 'x-watchfire-page': '1' };
    return (await house.ask('GET', '/push-subscriptions', undefined, headers)).body.subscriptions.length;
  }

  async function openPage(url: string, mayNotify: boolean): Promise<void> {
    context = await browser.newContext({ reducedMotion: 'reduce', locale: 'en-GB' });
    if (mayNotify) await context.grantPermissions(['notifications'], { origin: url });
    await context.exposeFunction('pushService', (act: string, options?: object) => {
      if (act === 'subscribe') {
        subscribedWith = options;
        subscription = { endpoint: `${pushUrl}/push/${endings}`, keys: own.keys };
      }
      if (act === 'unsubscribe') {
        endings++;
        subscription = undefined;
      }
      return subscription;
    });
    await context.addInitScript(standIn);
    page = await context.newPage();
    complaints = await complaintsOf(page);
    await page.goto(`${url}/cardiac/`);
    await page.waitForSelector('#signed-out:not([hidden])');
  }

  /** Nina's, switched on at this browser, whose session is no more. */
  async function switchedOnAndGone(): Promise<void> {
    await signIn('nina');
    await page.click('.settings summary');
    await stateIs('Off.');
    await page.check('#push');
    await stateIs('On.');
    // Nothing may be asked in between: it would be refused, which the console tells.
    await page.goto('about:blank');
    await context.clearCookies();
    await page.goto(`${house.url}/cardiac/`);
    await page.waitForSelector('#signed-out:not([hidden])');
  }

  /** As the push service would hand it over. */
  async function deliver(data: string): Promise<void> {
    const registrations: any[] = [];
    cdp.on('ServiceWorker.workerRegistrationUpdated', (event) => registrations.push(...event.registrations));
    await cdp.send('ServiceWorker.enable');
    const { registrationId } = await until(() => registrations.findLast(({ isDeleted }) => !isDeleted));
    await cdp.send('ServiceWorker.deliverPushMessage', { origin: house.url, registrationId, data });
    await cdp.send('ServiceWorker.disable');
  }

  /** The way that Chromium has for this in tests loses a message now and then. */
  async function deliverUntilShown(data: string, count: number): Promise<void> {
    await until(async () => {
      await deliver(data);
      for (let looks = 0; looks < 60 && (await shown()).length < count; looks++) await page.waitForTimeout(50);
      return (await shown()).length >= count;
    });
  }

  const worker = (): Promise<Worker> => until(() => context.serviceWorkers().find((one) => one.url().endsWith(WORKER)));
  /** An event of the browser, as nobody but itself may make one that is waited for. */
  const happen = async (make: string): Promise<any> =>
    (await worker()).evaluate(`(async () => {
      const event = ${make};
      let done;
      event.waitUntil = (work) => { done = work; };
      dispatchEvent(event);
      await done;
      return globalThis.opened;
    })()`);

  /** The browser has another subscription in the place of one that it had. */
  const renewed = () => ({ endpoint: `${pushUrl}/push/renewed`, keys: own.keys });
  const renew = (was: object | null, now: object | null) =>
    happen(
      `Object.assign(new Event('pushsubscriptionchange'), ${JSON.stringify({ oldSubscription: was, newSubscription: now })})`,
    );

  beforeAll(async () => {
    await new Promise<void>((go) => receiver.listen(0, '127.0.0.1', go));
    const host = `127.0.0.1:${(receiver.address() as AddressInfo).port}`;
    pushUrl = `http://${host}`;
    house = await openHouse({ pushContact: 'mailto:it@clinic.example.org', outboundAllow: [host] });
    await openWard(house);
    browser = await openChromium();
    await openPage(house.url, true);
    cdp = await context.newCDPSession(page);
  });
  afterAll(async () => {
    await browser?.close();
    await house?.stop();
    receiver.close();
  });

  it('are loaded by who opens the Settings alone, and ask to sign in first', async () => {
    expect(await page.$('#push')).toBeNull();
    await page.click('.settings summary');
    await stateIs('Sign in first');
    expect(await page.isDisabled('#push')).toBe(true);
    await signIn('nina');
  });

  it('are switched on by a click or a key, in words, with nothing that axe finds', async () => {
    await page.click('.settings summary');
    await stateIs('Off.');
    await page.focus('#push');
    await page.keyboard.press('Space');
    await stateIs('On.');
    expect(await page.isChecked('#push')).toBe(true);
    await comes("document.activeElement.id === 'push'");
    expect(subscribedWith).toMatchObject({ userVisibleOnly: true, applicationServerKey: expect.any(String) });
    expect(await subscriptionsOf('nina')).toBe(1);
    expect(await violationsOn(page)).toEqual([]);
    await page.emulateMedia({ colorScheme: 'dark' });
    expect(await violationsOn(page)).toEqual([]);
    await page.emulateMedia({ colorScheme: 'light' });
    expect(await page.evaluate('navigator.serviceWorker.controller')).toBeNull();
  });

  it('are shown as the server pushed them, once however often they come', async () => {
    await store(house, [observation('fast', 'p1', Date.now(), 210, { device: undefined })]);
    const text = own.read(await until(() => pushed[0]));
    const message = JSON.parse(text);
    expect(message).toMatchObject({ title: 'Watchfire: a critical alert waits for you', priority: 'stat' });
    expect(message.link.startsWith(`${house.url}/cardiac/?alert=`)).toBe(true);

    await deliverUntilShown(text, 1);
    await deliver(text);
    await page.waitForTimeout(500);
    expect(await shown()).toEqual([
      { title: message.title, body: message.body, tag: message.id, data: { link: message.link } },
    ]);
    await deliverUntilShown('not JSON', 2);
  });

  it('lead to their page: a window that shows it, else a new one, and to no other place', async () => {
    const click = (link: string) =>
      happen(`(globalThis.opened = [], clients.openWindow = async (link) => opened.push(link),
        WindowClient.prototype.focus = async function () { opened.push('focus ' + this.url); },
        await registration.showNotification('x', { tag: 'x', data: { link: '${link}' } }),
        new NotificationEvent('notificationclick', { notification: (await registration.getNotifications({ tag: 'x' }))[0] }))`);
    expect(await click(`${house.url}/cardiac/?alert=1`)).toEqual([`${house.url}/cardiac/?alert=1`]);
    expect(await click('/cardiac/')).toEqual([`focus ${house.url}/cardiac/`]);
    for (const foreign of ['https://evil.example/', 'javascript:alert(1)', '//evil.example/'])
      expect(await click(foreign)).toEqual([`focus ${house.url}/cardiac/`]);
    expect((await shown()).map(({ tag }) => tag)).not.toContain('x');
  });

  it('go on when the browser renews what it subscribed for, in the place of the old', async () => {
    await renew(subscription!, renewed());
    subscription = renewed();
    expect(await subscriptionsOf('nina')).toBe(1);
    await page.reload();
    await page.click('.settings summary');
    await stateIs('On.');
  });

  it('end with whoever signs out, at the server, in the browser and on the screen, and leave nothing behind', async () => {
    const before = endings;
    await page.click('#sign-out');
    await page.waitForSelector('#signed-out:not([hidden])');
    expect([endings, subscription]).toEqual([before + 1, undefined]);
    await until(async () => (await shown()).length === 0);
    expect(await subscriptionsOf('nina')).toBe(0);
    const kept: any = await page.evaluate(
      'Promise.all([caches.keys(), indexedDB.databases(), { ...localStorage }, { ...sessionStorage }])',
    );
    expect(JSON.stringify(kept)).toBe('[[],[],{},{}]');
    expect(complaints).toEqual([]);
  });

  it('say that they end where the browser renews them and nobody is signed in', async () => {
    await renew(null, null);
    expect(await shown()).toMatchObject([{ tag: 'lost', body: expect.stringContaining('no longer come') }]);
    // The worker was refused, which the console tells.
    complaints.length = 0;
  });

  it('end with the session in which a page saw them last, also where that is signed out of elsewhere', async () => {
    await switchedOnAndGone();
    await signIn('nina');
    await page.click('.settings summary');
    await stateIs('On.');
    expect(await subscriptionsOf('nina')).toBe(1);
    await page.goto(`${house.url}/oauth/account/apps`);
    await page.click('form[action$="/account/sign-out"] button');
    await until(async () => (await subscriptionsOf('nina')) === 0);
    await page.goto(`${house.url}/cardiac/`);
    await page.waitForSelector('#signed-out:not([hidden])');
  });

  it('of somebody whose session merely ended are not shown to the next who signs in', async () => {
    await switchedOnAndGone();
    const hers = subscription!;
    await signIn('nora');
    await page.waitForSelector('.toast:has-text("Alerts no longer come to this device")');
    expect(subscription).toBeUndefined();
    await page.click('.settings summary');
    await stateIs('Off.');
    await renew(hers, renewed());
    expect((await shown()).map(({ tag }) => tag)).toContain('lost');
    expect(await subscriptionsOf('nora')).toBe(0);
    expect(complaints).toEqual([]);
    await context.close();
  });

  it('say that the browser blocks them, that the administrator is nobody, and that a server does not offer them', async () => {
    await openPage(house.url, false);
    await signIn('nora');
    await page.click('.settings summary');
    await stateIs('Off.');
    await page.click('#push');
    await stateIs('Blocked by the browser');
    expect([await page.isDisabled('#push'), await page.isChecked('#push'), subscription]).toEqual([
      true,
      false,
      undefined,
    ]);
    expect(await violationsOn(page)).toEqual([]);
    await page.click('#sign-out');
    await page.waitForSelector('#signed-out:not([hidden])');
    await page.click('#signed-out summary');
    await page.fill('#token', house.adminToken);
    await page.keyboard.press('Enter');
    await page.waitForSelector('#sign-out:not([hidden])');
    await page.click('.settings summary');
    await stateIs('Only for who signs in');
    await context.close();

    const without = await openHouse();
    await openWard(without);
    await openPage(without.url, false);
    await signIn('nina');
    await page.click('.settings summary');
    await stateIs('Not offered by this server');
    expect(await page.isDisabled('#push')).toBe(true);
    expect(await violationsOn(page)).toEqual([]);
    expect(complaints).toEqual([]);
    await context.close();
    await without.stop();
  });
});
