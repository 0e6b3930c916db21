/** The examples of pages, served as the server serves them, in one browser; and what is wrong with a page there. https://www.w3.org/TR/WCAG22/ */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { expect } from '@jest/globals';
import express from 'express';
import type { Page } from 'playwright-core';
import { assetsRouter, sendPage } from '../../../src/smart/pages/serve.ts';
import { complaintsOf, openChromium } from '../../support/chromium.ts';
import { examples } from './examples.ts';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Rules of WCAG 2.2 A and AA and what axe holds for good besides; each violation as one line. */
const EVERYTHING = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
/** All that is another in the dark. */
const COLOURS = ['color-contrast', 'link-in-text-block'];

export interface Shown {
  readonly url: string;
  readonly page: Page;
  /** Of the browser's console and its policies. */
  readonly complaints: string[];
  /** Forms that were sent, the first one first. */
  readonly posted: Record<string, unknown>[];
  stop(): Promise<void>;
}

export async function showExamples(): Promise<Shown> {
  const posted: Record<string, unknown>[] = [];
  const app = express()
    .use('/oauth/assets', assetsRouter())
    .get(
      '/frame',
      (_request, response) => void response.type('html').send('<iframe src="/sign-in" width=600 height=600></iframe>'),
    )
    .get('/:name', (request, response) => sendPage(response, examples[request.params.name] ?? 'none'))
    .use(express.urlencoded(), (request, response) => {
      posted.push(request.body);
      sendPage(response, examples['signed-out']!);
    });
  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const browser = await openChromium();
  const page = await browser.newPage({ reducedMotion: 'reduce' });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    page,
    complaints: await complaintsOf(page),
    posted,
    async stop() {
      await browser.close();
      server.close();
    },
  };
}

async function violationsOn(page: Page, rules: readonly string[]): Promise<string[]> {
  const found: any = await page.evaluate(
    `axe.run(document, { resultTypes: ['violations'], runOnly: ${JSON.stringify(rules)} })`,
  );
  return found.violations.map(({ id, nodes }: any) => `${id}: ${nodes.map((node: any) => node.html).join(' ')}`);
}

const overflowOf = (page: Page) =>
  page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');

/** In light and dark, on a narrow screen and enlarged, by axe and by the browser's policies. */
export async function expectForEverybody({ url, page, complaints }: Shown, name: string): Promise<void> {
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
}
