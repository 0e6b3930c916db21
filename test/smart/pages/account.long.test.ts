/** The pages of one's own account on the running server: password, authenticator app, recovery codes, sessions. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { codeAt, stepAt } from '../../../src/smart/users/totp.ts';
import { until } from '../../support/until.ts';
import { wrongCode } from '../users/users-house.ts';
import {
  actionIn,
  type BlindBrowser,
  openBrowser,
  openSignInHouse,
  PASSWORD,
  type SignInHouse,
} from './sign-in-house.ts';

const headingIn = (text: string) => /<h1>([^<]+)<\/h1>/.exec(text)?.[1];

describe('The pages of an account', () => {
  let sign: SignInHouse;
  let browser: BlindBrowser;
  beforeAll(async () => {
    sign = await openSignInHouse();
    browser = openBrowser(sign.house.url);
  });
  afterAll(() => sign?.house.stop());

  const signIn = async (who: BlindBrowser, login: string, password: string, at = '/oauth/account/security') => {
    const page = await who.get(at);
    return who.follow(await who.post(actionIn(page.text, '/login'), { login, password }));
  };
  const secretIn = (text: string) => /secret=([A-Z2-7]+)&/.exec(text)![1]!;
  let secret: string;
  let codes: readonly string[];

  it('ask who it is first, and lead where somebody was going', async () => {
    const first = await browser.get('/oauth/account/security');
    expect(headingIn(first.text)).toBe('Sign in');
    expect(headingIn((await signIn(browser, 'ada', PASSWORD)).text)).toBe('Security');
    // A name in the address leads nowhere else.
    const stranger = openBrowser(sign.house.url);
    await stranger.get('/oauth/account/apps');
    const { location: to } = await stranger.post('/oauth/account/sign-in/https:%2f%2fevil.example/login', {
      login: 'elin',
      password: PASSWORD,
    });
    expect(to).toBe(`${sign.house.url}/oauth/account/apps`);
  });

  it('change the password for who knows the old one, by the rules, and end every other session', async () => {
    const other = openBrowser(sign.house.url);
    await signIn(other, 'ada', PASSWORD);
    await browser.get('/oauth/account/security');
    const change = (current: string, password: string) =>
      browser.post('/oauth/account/password', { current, password });
    expect((await change('wrong', 'meadow-violin-cobalt-41')).text).toMatch(/id="current-fault" role="alert">[^<]+/);
    expect((await change(PASSWORD, 'password1')).text).toMatch(/id="password-fault" role="alert">Password is among/);
    expect((await change(PASSWORD, PASSWORD.replace('97', '98'))).text).toContain('Every other session has ended.');
    expect(headingIn((await browser.get('/oauth/account/security')).text)).toBe('Security');
    expect(headingIn((await other.get('/oauth/account/security')).text)).toBe('Sign in');
  });

  it('set up the authenticator app with a QR code and a key that stay the same after a wrong code, then give recovery codes', async () => {
    const setUp = await browser.get('/oauth/account/totp');
    expect(setUp.text).toContain('<svg xmlns');
    secret = secretIn(setUp.text);
    expect(setUp.text.replaceAll(' ', '')).toContain(secret);
    const uri = /name="uri" value="([^"]+)"/.exec(setUp.text)![1]!.replaceAll('&amp;', '&');
    const wrong = await browser.post('/oauth/account/totp', { code: wrongCode(secret, Date.now()), uri });
    expect([wrong.status, secretIn(wrong.text)]).toEqual([400, secret]);
    expect(wrong.text).toContain('id="code-fault" role="alert"');
    // The code of the step before counts until this one is over.
    await until(() => Date.now() % 30_000 < 15_000);
    const done = await browser.post('/oauth/account/totp', { code: codeAt(secret, stepAt(Date.now()) - 1), uri });
    expect(headingIn(done.text)).toBe('Your recovery codes');
    codes = [...done.text.matchAll(/<li><code>([^<]+)<\/code>/g)].map(([, code]) => code!);
    expect(codes).toHaveLength(10);
    expect((await browser.get('/oauth/account/security')).text).toContain('10 left');
  });

  it('ask for the code at the next sign-in, beside whose field a wrong one is told, and take a recovery code once', async () => {
    const other = openBrowser(sign.house.url);
    const second = await signIn(other, 'ada', PASSWORD.replace('97', '98'));
    expect(headingIn(second.text)).toBe('Second step');
    const action = actionIn(second.text, '/second-factor');
    const handle = /name="handle" value="([^"]+)"/.exec(second.text)![1]!;
    expect(headingIn((await other.get('/oauth/account/security')).text)).toBe('Sign in');
    const wrong = await other.post(action, { handle, code: wrongCode(secret, Date.now()) });
    expect([wrong.status, headingIn(wrong.text)]).toEqual([401, 'Second step']);
    expect(wrong.text).toContain(
      '<p class="fault" id="code-fault" role="alert">That code is not right, or no longer.</p>',
    );
    const recovery = await other.post(action, { handle, with: 'recovery' });
    expect(headingIn(recovery.text)).toBe('Recovery code');
    const missed = await other.post(action, { handle, kind: 'recovery', code: 'nothing' });
    expect([missed.status, headingIn(missed.text)]).toEqual([401, 'Recovery code']);
    const inside = await other.follow(
      await other.post(action, { handle, kind: 'recovery', code: codes[0]!.toUpperCase().replaceAll('-', ' ') }),
    );
    expect(headingIn(inside.text)).toBe('Security');
    expect(inside.text).toContain('9 left');

    const third = openBrowser(sign.house.url);
    const again = await signIn(third, 'ada', PASSWORD.replace('97', '98'));
    const used = await third.post(action, {
      handle: /name="handle" value="([^"]+)"/.exec(again.text)![1]!,
      kind: 'recovery',
      code: codes[0]!,
    });
    expect(used.status).toBe(401);
    const right = await third.follow(
      await third.post(action, {
        handle: /name="handle" value="([^"]+)"/.exec(used.text)![1]!,
        code: codeAt(secret, stepAt(Date.now())),
      }),
    );
    expect(headingIn(right.text)).toBe('Security');
  });

  it('list the sessions, end one, and end all of them', async () => {
    const page = await browser.get('/oauth/account/security');
    const ids = [...page.text.matchAll(/name="id" value="([0-9a-f]{64})"/g)].map(([, id]) => id!);
    expect(ids).toHaveLength(2);
    expect(page.text).toContain('This browser');
    const ended = await browser.post('/oauth/account/session-off', { id: ids[0]! });
    expect(ended.text).toContain('That session has ended.');
    expect((await browser.post('/oauth/account/session-off', { id: ids[0]! })).status).toBe(400);
    const out = await browser.post('/oauth/account/sign-out-everywhere', {});
    expect(headingIn(out.text)).toBe('You are signed out');
    expect(headingIn((await browser.get('/oauth/account/apps')).text)).toBe('Sign in');
  });

  it('lead who must have a second factor and has none to set one up before anything else', async () => {
    const made = await sign.house.ask('POST', '/admin/users', {
      login: 'root',
      password: PASSWORD,
      fhirUser: 'Practitioner/ada',
      roles: ['administrator'],
    });
    expect(made.status).toBe(201);
    const fresh = openBrowser(sign.house.url);
    const setUp = await signIn(fresh, 'root', PASSWORD);
    expect(headingIn(setUp.text)).toBe('Set up the authenticator app');
    expect(headingIn((await fresh.get('/oauth/account/security')).text)).toBe('Sign in');
    const [handle, uri] = ['handle', 'uri'].map((name) =>
      new RegExp(`name="${name}" value="([^"]+)"`).exec(setUp.text)![1]!.replaceAll('&amp;', '&'),
    ) as [string, string];
    await fresh.follow(await fresh.get('/oauth/account/security'));
    const missed = wrongCode(secretIn(setUp.text), Date.now());
    const wrong = await fresh.post(actionIn(setUp.text, '/set-up'), { handle, uri, code: missed });
    expect([wrong.status, headingIn(wrong.text), secretIn(wrong.text)]).toEqual([
      400,
      headingIn(setUp.text),
      secretIn(setUp.text),
    ]);
    const code = codeAt(secretIn(setUp.text), stepAt(Date.now()));
    const done = await fresh.post(actionIn(setUp.text, '/set-up'), { handle, uri, code });
    expect(headingIn(done.text)).toBe('Your recovery codes');
    expect(done.text).toContain('href="/oauth/account/security">I have kept them');
    expect(headingIn((await fresh.get('/oauth/account/security')).text)).toBe('Security');
  });

  it('hold who guesses at one user, say for how long, and let others in', async () => {
    const guesser = openBrowser(sign.house.url);
    let last = await guesser.get('/oauth/account/apps');
    const action = actionIn(last.text, '/login');
    for (let tries = 0; tries < 12 && last.status !== 429; tries++)
      last = await guesser.post(action, { login: 'elin', password: `guess-${tries}` });
    expect(last.status).toBe(429);
    expect(Number(last.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(last.text).toContain('<p class="alert" role="alert">');
    expect((await guesser.post(action, { login: 'elin', password: PASSWORD })).status).toBe(429);
    await sign.house.ask('POST', '/admin/users', {
      login: 'eva',
      password: PASSWORD,
      fhirUser: 'Practitioner/ada',
      roles: ['nurse'],
    });
    expect(headingIn((await signIn(openBrowser(sign.house.url), 'eva', PASSWORD, '/oauth/account/apps')).text)).toBe(
      'Apps that may see my data',
    );
  });
});
