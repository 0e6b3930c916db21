/** From the portal of the running server: a person tries the routes with a device key and with the admin token. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { complaintsOf, describeInChromium, openChromium } from '../support/chromium.ts';
import { openHouse, type TestHouse } from '../support/house.ts';
import { authorize, execute, look } from '../support/swagger-page.ts';

describeInChromium('The portal of the running server', () => {
  let browser: Browser;
  let house: TestHouse;
  beforeAll(async () => {
    house = await openHouse();
    browser = await openChromium();
  });
  afterAll(async () => {
    await browser?.close();
    await house?.stop();
  });

  it('reads the statement, writes with the admin token, posts vitals with a device key and finds them over FHIR', async () => {
    await house.update({ resourceType: 'Patient', id: 'p123' });
    await house.update({
      resourceType: 'Device',
      id: 'dev001',
      identifier: [{ system: 'https://hospital.example/devices', value: 'DEV001' }],
      status: 'active',
      patient: { reference: 'Patient/p123' },
    });
    const key = await house.deviceKey('DEV001');
    const page = await browser.newPage({ viewport: { width: 1280, height: 1000 } });
    const complaints = await complaintsOf(page);

    await look(page, `${house.url}/docs#/FHIR/capabilities`);
    expect(await execute(page, '#operations-FHIR-capabilities')).toBe(200);

    await authorize(page, 'adminToken', house.adminToken);
    await authorize(page, 'deviceKey', key);
    await page.click('[data-operation=postVitals]');
    expect(await execute(page, '#operations-Devices-postVitals')).toBe(201);
    expect(await execute(page, '#operations-Devices-postVitals')).toBe(200);

    await page.click('[data-operation=searchObservation]');
    expect(await execute(page, '#operations-Observation-searchObservation')).toBe(200);
    const found = await page.locator('#operations-Observation-searchObservation .live-responses-table').textContent();
    expect(found).toContain('Device/dev001');
    expect(complaints).toEqual([]);
    await page.close();
  });
});
