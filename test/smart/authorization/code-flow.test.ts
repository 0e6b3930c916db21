/** An app gets tokens for a user: the code flow with PKCE, standalone and from an EHR. O3-O8, O20-O24 of the promises. https://hl7.org/fhir/smart-app-launch/app-launch.html */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { together } from '../../support/house.ts';
import { authorizeUrl, codeFlow, pkce, redeem, throughPages, tokenRequest, userAgent } from '../support/user-agent.ts';
import { type App, type AuthorizationHouse, openAuthorizationHouse, redirectUri } from './authorization-house.ts';

let house: AuthorizationHouse;
let app: App;
beforeAll(async () => {
  house = await openAuthorizationHouse();
  app = await house.register({});
});
afterAll(() => house.stop());

const scope = 'openid fhirUser launch/patient patient/Patient.rs patient/Observation.rs';
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

describe('An app that launches by itself', () => {
  it('gets a token that opens the chosen patient, and is told whom and what', async () => {
    const { status, body, callback } = await codeFlow(house.url, { ...app, scope }, house.doctor);

    expect([status, callback.searchParams.get('iss'), callback.searchParams.get('state')]).toEqual([
      200,
      house.url,
      'abcdefgh12345678',
    ]);
    expect(body).toMatchObject({
      token_type: 'Bearer',
      expires_in: 900,
      scope,
      patient: house.patientId,
      need_patient_banner: true,
    });
    expect(body.access_token).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(body.refresh_token).toBeUndefined();
    expect((await house.read(`Patient/${house.patientId}`, bearer(body.access_token))).status).toBe(200);
    const styled = await fetch(body.smart_style_url);
    expect(await styled.json()).toHaveProperty('color_background');
  });
});
