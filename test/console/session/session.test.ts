/** Who looks at a page, over HTTP: cookies count for our own pages alone, open what the roles open, and end. docs/decisions/0016-pages-and-cookies.md */
import { hash } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { systemRuntime } from '../../../src/runtime.ts';
import { pushedBrowser } from '../../alerts/channels/pushed-browser.ts';
import { openBrowser } from '../../smart/pages/sign-in-house.ts';
import { openHouse, type TestHouse } from '../../support/house.ts';
import { until } from '../../support/until.ts';
import { flag, openEvents } from '../live/event-stream.ts';

const PASSWORD = 'harbour-lantern-quilt-97';
const page = { 'x-watchfire-page': '1' };
const quiet = { 'x-watchfire-page': 'quiet' };
const stream = { accept: 'text/event-stream' };

let house: TestHouse;
let shift = 0;

beforeAll(async () => {
  house = await openHouse({
    runtime: { ...systemRuntime, now: () => systemRuntime.now() + shift },
    pushContact: 'mailto:it@clinic.example.org',
  });
  await house.update({ resourceType: 'Practitioner', id: 'nina' });
  for (const id of ['p1', 'p2', 'p3']) await house.update({ resourceType: 'Patient', id });
  await house.update(team('active'));
  await house.update({ ...team('active'), id: 'other-team', subject: { reference: 'Patient/p3' } });
  await mayCome('nina', ['nurse']);
  await mayCome('nobody', []);
});
afterAll(() => house.stop());

async function mayCome(login: string, roles: readonly string[]): Promise<void> {
  const asked = { login, password: PASSWORD, fhirUser: 'Practitioner/nina', roles };
  const { status, text } = await house.ask('POST', '/admin/users', asked);
  if (status !== 201) throw new Error(text);
}

const team = (status: string) => ({
  resourceType: 'CareTeam',
  id: 'team',
  status,
  subject: { reference: 'Patient/p1' },
  participant: [{ member: { reference: 'Practitioner/nina' } }],
});
const to = (path: string) => `/oauth/account/sign-in/page-${Buffer.from(path).toString('base64url')}`;

/** The cookie of somebody who has just signed in, and where that led. */
async function signedIn(login = 'nina', path = '/cardiac/') {
  const browser = openBrowser(house.url);
  await browser.get(to(path));
  const after = await browser.post(`${to(path)}/login`, { login, password: PASSWORD });
  const cookie = browser.setCookies.findLast((line) => line.startsWith('watchfire='))!.split(';')[0]!;
  return { cookie, text: after.text, browser };
}
const session = (method: string, cookie: string, headers: Record<string, string> = page, body?: object) =>
  house.ask(method, '/console/session', body, { authorization: '', ...(cookie && { cookie }), ...headers });

describe('Signing in at a page', () => {
  it('leads back to the page that was asked for', async () => {
    expect((await signedIn('nina', '/cardiac/patients/p1')).text).toContain('content="0;url=/cardiac/patients/p1"');
  });

  it.each([
    '//evil.example',
    '/\\evil.example',
    'https://evil.example/',
    '/a/../../b',
    '/a?b=c',
    '/a#b',
    '/%2fevil',
    'x',
  ])('leads to no other place: %s is the account', async (path) => {
    expect((await signedIn('nina', path)).text).toContain('content="0;url=/oauth/account/apps"');
  });

  it('goes on at once where somebody is signed in', async () => {
    const { cookie } = await signedIn();
    const response = await fetch(`${house.url}${to('/feeds')}`, { headers: { cookie }, redirect: 'manual' });

    expect([response.status, response.headers.get('location')]).toEqual([303, '/feeds']);
  });

  it('tells who it is and until when, by the clock of the server', async () => {
    const { cookie } = await signedIn();
    const { status, body } = await session('GET', cookie, quiet);

    expect(status).toBe(200);
    expect(body).toMatchObject({ who: 'Practitioner/nina', login: 'nina', isAdministrator: false, hasSignIn: true });
    expect(body.restEnds - body.now).toBeGreaterThan(14 * 60_000);
    expect(body.restEnds - body.now).toBeLessThanOrEqual(15 * 60_000);
    expect((await session('GET', '')).body).toEqual({ now: expect.any(Number), hasSignIn: true });
  });
});

describe('A cookie', () => {
  it('counts for pages of ours alone: with the header, and from no other site', async () => {
    const { cookie } = await signedIn();
    const asked = (headers: Record<string, string>) =>
      openEvents(house.url, '?topics=device-alert', { cookie, ...headers });
    const status = async (headers: Record<string, string>) => {
      const opened = await asked(headers);
      opened.close();
      return opened.status;
    };

    expect(await status({})).toBe(403);
    expect(await status(stream)).toBe(200);
    expect(await status({ ...stream, 'sec-fetch-site': 'same-origin' })).toBe(200);
    expect(await status({ ...stream, 'sec-fetch-site': 'cross-site' })).toBe(403);
    expect(await status({ ...page, 'sec-fetch-site': 'same-site' })).toBe(403);
    expect((await session('DELETE', cookie, {})).status).toBe(403);
    expect((await session('DELETE', cookie, stream)).status).toBe(403);
    expect((await session('POST', cookie, { ...page, 'sec-fetch-site': 'none' })).status).toBe(403);
  });

  it('opens nothing under /fhir, /admin and /oauth', async () => {
    const { cookie } = await signedIn();
    const ask = (path: string) => house.ask('GET', path, undefined, { authorization: '', cookie, ...page });

    expect((await ask('/fhir/Patient/p1')).status).toBe(401);
    expect((await ask('/admin/users')).status).toBe(401);
    expect((await ask('/oauth/account/apps')).status).toBe(200);
  });

  it('opens what the roles open and no more: no role, no event', async () => {
    const { cookie } = await signedIn('nobody');

    expect((await openEvents(house.url, '?topics=device-alert', { cookie, ...stream })).status).toBe(403);
  });

  it('is no longer good after signing out, also for a stream that is open', async () => {
    const { cookie } = await signedIn();
    const opened = await openEvents(house.url, '?topics=device-alert', { cookie, ...stream });
    expect((await session('DELETE', cookie)).headers.get('set-cookie')).toContain('Max-Age=0');

    expect((await session('GET', cookie, quiet)).body.who).toBeUndefined();
    await until(async () => {
      await house.update(flag('p1'));
      return opened.isOver();
    });
    expect(opened.events.at(-1)).toMatchObject({ event: 'end', data: { why: 'signed-out' } });
  });

  it('tells of whom its owner may see at the moment: a team that is left ends the events', async () => {
    const { cookie } = await signedIn();
    const opened = await openEvents(house.url, '?topics=device-alert', { cookie, ...stream });
    const [mine, anothers, after, ofOther] = [flag('p1'), flag('p2'), flag('p1'), flag('p3')];
    await house.update(anothers);
    await house.update(mine);
    await opened.first(({ data }) => data.reference === `Flag/${mine.id}`);
    await house.update(team('inactive'));
    await house.update(after);
    // Rights are asked for when an event is told: once a later one is heard, that one has been passed over.
    await house.update(ofOther);
    await opened.first(({ data }) => data.reference === `Flag/${ofOther.id}`);
    await house.update(team('active'));
    const again = flag('p1');
    await house.update(again);
    await opened.first(({ data }) => data.reference === `Flag/${again.id}`);
    opened.close();

    expect(opened.events.map(({ data }) => data.reference)).toEqual(
      [mine, ofOther, again].map(({ id }) => `Flag/${id}`),
    );
  });

  it('is kept good by what a person does, not by what a page asks by itself', async () => {
    const [{ cookie: busy }, { cookie: idle }] = [await signedIn(), await signedIn()];
    const minutes = async (count: number) => {
      shift += count * 60_000;
      await session('POST', busy);
      await session('GET', idle, quiet);
    };
    await minutes(10);
    await minutes(4);
    expect((await session('GET', idle, quiet)).body.who).toBe('Practitioner/nina');
    await minutes(2);

    expect((await session('GET', busy, quiet)).body.who).toBe('Practitioner/nina');
    expect((await session('GET', idle, quiet)).body.who).toBeUndefined();
  });
});

describe('Alerts on a device', () => {
  const keys = pushedBrowser().keys;
  const push = (method: string, cookie: string, body?: object) =>
    house.ask(method, '/push-subscriptions', body, { authorization: '', cookie, ...page });
  const subscribe = async (name: string, { cookie }: { cookie: string }) =>
    expect((await push('POST', cookie, { endpoint: `https://push.example.org/${name}`, keys })).status).toBe(201);
  const names = (...all: string[]) =>
    all.map((name) => hash('sha256', `https://push.example.org/${name}`, 'hex').slice(0, 32)).sort();
  const told = async () => (await push('GET', (await signedIn('nobody')).cookie)).body.subscriptions.sort();
  const patch = (asked: object, login = 'nina') => house.ask('PATCH', `/admin/users/${login}`, asked);
  const account = async ({ browser }: Awaited<ReturnType<typeof signedIn>>, deed: string, form = {}) => {
    await browser.get('/oauth/account/security');
    return browser.post(`/oauth/account/${deed}`, form);
  };

  it('end where somebody signs out on purpose, of the session that asked for them last, and not by rest', async () => {
    const [desk, phone] = [await signedIn(), await signedIn()];
    await subscribe('desk', desk);
    await subscribe('phone', phone);
    await account(desk, 'sign-out');
    expect(await told()).toEqual(names('phone'));

    shift += 16 * 60_000;
    expect((await push('GET', phone.cookie)).status).toBe(401);
    expect(await told()).toEqual(names('phone'));
    const again = await signedIn();
    await subscribe('phone', again);
    await subscribe('phone', again);
    await session('DELETE', again.cookie);
    expect(await told()).toEqual([]);
  });

  it.each([
    ['is signed out everywhere', () => house.ask('DELETE', '/admin/users/nina/sessions')],
    ['is signed out by the administrator', endEach],
    ['may not sign in any more', () => patch({ disabled: true })],
    ['may do less', () => patch({ roles: [] })],
    ['has another password', () => patch({ password: PASSWORD })],
    ['took another password', (own: Signed) => account(own, 'password', { current: PASSWORD, password: PASSWORD })],
  ])('end all where their owner %s', async (_what, deed) => {
    const own = await signedIn();
    await subscribe('desk', own);
    expect(await told()).toEqual(names('desk'));
    expect((await deed(own)).status).toBe(200);
    expect(await told()).toEqual([]);
    await patch({ disabled: false, roles: ['nurse'] });
  });

  it('end where their owner is deleted, also for who comes after under that login', async () => {
    await subscribe('desk', await signedIn());
    await house.ask('DELETE', '/admin/users/nina');
    expect(await told()).toEqual([]);
    await mayCome('nina', ['nurse']);
    expect(await told()).toEqual([]);
  });

  it('go on where another login of the same person ends', async () => {
    const own = await signedIn('nobody');
    await subscribe('desk', own);
    await patch({ disabled: true });
    expect((await push('GET', own.cookie)).body.subscriptions).toEqual(names('desk'));
    await patch({ disabled: false });
    await session('DELETE', own.cookie);
    expect(await told()).toEqual([]);
  });

  it('go along where their owner signs in once more at that browser, and end where another does', async () => {
    for (const login of ['nina', 'nobody']) {
      const rested = await signedIn();
      await subscribe('desk', rested);
      shift += 16 * 60_000;
      await rested.browser.get('/oauth/account/security');
      await rested.browser.post('/oauth/account/sign-in/security/login', { login, password: PASSWORD });
      expect(await told()).toEqual(login === 'nina' ? names('desk') : []);
      await account(rested, 'sign-out');
      expect(await told()).toEqual([]);

      const own = await signedIn();
      await subscribe('desk', own);
      // Who would change a password has to have signed in just now.
      shift += 11 * 60_000;
      await account(own, 'password', { current: PASSWORD, password: PASSWORD });
      await own.browser.post('/oauth/account/sign-in/security/login', { login, password: PASSWORD });
      expect((await push('GET', own.cookie)).status).toBe(401);
      expect(await told()).toEqual(login === 'nina' ? names('desk') : []);
      await account(own, 'sign-out');
      expect(await told()).toEqual([]);
    }
  });

  it('are not kept where the session or the login ended while they were asked for', async () => {
    for (const deed of [
      ({ cookie }: Signed) => session('DELETE', cookie),
      () => patch({ disabled: true }),
      () => house.ask('DELETE', '/admin/users/nina/sessions'),
    ]) {
      const own = await signedIn();
      const body = JSON.stringify({ endpoint: 'https://push.example.org/late', keys });
      const status = await sentSlowly(own.cookie, body, () => deed(own));
      expect([status, await told()]).toEqual([401, []]);
      await patch({ disabled: false });
    }
  });

  it('that are asked for beside a sign-out end with it', async () => {
    const own = await signedIn();
    const asked = Array.from({ length: 8 }, (_, i) =>
      push('POST', own.cookie, { endpoint: `https://push.example.org/${i}`, keys }),
    );
    await Promise.all([...asked, session('DELETE', own.cookie)]);
    expect(await told()).toEqual([]);
  });

  type Signed = Awaited<ReturnType<typeof signedIn>>;

  async function endEach() {
    const { sessions } = (await house.ask('GET', '/admin/users/nina/sessions')).body;
    const answers = [];
    for (const { id } of sessions) answers.push(await house.ask('DELETE', `/admin/users/nina/sessions/${id}`));
    return answers.at(-1)!;
  }

  /** Its head and a first byte, then what happens meanwhile, then the rest; the status of the answer. */
  async function sentSlowly(cookie: string, body: string, meanwhile: () => Promise<unknown>): Promise<number> {
    const headers = { cookie, ...page, 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const sent = request(`${house.url}/push-subscriptions`, { method: 'POST', headers });
    const answered = once(sent, 'response');
    // Of what it had not read the server may know nothing.
    sent.on('error', () => undefined);
    sent.write(body.slice(0, 1));
    await new Promise((go) => setTimeout(go, 100));
    await meanwhile();
    sent.end(body.slice(1));
    const [response] = await answered;
    response.resume();
    return response.statusCode;
  }
});

describe('The token of the administrator', () => {
  const exchange = (token: string) => session('POST', '', page, { token });

  it('is exchanged for a cookie that scripts cannot read, ends by rest and by signing out', async () => {
    const answer = await exchange(house.adminToken);
    const set = answer.headers.get('set-cookie')!;
    expect(set).toMatch(/^watchfire-administrator=[A-Za-z0-9_-]{43}; Path=\/; HttpOnly; SameSite=Strict$/);
    expect(set).not.toContain(house.adminToken);
    const cookie = set.split(';')[0]!;
    expect((await session('GET', cookie, quiet)).body).toMatchObject({ who: 'Client/admin', isAdministrator: true });
    expect((await house.search('AuditEvent?subtype=sign-in&agent=Client/admin')).length).toBeGreaterThan(0);

    shift += 16 * 60_000;
    expect((await session('GET', cookie, quiet)).body.who).toBeUndefined();
    const another = (await exchange(house.adminToken)).headers.get('set-cookie')!.split(';')[0]!;
    await session('DELETE', another);
    expect((await session('GET', another, quiet)).body.who).toBeUndefined();
  });

  it('is refused where it is wrong, and whoever guesses has to wait', async () => {
    const statuses: number[] = [];
    for (let i = 0; i < 12; i++) statuses.push((await exchange(`wrong-${i}`)).status);

    expect(statuses.slice(0, 10)).toEqual(Array(10).fill(401));
    expect(statuses.at(-1)).toBe(429);
    shift += 2 * 60_000;
    expect((await exchange(house.adminToken)).status).toBe(200);
  });

  it.each(['[]', 'null', '"x"', '{', '{"token":7}', `{"token":"${'x'.repeat(5_000)}"}`])(
    'is read with care: %#',
    async (body) => {
      const { status } = await house.ask('POST', '/console/session', body, { authorization: '', ...page });

      expect([200, 400, 401, 413]).toContain(status);
    },
  );
});
