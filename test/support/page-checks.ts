/** What a page in a real browser is held against: axe's rules, and the bytes that it loads. https://www.w3.org/TR/WCAG22/ */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Browser, Page } from 'playwright-core';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Rules of WCAG 2.2 A and AA and what axe holds for good besides. */
const EVERYTHING: readonly string[] = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** Each violation as one line. */
export async function violationsOn(page: Page, rules = EVERYTHING): Promise<string[]> {
  if ((await page.evaluate('typeof axe')) === 'undefined') await page.evaluate(axe);
  const found: any = await page.evaluate(
    `axe.run(document, { resultTypes: ['violations'], runOnly: ${JSON.stringify(rules)} })`,
  );
  return found.violations.map(({ id, nodes }: any) => `${id}: ${nodes.map((node: any) => node.html).join(' ')}`);
}

/** Bytes of scripts and styles, as sent, that somebody loads who was never here. */
export async function weightOf(browser: Browser, address: string): Promise<number> {
  const context = await browser.newContext();
  const page = await context.newPage();
  const sizes: Promise<number>[] = [];
  page.on('requestfinished', (request) => {
    if (/\.(js|css)$/.test(request.url())) sizes.push(request.sizes().then((of) => of.responseBodySize));
  });
  await page.goto(address, { waitUntil: 'networkidle' });
  const whole = (await Promise.all(sizes)).reduce((a, b) => a + b, 0);
  await context.close();
  console.info(`${address}: ${sizes.length} files, ${whole} bytes`);
  return whole;
}
