/** An alert on the pages, in a real browser: links of messages lead to it, and it is resolved by two clicks. docs/dashboard.md */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { complaintsOf, describeInChromium, openChromium } from '../support/chromium.ts';
import { openHouse, type TestHouse } from '../support/house.ts';
import { until } from '../support/until.ts';
import { alert, openWard, PASSWORD, store } from './cardiac-world.ts';

describeInChromium('An alert that a message links to', () => {
  let house: TestHouse;
  let browser: Browser;
  let page: Page;
  let complaints: string[];
  const comes = (condition: string) => until(() => page.evaluate(condition));

  beforeAll(async () => {
    house = await openHouse();
    await openWard(house);
    const many = Array.from({ length: 40 }, (_, i) =>
      alert(`a${i}`, 'p1', { priority: 'PM', at: Date.now() - i * 1_000 }),
    );
    await store(house, many.flat());
    browser = await openChromium();
    page = await (await browser.newContext({ reducedMotion: 'reduce', locale: 'en-GB' })).newPage();
    complaints = await complaintsOf(page);
    await page.goto(`${house.url}/cardiac/`);
    await page.click('#sign-in');
    await page.fill('#login', 'nina');
    await page.fill('#password', PASSWORD);
    await page.keyboard.press('Enter');
    await page.waitForSelector('#alerts tr');
  });
  afterAll(async () => {
    await browser?.close();
    await house?.stop();
  });

  it('is stood on and in view, however far down; one that is over says so', async () => {
    await page.goto(`${house.url}/cardiac/?alert=flag-a37`);
    await comes("document.activeElement.closest('tr')?.dataset.key === 'flag-a37'");
    const top: any = await page.evaluate('document.activeElement.getBoundingClientRect().top / innerHeight');
    expect(top).toBeGreaterThan(0);
    expect(top).toBeLessThan(1);
    await page.goto(`${house.url}/cardiac/?alert=nothing`);
    await comes("document.body.textContent.includes('The alert of this link is over')");
  });

  it('is resolved on the page of the patient by two clicks, once, and its history says by whom', async () => {
    await page.goto(`${house.url}/cardiac/patients/p1`);
    const button = '[data-alert="a5"]';
    await page.waitForSelector(button);
    await page.click(button);
    await comes(`document.querySelector('${button}').textContent.startsWith('Really over')`);
    expect((await house.read('Flag/flag-a5')).body.status).toBe('active');
    await comes(`document.activeElement.dataset.alert === 'a5'`);
    await page.keyboard.press('Enter');
    await comes(`!document.querySelector('${button}')`);
    expect((await house.read('Flag/flag-a5')).body.status).toBe('inactive');
    await comes("/resolved by Lee, Nina/.test(document.getElementById('history').textContent)");
    expect(complaints).toEqual([]);
  });
});
