/** The SMART JavaScript client, as published, in a real browser: every way to launch, to prove oneself and to come back later, and what it says when refused. https://github.com/smart-on-fhir/client-js */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import type { App } from '../../smart/authorization/authorization-house.ts';
import { describeInChromium, openChromium } from '../../support/chromium.ts';
import { type AppPages, openAppPages } from './app-pages.ts';
import { type Clinic, keyPair, openClinic } from './clinic.ts';
import { decides, inPage, toldBy } from './person.ts';

const data = 'openid fhirUser patient/Patient.rs patient/Observation.rs';

describeInChromium('fhirclient in a browser', () => {
  let clinic: Clinic;
  let app: AppPages;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  beforeAll(async () => {
    [clinic, app, browser] = await Promise.all([openClinic(), openAppPages(), openChromium()]);
  });
  afterAll(async () => {
    await browser?.close();
    await app?.stop();
    await clinic?.stop();
  });

  const keys = { RS384: keyPair('RS384'), ES384: keyPair('ES384') };
  /** How an app may prove itself: what it is registered with, and what fhirclient is given for it. */
  const proofs: readonly (readonly [string, object, (of: App) => object])[] = [
    ['a public client', {}, () => ({})],
    [
      'a client with a secret',
      { token_endpoint_auth_method: 'client_secret_basic' },
      ({ secret }) => ({ clientSecret: secret }),
    ],
    ...(['RS384', 'ES384'] as const).map(
      (alg) =>
        [
          `a client with a key (${alg})`,
          { token_endpoint_auth_method: 'private_key_jwt', jwks: keys[alg].jwks },
          () => ({ clientPrivateJwk: keys[alg].privateJwk }),
        ] as const,
    ),
  ];

  async function registered(metadata: object, settings: (of: App) => object, scope: string): Promise<App> {
    const made = await clinic.register({ redirect_uris: [app.redirectUri], ...metadata });
    app.settings.set('it', {
      iss: clinic.base,
      clientId: made.clientId,
      scope,
      redirectUri: 'back.html',
      pkceMode: 'required',
      ...settings(made),
    });
    return made;
  }

  /** Opened with nobody signed in. */
  async function opened(query: Record<string, string> = {}) {
    await context?.close();
    context = await browser.newContext();
    page = await context.newPage();
    await page.goto(app.launchUrl('it', query));
  }

  const readsThePatient = async () => {
    expect(await toldBy(page)).toBe('ready');
    expect(await inPage(page, 'return client.patient.id')).toBe(clinic.patientId);
    expect(await inPage(page, 'return (await client.patient.read()).name[0].family')).toBe('Chalmers');
    const found = await inPage(page, "return client.patient.request('Observation', { flat: true })");
    expect(found.map(({ valueQuantity }: any) => valueQuantity.value).sort()).toEqual(clinic.rates);
  };

  describe.each(proofs)('as %s', (_name, metadata, settings) => {
    it('launches by itself and reads the patient that the user chose', async () => {
      await registered(metadata, settings, `launch/patient ${data}`);
      await opened();
      await decides(page, clinic.doctor);
      await readsThePatient();
      expect(await inPage(page, 'return (await client.user.read()).resourceType')).toMatch(/^error: .*403/);
    });

    it('is opened by an EHR and reads the patient that the EHR named', async () => {
      const { clientId } = await registered(metadata, settings, `launch ${data}`);
      const asked = { client_id: clientId, user: 'house', patient: clinic.patientId, intent: 'reconcile-medications' };
      const { status, body } = await clinic.ask('POST', '/admin/launches', asked);
      expect(status).toBe(201);
      await opened({ iss: clinic.base, launch: body.launch });
      await decides(page, clinic.doctor);
      await readsThePatient();
      expect(await inPage(page, 'return client.state.tokenResponse')).toMatchObject({
        intent: 'reconcile-medications',
        need_patient_banner: true,
      });
      await opened({ iss: clinic.base, launch: body.launch });
      expect(await toldBy(page)).toMatch(/^invalid_request: .*launch/);
    });
  });

  const refreshed = `const before = client.state.tokenResponse.access_token;
    await client.refresh();
    const after = client.state.tokenResponse;
    return { isNew: after.access_token !== before, scope: after.scope, patient: after.patient }`;

  it.each(proofs.slice(0, 2))('as %s comes back later with offline_access', async (_name, metadata, settings) => {
    await registered(metadata, settings, `launch/patient offline_access ${data}`);
    await opened();
    await decides(page, clinic.doctor);
    expect(await toldBy(page)).toBe('ready');
    for (let turn = 0; turn < 2; turn++)
      expect(await inPage(page, refreshed)).toMatchObject({ isNew: true, patient: clinic.patientId });
    await readsThePatient();
  });

  it('is told that a client with a key must prove itself when it comes back: it sends no assertion then', async () => {
    const [, metadata, settings] = proofs[3]!;
    await registered(metadata, settings, `launch/patient offline_access ${data}`);
    await opened();
    await decides(page, clinic.doctor);
    expect(await toldBy(page)).toBe('ready');
    expect(await inPage(page, refreshed)).toMatch(/^error: .*invalid_client/s);
  });

  it('gets what the user left of what it asked for', async () => {
    await registered({}, () => ({}), `launch/patient ${data}`);
    await opened();
    await decides(page, { ...clinic.doctor, without: ['patient/Observation.rs'] });
    expect(await toldBy(page)).toBe('ready');
    expect(await inPage(page, 'return client.state.tokenResponse.scope')).not.toContain('Observation');
    expect(await inPage(page, "return client.request('Observation')")).toMatch(/^error: .*403/);
    expect(await inPage(page, 'return (await client.patient.read()).id')).toBe(clinic.patientId);
  });

  it('is told when the user says no', async () => {
    await registered({}, () => ({}), `launch/patient ${data}`);
    await opened();
    await decides(page, clinic.doctor, 'deny');
    expect(await toldBy(page)).toMatch(/^access_denied/);
  });

  it('with a redirect URI that is not registered never hears of it: the user stays with us and is told', async () => {
    await registered({}, () => ({ redirectUri: 'back.html?elsewhere' }), `launch/patient ${data}`);
    const before = app.asked.length;
    await opened();
    await page.waitForURL(`${clinic.url}/oauth/authorize?**`);
    expect(await page.locator('main').textContent()).toContain('redirect');
    expect(app.asked.slice(before)).toEqual([expect.stringMatching(/^\/launch/)]);
  });

  it('from a page whose origin is of no registered app gets no answer from there, not even where to ask', async () => {
    const elsewhere = await openAppPages();
    try {
      await context?.close();
      context = await browser.newContext();
      page = await context.newPage();
      await page.goto(`${elsewhere.origin}/back.html`);
      expect(await inPage(page, `return FHIR.oauth2.authorize({ iss: '${clinic.base}', noRedirect: true })`)).toContain(
        'Network request failed',
      );
      const asking = `return FHIR.client({ serverUrl: '${clinic.base}', tokenResponse: { access_token: '${clinic.adminToken}' } }).request('Patient')`;
      expect(await inPage(page, asking)).toBe('error: Network request failed');
    } finally {
      await elsewhere.stop();
    }
  });
});
