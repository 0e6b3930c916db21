/** Sessions of browsers: their cookie, their ends, their list; and forms that are ours. promises O17, O25 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { noEntries } from '../../../src/search/query.ts';
import { csrfOf, demandCsrf, sessionCookie } from '../../../src/smart/users/cookie.ts';
import { deviceWords } from '../../../src/smart/users/device-words.ts';
import { sessionId } from '../../../src/smart/users/sessions.ts';
import type { Store } from '../../../src/store/store.ts';
import { limits, nurse, openUsersHouse, row, type UsersHouse } from './users-house.ts';

let house: UsersHouse;
beforeAll(async () => {
  house = await openUsersHouse();
});
afterAll(() => house.stop());

const MINUTE = 60_000;
const firefox = 'Mozilla/5.0 (X11; Linux x86_64; rv:142.0) Gecko/20100101 Firefox/142.0';
const start = async (login: string, former?: string) => {
  const user = await house.directory.read(login);
  return house.sessions.start({ user, methods: ['pwd'], userAgent: firefox, address: '192.0.2.1', former, row });
};

describe('A session', () => {
  it('is found by its cookie, of which only the hash is kept, and the sign-in is in the trail', async () => {
    await nurse(house, 'one');
    const { cookie } = await start('one');
    expect(Buffer.from(cookie, 'base64url')).toHaveLength(32);
    expect(await house.sessions.find(cookie)).toMatchObject({
      login: 'one',
      methods: ['pwd'],
      device: 'Firefox on Linux',
    });
    expect((await house.rows(1))[0]).toMatchObject({
      interaction: 'sign-in',
      status: 200,
      who: 'Practitioner/7',
      reason: 'by pwd',
    });
    const kept = await house.store.list('user-session', '', 100);
    expect(kept.map(({ key }) => key)).toContain(sessionId(cookie));
    expect(JSON.stringify([kept, await house.rows(100)])).not.toContain(cookie);
    for (const other of [undefined, '', sessionId(cookie), `${cookie.slice(0, -1)}_`])
      expect(await house.sessions.find(other)).toBeUndefined();
  });

  it('is over after 15 minutes of rest, and goes on with use', async () => {
    await nurse(house, 'resting');
    const { cookie } = await start('resting');
    for (let i = 0; i < 4; i++) {
      house.pass(14 * MINUTE);
      expect(await house.sessions.find(cookie)).toBeDefined();
    }
    house.pass(15 * MINUTE);
    expect(await house.sessions.find(cookie)).toBeUndefined();
    expect(await house.sessions.list('resting')).toEqual([]);
  });

  it('is over after 12 hours, however it is used', async () => {
    await nurse(house, 'tireless');
    const { cookie } = await start('tireless');
    for (let passed = 14 * MINUTE; passed < limits.absolute; passed += 14 * MINUTE) {
      house.pass(14 * MINUTE);
      expect(await house.sessions.find(cookie)).toBeDefined();
    }
    house.pass(14 * MINUTE);
    expect(await house.sessions.find(cookie)).toBeUndefined();
  });

  it('writes its use down once a minute at most', async () => {
    await nurse(house, 'busy');
    const { cookie } = await start('busy');
    const revision = async () => (await house.store.get('user-session', [sessionId(cookie)]))[0]!.revision;
    const before = await revision();
    for (let i = 0; i < 5; i++) {
      house.pass(10_000);
      await house.sessions.find(cookie);
    }
    expect(await revision()).toBe(before);
    house.pass(10_000);
    await house.sessions.find(cookie);
    expect(await revision()).toBeGreaterThan(before);
  });

  it('has another cookie than the browser had before, and what that opened is over', async () => {
    await nurse(house, 'fixed');
    const planted = house.freshCookie();
    const first = await start('fixed', planted);
    expect(first.cookie).not.toBe(planted);
    expect(await house.sessions.find(planted)).toBeUndefined();
    const second = await start('fixed', first.cookie);
    expect(await house.sessions.find(first.cookie)).toBeUndefined();
    expect((await house.sessions.list('fixed')).map(({ id }) => id)).toEqual([second.session.id]);
  });

  it('is listed, ended one by one by its owner alone, and ended by an id that opens nothing', async () => {
    await nurse(house, 'lister');
    await nurse(house, 'lister-2');
    const [one, two] = [await start('lister'), await start('lister')];
    const foreign = await start('lister-2');
    expect(await house.sessions.list('lister')).toHaveLength(2);
    await expect(house.sessions.end('lister', foreign.session.id, row)).rejects.toMatchObject({ status: 404 });
    await house.sessions.end('lister', one.session.id, row);
    expect((await house.rows(1))[0]).toMatchObject({ interaction: 'sign-out', who: 'Practitioner/7' });
    expect(await house.sessions.find(one.cookie)).toBeUndefined();
    expect(await house.sessions.find(two.cookie)).toBeDefined();
    expect(await house.sessions.find(foreign.cookie)).toBeDefined();
    expect(await house.sessions.find(two.session.id)).toBeUndefined();
  });

  it.each([
    ['signing out everywhere', (login: string) => house.sessions.endAll(login, row)],
    ['disabling the user', (login: string) => house.directory.change(login, { disabled: true }, row)],
    ['a new password', (login: string) => house.directory.change(login, { password: 'seven herons at noon' }, row)],
    ['a role less', (login: string) => house.directory.change(login, { roles: [] }, row)],
    ['being somebody else', (login: string) => house.directory.change(login, { fhirUser: 'Practitioner/8' }, row)],
    ['a reset of factors', (login: string) => house.directory.change(login, { resetFactors: true }, row)],
    ['deleting the user', (login: string) => house.directory.remove(login, row)],
  ])('ends with all others of the user by %s, at once and on every server', async (words, end) => {
    const login = `ending-${words.replaceAll(' ', '-')}`;
    const { epoch } = await nurse(house, login);
    const cookies = [(await start(login)).cookie, (await start(login)).cookie];
    const other = house.another();
    house.told.length = 0;
    await end(login);
    for (const cookie of cookies) {
      expect(await house.sessions.find(cookie)).toBeUndefined();
      expect(await other.sessions.find(cookie)).toBeUndefined();
    }
    expect(await house.sessions.list(login)).toEqual([]);
    expect(house.told).toContain(login);
    const user = await house.directory.find(login);
    if (user) expect(user.epoch).toBeGreaterThan(epoch);
  });

  it('lives on when the user gets a role more', async () => {
    await nurse(house, 'promoted');
    const { cookie } = await start('promoted');
    await house.directory.change('promoted', { roles: ['nurse', 'physician'] }, row);
    expect(await house.sessions.find(cookie)).toMatchObject({ user: { roles: ['nurse', 'physician'] } });
  });

  it('of a deleted user does not come back with the next one of that login', async () => {
    const { epoch } = await nurse(house, 'phoenix');
    const { cookie } = await start('phoenix');
    await house.directory.remove('phoenix', row);
    house.pass(1);
    const again = await nurse(house, 'phoenix');
    expect(again.epoch).toBeGreaterThan(epoch);
    expect(await house.sessions.find(cookie)).toBeUndefined();
  });

  it('is fresh for ten minutes after the sign-in', async () => {
    await nurse(house, 'fresh');
    const { cookie } = await start('fresh');
    house.pass(9 * MINUTE);
    expect(house.sessions.isFresh((await house.sessions.find(cookie))!)).toBe(true);
    house.pass(MINUTE);
    expect(house.sessions.isFresh((await house.sessions.find(cookie))!)).toBe(false);
  });
});

describe('Users on two servers', () => {
  it('are remembered for five seconds at most', async () => {
    await nurse(house, 'shared');
    const other = house.another();
    expect(await other.directory.find('shared')).toMatchObject({ roles: ['nurse'] });
    await house.directory.change('shared', { disabled: true }, row);
    expect((await house.directory.find('shared'))!.disabled).toBeDefined();
    house.pass(5_000);
    expect((await other.directory.find('shared'))!.disabled).toBeDefined();
  });
});

describe('A user whose person goes while it is made', () => {
  it('is not made', async () => {
    const key = { type: 'RelatedPerson', id: '2' };
    /** The person goes at the last moment, when all has been looked at. */
    const leaving: Store = {
      ...house.store,
      async commit(changes) {
        await house.store.commit([{ op: 'write', key, method: 'DELETE', index: noEntries, expect: 'any' }]);
        return house.store.commit(changes);
      },
    };
    const making = nurse(house.another({ store: leaving }), 'orphan', {
      fhirUser: 'RelatedPerson/2',
      roles: ['patient'],
    });
    await expect(making).rejects.toMatchObject({ status: 409 });
    expect(await house.directory.find('orphan')).toBeUndefined();
  });
});

describe('The cookie', () => {
  const [plain, secure] = [sessionCookie('http://localhost:8080'), sessionCookie('https://fhir.example.org')];
  const value = 'A'.repeat(43);

  it('is bound to our own host where there is TLS, and out of reach of scripts and strangers', () => {
    expect(secure.set(value)).toBe(`__Host-watchfire=${value}; Path=/; HttpOnly; SameSite=Lax; Secure`);
    expect(plain.set(value)).toBe(`watchfire=${value}; Path=/; HttpOnly; SameSite=Lax`);
    expect(secure.clear()).toBe('__Host-watchfire=; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=0');
  });

  it('is read whole or not at all', () => {
    expect(secure.read(`a=b; __Host-watchfire=${value}; c=d`)).toBe(value);
    for (const header of [
      undefined,
      '',
      `watchfire=${value}`,
      `x__Host-watchfire=${value}`,
      `__Host-watchfire=${value.slice(1)}`,
      `__Host-watchfire=${value}A`,
      `__Host-watchfire="${value.slice(2)}"`,
      `__Host-watchfire=${value}; __Host-watchfire=${'B'.repeat(43)}`,
    ])
      expect(secure.read(header)).toBeUndefined();
  });
});

describe('The token of a form', () => {
  it('belongs to one cookie, and does not show it', () => {
    const [mine, other] = [house.freshCookie(), house.freshCookie()];
    expect(csrfOf(mine)).toHaveLength(43);
    expect(csrfOf(mine)).not.toContain(mine);
    expect(() => demandCsrf(mine, csrfOf(mine))).not.toThrow();
    for (const [cookie, token] of [
      [mine, csrfOf(other)],
      [mine, ''],
      [mine, undefined],
      [mine, [csrfOf(mine)]],
      [mine, mine],
      [undefined, csrfOf('')],
      [undefined, csrfOf(mine)],
    ] as const)
      expect(() => demandCsrf(cookie, token)).toThrow(expect.objectContaining({ status: 403 }) as unknown as Error);
  });
});

describe('A browser', () => {
  it.each([
    [firefox, 'Firefox on Linux'],
    [
      'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0',
      'Edge on Windows',
    ],
    [
      'Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Mobile/15E148 Safari/604.1',
      'Safari on iPhone',
    ],
    [
      'Mozilla/5.0 (Linux; Android 16) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36',
      'Chrome on Android',
    ],
    [
      'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
      'Chrome on macOS',
    ],
    ['curl/8.5.0', 'an unknown browser'],
    ['<script>alert(1)</script>', 'an unknown browser'],
    [undefined, 'an unknown browser'],
  ])('%s is %s', (userAgent, words) => {
    expect(deviceWords(userAgent)).toBe(words);
  });
});
