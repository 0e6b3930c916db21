/** The frame of every page in a real browser: who looks, what is heard, and that everybody can use it. https://www.w3.org/TR/WCAG22/ */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { describeInChromium } from '../../support/chromium.ts';
import { flag, priority } from '../live/event-stream.ts';
import { type FrameHouse, openFrame, PASSWORD } from './frame-house.ts';

describeInChromium('The frame of a page in Chromium', () => {
  let frame: FrameHouse;
  let house: FrameHouse['house'];
  let line: FrameHouse['line'];
  let page: FrameHouse['page'];
  let complaints: FrameHouse['complaints'];
  let violations: FrameHouse['violations'];
  let follow: FrameHouse['follow'];
  let told: FrameHouse['told'];
  let comes: FrameHouse['comes'];

  beforeAll(async () => {
    frame = await openFrame();
    ({ house, line, page, complaints, violations, follow, told, comes } = frame);
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
    const [hers, anothers] = [flag('p1', priority('PH')), flag('p2', priority('PH'))];
    await house.update(anothers);
    const begun = Date.now();
    await house.update(hers);
    await comes('told.length > 0');
    const [[reference, isReplay, at]] = (await told()) as [[string, boolean, number]];

    expect([reference, isReplay]).toEqual([`Flag/${hers.id}`, false]);
    expect(at - begun).toBeLessThan(1_000);
    await page.waitForSelector(`#shouted:text-is("Flag/${hers.id}")`);
    expect(await told()).toHaveLength(1);
  });
});
