/** From an app's request to its token over the pages of the running server: what is shown, what is refused, what is granted. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { systemRuntime } from '../../../src/runtime.ts';
import type { Page } from '../support/user-agent.ts';
import { actionIn, openBrowser, openSignInHouse, PASSWORD, REDIRECT, type SignInHouse } from './sign-in-house.ts';

const HOSTILE = '<img src=x onerror=alert(1)> "Chart"';
const namesIn = ({ text }: Page) => [...text.matchAll(/name="patient" value="([^"]+)"/g)].map(([, id]) => id!);

describe('The pages between an app and its token', () => {
  let sign: SignInHouse;
  let url: string;
  /** Milliseconds that the clock of the house is slow. */
  let behind = 0;
  beforeAll(async () => {
    const runtime = { ...systemRuntime, now: () => systemRuntime.now() - behind };
    sign = await openSignInHouse(HOSTILE, { runtime });
    url = sign.house.url;
  });
  afterAll(() => sign?.house.stop());

  it('lead from sign-in over the patient to consent, and give the app what was ticked, for the patient that was chosen', async () => {
    const browser = openBrowser(url);
    // Interactions are told apart by the second: this sign-in is of one that is over.
    behind = 1_000;
    const list = await sign.signedIn(browser, sign.authorize());
    behind = 0;
    expect(list.text).toContain('<h1>Choose a patient</h1>');
    const consent = await browser.follow(await browser.post(actionIn(list.text, '/patient'), { patient: 'ours-1' }));
    expect(consent.text).toContain(
      '<bdi>&lt;img src=x onerror=alert(1)&gt; &quot;Chart&quot;</bdi></strong> asks for access',
    );
    expect(consent.text).toContain('Berg, Elinb');
    expect(consent.text).toContain('Keep this access for 90 days, also when you are not there.');
    expect(consent.text).not.toContain('launch/patient');

    const going = await browser.post(actionIn(consent.text, '/consent'), {
      decision: 'allow',
      patient: 'ours-1',
      scope: ['openid', 'patient/Patient.rs', 'patient/Observation.rs', 'patient/Condition.rs'],
    });
    expect(going.text).toContain('<h1>One moment</h1>');
    const { location: to } = await browser.follow(going);
    expect(to).toMatch(`${REDIRECT}?code=`);
    const token = await sign.redeem(to!);
    expect(token).toMatchObject({ token_type: 'Bearer', patient: 'ours-1' });
    expect(token.scope.split(' ').sort()).toEqual([
      'launch/patient',
      'openid',
      'patient/Observation.rs',
      'patient/Patient.rs',
    ]);
    expect(token.refresh_token).toBeUndefined();

    const authorization = `Bearer ${token.access_token}`;
    expect((await sign.house.read('Patient/ours-1', { authorization })).status).toBe(200);
    expect((await sign.house.read('Patient/ours-2', { authorization })).status).toBe(404);

    // The second time nobody types a password, but everything is asked again.
    const again = await browser.follow(await browser.get(sign.authorize()));
    expect(again.text).toContain('<h1>Choose a patient</h1>');
    const forced = await browser.follow(await browser.get(sign.authorize({ prompt: 'login' })));
    expect(forced.text).toContain('<h1>Sign in</h1>');

    const apps = await browser.get('/oauth/account/apps');
    expect(apps.text).toMatch(/<h2 id="app-[^"]+"><bdi>&lt;img src=x/);
    expect(apps.text).toContain('for <bdi>Berg, Elinb, born 1951-03-02</bdi>');
    const client = /name="client" value="([^"]+)"/.exec(apps.text)![1]!;
    const ended = await browser.post('/oauth/account/apps', { client });
    expect(ended.text).toContain('Its access has ended.');
    expect((await sign.house.read('Patient/ours-1', { authorization })).status).toBe(401);
    const rows = await sign.house.search('AuditEvent?_count=200');
    const told = rows.map(({ subtype: [{ code }], outcomeDesc }) => `${code} ${outcomeDesc}`);
    expect(told).toEqual(
      expect.arrayContaining([
        `app-allow 200 client ${sign.app}: openid launch/patient patient/Patient.rs patient/Observation.rs`,
        `app-end 200 client ${sign.app}`,
        'sign-in 200 by pwd',
      ]),
    );
  });

  it('list the patients that the user may see and no others, by name, birth date and identifier, page by page', async () => {
    const browser = openBrowser(url);
    const first = await sign.signedIn(browser, sign.authorize());
    const search = actionIn(first.text, '/patients');
    expect(namesIn(first)).toHaveLength(10);
    const page = /name="page" value="([^"]+)"/.exec(first.text)![1]!;
    const second = await browser.post(search, { name: '', birthdate: '', identifier: '', page });
    expect([...namesIn(first), ...namesIn(second)].sort()).toEqual(
      [...Array.from({ length: 12 }, (_, n) => `ours-${n}`), 'odd'].sort(),
    );
    expect(second.text).toContain('First page');

    const by = async (asked: object) =>
      namesIn(await browser.post(search, { name: '', birthdate: '', identifier: '', ...asked }));
    expect(await by({ name: 'elinc  BERG' })).toEqual(['ours-2']);
    expect(await by({ birthdate: '1953-03-04' })).toEqual(['ours-3']);
    expect(await by({ identifier: 'MRN-4' })).toEqual(['ours-4']);
    expect(await by({ identifier: 'urn:mrn|MRN-4' })).toEqual(['ours-4']);
    expect(await by({ name: 'Secretia' })).toEqual([]);
    expect(await by({ name: 'a,Elinc\\' })).toEqual([]);
    const odd = await browser.post(search, { name: 'Odd', birthdate: '', identifier: '' });
    expect(odd.text).not.toContain('<script>alert');
    const wrong = await browser.post(search, { name: '', birthdate: 'last year', identifier: '' });
    expect([wrong.status, wrong.text.includes('Give the date as year, month and day.')]).toEqual([400, true]);
  });

  it('take no patient that the user may not see, neither from a form nor from an address nor with the consent', async () => {
    const browser = openBrowser(url);
    const list = await sign.signedIn(browser, sign.authorize());
    for (const id of ['theirs-1', 'nobody', '../Practitioner/ada', '']) {
      const refused = await browser.post(actionIn(list.text, '/patient'), { patient: id });
      expect([refused.status, refused.text.includes('no such patient')]).toEqual([400, true]);
    }
    const path = actionIn(list.text, '/patient').replace(/\/patient$/, '');
    expect((await browser.get(`${path}?patient=theirs-1`)).text).toContain('<h1>Choose a patient</h1>');
    const sneaked = await browser.post(`${path}/consent`, {
      decision: 'allow',
      patient: 'theirs-1',
      scope: 'patient/Patient.rs',
    });
    expect(sneaked.text).toContain('<h1>Choose a patient</h1>');
  });

  it('need no choice from a patient, who is the patient', async () => {
    const browser = openBrowser(url);
    const consent = await sign.signedIn(browser, sign.authorize(), 'elin');
    expect(consent.text).toContain('<h1>Allow this app?</h1>');
    expect(consent.text).toContain('name="patient" value="ours-1"');
    const { location: to } = await browser.follow(
      await browser.post(actionIn(consent.text, '/consent'), {
        decision: 'allow',
        patient: 'ours-2',
        scope: 'patient/Patient.rs',
      }),
    );
    // Another's id in the form is none that this user may see.
    expect(to).toBeUndefined();
  });

  it('ask for the encounter where an app wants one, and take one of that patient alone', async () => {
    const browser = openBrowser(url);
    const asked = sign.authorize({ scope: 'launch/patient launch/encounter patient/Patient.rs' });
    const list = await sign.signedIn(browser, asked);
    const encounters = await browser.follow(await browser.post(actionIn(list.text, '/patient'), { patient: 'ours-1' }));
    expect(encounters.text).toContain('<h1>Choose an encounter</h1>');
    expect(encounters.text).toContain('<bdi>since 2026-11-20 08:00</bdi>');
    const path = actionIn(list.text, '/patient').replace(/\/patient$/, '');
    const consent = await browser.follow(
      await browser.post(actionIn(encounters.text, '/encounter'), { encounter: 'e1' }),
    );
    expect(consent.text).toContain('inpatient encounter, since 2026-11-20 08:00');
    expect((await browser.get(`${path}?patient=ours-2&encounter=e1`)).text).not.toContain('inpatient encounter');
    await browser.get(`${path}?patient=ours-1&encounter=e1`);
    const { location: to } = await browser.follow(
      await browser.post(`${path}/consent`, {
        decision: 'allow',
        patient: 'ours-1',
        encounter: 'e1',
        scope: 'patient/Patient.rs',
      }),
    );
    expect(await sign.redeem(to!)).toMatchObject({ patient: 'ours-1', encounter: 'e1' });
  });

  it('let the user say no, tick nothing without harm, and be somebody else', async () => {
    const browser = openBrowser(url);
    const list = await sign.signedIn(browser, sign.authorize());
    const denied = await browser.follow(await browser.post(actionIn(list.text, '/patient'), { decision: 'deny' }));
    expect(denied.location).toMatch(/\?error=access_denied&.*state=abcdefgh12345678/);
    expect(new URL(denied.location!).searchParams.get('iss')).toBe(url);

    const start = await browser.follow(await browser.get(sign.authorize({ scope: 'openid user/Patient.rs' })));
    const empty = await browser.post(actionIn(start.text, '/consent'), { decision: 'allow' });
    expect([empty.status, empty.text.includes('Nothing was ticked')]).toEqual([400, true]);
    const other = await browser.follow(await browser.post(actionIn(empty.text, '/consent'), { decision: 'other' }));
    expect(other.text).toContain('<h1>Sign in</h1>');
    const elin = await browser.follow(
      await browser.post(actionIn(other.text, '/login'), { login: 'elin', password: PASSWORD }),
    );
    expect(elin.text).toContain('<dt>You are</dt>');
    expect(elin.text).toContain('<dd><bdi>elin</bdi></dd>');
    // A patient is asked for nothing in the words of a user.
    expect([start, elin].map(({ text }) => text.includes('value="user/Patient.rs"'))).toEqual([true, false]);
  });

  it('refuse a form without its token, with one of another browser, or from another site: 403, and nothing happened', async () => {
    const [browser, stranger] = [openBrowser(url), openBrowser(url)];
    const theirs = await stranger.follow(await stranger.get(sign.authorize()));
    const foreign = /name="csrf" value="([^"]+)"/.exec(theirs.text)![1]!;
    const page = await browser.follow(await browser.get(sign.authorize()));
    const [login, right] = [actionIn(page.text, '/login'), { login: 'ada', password: PASSWORD }];
    for (const csrf of ['', 'wrong', foreign]) {
      const refused = await browser.post(login, { ...right, csrf });
      expect([refused.status, refused.location, refused.text.includes('role="alert"')]).toEqual([403, undefined, true]);
    }
    await browser.follow(await browser.get(sign.authorize()));
    expect((await browser.post(login, right, { 'sec-fetch-site': 'cross-site' })).status).toBe(403);

    const list = await sign.signedIn(browser, sign.authorize());
    const path = actionIn(list.text, '/patient').replace(/\/patient$/, '');
    for (const [at, members] of [
      [`${path}/consent`, { decision: 'allow', patient: 'ours-1', scope: 'patient/Patient.rs' }],
      [`${path}/patient`, { decision: 'deny' }],
      ['/oauth/account/apps', { client: 'x' }],
      ['/oauth/account/sign-out-everywhere', {}],
      ['/oauth/account/password', { current: PASSWORD, password: 'something-else-entirely-8' }],
    ] as const)
      expect([at, (await browser.post(at, { ...members, csrf: foreign })).status]).toEqual([at, 403]);
    // The interaction is another browser's: its address alone opens nothing.
    expect((await stranger.get(path)).status).toBe(404);
    // Nor does the cookie of another one at this address.
    const [cookie] = stranger.setCookies.filter((line) => line.startsWith('watchfire_interaction='));
    const crossed = await fetch(new URL(path, url), {
      headers: { cookie: cookie!.split(';')[0]! },
      redirect: 'manual',
    });
    expect(crossed.status).toBe(404);
    expect((await browser.get('/oauth/account/apps')).text).toContain('Sign out');
  });

  it('end a form that is too long or none on a page', async () => {
    const browser = openBrowser(url);
    const page = await browser.follow(await browser.get(sign.authorize()));
    const long = await browser.post(actionIn(page.text, '/login'), { login: 'ada', password: 'x'.repeat(70_000) });
    expect([long.status, long.text.includes('This form cannot be read.')]).toEqual([413, true]);
    const headers = { 'content-type': 'application/json' };
    expect(
      (await fetch(new URL(actionIn(page.text, '/login'), url), { method: 'POST', headers, body: '{}' })).status,
    ).toBe(403);
  });

  it('say beside the password that something is wrong and not what, and keep the user name', async () => {
    const browser = openBrowser(url);
    const page = await browser.follow(await browser.get(sign.authorize()));
    const login = actionIn(page.text, '/login');
    const [wrong, unknown] = [
      await browser.post(login, { login: 'ada', password: 'no' }),
      await browser.post(login, { login: 'nobody', password: 'no' }),
    ];
    expect([wrong.status, unknown.status]).toEqual([401, 401]);
    const plain = ({ text }: Page) => text.replaceAll(/value="[^"]*"/g, '');
    expect(plain(wrong)).toBe(plain(unknown));
    expect(wrong.text).toContain('value="ada"');
    expect(wrong.text).toContain(
      '<p class="fault" id="password-fault" role="alert">User name or password is not right.</p>',
    );
    expect((await browser.post(login, { login: '', password: '' })).text).toContain('Type your user name.');
  });

  it('carry strict headers on pages and redirects, and cookies that no script reads', async () => {
    const browser = openBrowser(url);
    const consent = await sign.signedIn(browser, sign.authorize({ scope: 'user/Patient.rs' }));
    const pages = [
      consent,
      await browser.get('/oauth/account/apps'),
      await browser.get('/oauth/account'),
      await browser.get('/oauth/interaction/unknown'),
    ];
    for (const { headers } of pages) {
      expect(headers.get('content-security-policy')).toMatch(
        /^default-src 'none'; script-src 'self'; .*frame-ancestors 'none'$/,
      );
      expect(headers.get('content-security-policy')).not.toMatch(/unsafe|http/);
      expect(headers.get('referrer-policy')).toBe('no-referrer');
      expect(headers.get('cache-control')).toBe('no-store');
      expect(headers.get('x-frame-options')).toBe('DENY');
    }
    expect(browser.setCookies.length).toBeGreaterThan(3);
    for (const line of browser.setCookies) {
      expect(line).toMatch(/; ?httponly/i);
      expect(line).toMatch(/; ?samesite=(lax|strict)/i);
    }
    expect(browser.setCookies.filter((line) => line.startsWith('watchfire=')).join()).not.toMatch(/expires|max-age/i);
  });

  it('O1, O2: end a request that may not go back on a page, with 400 and no redirect', async () => {
    for (const [asked, words] of [
      [{ redirect_uri: 'https://evil.example/"><script>alert(1)</script>' }, 'redirect_uri'],
      [{ redirect_uri: `${REDIRECT}/` }, 'redirect_uri'],
      [{ client_id: 'nobody"><script>alert(1)</script>' }, 'client'],
    ] as const) {
      const seen = await openBrowser(url).get(sign.authorize(asked));
      expect([seen.status, seen.location]).toEqual([400, undefined]);
      expect(seen.headers.get('content-type')).toMatch(/^text\/html/);
      expect(seen.headers.get('content-security-policy')).toMatch(/style-src 'self'.*frame-ancestors 'none'/);
      expect(seen.text).toContain(words);
      expect(seen.text).toContain('<h1>This cannot go on</h1>');
      expect(seen.text).not.toContain('<script>');
    }
  });

  it('send the answer of an app on this device to its own scheme, which the policy of the page names', async () => {
    const redirect_uri = 'com.example.chart:/callback';
    const made = await sign.house.ask('POST', '/admin/clients', {
      client_name: 'Pocket chart',
      application_type: 'native',
      redirect_uris: [redirect_uri],
      token_endpoint_auth_method: 'none',
      scope: 'user/Patient.rs',
    });
    expect(made.status).toBe(201);
    const browser = openBrowser(url);
    const asked = { client_id: made.body.client_id, redirect_uri, scope: 'user/Patient.rs' };
    const consent = await sign.signedIn(browser, sign.authorize(asked));
    expect(consent.text).toContain('<dd><bdi>com.example.chart:</bdi></dd>');
    expect(consent.headers.get('content-security-policy')).toContain("form-action 'self' com.example.chart:;");
    const allowed = { decision: 'allow', scope: 'user/Patient.rs' };
    const { status, location } = await browser.post(actionIn(consent.text, '/consent'), allowed);
    expect(status).toBe(303);
    expect((await browser.get(location!)).location).toMatch(/^com\.example\.chart:\/callback\?code=/);
  });
});
