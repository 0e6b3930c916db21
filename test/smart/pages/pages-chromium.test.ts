/** The pages as people meet them, in a real browser: WCAG by axe in light and dark, narrow, enlarged, by keyboard alone, in nobody's frame. https://www.w3.org/TR/WCAG22/ */
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import express from 'express';
import type { Browser, Page } from 'playwright-core';
import { assetsRouter, sendPage } from '../../../src/smart/pages/serve.ts';
import { complaintsOf, describeInChromium, openChromium } from '../../support/chromium.ts';
import { examples } from './examples.ts';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Rules of WCAG 2.2 A and AA and what axe holds for good besides; each violation as one line. */
const EVERYTHING = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
/** All that is another in the dark. */
const COLOURS = ['color-contrast', 'link-in-text-block'];

async function violationsOn(page: Page, rules: readonly string[]): Promise<string[]> {
  const found: any = await page.evaluate(
    `axe.run(document, { resultTypes: ['violations'], runOnly: ${JSON.stringify(rules)} })`,
  );
  return found.violations.map(({ id, nodes }: any) => `${id}: ${nodes.map((node: any) => node.html).join(' ')}`);
}

const overflowOf = (page: Page) =>
  page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');

describeInChromium('The pages in Chromium', () => {
  let browser: Browser;
  let server: Server;
  let url: string;
  let page: Page;
  let complaints: string[];
  const posted: Record<string, unknown>[] = [];

  beforeAll(async () => {
    const app = express()
      .use('/oauth/assets', assetsRouter())
      .get(
        '/frame',
        (_request, response) =>
          void response.type('html').send('<iframe src="/sign-in" width=600 height=600></iframe>'),
      )
      .get('/:name', (request, response) => sendPage(response, examples[request.params.name] ?? 'none'))
      .use(express.urlencoded(), (request, response) => {
        posted.push(request.body);
        sendPage(response, examples['signed-out']!);
      });
    server = createServer(app);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    browser = await openChromium();
    page = await browser.newPage({ reducedMotion: 'reduce' });
    complaints = await complaintsOf(page);
  });
  afterAll(async () => {
    await browser?.close();
    server?.close();
  });

  describe.each(Object.keys(examples))('%s', (name) => {
    it('has nothing that axe finds in light or in dark, fits 320 px and 200 %, and breaks no policy', async () => {
      complaints.length = 0;
      await page.setViewportSize({ width: 1280, height: 900 });
      await page.emulateMedia({ colorScheme: 'light' });
      await page.goto(`${url}/${name}`);
      await page.evaluate(axe);
      expect(await violationsOn(page, EVERYTHING)).toEqual([]);
      const paper = await page.evaluate('getComputedStyle(document.body).backgroundColor');
      await page.emulateMedia({ colorScheme: 'dark' });
      expect(await page.evaluate('getComputedStyle(document.body).backgroundColor')).not.toBe(paper);
      expect(await violationsOn(page, COLOURS)).toEqual([]);

      // 1280 px at 200 % are 640 CSS pixels; text alone at 200 % is the other way people enlarge.
      for (const [width, size] of [
        [640, '100%'],
        [320, '100%'],
        [1280, '200%'],
        [640, '200%'],
      ] as const) {
        await page.setViewportSize({ width, height: 700 });
        await page.evaluate(`document.documentElement.style.fontSize = '${size}'`);
        expect([width, size, await overflowOf(page)]).toEqual([width, size, 0]);
      }
      expect(complaints).toEqual([]);
    });
  });

  it('moves the focus to the first field, and after a failure to the field that is wrong', async () => {
    for (const [name, id] of [
      ['sign-in', 'login'],
      ['sign-in-failed', 'password'],
      ['second-factor-failed', 'code'],
      ['choose-patient-none', 'birthdate'],
      ['security-bare', 'current'],
    ]) {
      await page.goto(`${url}/${name}`);
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
    expect(complaints.join()).toMatch(/frame-ancestors|refused to connect|X-Frame-Options/);
  });
});
