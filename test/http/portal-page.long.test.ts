/** The portal in a real browser: what it shows and tries, and that tokens stay in the page (I52). */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import express from 'express';
import type { Browser, Page } from 'playwright-core';
import { portalRouter } from '../../src/http/portal.ts';
import { openApi } from '../../src/publish/openapi.ts';
import { complaintsOf, describeInChromium, openChromium } from '../support/chromium.ts';
import { authorize, execute, look } from '../support/swagger-page.ts';

const document = openApi('1.2.3');

describeInChromium('The portal in Chromium', () => {
  let browser: Browser;
  let server: Server;
  let foreign: Server;
  let url: string;
  let page: Page;
  let complaints: string[];
  /** Requests that came in, for the server that owns the page and for another one. */
  const seen: { method: string; url: string; authorization: string | undefined; body: string }[] = [];
  const seenElsewhere: string[] = [];

  const started = async (listener: Server) => {
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(listener.address() as AddressInfo).port}`;
  };

  beforeAll(async () => {
    const app = express().use(portalRouter({ openApi: () => document }));
    app.use(express.text({ type: () => true }), (asked, response) => {
      seen.push({
        method: asked.method,
        url: asked.originalUrl,
        authorization: asked.get('authorization'),
        body: typeof asked.body === 'string' ? asked.body : '',
      });
      response.json({ resourceType: 'CapabilityStatement', note: '<img src=x onerror=alert(1)>' });
    });
    server = createServer(app);
    url = await started(server);
    foreign = createServer((asked, response) => {
      seenElsewhere.push(asked.url!);
      response.setHeader('Access-Control-Allow-Origin', '*').end('{}');
    });
    browser = await openChromium();
  });
  afterAll(async () => {
    await browser?.close();
    server?.close();
    foreign?.close();
  });
  beforeEach(async () => {
    page = await browser.newPage({ viewport: { width: 1280, height: 1000 } });
    complaints = await complaintsOf(page);
    seen.length = 0;
  });
  afterEach(async () => {
    await page.close();
  });

  it('shows every tag, unfolds the device door and complains of nothing', async () => {
    await look(page, `${url}/docs`);
    await page.waitForSelector('#operations-Devices-postVitals');
    expect(await page.title()).toBe('Watchfire');
    expect(await page.locator('.opblock-tag').count()).toBe((document as any).tags.length);
    expect(complaints).toEqual([]);
  });

  it('tries an operation on this server without a token, shows the answer as text, and leads on from the steps at its top', async () => {
    await look(page, `${url}/docs#/FHIR/capabilities`);
    await execute(page, '#operations-FHIR-capabilities');
    expect(seen).toEqual([{ method: 'GET', url: '/fhir/metadata', authorization: undefined, body: '' }]);
    const shown = await page.locator('#operations-FHIR-capabilities .live-responses-table').textContent();
    expect(shown).toContain('onerror=alert(1)');
    expect(await page.locator('#swagger-ui img[src=x]').count()).toBe(0);
    await page.click('[data-operation=searchObservation]');
    await page.waitForSelector('#operations-Observation-searchObservation.is-open');
    expect(complaints).toEqual([]);
  });

  it('sends a device key to the device door and the admin token to FHIR, and forgets both with the page', async () => {
    await look(page, `${url}/docs`);
    await authorize(page, 'deviceKey', 'a-device-key');
    await authorize(page, 'adminToken', 'an-admin-token');
    await page.click('[data-operation=postVitals]');
    await execute(page, '#operations-Devices-postVitals');
    expect(seen[0]).toMatchObject({ method: 'POST', url: '/api/iot/vitals/', authorization: 'Bearer a-device-key' });
    const sent = JSON.parse(seen[0]!.body);
    expect(sent.device_id).toBe('DEV001');
    expect(Math.abs(Date.parse(sent.timestamp) - Date.now())).toBeLessThan(3_600_000);

    await page.click('[data-operation=searchObservation]');
    await execute(page, '#operations-Observation-searchObservation');
    expect(seen[1]).toMatchObject({ method: 'GET', url: '/fhir/Observation', authorization: 'Bearer an-admin-token' });

    expect(await page.evaluate('localStorage.length + sessionStorage.length + document.cookie.length')).toBe(0);
    await look(page, `${url}/docs#/Observation/searchObservation`);
    await page.reload();
    await execute(page, '#operations-Observation-searchObservation');
    expect(seen.at(-1)!.authorization).toBeUndefined();
    expect(complaints).toEqual([]);
  });

  it('ignores a document that the address names, and reaches no other server', async () => {
    const elsewhere = await started(foreign);
    await look(page, `${url}/docs?url=${elsewhere}/openapi.json&configUrl=${elsewhere}/config.json&urls.primaryName=x`);
    await page.waitForSelector('#operations-Devices-postVitals');
    expect(seenElsewhere).toEqual([]);
    expect(complaints).toEqual([]);

    await page.evaluate(
      `new Promise((seen) => { addEventListener('securitypolicyviolation', seen); fetch('${elsewhere}/steal').catch(() => {}); }).then(() => 0)`,
    );
    expect(seenElsewhere).toEqual([]);
    expect(complaints.some((complaint) => complaint.startsWith('policy: connect-src'))).toBe(true);
  });
});
