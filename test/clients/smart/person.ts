/** Somebody at the pages of the server in a browser: signs in, chooses the patient where asked, and decides. */
import type { Page } from 'playwright-core';
import type { SignIn } from '../../smart/support/user-agent.ts';

/** Ends on the page of the app that is come back to. What the consent page said. */
export async function decides(
  page: Page,
  { login, password, patient, without = [] }: SignIn,
  decision: 'allow' | 'deny' = 'allow',
): Promise<string> {
  await page.fill('#login', login);
  await page.fill('#password', password);
  await page.keyboard.press('Enter');
  const choice = page.locator(`button[name="patient"][value="${patient}"]`);
  const button = page.locator(`button[name="decision"][value="${decision}"]`);
  await choice.or(button).first().waitFor();
  if (await choice.isVisible()) await choice.click();
  await button.waitFor();
  const said = (await page.locator('main').textContent()) ?? '';
  for (const scope of without) await page.locator(`input[name="scope"][value="${scope}"]`).uncheck();
  await button.click();
  return said;
}

/** What the page of the app says of fhirclient: `ready`, or what went wrong. */
export async function toldBy(page: Page): Promise<string> {
  const told = page.locator('#told:not(:empty)');
  await told.waitFor();
  return (await told.textContent()) ?? '';
}

/** What a program in the page answers; `client` is fhirclient's. An error of it is told by its message. */
export const inPage = (page: Page, program: string): Promise<any> =>
  page.evaluate(`(async () => { ${program} })().catch((error) => 'error: ' + error.message)`);
