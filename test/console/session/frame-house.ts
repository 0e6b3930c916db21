/** The frame of a page in a real browser, with a nurse who has one of two patients, behind a line that can be cut. */
import type { BrowserContext, Page } from 'playwright-core';
import { systemRuntime } from '../../../src/runtime.ts';
import { complaintsOf, openChromium } from '../../support/chromium.ts';
import { openHouse, type TestHouse } from '../../support/house.ts';
import { violationsOn } from '../../support/page-checks.ts';
import { until } from '../../support/until.ts';
import { openLine } from './cut-line.ts';

export const PASSWORD = 'harbour-lantern-quilt-97';

export interface FrameHouse {
  readonly house: TestHouse;
  readonly line: Awaited<ReturnType<typeof openLine>>;
  readonly context: BrowserContext;
  readonly page: Page;
  readonly complaints: string[];
  /** The server's clock goes on so many milliseconds. */
  later(milliseconds: number): void;
  /** What axe finds, each as one line. */
  violations(): Promise<string[]>;
  /** Follows live events; what was told and how often all was asked for is kept where a test can look. */
  follow(topics: string): Promise<void>;
  told(): Promise<[reference: string, at: number][]>;
  /** Playwright's own waiting needs `eval`, which the policy of the page forbids. */
  comes(condition: string, seconds?: number): Promise<unknown>;
  /** Runs with what page.js exports. */
  withPage(work: string): Promise<unknown>;
  stop(): Promise<void>;
}

export async function openFrame(): Promise<FrameHouse> {
  let shift = 0;
  const house = await openHouse({ runtime: { ...systemRuntime, now: () => systemRuntime.now() + shift } });
  const line = await openLine(() => house.url);
  await house.update({ resourceType: 'Practitioner', id: 'nina' });
  await house.update({ resourceType: 'Patient', id: 'p1' });
  await house.update({ resourceType: 'Patient', id: 'p2' });
  await house.update({
    resourceType: 'CareTeam',
    id: 'team',
    status: 'active',
    subject: { reference: 'Patient/p1' },
    participant: [{ member: { reference: 'Practitioner/nina' } }],
  });
  const user = { login: 'nina', password: PASSWORD, fhirUser: 'Practitioner/nina', roles: ['nurse'] };
  const { status, text } = await house.ask('POST', '/admin/users', user);
  if (status !== 201) throw new Error(text);
  const browser = await openChromium();
  const context = await browser.newContext({ reducedMotion: 'reduce', locale: 'en-GB' });
  const page = await context.newPage();
  const complaints = await complaintsOf(page);
  const withPage = (work: string) =>
    page.evaluate(`import(document.querySelector('script[src$="/page.js"]').src).then(${work})`);
  return {
    house,
    line,
    context,
    page,
    complaints,
    withPage,
    later: (milliseconds) => {
      shift += milliseconds;
    },
    violations: () => violationsOn(page),
    async follow(topics) {
      await withPage(`({ live, alarm }) => {
        window.told = []; window.asked = 0;
        window.following = live({ topics: ${JSON.stringify(topics.split(','))},
          onEvent: (event) => {
            told.push([event.reference, performance.timeOrigin + performance.now()]);
            alarm(event.reference);
          },
          onAll: () => { asked++; } });
      }`);
    },
    told: () => page.evaluate('window.told') as Promise<[string, number][]>,
    comes: (condition, seconds) => until(() => page.evaluate(condition), seconds),
    async stop() {
      await browser.close();
      line.close();
      await house.stop();
    },
  };
}
