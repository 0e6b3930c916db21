/** Passkeys with a real browser and its virtual authenticator: made, used, copied, forged. https://www.w3.org/TR/webauthn-3/#sctn-automation */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Browser, CDPSession, Page } from 'playwright-core';
import { codeAt, stepAt } from '../../../src/smart/users/totp.ts';
import { describeInChromium, openChromium } from '../../support/chromium.ts';
import { attempt, nurse, openUsersHouse, password, row, type UsersHouse } from './users-house.ts';

const refused = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error) => error,
  );

describe('Passkeys where the server has an address and no name', () => {
  it('are not offered', async () => {
    const house = await openUsersHouse();
    try {
      await nurse(house);
      for (const url of ['http://127.0.0.1:8080', 'https://192.0.2.1', 'https://[2001:db8::1]']) {
        const room = house.another({ url });
        expect(room.passkeys.areOffered).toBe(false);
        expect((await refused(room.factors.beginPasskey('jackie'))).status).toBe(400);
        expect((await refused(room.passkeys.beginSignIn())).status).toBe(400);
      }
    } finally {
      await house.stop();
    }
  });
});

describeInChromium('A passkey', () => {
  const pages = createServer((_request, response) => response.end('<!doctype html><title>here</title>'));
  let house: UsersHouse;
  let browser: Browser;
  let page: Page;
  let cdp: CDPSession;
  let authenticatorId: string;

  beforeAll(async () => {
    await new Promise<void>((resolve) => pages.listen(0, '127.0.0.1', resolve));
    const url = `http://localhost:${(pages.address() as AddressInfo).port}`;
    house = await openUsersHouse({ url });
    browser = await openChromium();
    page = await browser.newPage();
    await page.goto(url);
    cdp = await page.context().newCDPSession(page);
    await cdp.send('WebAuthn.enable');
  });
  beforeEach(async () => {
    authenticatorId = await plugIn();
  });
  afterEach(() => cdp.send('WebAuthn.removeVirtualAuthenticator', { authenticatorId }));
  afterAll(async () => {
    await browser?.close();
    pages.close();
    await house?.stop();
  });

  async function plugIn(hasUserVerification = true): Promise<string> {
    const options = {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    } as const;
    return (await cdp.send('WebAuthn.addVirtualAuthenticator', { options })).authenticatorId;
  }

  /** What the browser answers to options; runs in the page, so it is text. */
  const inBrowser = (call: 'create' | 'get', options: object): Promise<any> =>
    page.evaluate(`(async () => {
      const publicKey = PublicKeyCredential.parse${call === 'create' ? 'Creation' : 'Request'}OptionsFromJSON(${JSON.stringify(options)});
      return (await navigator.credentials.${call}({ publicKey })).toJSON();
    })()`);
  const register = async (login: string) => inBrowser('create', await house.factors.beginPasskey(login));
  const add = async (login: string) => house.factors.addPasskey(login, 'Laptop', await register(login), row);
  const answer = async () => inBrowser('get', await house.passkeys.beginSignIn());
  const prove = (response: any, more: object = {}) => house.signIn.passkey({ ...attempt, response, ...more });
  const reason = async () => (await house.rows(1))[0]!.reason;
  const forget = () => cdp.send('WebAuthn.clearCredentials', { authenticatorId });

  it('is made by a signed-in user, with recovery codes beside the first, and the trail says so', async () => {
    await nurse(house, 'maker');
    const { user, codes } = await add('maker');
    expect(user.passkeys).toEqual([expect.objectContaining({ name: 'Laptop', counter: expect.any(Number) })]);
    expect(codes).toHaveLength(10);
    expect((await house.rows(1))[0]).toMatchObject({ interaction: 'user-passkey-add', who: 'Practitioner/7' });
    expect((await refused(register('maker'))).message).toMatch(/InvalidStateError|excluded|already/i);
  });

  it('signs in by itself, without a login or a password, as both factors', async () => {
    await nurse(house, 'keyholder', { roles: ['administrator'] });
    await add('keyholder');
    const step = await prove(await answer());
    expect(step).toMatchObject({ step: 'done', methods: ['hwk', 'user'], user: { login: 'keyholder' } });
    const [kept] = (await house.directory.read('keyholder')).passkeys;
    expect(kept!.used).toBeDefined();
  });

  it('is a second factor after the password, for its own user alone', async () => {
    await nurse(house, 'second');
    await add('second');
    const step: any = await house.signIn.signIn({ ...attempt, login: 'second', password });
    expect(step).toMatchObject({ step: 'second-factor', offers: ['passkey', 'recovery'] });
    const options = await house.passkeys.beginSignIn(step.user);
    expect(options.allowCredentials).toHaveLength(1);
    const done = await prove(await inBrowser('get', options), { handle: step.handle });
    expect(done).toMatchObject({ step: 'done', methods: ['pwd', 'hwk', 'user'] });
    await nurse(house, 'other');
    const { secret } = await house.factors.beginTotp('other');
    await house.factors.confirmTotp('other', codeAt(secret, stepAt(house.runtime.now())), row);
    const foreign: any = await house.signIn.signIn({ ...attempt, login: 'other', password });
    expect((await refused(prove(await answer(), { handle: foreign.handle }))).status).toBe(401);
    expect(await reason()).toBe('passkey of somebody else');
  });

  it('answers once: a repeated, an old and an invented answer are refused', async () => {
    await nurse(house, 'repeating');
    await add('repeating');
    const response = await answer();
    const both = await Promise.all([refused(prove(response)), refused(prove(response))]);
    expect(both.map((error) => error?.status ?? 200).sort()).toEqual([200, 401]);
    expect((await refused(prove(response))).status).toBe(401);
    expect(await reason()).toBe('passkey without a ceremony');
    const late = await answer();
    house.pass(6 * 60_000);
    expect((await refused(prove(late))).status).toBe(401);
    for (const broken of [{}, { id: 'x', response: {} }, { id: '__proto__', response: { clientDataJSON: 'e30' } }])
      expect((await refused(prove(broken))).status).toBe(401);
  });

  it.each([
    [
      'another signature',
      (response: any) => ({ ...response.response, signature: flipped(response.response.signature) }),
    ],
    [
      'data it did not sign',
      (response: any) => ({ ...response.response, authenticatorData: flipped(response.response.authenticatorData) }),
    ],
    [
      'another origin',
      (response: any) => ({
        ...response.response,
        clientDataJSON: rewritten(response.response.clientDataJSON, { origin: 'https://evil.example' }),
      }),
    ],
    [
      'another purpose',
      (response: any) => ({
        ...response.response,
        clientDataJSON: rewritten(response.response.clientDataJSON, { type: 'webauthn.create' }),
      }),
    ],
    ['another user', (response: any) => ({ ...response.response, userHandle: 'AAAAAAAAAAAAAAAAAAAAAA' })],
  ])('is refused with %s', async (words, forge) => {
    const login = `forged-${words.split(' ').at(-1)}`;
    await nurse(house, login);
    await add(login);
    const response = await answer();
    expect((await refused(prove({ ...response, response: forge(response) }))).status).toBe(401);
    expect(await reason()).toMatch(/^passkey (wrong|of somebody else)$/);
  });

  it('is refused when the person was not verified', async () => {
    await nurse(house, 'unverified');
    await add('unverified');
    await cdp.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: false });
    // The browser itself would refuse what we ask for, so it is asked for less than we demand.
    const lax = { ...(await house.passkeys.beginSignIn()), userVerification: 'discouraged' };
    const response = await inBrowser('get', lax);
    expect((await refused(prove(response))).status).toBe(401);
    expect(await reason()).toBe('passkey wrong');
  });

  it('is not taken from an authenticator that cannot verify the person', async () => {
    await nurse(house, 'unverifiable');
    await cdp.send('WebAuthn.removeVirtualAuthenticator', { authenticatorId });
    authenticatorId = await plugIn(false);
    const authenticatorSelection = { residentKey: 'required', userVerification: 'discouraged' };
    const options = { ...(await house.factors.beginPasskey('unverifiable')), authenticatorSelection };
    const made = await inBrowser('create', options);
    expect((await refused(house.factors.addPasskey('unverifiable', 'x', made, row))).status).toBe(400);
  });

  it('that was copied is found out by its counter', async () => {
    await nurse(house, 'copied');
    await add('copied');
    const [original] = (await cdp.send('WebAuthn.getCredentials', { authenticatorId })).credentials;
    for (let i = 0; i < 3; i++) expect(await prove(await answer())).toMatchObject({ step: 'done' });
    await forget();
    // Ahead of the day it was registered on, behind the last use.
    const credential = { ...original!, signCount: original!.signCount + 1 };
    await cdp.send('WebAuthn.addCredential', { authenticatorId, credential });
    expect((await refused(prove(await answer()))).status).toBe(401);
    expect(await reason()).toBe('passkey counter went back');
  });

  it('cannot be registered for somebody else, or twice', async () => {
    await nurse(house, 'victim');
    await nurse(house, 'thief');
    const response = await register('victim');
    expect((await refused(house.factors.addPasskey('thief', 'x', response, row))).status).toBe(400);
    await house.factors.addPasskey('victim', 'x', response, row);
    expect((await refused(house.factors.addPasskey('victim', 'x', response, row))).status).toBe(400);
  });

  it('that was removed, or whose user is disabled, opens nothing', async () => {
    await nurse(house, 'removing');
    const { user } = await add('removing');
    await house.directory.change('removing', { disabled: true }, row);
    expect((await refused(prove(await answer()))).status).toBe(401);
    expect(await reason()).toBe('user disabled');
    await house.directory.change('removing', { disabled: false }, row);
    await house.factors.removePasskey('removing', user.passkeys[0]!.id, row);
    expect((await refused(prove(await answer()))).status).toBe(401);
    expect(await reason()).toBe('passkey unknown');
    expect(await house.kept('user-passkey')).not.toContainEqual({ login: 'removing' });
  });
});

/** The same text with one bit of one byte turned. */
function flipped(text: string): string {
  const bytes = Buffer.from(text, 'base64url');
  bytes[bytes.length - 1]! ^= 1;
  return bytes.toString('base64url');
}

function rewritten(text: string, members: object): string {
  const data = JSON.parse(Buffer.from(text, 'base64url').toString());
  return Buffer.from(JSON.stringify({ ...data, ...members })).toString('base64url');
}
