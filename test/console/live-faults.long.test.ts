/** Pages whose server does not answer for a while, or whose line is cut: nothing is lost, nothing is called live that is not, and each new alert is said once. docs/live-events.md */
import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { describeInChromium, openChromium } from '../support/chromium.ts';
import { openHouse, type TestHouse } from '../support/house.ts';
import { until } from '../support/until.ts';
import { alert, base, openWard, PASSWORD, store } from './cardiac-world.ts';
import { openLine } from './session/cut-line.ts';

describeInChromium('Pages of devices on a bad day', () => {
  let house: TestHouse;
  let line: Awaited<ReturnType<typeof openLine>>;
  let browser: Browser;
  let page: Page;
  const comes = (condition: string, seconds?: number) => until(() => page.evaluate(condition), seconds);
  const text = (id: string) => `document.getElementById('${id}').textContent`;
  const row = (id: string) => `#alerts tr[data-key="${id}"]`;
  const busy = { status: 503, contentType: 'application/json', body: '{"error":"one moment"}' };
  /** What failed again and again is asked for after half a minute at most. */
  const again = { timeout: 60_000 };
  const isLive = () => page.waitForSelector('#live[data-state=on]', again);
  /** What is said at once, from now on. */
  const listen = () =>
    page.evaluate(
      "window.said = []; new MutationObserver(() => { const { textContent } = document.getElementById('shouted'); if (textContent) said.push(textContent); }).observe(document.getElementById('shouted'), { childList: true })",
    );
  const said = () => page.evaluate('window.said') as Promise<string[]>;

  async function signIn(): Promise<void> {
    await page.click('#sign-in');
    await page.fill('#login', 'nina');
    await page.fill('#password', PASSWORD);
    await page.keyboard.press('Enter');
    await page.waitForURL('**/cardiac/**');
  }

  beforeAll(async () => {
    house = await openHouse();
    line = await openLine(() => house.url);
    await openWard(house);
    await store(house, [
      ...alert('a1', 'p1', { at: Date.now() - 60_000 }),
      ...alert('a2', 'p1', { priority: 'PM', text: 'Lead impedance' }),
    ]);
    browser = await openChromium();
    page = await (await browser.newContext({ reducedMotion: 'reduce', locale: 'en-GB' })).newPage();
  });
  beforeEach(() => page.unrouteAll());
  afterAll(async () => {
    await browser?.close();
    line?.close();
    await house?.stop();
  });

  it('lead who signs in to the alert of the link that they came by', async () => {
    await page.goto(`${line.url}/cardiac/?alert=flag-a2`);
    await page.waitForSelector('#signed-out:not([hidden])');
    await signIn();
    await comes("document.activeElement.closest('tr')?.dataset.key === 'flag-a2'");
    await page.goto(`${line.url}/cardiac/`);
    await page.waitForSelector(row('flag-a2'));
    expect(await page.evaluate("document.activeElement.closest('tr')")).toBeNull();
  });

  it.each(['/cardiac/', '/cardiac/patients/p1'])(
    'say at %s what was not answered at first, call nothing live and nobody well, and ask again',
    async (path) => {
      await page.route('**/console/api/**', (route) => route.fulfill(busy));
      await page.goto(line.url + path);
      await comes(`${text('stale')}.includes('one moment')`);
      await page.waitForSelector('#live[data-state=lost]');
      expect(await page.isVisible('#none, #chart')).toBe(false);
      await page.unrouteAll();
      await page.waitForSelector(path === '/cardiac/' ? row('flag-a1') : '#chart:not([hidden])', again);
      await isLive();
      expect(await page.isHidden('#stale')).toBe(true);
    },
  );

  it('show and say an alert whose first question was refused, and are not live until then', async () => {
    await page.goto(`${line.url}/cardiac/`);
    await page.waitForSelector(row('flag-a1'));
    await isLive();
    await listen();
    await page.route('**/console/api/triage?*', (route) => route.fulfill(busy));
    await store(house, alert('n1', 'p1', { text: 'VF episode' }));
    await page.waitForSelector('#live[data-state=lost]');
    await comes(`${text('stale')}.includes('one moment')`);
    await page.unrouteAll();
    await page.waitForSelector(row('flag-n1'), again);
    await isLive();
    await comes('said.length > 0');
    expect(await said()).toEqual(['New critical alert: VF episode, Doe, John']);
  });

  it('bring the page of a patient up to date though the question after an event was refused', async () => {
    await page.goto(`${line.url}/cardiac/patients/p1`);
    await page.waitForSelector('#history button');
    await isLive();
    await page.route('**/console/api/patients/**', (route) => route.fulfill(busy));
    await store(house, alert('n2', 'p1', { priority: 'PL', text: 'No contact' }));
    await page.waitForSelector('#live[data-state=lost]');
    await page.unrouteAll();
    await page.waitForSelector('[data-alert="n2"]', again);
    await isLive();
  });

  it('say once what was missed while the line was cut, and not again after the next cut', async () => {
    await page.goto(`${line.url}/cardiac/`);
    await page.waitForSelector(row('flag-a1'));
    await isLive();
    await listen();
    line.freeze();
    await page.waitForSelector('#stale:not([hidden])');
    await store(house, [
      ...alert('n3', 'p1', { text: 'VT episode' }),
      ...alert('n4', 'p1', { priority: 'PM', text: 'Mild' }),
    ]);
    line.mend();
    await page.waitForSelector(row('flag-n3'), again);
    await isLive();
    await comes('said.length > 0');
    line.freeze();
    await page.waitForSelector('#stale:not([hidden])');
    await store(house, [...alert('n5', 'p1', { text: 'One' }), ...alert('n6', 'p1', { text: 'Other' })]);
    line.mend();
    await isLive();
    await page.waitForSelector(row('flag-n6'), again);
    await comes("said.includes('2 new critical alerts') || said.length > 2");
    await page.waitForTimeout(300);
    const [before, ...after] = await said();
    expect(before).toBe('New critical alert: VT episode, Doe, John');
    // Together where the page hears of both at once.
    const each = ['One', 'Other'].map((what) => `New critical alert: ${what}, Doe, John`);
    expect([['2 new critical alerts'], each]).toContainEqual(after);
  });

  it('move nothing while they are paused, say what is new and critical all the same, and show it once they go on', async () => {
    await page.goto(`${line.url}/cardiac/`);
    await page.waitForSelector(row('flag-a1'));
    await isLive();
    await listen();
    await page.evaluate('document.activeElement.blur()');
    await page.keyboard.press('p');
    await page.waitForSelector('#live[data-state=paused]');
    await store(house, alert('n7', 'p1', { text: 'Asystole' }));
    await comes('said.length > 0');
    await page.waitForTimeout(300);
    expect(await page.locator(row('flag-n7')).count()).toBe(0);
    await page.keyboard.press('p');
    await page.waitForSelector(row('flag-n7'));
    await isLive();
    await page.waitForTimeout(300);
    expect(await said()).toEqual(['New critical alert: Asystole, Doe, John']);
  });

  it('show an alert of a device of nobody when it is raised, and no longer when it is over; the quarantine asks again as well', async () => {
    const admin = await (await browser.newContext({ reducedMotion: 'reduce', locale: 'en-GB' })).newPage();
    await admin.goto(`${line.url}/cardiac/`);
    await admin.click('#signed-out summary');
    await admin.fill('#token', house.adminToken);
    await admin.keyboard.press('Enter');
    await admin.waitForSelector(row('flag-a1'));
    await admin.waitForSelector('#live[data-state=on]');
    const issue = { resourceType: 'DetectedIssue', id: 'hub', status: 'final', detail: 'Battery of a hub is low' };
    const task = {
      resourceType: 'Task',
      id: 'hub',
      identifier: [{ system: `${base}/sid/alert-task`, value: 'hub' }],
      status: 'requested',
      intent: 'order',
      priority: 'stat',
      description: 'Battery of a hub is low',
      focus: { reference: 'Device/hub' },
      authoredOn: new Date().toISOString(),
    };
    await store(house, [{ resourceType: 'Device', id: 'hub', modelNumber: 'Hub 7' }, issue, task]);
    // What is not told live is asked for every 30 seconds.
    await admin.waitForSelector(row('hub'), { timeout: 15_000 });
    await admin.waitForSelector('#shouted:has-text("Battery of a hub is low")');
    await house.update({ ...task, status: 'completed' });
    await admin.waitForSelector(row('hub'), { state: 'detached', timeout: 15_000 });
    await admin.route('**/console/api/quarantine?*', (route) => route.fulfill(busy), { times: 1 });
    await admin.goto(`${line.url}/quarantine`);
    await admin.waitForSelector('#quarantine:not([hidden])');
    expect(await admin.isHidden('#fault')).toBe(true);
    await admin.close();
  });

  it('say of a patient who is not there, or not hers, that this is so, and are not live', async () => {
    await page.goto(`${line.url}/cardiac/patients/p2`);
    await page.waitForSelector('#fault:not([hidden])');
    await page.waitForSelector('#live[data-state=off]');
    expect(await page.isHidden('#chart')).toBe(true);
    expect(await page.isHidden('#stale')).toBe(true);
  });
});
