/** The pages as people meet them, in a real browser: WCAG by axe in light and dark, narrow, enlarged, by keyboard alone, in nobody's frame. https://www.w3.org/TR/WCAG22/ */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { describeInChromium } from '../../support/chromium.ts';
import { until } from '../../support/until.ts';
import { expectForEverybody, type Shown, showExamples } from './shown.ts';

describeInChromium('The pages in Chromium', () => {
  let shown: Shown;
  let url: string;
  let page: Page;
  let complaints: string[];
  let posted: Record<string, unknown>[];

  beforeAll(async () => {
    shown = await showExamples();
    ({ url, page, complaints, posted } = shown);
  });
  afterAll(() => shown?.stop());

  // All the others: pages-chromium.long.test.ts.
  it.each(['sign-in-failed', 'choose-patient', 'consent-hostile', 'security'])(
    '%s has nothing that axe finds in light or in dark, fits 320 px and 200 %, and breaks no policy',
    async (name) => expectForEverybody(shown, name),
  );

  it('moves the focus to the first field, and after a failure to the field that is wrong', async () => {
    for (const [name, id] of [
      ['sign-in', 'login'],
      ['sign-in-failed', 'password'],
      ['second-factor-failed', 'code'],
      ['choose-patient-none', 'birthdate'],
      ['security-bare', 'current'],
    ]) {
      await page.goto(`${url}/${name}`);
      // With the first frame that is drawn, which may be after the page has loaded.
      await page.waitForSelector(`#${id}:focus`);
      expect([name, await page.evaluate('document.activeElement.id')]).toEqual([name, id]);
    }
  });

  it('shows where the focus is on everything that can have it, and nothing can have it that is not seen', async () => {
    await page.setViewportSize({ width: 1280, height: 900 });
    for (const name of ['sign-in', 'consent', 'choose-patient', 'security']) {
      await page.goto(`${url}/${name}`);
      const stops = Number(
        await page.evaluate("document.querySelectorAll('a[href], button, input:not([type=hidden])').length"),
      );
      const seen = new Set<unknown>();
      for (let i = 0; i < stops + 6; i++) {
        await page.keyboard.press('Tab');
        const stop: any = await page.evaluate(
          '(({ tagName, textContent, name, value }, style, box) => ({ tagName, at: tagName + name + value + textContent, outline: style.outlineStyle + style.outlineWidth, left: box.left, width: box.width }))(document.activeElement, getComputedStyle(document.activeElement), document.activeElement.getBoundingClientRect())',
        );
        if (stop.tagName === 'BODY' || stop.tagName === 'HTML') break;
        seen.add(stop.at);
        expect([name, stop.at, stop.outline]).toEqual([name, stop.at, 'solid3px']);
        expect(stop.left).toBeGreaterThanOrEqual(0);
        expect(stop.width).toBeGreaterThan(12);
      }
      expect(seen.size).toBeGreaterThanOrEqual(4);
    }
  });

  it('takes scopes away and denies by keyboard alone', async () => {
    posted.length = 0;
    await page.goto(`${url}/consent`);
    for (
      let tries = 0;
      tries < 20 && (await page.evaluate('document.activeElement.value')) !== 'offline_access';
      tries++
    )
      await page.keyboard.press('Tab');
    await page.keyboard.press('Space');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.waitForSelector('text=You are signed out');
    expect(posted[0]).toMatchObject({ csrf: 'a-token-of-the-form', decision: 'allow' });
    expect(posted[0]!.scope).toHaveLength(6);
    expect(posted[0]!.scope).not.toContain('offline_access');
  });

  it('runs nothing that a name holds, and is shown in no frame', async () => {
    const dialogs: string[] = [];
    page.on('dialog', (dialog) => {
      dialogs.push(dialog.message());
      return dialog.dismiss();
    });
    await page.goto(`${url}/consent-hostile`);
    expect(await page.locator('img:not([src^="/oauth/assets/"]), script').count()).toBe(0);
    expect(dialogs).toEqual([]);

    complaints.length = 0;
    await page.goto(`${url}/frame`);
    expect(await page.frames()[1]!.locator('input').count()).toBe(0);
    await until(() => /frame-ancestors|refused to connect|X-Frame-Options/.test(complaints.join()));
  });
});
