/** The portal: Swagger UI from this server alone, under a strict policy, in a real browser; tokens stay in the page (I52). */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import express from 'express';
import type { Browser, Page } from 'playwright-core';
import request from 'supertest';
import { type Portal, portalRouter } from '../../src/http/portal.ts';
import { openApi } from '../../src/publish/openapi.ts';
import { complaintsOf, describeInChromium, openChromium } from '../support/chromium.ts';
import { authorize, execute, look } from '../support/swagger-page.ts';

const document = openApi('1.2.3');
const appWith = (portal: Partial<Portal> = {}) => express().use(portalRouter({ openApi: () => document, ...portal }));

describe('The portal', () => {
  it('serves its page and the document it shows', async () => {
    const page = await request(appWith()).get('/docs').expect(200).expect('Content-Type', /html/);
    expect(page.text).toContain('<title>Watchfire</title>');
    await request(appWith()).get('/openapi.json').expect(200).expect('Content-Type', /json/).expect(document);
  });

  it('takes everything from this server: no inline code or style, nothing of another host but links', async () => {
    const app = appWith();
    const { text, headers } = await request(app).get('/docs');
    expect(text).not.toMatch(/<style|\sstyle=|\son\w+=|<script>/);
    const loaded = [...text.matchAll(/(?:src|<link[^>]*href)="([^"]+)"/g)].map(([, url]) => url!);
    expect(loaded).toContain('/docs/swagger-ui-bundle.js');
    for (const url of new Set(loaded)) {
      expect(url).toMatch(/^\/docs\//);
      await request(app).get(url).expect(200).expect('X-Content-Type-Options', 'nosniff');
    }
    expect(headers['content-security-policy']).toContain("default-src 'none'");
    expect(headers['content-security-policy']).not.toContain('unsafe');
  });

  it('hides the rest of the package, whose own page starts on a foreign document', async () => {
    for (const name of [
      'index.html',
      'swagger-initializer.js',
      'package.json',
      'oauth2-redirect.html',
      '..%2fpackage.json',
      'portal.ts',
    ])
      await request(appWith()).get(`/docs/${name}`).expect(404);
  });

  it('makes the document once', async () => {
    let made = 0;
    const app = appWith({ openApi: () => ({ made: ++made }) });
    await request(app).get('/openapi.json').expect({ made: 1 });
    await request(app).get('/openapi.json').expect({ made: 1 });
  });

  it('asks for the token where the profile says so, as a password that a browser can ask for', async () => {
    const app = appWith({ admits: (token) => token === 'right' });
    for (const path of ['/docs', '/docs/portal.js', '/docs/swagger-ui.css', '/openapi.json']) {
      await request(app)
        .get(path)
        .expect(401)
        .expect('WWW-Authenticate', /^Basic /);
      await request(app).get(path).auth('admin', 'wrong').expect(401);
      await request(app).get(path).set('Authorization', 'Bearer wrong').expect(401);
      await request(app).get(path).auth('admin', 'right').expect(200);
      await request(app).get(path).set('Authorization', 'Bearer right').expect(200);
    }
  });
});

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
    const app = appWith();
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
  }, 60_000);

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
