/** An app gets tokens for a user: the code flow with PKCE, standalone and from an EHR. O3-O8 and O20-O24 of promises.md. https://hl7.org/fhir/smart-app-launch/app-launch.html */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose';
import { createLaunch } from '../../../src/commands/launches.ts';
import { readConfig } from '../../../src/config.ts';
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
const patientStatus = async (token: string) => (await house.read(`Patient/${house.patientId}`, bearer(token))).status;
const flow = (asked: { scope?: string; more?: Record<string, string> } = {}, of: App = app) =>
  codeFlow(house.url, { ...of, scope, ...asked }, house.doctor);
/** What the app is told, without anybody having signed in. */
async function refusal(more: Record<string, string>, of: App = app) {
  const agent = userAgent(house.url);
  const asked = { ...of, scope, more };
  const { status, location, text } = await agent.get(authorizeUrl(house.url, asked, pkce().challenge));
  const at = location?.startsWith(redirectUri) ? new URL(location).searchParams : undefined;
  return { status, text, location, error: at?.get('error'), iss: at?.get('iss'), code: at?.get('code') };
}
const securityRows = async () =>
  (await house.search('AuditEvent?subtype=security')).map((row: any) => row.outcomeDesc ?? '');

describe('An app that launches by itself', () => {
  it('gets a token that opens the chosen patient, and is told whom and what', async () => {
    const { status, body, callback } = await flow();

    expect([status, callback.searchParams.get('state')]).toEqual([200, 'abcdefgh12345678']);
    expect(body).toMatchObject({ token_type: 'Bearer', expires_in: 900, scope });
    expect(body).toMatchObject({ patient: house.patientId, need_patient_banner: true });
    expect(body.access_token).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(body.refresh_token).toBeUndefined();
    expect(await patientStatus(body.access_token)).toBe(200);
    expect(await (await fetch(body.smart_style_url)).json()).toHaveProperty('color_background');
  });

  it('can verify who signed in with the published keys', async () => {
    const { body } = await flow({ more: { nonce: 'n-1' } });
    const keys = createRemoteJWKSet(new URL(`${house.url}/oauth/jwks`));
    const { payload, protectedHeader } = await jwtVerify(body.id_token, keys, {
      issuer: house.url,
      audience: app.clientId,
    });

    expect(protectedHeader.alg).toBe('RS256');
    expect(payload).toMatchObject({ sub: 'house', nonce: 'n-1' });
    expect(payload.fhirUser).toMatch(new RegExp(`^${house.url}/fhir/Practitioner/`));
  });

  it.each(['RS384', 'ES384'])('may register for ID tokens signed with %s', async (alg) => {
    const other = await house.register({ id_token_signed_response_alg: alg });
    const { body } = await flow({ scope: 'openid' }, other);
    const { protectedHeader } = await jwtVerify(body.id_token, createRemoteJWKSet(new URL(`${house.url}/oauth/jwks`)));

    expect(protectedHeader.alg).toBe(alg);
  });

  it('may sign somebody in and ask for no data, then without aud', async () => {
    const { body } = await flow({ scope: 'openid fhirUser', more: { aud: '' } });

    expect(body).toMatchObject({ scope: 'openid fhirUser' });
    expect(await patientStatus(body.access_token)).toBe(401);
  });

  it('may post its request (authorize-post)', async () => {
    const { verifier, challenge } = pkce();
    const url = new URL(authorizeUrl(house.url, { ...app, scope }, challenge));
    const agent = userAgent(house.url);
    const sent = await agent.post('/oauth/authorize', url.searchParams);
    const callback = await throughPages(agent, sent.location!, house.doctor);

    expect((await redeem(house.url, app, callback.searchParams.get('code')!, verifier)).status).toBe(200);
  });

  it('gets what the user left of it, and is told so', async () => {
    const { body } = await codeFlow(
      house.url,
      { ...app, scope },
      { ...house.doctor, without: ['patient/Observation.rs'] },
    );

    expect(body.scope).toBe('openid fhirUser launch/patient patient/Patient.rs');
    const observations = await house.ask('GET', '/fhir/Observation', undefined, bearer(body.access_token));
    expect(observations.status).toBe(403);
    expect(observations.headers.get('www-authenticate')).toContain('error="insufficient_scope"');
  });

  it('is granted nothing that it is not registered for, and told what it was', async () => {
    const small = await house.register({ scope: 'openid launch/patient patient/Patient.r' });
    const { body } = await flow({ scope: 'openid launch/patient patient/*.cruds system/*.rs nonsense' }, small);

    expect(body.scope).toBe('openid launch/patient patient/Patient.r');
  });
});

describe('The trail', () => {
  it('says who let which app in to whose data, and when the app came for its token', async () => {
    const trailing = await house.register({});
    await flow({}, trailing);
    const rows = await house.search(`AuditEvent?patient=Patient/${house.patientId}&_count=100`);
    const ofApp = rows.filter((row: any) => JSON.stringify(row).includes(trailing.clientId));
    const codes = ofApp.map((row: any) => row.subtype[0].code);

    expect(codes).toEqual(expect.arrayContaining(['app-allow', 'oauth-authorize', 'oauth-token']));
    for (const row of ofApp) expect(JSON.stringify(row.agent)).toContain('Practitioner/');
  });
});

describe('A browser', () => {
  const other = {
    login: 'cuddy',
    password: 'a third horse 9 with a paperclip',
    fhirUser: 'Practitioner/cuddy',
    roles: ['physician'],
  };

  it('that somebody else signs in at forgets who was there before', async () => {
    await house.update({ resourceType: 'Practitioner', id: 'cuddy' });
    expect((await house.ask('POST', '/admin/users', other)).status).toBe(201);
    const agent = userAgent(house.url);
    const asked = { ...app, scope: 'openid' };
    await codeFlow(house.url, asked, house.doctor, agent);
    agent.forget('watchfire');
    const { body } = await codeFlow(house.url, asked, other, agent);

    expect(decodeJwt(body.id_token).sub).toBe('cuddy');
  });

  it('with two tabs ends both', async () => {
    const agent = userAgent(house.url);
    await codeFlow(house.url, { ...app, scope: 'openid' }, house.doctor, agent);
    const tabs = await together(2, () =>
      agent.get(authorizeUrl(house.url, { ...app, scope: 'openid' }, pkce().challenge)),
    );
    const callbacks = [];
    for (const tab of [tabs[1]!, tabs[0]!]) callbacks.push(await throughPages(agent, tab.location!, house.doctor));

    expect(callbacks.map(({ searchParams }) => searchParams.has('code'))).toEqual([true, true]);
  });

  it('that did not begin a sign-in cannot end it', async () => {
    const { location } = await userAgent(house.url).get(authorizeUrl(house.url, { ...app, scope }, pkce().challenge));

    expect((await userAgent(house.url).get(location!)).status).toBe(404);
    const uid = location!.split('/').at(-1);
    expect((await userAgent(house.url).get(`/oauth/authorize/${uid}`)).status).toBe(400);
  });
});

describe('An authorization request', () => {
  it.each([
    ['without a challenge', { code_challenge: '' }, 'invalid_request'],
    ['with a plain challenge', { code_challenge_method: 'plain' }, 'invalid_request'],
    ['with a short challenge', { code_challenge: 'abc' }, 'invalid_request'],
    ['without state', { state: '' }, 'invalid_request'],
    ['without aud', { aud: '' }, 'invalid_request'],
    ['with the aud of another server', { aud: 'https://other.example.com/fhir' }, 'invalid_request'],
    ['with a scope that there is not', { scope: 'nonsense' }, 'invalid_scope'],
    ['without scope', { scope: '' }, 'invalid_scope'],
    ['with system scopes alone', { scope: 'system/*.rs' }, 'invalid_scope'],
    ['with a launch that was never made', { scope: 'launch openid', launch: 'forged' }, 'invalid_request'],
    ['with the scope launch alone', { scope: 'launch openid' }, 'invalid_request'],
    ['for a form post', { response_mode: 'form_post' }, 'invalid_request'],
    ['that must not be shown', { prompt: 'none' }, 'login_required'],
  ])('%s is sent back with an error, never with a code', async (_name, more, error) => {
    const told = await refusal(more);

    // form_post is refused by the very way that it asks for.
    if ('response_mode' in more)
      expect([told.status, told.text.includes('name="error" value="invalid_request"')]).toEqual([400, true]);
    else expect([told.status, told.error, told.code, told.iss]).toEqual([303, error, null, house.url]);
  });

  it('is exact about a trailing slash of aud', async () => {
    expect((await refusal({ aud: `${house.url}/fhir/` })).error).toBe('invalid_request');
  });

  it('for a token is refused in the fragment', async () => {
    const { status, location } = await refusal({ response_type: 'token' });

    expect([status, new URL(location!).hash]).toEqual([
      303,
      expect.stringContaining('error=unsupported_response_type'),
    ]);
  });

  it.each([
    ['another client', { client_id: '01234567-89ab-7def-8123-456789abcdef' }],
    ['no client', { client_id: '' }],
    ['no redirect_uri', { redirect_uri: '' }],
    ['a longer redirect_uri', { redirect_uri: `${redirectUri}/more` }],
    ['a shorter one', { redirect_uri: redirectUri.slice(0, -1) }],
    ['another case', { redirect_uri: redirectUri.replace('callback', 'Callback') }],
    ['another port', { redirect_uri: redirectUri.replace('.com', '.com:8443') }],
    ['a detour', { redirect_uri: redirectUri.replace('/callback', '/x/../callback') }],
    ['a query', { redirect_uri: `${redirectUri}?a=b` }],
    ['a fragment', { redirect_uri: `${redirectUri}#a` }],
    ['a foreign page', { redirect_uri: 'https://evil.example.com/callback' }],
  ])('with %s ends on a page of ours and leads nowhere', async (_name, more) => {
    const { status, location, text } = await refusal(more);

    expect([status, location]).toEqual([400, undefined]);
    expect(text).toContain('<!doctype html>');
    expect(text).not.toContain('evil.example.com');
  });
});

describe('A code', () => {
  it('is redeemed by one of fifty who come at once', async () => {
    const { verifier, challenge } = pkce();
    const callback = await throughPages(
      userAgent(house.url),
      authorizeUrl(house.url, { ...app, scope }, challenge),
      house.doctor,
    );
    const code = callback.searchParams.get('code')!;
    const answers = await together(50, () => redeem(house.url, app, code, verifier));

    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    const others = answers.filter(({ status }) => status !== 200).map(({ status, body }) => `${status} ${body.error}`);
    expect([...new Set(others)]).toEqual(['400 invalid_grant']);
  });

  it('that is used again ends every token that came of it, and is noticed', async () => {
    const { code, verifier, body } = await flow({ scope: `${scope} offline_access` });
    expect(await patientStatus(body.access_token)).toBe(200);
    const before = (await securityRows()).length;
    const again = await redeem(house.url, app, code, verifier);

    expect([again.status, again.body.error]).toEqual([400, 'invalid_grant']);
    expect(await patientStatus(body.access_token)).toBe(401);
    const refreshed = await tokenRequest(house.url, {
      grant_type: 'refresh_token',
      refresh_token: body.refresh_token,
      client_id: app.clientId,
    });
    expect([refreshed.status, refreshed.body.error]).toEqual([400, 'invalid_grant']);
    expect((await securityRows()).length).toBeGreaterThan(before);
  });

  it('of another client, for another address or without its verifier is worth nothing', async () => {
    const other = await house.register({});
    const ask = async (with_: (code: string, verifier: string, challenge: string) => Record<string, string>) => {
      const { verifier, challenge } = pkce();
      const callback = await throughPages(
        userAgent(house.url),
        authorizeUrl(house.url, { ...app, scope }, challenge),
        house.doctor,
      );
      const code = callback.searchParams.get('code')!;
      const form = {
        grant_type: 'authorization_code',
        code,
        redirect_uri: redirectUri,
        code_verifier: verifier,
        client_id: app.clientId,
      };
      const sent = Object.fromEntries(
        Object.entries({ ...form, ...with_(code, verifier, challenge) }).filter(([, value]) => value !== ''),
      );
      const { status, body } = await tokenRequest(house.url, sent);
      return `${status} ${body.error}`;
    };

    expect(await ask(() => ({ client_id: other.clientId }))).toBe('400 invalid_grant');
    expect(await ask(() => ({ redirect_uri: `${redirectUri}/` }))).toBe('400 invalid_grant');
    expect(await ask(() => ({ code_verifier: '' }))).toBe('400 invalid_grant');
    expect(await ask(() => ({ code_verifier: pkce().verifier }))).toBe('400 invalid_grant');
    expect(await ask((_code, _verifier, challenge) => ({ code_verifier: challenge }))).toBe('400 invalid_grant');
  });
});

describe('An app that an EHR opens', () => {
  const launched = async (more: object = {}) =>
    house.ask('POST', '/admin/launches', { client_id: app.clientId, user: 'house', patient: house.patientId, ...more });

  it('gets the patient, the encounter and the intent that the EHR named, without a choice', async () => {
    const { body: visit } = await house.create({
      resourceType: 'Encounter',
      status: 'in-progress',
      class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'AMB' },
      subject: { reference: `Patient/${house.patientId}` },
    });
    const asked = { encounter: visit.id, intent: 'reconcile', need_patient_banner: false };
    const { status, body } = await launched(asked);
    expect(status).toBe(201);
    const answer = await codeFlow(
      house.url,
      { ...app, scope: 'openid launch patient/Patient.rs', more: { launch: body.launch } },
      { ...house.doctor, patient: undefined },
    );

    expect(answer.body).toMatchObject({
      patient: house.patientId,
      encounter: visit.id,
      intent: 'reconcile',
      need_patient_banner: false,
    });
  });

  it('cannot use a launch twice, nor that of another app', async () => {
    const { body } = await launched();
    const more = { scope: 'openid launch', launch: body.launch };

    expect((await refusal(more, await house.register({}))).error).toBe('invalid_request');
    expect((await refusal(more)).location).toContain('/oauth/interaction/');
    expect((await refusal(more)).error).toBe('invalid_request');
  });

  it('is opened once of twenty who bring the same launch', async () => {
    const { body } = await launched();
    const answers = await together(20, () => refusal({ scope: 'openid launch', launch: body.launch }));

    expect(answers.filter(({ error }) => error === undefined)).toHaveLength(1);
  });

  it('is not opened for another user than the EHR named', async () => {
    const user = {
      login: 'wilson',
      password: 'another horse 8 with a stapler',
      fhirUser: 'Practitioner/wilson',
      roles: ['physician'],
    };
    await house.update({ resourceType: 'Practitioner', id: 'wilson' });
    expect((await house.ask('POST', '/admin/users', user)).status).toBe(201);
    const start = async () => {
      const { body } = await launched();
      const asked = { ...app, scope: 'openid launch', more: { launch: body.launch } };
      return authorizeUrl(house.url, asked, pkce().challenge);
    };

    await expect(throughPages(userAgent(house.url), await start(), user)).rejects.toThrow('<h1>Sign in</h1>');
    const callback = await throughPages(userAgent(house.url), await start(), house.doctor);
    expect(callback.searchParams.has('code')).toBe(true);
  });

  it('may be opened from the command line', async () => {
    const config = { ...readConfig({}), data: house.dataFolder, adminToken: house.adminToken };
    const lines: string[] = [];
    const options = { client: app.clientId, user: 'house', patient: house.patientId };
    await createLaunch(config, options, (line) => lines.push(line));
    const answer = await flow({ scope: 'launch patient/Patient.rs', more: { launch: lines[0]! } });

    expect(answer.body.patient).toBe(house.patientId);
  });

  it('is opened for nobody by anybody but the administrator', async () => {
    const { body } = await flow();
    const asked = { client_id: app.clientId, user: 'house' };

    expect((await house.ask('POST', '/admin/launches', asked, { authorization: '' })).status).toBe(401);
    expect((await house.ask('POST', '/admin/launches', asked, bearer(body.access_token))).status).toBe(403);
    expect((await house.ask('POST', '/admin/launches', { ...asked, client_id: 'x' })).status).toBe(400);
    expect((await house.ask('POST', '/admin/launches', { ...asked, user: 'nobody' })).status).toBe(404);
  });
});

describe('A refresh token', () => {
  const refresh = (token: string, more: Record<string, string> = {}) =>
    tokenRequest(house.url, { grant_type: 'refresh_token', refresh_token: token, client_id: app.clientId, ...more });

  it('is exchanged for new tokens with the same context', async () => {
    const { body } = await flow({ scope: `${scope} offline_access` });
    const next = await refresh(body.refresh_token);

    expect(next.status).toBe(200);
    expect(next.body).toMatchObject({ patient: house.patientId, scope: body.scope });
    expect(next.body.refresh_token).not.toBe(body.refresh_token);
    expect(await patientStatus(next.body.access_token)).toBe(200);
    expect(await patientStatus(body.access_token)).toBe(200);
  });

  it('may be repeated by its client for a moment: two tabs, a lost answer', async () => {
    const { body } = await flow({ scope: `${scope} online_access` });
    const answers = await together(5, () => refresh(body.refresh_token));

    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect(await patientStatus(answers[4]!.body.access_token)).toBe(200);
  });

  it('says by itself which app it is of, as SMART has apps without a secret send it', async () => {
    const alone = (refresh_token: string) => tokenRequest(house.url, { grant_type: 'refresh_token', refresh_token });
    const { body } = await flow({ scope: `${scope} offline_access` });
    const next = await alone(body.refresh_token);

    expect([next.status, await patientStatus(next.body.access_token)]).toEqual([200, 200]);
    for (const other of [body.access_token, 'A'.repeat(43), ''])
      expect((await alone(other)).body.error).toBe('invalid_client');
  });

  it('of an app with a secret is worth nothing alone', async () => {
    const other = await house.register({ token_endpoint_auth_method: 'client_secret_basic' });
    const { body } = await codeFlow(house.url, { ...other, scope: `${scope} offline_access` }, house.doctor);
    const alone = { grant_type: 'refresh_token', refresh_token: body.refresh_token };
    const told = await tokenRequest(house.url, alone);

    expect([told.status, told.body.error]).toEqual([401, 'invalid_client']);
  });

  it('is worth nothing to another client', async () => {
    const { body } = await flow({ scope: `${scope} offline_access` });
    const other = await house.register({});
    const stolen = await refresh(body.refresh_token, { client_id: other.clientId });

    expect([stolen.status, stolen.body.error]).toEqual([400, 'invalid_grant']);
    expect((await refresh(body.refresh_token)).status).toBe(200);
  });

  it('asks for no more than was granted, and for less if it likes', async () => {
    const { body } = await flow({ scope: `${scope} offline_access` });
    const more = await refresh(body.refresh_token, { scope: `${scope} user/*.cruds` });
    const less = await refresh(body.refresh_token, { scope: 'openid patient/Patient.rs' });

    expect([more.status, more.body.error]).toEqual([400, 'invalid_scope']);
    expect(less.body.scope).toBe('openid patient/Patient.rs');
  });

  it('is no access token, and neither is a code or an ID token', async () => {
    const { body, code } = await flow({ scope: `${scope} offline_access` });

    expect(await patientStatus(body.refresh_token)).toBe(401);
    expect(await patientStatus(code)).toBe(401);
    expect(await patientStatus(body.id_token)).toBe(401);
    const digest = createHash('sha256').update(body.access_token).digest('hex');
    expect(await patientStatus(digest)).toBe(401);
  });
});
