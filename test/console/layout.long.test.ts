/** Where things stand on the pages of devices, wide and narrow, dense and not, in each language. docs/dashboard.md */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { describeInChromium, openChromium } from '../support/chromium.ts';
import { openHouse, type TestHouse } from '../support/house.ts';
import { violationsOn } from '../support/page-checks.ts';
import { until } from '../support/until.ts';
import { alert, base, listOf, openWard, patient, store } from './cardiac-world.ts';

const LONG =
  'Data of the feed hl7v2 could not be used: the message names no patient, as no number stands in PID-3. '.repeat(3);

describeInChromium('Rows of the list of alerts', () => {
  let house: TestHouse;
  let browser: Browser;

  beforeAll(async () => {
    house = await openHouse();
    await openWard(house);
    await store(house, [
      {
        ...patient('p1'),
        name: [{ family: 'Wolfeschlegelsteinhausenbergerdorff', given: ['Hubert', 'Blaine', 'Adolph'] }],
      },
      ...alert('a1', 'p1'),
      ...alert('a2', 'p1', { text: LONG }),
      ...alert('a3', 'p1', { priority: 'PM', text: 'Heart rate' }),
      { resourceType: 'Device', id: 'loose', modelNumber: 'Hub 7' },
      {
        resourceType: 'Task',
        id: 'loose',
        identifier: [{ system: `${base}/sid/alert-task`, value: 'loose' }],
        status: 'requested',
        intent: 'order',
        priority: 'asap',
        description: LONG,
        focus: { reference: 'Device/loose' },
        authoredOn: new Date().toISOString(),
      },
    ]);
    browser = await openChromium();
  });
  afterAll(async () => {
    await browser?.close();
    await house?.stop();
  });

  /** What of the rows' buttons lies outside its row, its cell or the window, or over another. */
  const misplaced = `(() => {
    const found = [];
    const isIn = (a, b) => a.left >= b.left - 0.5 && a.right <= b.right + 0.5 && a.top >= b.top - 0.5 && a.bottom <= b.bottom + 0.5;
    for (const row of document.querySelectorAll('#alerts tr')) {
      const boxes = [];
      for (const one of row.querySelectorAll('button:not([hidden]), a:not([hidden])')) {
        const box = one.getBoundingClientRect();
        const around = [row, one.closest('td')].map((outer) => outer.getBoundingClientRect());
        if (!around.every((outer) => isIn(box, outer)) || box.right > document.documentElement.clientWidth || box.left < 0) found.push(one.textContent);
        if (boxes.some((other) => box.left < other.right && other.left < box.right && box.top < other.bottom && other.top < box.bottom)) found.push('over: ' + one.textContent);
        if (one.scrollWidth > one.clientWidth) found.push('cut: ' + one.textContent);
        boxes.push(box);
      }
    }
    return found;
  })()`;
  const linesOf = (row: string) =>
    `(() => { const text = document.querySelector('#alerts tr[data-key="${row}"] td:nth-child(4) bdi'); return Math.round(text.getBoundingClientRect().height / parseFloat(getComputedStyle(text).lineHeight)); })()`;

  it.each(
    ['en.light.compact', 'en.light.comfortable', 'de.dark.comfortable'].flatMap((look) =>
      [1_280, 1_024, 320].map((width) => [look, width] as const),
    ),
  )('hold all their buttons and two lines of a text, whose whole can be had (%s, %i pixels)', async (look, width) => {
    const page = await listOf({ browser, house }, { look, width });
    await until(async () => (await page.locator('#alerts tr').count()) === 4);
    expect(await page.locator('#alerts button:visible').count()).toBe(7);
    expect(await page.evaluate(misplaced)).toEqual([]);
    expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBe(0);
    for (const row of ['flag-a2', 'loose']) expect([row, await page.evaluate(linesOf(row))]).toEqual([row, 2]);
    expect(await page.getAttribute('[data-key="flag-a2"] td:nth-child(4)', 'title')).toBe(LONG);

    expect(await page.locator('[aria-disabled="true"]').count()).toBe(0);

    // What has no dialog of its own is whole while somebody stands on it.
    await page.focus('[data-key="loose"] button');
    expect(Number(await page.evaluate(linesOf('loose')))).toBeGreaterThan(2);
    // What lies half below the header that stays is no target at that moment.
    await page.evaluate('scrollTo(0, 0)');
    expect(await violationsOn(page)).toEqual([]);
    await page.context().close();
  });

  it('are whole on paper, and one that is acknowledged has nothing more to press', async () => {
    const page = await listOf({ browser, house }, { look: 'en.light.compact', width: 1_024 });
    await house.ask('POST', '/cardiac/alerts/a3/acknowledge');
    await page.selectOption('#by-state', '');
    await page.waitForSelector('[data-key="flag-a3"] button[aria-disabled="true"]');
    expect(await violationsOn(page)).toEqual([]);
    await page.emulateMedia({ media: 'print' });
    for (const row of ['flag-a2', 'loose']) expect(Number(await page.evaluate(linesOf(row)))).toBeGreaterThan(3);
    expect(await page.locator('#alerts td:nth-child(7):visible').count()).toBe(0);
    await page.context().close();
  });
});
