/** Somebody signs in at the portal of the running server as at any app, and asks for what they may see; and what is not our answer is none. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { openSignInHouse, PASSWORD, type SignInHouse } from '../smart/pages/sign-in-house.ts';
import { complaintsOf, describeInChromium, openChromium } from '../support/chromium.ts';
import { execute, look } from '../support/swagger-page.ts';

describeInChromium('Signing in at the portal', () => {
  let browser: Browser;
  let page: Page;
  let complaints: string[];
  let sign: SignInHouse;
  let url: string;
  beforeAll(async () => {
    sign = await openSignInHouse();
    url = sign.house.url;
    browser = await openChromium();
    page = await browser.newPage({ viewport: { width: 1280, height: 1000 } });
    complaints = await complaintsOf(page);
  });
  afterAll(async () => {
    await browser?.close();
    await sign?.house.stop();
  });
  const kept = () => page.evaluate('localStorage.length + sessionStorage.length + document.cookie.length');
  const status = () => page.locator('[data-status]').textContent();

  it('leads through our own pages and back to the same operation, where GET /fhir/Patient answers 200 with what the user may see', async () => {
    await look(page, `${url}/docs#/Patient/searchPatient`);
    await page.click('[data-sign-in]');
    await page.waitForSelector('h1:text-is("Sign in")');
    const asked = new URL(page.url());
    expect(asked.pathname).toMatch(/^\/oauth\/interaction\//);
    await page.fill('#login', 'ada');
    await page.fill('#password', PASSWORD);
    await page.keyboard.press('Enter');
    await page.waitForSelector('h1:text-is("Allow this app?")');
    expect(await page.locator('.lead').textContent()).toContain('Watchfire portal');
    await page.click('button[value=allow]');

    await page.waitForSelector('[data-sign-out]:visible');
    expect(await status()).toMatch(/^Signed in as Practitioner\/ada until \d/);
    expect(page.url()).toBe(`${url}/docs#/Patient/searchPatient`);
    expect(await kept()).toBe(0);
    expect(await execute(page, '#operations-Patient-searchPatient')).toBe(200);
    const shown = await page.locator('#operations-Patient-searchPatient .live-responses-table').textContent();
    expect(shown).toContain('ours-11');
    expect(shown).not.toContain('theirs-1');

    await page.evaluate(readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8'));
    const found: any = await page.evaluate("axe.run('#access')");
    expect(found.violations.map(({ id }: any) => id)).toEqual([]);

    await page.click('[data-sign-out]');
    expect(await status()).toBe('Signed out.');
    expect(await execute(page, '#operations-Patient-searchPatient')).toBe(401);
    expect(complaints.filter((complaint) => !complaint.includes('401'))).toEqual([]);
  });

  it('asks a patient for the scopes of a patient, and shows nobody else', async () => {
    const context = await browser.newContext();
    const own = await context.newPage();
    await look(own, `${url}/docs#/Patient/searchPatient`);
    await own.click('[data-sign-in]');
    await own.fill('#login', 'elin');
    await own.fill('#password', PASSWORD);
    await own.keyboard.press('Enter');
    await own.click('button[value=allow]');
    await own.waitForSelector('code:text-is("patient/*.cruds")');
    await own.click('button[value=allow]');
    await own.waitForSelector('[data-sign-out]:visible');
    expect(await own.locator('[data-status]').textContent()).toMatch(/^Signed in as Patient\/ours-1 until/);
    expect(await execute(own, '#operations-Patient-searchPatient')).toBe(200);
    const shown = await own.locator('#operations-Patient-searchPatient .live-responses-table').textContent();
    expect([shown?.includes('ours-1'), shown?.includes('ours-2')]).toEqual([true, false]);
    await context.close();
  });

  it('takes the key of a device beside it', async () => {
    await sign.house.update({
      resourceType: 'Device',
      id: 'dev001',
      identifier: [{ system: 'urn:d', value: 'DEV001' }],
      patient: { reference: 'Patient/ours-1' },
    });
    const key = await sign.house.deviceKey('DEV001');
    await look(page, `${url}/docs`);
    await page.fill('#device-key', key);
    await page.keyboard.press('Enter');
    expect(await page.locator('[data-key-status]').textContent()).toBe('This key is used for the device routes.');
    expect(await page.inputValue('#device-key')).toBe('');
    await page.click('[data-operation=postVitals]');
    expect(await execute(page, '#operations-Devices-postVitals')).toBe(201);
    expect(await kept()).toBe(0);
  });

  it('takes no answer that it did not ask for, and leaves nothing of one in the address', async () => {
    for (const query of [
      'code=stolen&state=guessed&iss=x',
      'error=access_denied&state=x',
      `code=a&state=null&iss=${url}`,
    ]) {
      const asked: string[] = [];
      page.on('request', (request) => asked.push(`${request.method()} ${new URL(request.url()).pathname}`));
      await look(page, `${url}/docs?${query}`);
      await page.waitForSelector('[data-status][data-problem]');
      expect(await status()).toBe('That answer belongs to no sign-in of this page.');
      expect(page.url().split('#')[0]).toBe(`${url}/docs`);
      expect(asked).not.toContain('POST /oauth/token');
      page.removeAllListeners('request');
    }
  });

  it('is a client of this one address, which can be looked at and shut out', async () => {
    const { status, body } = await sign.house.ask('GET', '/admin/clients/watchfire-portal');
    expect([status, body.redirect_uris, body.token_endpoint_auth_method]).toEqual([200, [`${url}/docs`], 'none']);
    const elsewhere = new URLSearchParams({
      client_id: 'watchfire-portal',
      redirect_uri: `${url}/docs/`,
      response_type: 'code',
    });
    expect((await fetch(`${url}/oauth/authorize?${elsewhere}`, { redirect: 'manual' })).status).toBe(400);
  });
});
