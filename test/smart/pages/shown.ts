/** The examples of pages, served as the server serves them, in one browser; and what is wrong with a page there. https://www.w3.org/TR/WCAG22/ */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from '@jest/globals';
import express from 'express';
import type { Page } from 'playwright-core';
import { assetsRouter, sendPage } from '../../../src/smart/pages/serve.ts';
import { complaintsOf, openChromium } from '../../support/chromium.ts';
import { violationsOn } from '../../support/page-checks.ts';
import { examples } from './examples.ts';

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

const overflowOf = (page: Page) =>
  page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');

/** In light and dark, on a narrow screen and enlarged, by axe and by the browser's policies. */
export async function expectForEverybody({ url, page, complaints }: Shown, name: string): Promise<void> {
  complaints.length = 0;
  await page.setViewportSize({ width: 1280, height: 900 });
  await page.emulateMedia({ colorScheme: 'light' });
  await page.goto(`${url}/${name}`);
  expect(await violationsOn(page)).toEqual([]);
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
