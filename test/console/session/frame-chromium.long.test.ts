/** The frame of every page in a real browser: a line that is cut, a session that ends, lists, keys, looks. https://www.w3.org/TR/WCAG22/ */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { describeInChromium } from '../../support/chromium.ts';
import { quickest } from '../../support/quickest.ts';
import { flag, priority } from '../live/event-stream.ts';
import { type FrameHouse, openFrame, PASSWORD } from './frame-house.ts';

describeInChromium('The frame of a page in Chromium', () => {
  let frame: FrameHouse;
  let house: FrameHouse['house'];
  let line: FrameHouse['line'];
  let context: FrameHouse['context'];
  let page: FrameHouse['page'];
  let complaints: FrameHouse['complaints'];
  let violations: FrameHouse['violations'];
  let follow: FrameHouse['follow'];
  let told: FrameHouse['told'];
  let comes: FrameHouse['comes'];
  let withPage: FrameHouse['withPage'];
  let later: FrameHouse['later'];

  beforeAll(async () => {
    frame = await openFrame();
    ({ house, line, context, page, complaints, violations, follow, told, comes, withPage, later } = frame);
  });
  afterAll(() => frame?.stop());

  it('has nothing that axe finds, in light and dark, signed out and in, fits 320 px, and breaks no policy', async () => {
    await page.goto(`${line.url}/console`);
    await page.waitForSelector('#signed-out:not([hidden])');
    expect(await violations()).toEqual([]);
    await page.emulateMedia({ colorScheme: 'dark' });
    expect(await violations()).toEqual([]);
    await page.setViewportSize({ width: 320, height: 700 });
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(320);
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.emulateMedia({ colorScheme: 'light', forcedColors: 'active' });
    expect(await violations()).toEqual([]);
    await page.emulateMedia({ forcedColors: 'none' });
    expect(complaints).toEqual([]);
  });

  it('exchanges the token of the administrator for a cookie that no script reads, and ends it', async () => {
    await page.goto(`${line.url}/console`);
    await page.waitForSelector('#signed-out:not([hidden])');
    await page.click('#signed-out summary');
    await page.fill('#token', 'not-the-token');
    await page.keyboard.press('Enter');
    await page.waitForSelector('#token-fault:text-is("That token opens nothing.")');
    await page.fill('#token', house.adminToken);
    await page.keyboard.press('Enter');
    await page.waitForSelector('#content:not([hidden])');

    expect(await page.textContent('#who')).toBe('Administrator');
    expect(await violations()).toEqual([]);
    const [cookie] = (await context.cookies()).filter(({ name }) => name === 'watchfire-administrator');
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Strict' });
    const kept = await page.evaluate('JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie])');
    expect(kept).not.toContain(house.adminToken);
    await page.click('#sign-out');
    await page.waitForSelector('#signed-out:not([hidden])');
    // A wrong token is a 401, which the console tells; nothing else is.
    expect(complaints.filter((complaint) => !complaint.includes('401'))).toEqual([]);
    complaints.length = 0;
  });

  it('sends somebody to sign in and has them back at the very page', async () => {
    await page.click('#sign-in');
    await page.fill('#login', 'nina');
    await page.fill('#password', PASSWORD);
    await page.keyboard.press('Enter');
    await page.waitForURL('**/console');
    await page.waitForSelector('#content:not([hidden])');

    expect(await page.textContent('#who')).toBe('nina');
    expect(complaints).toEqual([]);
  });

  it('hears within a second of what its reader may see, aloud, and of nothing else (0-146)', async () => {
    await follow('device-alert');
    await page.waitForSelector('#live[data-state=on]');
    await house.update(flag('p2', priority('PH')));
    const sent: string[] = [];
    const took = await quickest(1_000, async () => {
      const hers = flag('p1', priority('PH'));
      sent.push(`Flag/${hers.id}`);
      const begun = Date.now();
      await house.update(hers);
      await comes(`told.length >= ${sent.length}`);
      return (await told()).at(-1)![1] - begun;
    });

    expect(took).toBeLessThan(1_000);
    await page.waitForSelector(`#shouted:text-is("${sent.at(-1)}")`);
    expect((await told()).map(([reference]) => reference)).toEqual(sent);
  });

  it('says within five seconds that the line is cut, and hands over what was missed when it is back, once', async () => {
    await page.goto(`${line.url}/console`);
    await page.waitForSelector('#content:not([hidden])');
    await follow('device-alert');
    await page.waitForSelector('#live[data-state=on]');
    const took = await quickest(5_000 + 500, async () => {
      line.mend();
      await page.waitForSelector('#live[data-state=on]');
      const begun = Date.now();
      line.freeze();
      await page.waitForSelector('#stale:not([hidden])');
      return Date.now() - begun;
    });
    expect(took).toBeLessThan(5_000 + 500);
    expect(await page.textContent('#stale')).toMatch(/^Connection lost at \d\d:\d\d:\d\d\./);
    const missed = flag('p1');
    await house.update(missed);
    line.mend();
    await comes('told.length > 0', 20);
    await page.waitForSelector('#live[data-state=on]');

    expect((await told()).map(([reference]) => reference)).toEqual([`Flag/${missed.id}`]);
    expect(await page.isHidden('#stale')).toBe(true);
    expect(await page.evaluate('asked')).toBe(1);
    // What could not be loaded meanwhile the console tells.
    complaints.length = 0;
  });

  it('asks every 30 seconds where streams are blocked, says so, and follows again once they are not', async () => {
    await page.route('**/events?*', (route) => route.fulfill({ status: 502, body: '' }));
    await page.goto(`${line.url}/console`);
    await page.waitForSelector('#content:not([hidden])');
    await page.clock.install();
    await follow('device-alert');
    await page.clock.runFor(14_500);
    await page.waitForSelector('#live[data-state=polling]');
    expect(await page.textContent('#stale')).toContain('every 30 s');
    const asked = Number(await page.evaluate('asked'));
    await page.clock.runFor(31_000);
    await comes(`asked > ${asked}`);

    await page.unroute('**/events?*');
    await page.clock.runFor(62_000);
    await page.waitForSelector('#live[data-state=on]');
    expect(await page.isHidden('#stale')).toBe(true);
    await page.clock.resume();
    // Each refusal is told by the console.
    complaints.length = 0;
  });

  it('keeps the row under the focus where it is, counts what is new, and gives the rows their places once asked', async () => {
    await withPage(`({ createList, element }) => {
      document.getElementById('content').innerHTML = '<div id="bar"></div><ul id="rows"></ul>';
      window.list = createList({ body: document.getElementById('rows'), bar: document.getElementById('bar'), keyOf: (item) => item,
        make: (item) => element('li', {}, element('button', {}, item)), update: () => undefined });
      list.show(['b', 'c']);
    }`);
    await page.focus('#rows li:nth-child(2) button');
    await page.evaluate("list.show(['a', 'b', 'd', 'c', 'e'])");
    const rows = () => page.locator('#rows li').allTextContents();

    expect(await rows()).toEqual(['b', 'c']);
    expect(await page.textContent('#bar span')).toBe('3 new');
    await page.evaluate("list.show(['a', 'd'])");
    expect(await page.locator('#rows li[data-gone]').allTextContents()).toEqual(['b', 'c']);
    await page.click('#bar button');
    expect(await rows()).toEqual(['a', 'd']);
    expect(await page.isHidden('#bar')).toBe(true);
  });

  it('offers to take back what was done, by a key that can be turned off', async () => {
    const offer = () =>
      page.evaluate(
        `import(document.querySelector('script[src$="/page.js"]').src).then(({ offerUndo }) => { window.undone = undefined; offerUndo('Done').then((answer) => { window.undone = answer; }); })`,
      );
    await page.evaluate('document.activeElement.blur()');
    await offer();
    await page.keyboard.press('u');
    await comes('window.undone === true');
    await page.click('.settings summary');
    await page.uncheck('#keys-on');
    await offer();
    await page.keyboard.press('u');
    await page.keyboard.press('?');
    expect(await page.evaluate('window.undone')).toBeUndefined();
    expect(await page.isVisible('#help')).toBe(false);
    await page.click('.toast button');
    await comes('window.undone === true');
    await page.check('#keys-on');
    await page.evaluate('document.activeElement.blur()');
    await page.keyboard.press('?');
    expect(await page.isVisible('#help')).toBe(true);
    expect(await violations()).toEqual([]);
    await page.keyboard.press('Escape');
  });

  it('remembers language, theme and density, and shows the page in them from the first moment', async () => {
    await page.selectOption('#theme', 'dark');
    await page.selectOption('#density', 'compact');
    await Promise.all([page.waitForNavigation(), page.selectOption('#language', 'de')]);
    await page.waitForSelector('#content:not([hidden])');

    expect(
      await page.evaluate('({ lang: document.documentElement.lang, ...document.documentElement.dataset })'),
    ).toMatchObject({
      lang: 'de',
      theme: 'dark',
      density: 'compact',
    });
    expect(await page.textContent('h1')).toBe('Startseite');
    expect(await violations()).toEqual([]);
  });

  it('warns after 13 of 15 minutes, goes on where somebody wants to, else ends and changes nothing more', async () => {
    const look = () => page.evaluate("document.dispatchEvent(new Event('visibilitychange'))");
    later(13 * 60_000 + 1_000);
    await look();
    await page.waitForSelector('#idle[open]');
    // Of two minutes, what has passed since somebody pressed a key.
    expect(await page.textContent('#idle-left')).toMatch(/^(?:1[01]\d|[5-9]\d) Sekunden$/);
    expect(await violations()).toEqual([]);
    await Promise.all([
      page.waitForResponse((response) => response.request().method() === 'POST' && response.ok()),
      page.click('#idle-stay'),
    ]);
    await comes("!document.getElementById('idle').open");
    later(10 * 60_000);
    await look();
    await page.waitForTimeout(200);
    expect(await page.isVisible('#signed-out')).toBe(false);

    later(5 * 60_000 + 1_000);
    await look();
    await page.waitForSelector('#signed-out:not([hidden])');
    expect(await page.evaluate('document.documentElement.dataset.session')).toBe('over');
    const refused = await page.evaluate(
      `import(document.querySelector('script[src$="/page.js"]').src).then(({ ask }) => ask('/cardiac/alerts/x/acknowledge', { method: 'POST' })).then(() => 'done', ({ status }) => status)`,
    );
    expect(refused).toBe(401);
    expect(complaints).toEqual([]);
  });
});
