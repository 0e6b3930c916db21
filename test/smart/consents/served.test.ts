/** Consents on the running server, for an app with its token: WATCHFIRE_CONSENT of docs/configuration.md. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readConfig } from '../../../src/config.ts';
import { type AuthorizationHouse, openAuthorizationHouse } from '../authorization/authorization-house.ts';
import { tokenRequest } from '../support/user-agent.ts';
import { actor, consent } from './consent-house.ts';

const modes = ['deny-list', 'opt-in'] as const;

it('is set to deny-list where nobody says otherwise, and to nothing else', () => {
  expect(readConfig({}).consent).toBe('deny-list');
  expect(readConfig({ WATCHFIRE_CONSENT: 'opt-in' }).consent).toBe('opt-in');
  expect(() => readConfig({ WATCHFIRE_CONSENT: 'none' })).toThrow('WATCHFIRE_CONSENT must be one of deny-list, opt-in');
});

describe.each(modes)('With %s', (mode) => {
  let house: AuthorizationHouse;
  let headers: Record<string, string>;
  let clientId: string;
  let clientSecret: string;
  const signIn = async () => {
    const form = { grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret };
    const { body } = await tokenRequest(house.url, form);
    headers = { authorization: `Bearer ${body.access_token}` };
  };
  beforeAll(async () => {
    house = await openAuthorizationHouse({ consent: mode });
    const app = await house.register({
      grant_types: ['client_credentials'],
      redirect_uris: [],
      scope: 'system/*.rs',
      roles: ['service'],
      token_endpoint_auth_method: 'client_secret_post',
    });
    clientId = app.clientId;
    clientSecret = app.secret!;
    await signIn();
  });
  afterAll(() => house.stop());

  it('a client sees what the mode opens, and what a Consent about it changes, at once and after a restart', async () => {
    const status = async () => (await house.read(`Patient/${house.patientId}`, headers)).status;
    expect(await status()).toBe(mode === 'opt-in' ? 404 : 200);
    const given = { patient: { reference: `Patient/${house.patientId}` } };
    const client = { actor: [actor(`Device/${clientId}`)] };
    await house.update(consent('permit', { type: 'permit', ...client }, given));
    expect(await status()).toBe(200);
    await house.update(consent('deny', { type: 'deny', ...client }, given));
    expect(await status()).toBe(404);
    await house.restart();
    // It listens elsewhere now, and tokens are for one place.
    await signIn();
    expect(await status()).toBe(404);
    await house.remove('Consent/deny');
    expect(await status()).toBe(200);
  });
});
