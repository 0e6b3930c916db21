/** What a person does on the portal's page: look, authorize, execute. */
import type { Page } from 'playwright-core';

/** Opens the portal and waits for its operations. */
export const look = async (page: Page, address: string) => {
  await page.goto(address);
  await page.waitForSelector('.opblock');
};
/** Gives the page a token for one of the security schemes. */
export const authorize = async (page: Page, scheme: string, token: string) => {
  await page.click('.scheme-container .btn.authorize');
  const form = page.locator('.auth-container', { has: page.locator('h4', { hasText: scheme }) });
  await form.locator('input').fill(token);
  await form.locator('button[type=submit]').click();
  await page.click('.modal-ux .btn-done >> nth=0');
};
/** Presses Execute, once an older answer is cleared away, and gives the status that the page shows. */
export const execute = async (page: Page, operation: string): Promise<number> => {
  const clear = page.locator(`${operation} .btn-clear`);
  if (await clear.isVisible()) await clear.click();
  await page.locator(`${operation} .execute`).click();
  const status = page.locator(`${operation} .live-responses-table tbody .response-col_status`);
  return Number.parseInt((await status.first().textContent()) ?? '', 10);
};
