/** MedplumClient, as published, in a real browser: a user goes through our pages by its redirect, and it comes back for new tokens by itself. https://www.medplum.com/docs/sdk/core.medplumclient.signinwithredirect */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { systemRuntime } from '../../../src/runtime.ts';
import { describeInChromium, openChromium } from '../../support/chromium.ts';
import { type AppPages, openAppPages } from './app-pages.ts';
import { type Clinic, openClinic } from './clinic.ts';
import { decides, inPage, toldBy } from './person.ts';

describeInChromium('MedplumClient in a browser', () => {
  /** Milliseconds that the server is ahead. */
  let ahead = 0;
  let clinic: Clinic;
  let app: AppPages;
  let browser: Browser;
  beforeAll(async () => {
    const runtime = { ...systemRuntime, now: () => Date.now() + ahead };
    [clinic, app, browser] = await Promise.all([openClinic({ runtime }), openAppPages(), openChromium()]);
  });
  afterAll(async () => {
    await browser?.close();
    await app?.stop();
    await clinic?.stop();
  });

  it('signs a user in by redirect, searches, creates, and refreshes by itself when its token has expired', async () => {
    const { clientId } = await clinic.register({ redirect_uris: [`${app.origin}/`] });
    app.settings.set('medplum', {
      baseUrl: clinic.url,
      fhirUrlPath: 'fhir',
      tokenUrl: 'oauth/token',
      // It says nothing of an audience by itself; SMART demands one.
      authorizeUrl: `oauth/authorize?aud=${encodeURIComponent(clinic.base)}`,
      extendedMode: false,
      cacheTime: 0,
      clientId,
      scope: 'openid fhirUser launch/patient offline_access patient/Patient.rs user/Observation.crs',
    });
    const page = await browser.newPage();
    await page.goto(`${app.origin}/`);
    await decides(page, clinic.doctor);

    expect(await toldBy(page)).toBe('ready');
    const readings = `(await client.searchResources('Observation', 'patient=${clinic.patientId}&_sort=_lastUpdated'))
      .map(({ valueQuantity }) => valueQuantity.value)`;
    expect(await inPage(page, `return ${readings}`)).toEqual(clinic.rates);
    const created = await inPage(
      page,
      `const [one] = await client.searchResources('Observation', 'patient=${clinic.patientId}');
       const { id, meta, ...copy } = one;
       return client.createResource({ ...copy, valueQuantity: { ...copy.valueQuantity, value: 99 } })`,
    );
    expect(created).toMatchObject({ resourceType: 'Observation', id: expect.any(String) });
    expect(await inPage(page, "return client.createResource({ resourceType: 'Patient' })")).toMatch(
      /^error: .*not permitted/,
    );

    const before = await inPage(page, 'return client.getAccessToken()');
    ahead = 901_000;
    // New tokens are of the machine's clock.
    await page.route('**/oauth/token', (route) => {
      ahead = 0;
      return route.continue();
    });
    expect(await inPage(page, `return ${readings}`)).toEqual([...clinic.rates, 99]);
    expect(await inPage(page, 'return client.getAccessToken()')).not.toBe(before);
  });
});
