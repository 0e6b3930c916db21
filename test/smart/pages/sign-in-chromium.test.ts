/** A person at the running server in a real browser: from an app by keyboard alone to its code, and in by a passkey. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { complaintsOf, describeInChromium, openChromium } from '../../support/chromium.ts';
import { openSignInHouse, PASSWORD, type SignInHouse } from './sign-in-house.ts';

describeInChromium('Somebody in Chromium', () => {
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let complaints: string[];
  let sign: SignInHouse;
  let app: Server;
  let elsewhere: Server;
  const came: string[] = [];

  const portOf = async (server: Server): Promise<number> => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return (server.address() as AddressInfo).port;
  };

  beforeAll(async () => {
    elsewhere = createServer((_request, response) => response.end('<title>The app</title>'));
    const at = await portOf(elsewhere);
    // As many apps do: the callback is of their server, which sends on to where their pages are.
    app = createServer((request, response) => {
      came.push(`${request.method} ${request.url} ${request.headers.referer ?? ''}`);
      response.writeHead(302, { location: `http://localhost:${at}/home` }).end();
    });
    const redirect = `http://127.0.0.1:${await portOf(app)}/callback`;
    // Passkeys are for servers with a name.
    sign = await openSignInHouse('Growth Chart', { host: 'localhost' }, redirect);
    browser = await openChromium();
    context = await browser.newContext();
    page = await context.newPage();
    complaints = await complaintsOf(page);
    await page.addInitScript(
      "window.shifts = 0; new PerformanceObserver((list) => { for (const { value, hadRecentInput } of list.getEntries()) if (!hadRecentInput) window.shifts += value; }).observe({ type: 'layout-shift', buffered: true })",
    );
  });
  afterAll(async () => {
    await browser?.close();
    await sign?.house.stop();
    app?.close();
    elsewhere?.close();
  });

  const heading = () => page.locator('h1').textContent();
  const focused = () =>
    page.evaluate('(({ name, value, textContent }) => [name, value, textContent].join(" "))(document.activeElement)');
  /** Tab until something is focused; a person would not try for ever. */
  async function tabTo(what: RegExp): Promise<void> {
    for (let tries = 0; tries < 40; tries++) {
      if (what.test(String(await focused()))) return;
      await page.keyboard.press('Tab');
    }
    throw new Error(`${what} cannot be reached by keyboard on ${await heading()}`);
  }
  const settled = async (title: string) => {
    await page.waitForSelector(`h1:text-is("${title}")`);
    // The script of passkeys is there with the page.
    await page.waitForLoadState();
    expect(await page.evaluate('window.shifts')).toBe(0);
  };

  it('comes from an app, signs in, finds a patient, takes a scope away and is back at the app, without a mouse', async () => {
    await page.goto(sign.authorize());
    await settled('Sign in');
    await page.waitForSelector('#login:focus');
    await page.keyboard.type('ada');
    await page.keyboard.press('Tab');
    await page.keyboard.type('wrong');
    await page.keyboard.press('Enter');
    await page.waitForSelector('#password-fault');
    await page.waitForSelector('#password:focus');
    expect(await focused()).toBe('password  ');
    await page.keyboard.insertText(PASSWORD); // As pasted.
    await page.keyboard.press('Enter');

    await settled('Choose a patient');
    await page.waitForSelector('#name:focus');
    await page.keyboard.type('elinc');
    await page.keyboard.press('Enter');
    await page.waitForSelector('h2:text-is("Found")');
    await tabTo(/^patient ours-2 /);
    await page.keyboard.press('Enter');

    await settled('Allow this app?');
    expect(await page.locator('.facts').textContent()).toContain('Berg, Elinc, born 1952-03-03');
    await tabTo(/^scope offline_access/);
    await page.keyboard.press('Space');
    await tabTo(/Allow/);
    await page.keyboard.press('Enter');
    await page.waitForURL('**/home');

    const [, back] = came[0]!.split(' ');
    expect(came).toEqual([expect.stringMatching(/^GET \/callback\?code=\S+&state=abcdefgh12345678\S* $/)]);
    const token = await sign.redeem(`http://app${back}`);
    expect(token).toMatchObject({ patient: 'ours-2' });
    expect(token.scope).not.toContain('offline_access');
    // A wrong password is a 401, which the console tells; nothing else is.
    expect(complaints.filter((complaint) => !complaint.includes('401'))).toEqual([]);
  });

  it('adds a passkey, signs out, and is let in by it alone', async () => {
    const session = await context.newCDPSession(page);
    await session.send('WebAuthn.enable');
    await session.send('WebAuthn.addVirtualAuthenticator', {
      options: {
        protocol: 'ctap2',
        transport: 'internal',
        hasResidentKey: true,
        hasUserVerification: true,
        isUserVerified: true,
        automaticPresenceSimulation: true,
      },
    });
    await page.goto(`${sign.house.url}/oauth/account/security`);
    await settled('Security');
    await page.click('text=Add a passkey');
    await settled('Your recovery codes');
    await page.click('text=I have kept them');
    await settled('Security');
    expect(await page.locator('#passkeys-part + p + ul').textContent()).toContain('on Linux');
    await page.click('text=Sign out >> nth=0');
    await settled('You are signed out');
    await page.click('text=Sign in again');
    await settled('Sign in');
    await page.click('text=Sign in with a passkey');
    await settled('Apps that may see my data');
    expect(await page.locator('h2').textContent()).toBe('Growth Chart');
    await page.click('text=End its access');
    expect(await page.locator('.notice').textContent()).toBe('Its access has ended.');

    // The password asks for it as the second factor now.
    await page.click('text=Sign out');
    await page.click('text=Sign in again');
    await page.fill('#login', 'ada');
    await page.fill('#password', PASSWORD);
    await page.keyboard.press('Enter');
    await settled('Second step');
    await page.click('text=Use a passkey');
    await settled('Apps that may see my data');
    expect(complaints.filter((complaint) => !complaint.includes('401'))).toEqual([]);
  });
});
