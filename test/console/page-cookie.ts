/** What a page of somebody who has signed in sends along, without a browser. */
import { openBrowser } from '../smart/pages/sign-in-house.ts';
import type { TestHouse } from '../support/house.ts';
import { PASSWORD } from './cardiac-world.ts';

export async function cookieOf(house: TestHouse, login: string): Promise<Record<string, string>> {
  const browser = openBrowser(house.url);
  const to = `/oauth/account/sign-in/page-${Buffer.from('/cardiac/').toString('base64url')}`;
  await browser.get(to);
  await browser.post(`${to}/login`, { login, password: PASSWORD });
  const cookie = browser.setCookies.findLast((line) => line.startsWith('watchfire='))!.split(';')[0]!;
  return { authorization: '', cookie, 'x-watchfire-page': '1' };
}
