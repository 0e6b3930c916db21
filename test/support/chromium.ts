/** A real Chromium for tests that look at pages: from CHROMIUM_PATH or where Debian puts it. Missing is a failure in CI, elsewhere a skip. */
import { existsSync } from 'node:fs';
import { describe } from '@jest/globals';
import { type Browser, chromium, type Page } from 'playwright-core';

const path = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium';
const isThere = existsSync(path);

/** `describe` for tests that need the browser. */
export const describeInChromium = (name: string, tests: () => void): void => {
  if (!isThere && process.env.CI !== 'true') {
    console.warn(`skipped, no Chromium at ${path} (set CHROMIUM_PATH or install chromium): ${name}`);
    describe.skip(name, tests);
  } else {
    describe(name, tests);
  }
};

/** Opens the browser; throws a sentence that names the path when there is none. */
export async function openChromium(): Promise<Browser> {
  if (!isThere) throw new Error(`there is no Chromium at ${path}; install it or set CHROMIUM_PATH`);
  const args = ['--no-sandbox', '--disable-dev-shm-usage'];
  // Twice what is usual: the first start of a run reads all of it from the disk.
  return chromium.launch({ executablePath: path, args, timeout: 60_000 });
}

/** What the browser complains about on a page: console errors, uncaught errors and violations of the content security policy. */
export async function complaintsOf(page: Page): Promise<string[]> {
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => complaints.push(`error: ${error.message}`));
  await page.exposeFunction('reportViolation', (text: string) => complaints.push(`policy: ${text}`));
  // Handed over as text: it runs in the page, whose globals this program does not have.
  await page.addInitScript(
    "addEventListener('securitypolicyviolation', (event) => reportViolation(event.violatedDirective + ' ' + event.blockedURI))",
  );
  return complaints;
}
