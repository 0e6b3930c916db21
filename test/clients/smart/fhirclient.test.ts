/** The SMART JavaScript client, as published, in a real browser: a page that a person opens. https://github.com/smart-on-fhir/client-js */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { describeInChromium, openChromium } from '../../support/chromium.ts';
import { type AppPages, openAppPages } from './app-pages.ts';
import { type Clinic, openClinic } from './clinic.ts';
import { decides, inPage, toldBy } from './person.ts';

describeInChromium('fhirclient in a browser', () => {
  let clinic: Clinic;
  let app: AppPages;
  let browser: Browser;
  beforeAll(async () => {
    [clinic, app, browser] = await Promise.all([openClinic(), openAppPages(), openChromium()]);
  });
  afterAll(async () => {
    await browser?.close();
    await app?.stop();
    await clinic?.stop();
  });

  it('launches by itself, comes back with the chosen patient and reads that patient and no other', async () => {
    const scope = 'launch/patient openid fhirUser patient/Patient.read patient/Observation.rs';
    const { clientId } = await clinic.register({ redirect_uris: [app.redirectUri] });
    app.settings.set('public', { iss: clinic.base, clientId, scope, redirectUri: 'back.html' });
    const page = await browser.newPage();
    await page.goto(app.launchUrl('public'));
    const said = await decides(page, clinic.doctor);

    expect(said).toContain('An app');
    expect(await toldBy(page)).toBe('ready');
    expect(await inPage(page, 'return client.patient.id')).toBe(clinic.patientId);
    expect(await inPage(page, 'return (await client.patient.read()).name[0].family')).toBe('Chalmers');
    // Asks the CapabilityStatement how Observations of a patient are found.
    const found = await inPage(page, "return client.patient.request('Observation', { flat: true })");
    expect(found.map(({ valueQuantity }: any) => valueQuantity.value).sort()).toEqual(clinic.rates);
    expect(await inPage(page, 'return client.user.fhirUser')).toMatch(/^Practitioner\//);
    expect(await inPage(page, "return client.create({ resourceType: 'Patient' })")).toMatch(/^error: .*403/);
  });
});
