/** The pages of devices in a real browser: a live alert, keys, two nurses, small and dark, a thousand alerts. docs/dashboard.md */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { complaintsOf, describeInChromium, openChromium } from '../support/chromium.ts';
import { openHouse, type TestHouse } from '../support/house.ts';
import { violationsOn, weightOf } from '../support/page-checks.ts';
import { quickest } from '../support/quickest.ts';
import { until } from '../support/until.ts';
import { alert, EVIL, observation, openWard, PASSWORD, pdf, report, store } from './cardiac-world.ts';

const MINUTE = 60_000;

interface Nurse {
  readonly context: BrowserContext;
  readonly page: Page;
  readonly complaints: string[];
}

describeInChromium('The pages of devices in Chromium', () => {
  let house: TestHouse;
  let browser: Browser;
  let nina: Nurse;

  async function nurse(login: string): Promise<Nurse> {
    const context = await browser.newContext({ reducedMotion: 'reduce', locale: 'en-GB' });
    const page = await context.newPage();
    const complaints = await complaintsOf(page);
    await page.goto(`${house.url}/cardiac/`);
    await page.click('#sign-in');
    await page.fill('#login', login);
    await page.fill('#password', PASSWORD);
    await page.keyboard.press('Enter');
    await page.waitForURL('**/cardiac/');
    await page.waitForSelector('#alerts tr');
    await page.waitForSelector('#live[data-state=on]');
    return { context, page, complaints };
  }
  const comes = (page: Page, condition: string, seconds?: number) => until(() => page.evaluate(condition), seconds);
  const row = (id: string) => `#alerts tr[data-key="flag-${id}"]`;
  const mitigations = async (id: string) =>
    ((await house.read(`DetectedIssue/issue-${id}`)).body.mitigation ?? []).map(
      ({ action }: any) => action.coding[0].code,
    );
  const isWide = (page: Page) => page.evaluate('document.documentElement.scrollWidth - innerWidth');

  beforeAll(async () => {
    house = await openHouse();
    await openWard(house);
    const now = Date.now();
    // A day with a silence of three hours in it.
    const minutes = Array.from({ length: 240 }, (_, i) => i * 5).filter((i) => i < 400 || i > 580);
    await store(house, [
      ...alert('a1', 'p1', { at: now - 3 * MINUTE }),
      ...alert('a2', 'p1', { priority: 'PM', text: 'Lead impedance', at: now - 90 * MINUTE }),
      ...alert('a3', 'p1', { priority: 'PL', text: EVIL, at: now - 300 * MINUTE }),
      report('report', 'p1', [pdf({ data: Buffer.from('%PDF-1.4\n%%EOF\n').toString('base64') })]),
      ...minutes.map((i) => observation(`hr-${i}`, 'p1', now - i * MINUTE, 60 + (i % 37))),
      ...[1, 2, 3].map((i) =>
        observation(`v-${i}`, 'p1', now - i * 20 * 1_440 * MINUTE, 2.9 - i / 50, {
          code: { coding: [{ system: 'urn:iso:std:iso:11073:10101', code: '721344' }], text: 'Battery voltage' },
          valueQuantity: { value: 2.9 - i / 50, unit: 'V', system: 'http://unitsofmeasure.org', code: 'V' },
        }),
      ),
      observation('ecg', 'p1', now - 5 * MINUTE, 0, {
        code: { coding: [{ system: 'urn:iso:std:iso:11073:10101', code: '131328' }], text: 'Electrogram V' },
        valueQuantity: undefined,
        valueSampledData: {
          origin: { value: 0, unit: 'mV', system: 'http://unitsofmeasure.org', code: 'mV' },
          period: 4,
          dimensions: 1,
          data: Array.from({ length: 1_000 }, (_, i) => (i % 200 === 50 ? '1.2' : i === 600 ? 'E' : '0.02')).join(' '),
        },
      }),
    ]);
    browser = await openChromium();
    nina = await nurse('nina');
  });
  afterAll(async () => {
    await browser?.close();
    await house?.stop();
  });

  it('show the worst first, in a word, a shape and a colour, and markup of others as text', async () => {
    const { page } = nina;
    const keys = await page.evaluate("[...document.querySelectorAll('#alerts tr')].map((row) => row.dataset.key)");

    expect(keys).toEqual(['flag-a1', 'flag-a2', 'flag-a3']);
    expect(await page.textContent(`${row('a1')} .severity.critical`)).toBe('critical');
    expect(await page.textContent(`${row('a3')} td:nth-child(4)`)).toBe(EVIL);
    expect(await page.textContent('#unreviewed')).toBe('3');
    // Minutes go on while the page is opened.
    expect(await page.textContent('#oldest')).toMatch(/^00:0[3-9]$/);
    expect(await page.title()).toBe('Alerts of devices · Watchfire');
  });

  it('have nothing that axe finds, in light, dark and forced colours, and fit 320 px', async () => {
    const { page } = nina;
    for (const path of ['/cardiac/', '/cardiac/patients/p1']) {
      await page.goto(house.url + path);
      await page.waitForSelector(path === '/cardiac/' ? '#alerts tr' : '#chart:not([hidden])');
      expect([path, 'light', await violationsOn(page)]).toEqual([path, 'light', []]);
      await page.emulateMedia({ colorScheme: 'dark' });
      expect([path, 'dark', await violationsOn(page)]).toEqual([path, 'dark', []]);
      await page.emulateMedia({ colorScheme: 'light', forcedColors: 'active' });
      expect([path, 'forced', await violationsOn(page)]).toEqual([path, 'forced', []]);
      await page.emulateMedia({ forcedColors: 'none' });
      await page.setViewportSize({ width: 320, height: 700 });
      expect([path, await isWide(page), await violationsOn(page)]).toEqual([path, 0, []]);
      await page.setViewportSize({ width: 1280, height: 900 });
    }
    expect(nina.complaints).toEqual([]);
  });

  it('show a live alert within a second, aloud where it is critical, and take it away when it ends (0-109)', async () => {
    const { page } = nina;
    await page.goto(`${house.url}/cardiac/`);
    await page.waitForSelector('#live[data-state=on]');
    await page.waitForSelector(row('a1'));
    const took = await quickest(1_000, async (again) => {
      const id = `n1-${again}`;
      await page.evaluate(
        `window.shownAt = undefined; new MutationObserver(() => { if (!window.shownAt && document.querySelector('${row(id)}')) window.shownAt = Date.now(); }).observe(document.getElementById('alerts'), { childList: true })`,
      );
      const resources = alert(id, 'p1', { text: `VF episode ${id}` });
      await store(house, resources);
      const stored = Date.now();
      await page.waitForSelector(row(id));
      const shown = Number(await page.evaluate('window.shownAt'));
      await comes(page, `document.getElementById('shouted').textContent.includes('VF episode ${id}')`);

      await house.update({ ...resources[0], status: 'inactive' });
      await comes(page, `!document.querySelector('${row(id)}')`);
      return shown - stored;
    });
    expect(took).toBeLessThan(1_000);
  });

  it('move nothing under the focus: what is new waits behind a bar until somebody wants it', async () => {
    const { page } = nina;
    await page.focus(`${row('a2')} button`);
    const resources = alert('n2', 'p1', { text: 'VT episode' });
    await store(house, resources);
    await page.waitForSelector('#waiting span:text-is("1 new")');
    expect(await page.locator(row('n2')).count()).toBe(0);
    await page.click('#waiting button');
    await page.waitForSelector(row('n2'));
    await house.update({ ...resources[0], status: 'inactive' });
    await comes(page, `!document.querySelector('${row('n2')}')`);
  });

  it('are worked on by keys alone: next, acknowledge, take back, open (0-109)', async () => {
    const { page } = nina;
    await page.evaluate('document.activeElement.blur()');
    await page.keyboard.press('j');
    const focused = () => page.evaluate("document.activeElement.closest('tr')?.dataset.key");
    expect(await focused()).toBe('flag-a1');
    await page.keyboard.press('a');
    await page.waitForSelector('.toast button');
    expect(await focused()).toBe('flag-a2');
    expect(await mitigations('a1')).toEqual(['acknowledged']);
    await comes(page, "document.getElementById('unreviewed').textContent === '2'");
    await page.keyboard.press('u');
    await until(async () => (await mitigations('a1')).length === 2);
    expect(await mitigations('a1')).toEqual(['acknowledged', 'taken-back']);
    await comes(page, "document.getElementById('unreviewed').textContent === '3'");
    await comes(page, "document.activeElement.closest('tr')?.dataset.key === 'flag-a1'");
    await page.keyboard.press('o');
    await page.waitForURL('**/cardiac/patients/p1');
  });

  it('acknowledge with the same key what a device of a patient tells of itself, such as its battery (0-110)', async () => {
    const { page } = nina;
    await page.goto(`${house.url}/cardiac/`);
    await page.waitForSelector('#live[data-state=on]');
    await house.update({
      resourceType: 'Observation',
      id: 'battery',
      status: 'final',
      code: { coding: [{ system: 'urn:iso:std:iso:11073:10101', code: '67996' }] },
      subject: { reference: 'Device/d-p1' },
      device: { reference: 'Device/d-p1' },
      effectiveDateTime: new Date().toISOString(),
      valueQuantity: { value: 5, unit: '%', system: 'http://unitsofmeasure.org', code: '%' },
    });
    const [task] = await house.search('Task?focus=Device/d-p1');
    const own = `#alerts tr[data-key="${task.id}"]`;
    await page.waitForSelector(own);
    expect(await page.textContent(`${own} td:nth-child(2)`)).toContain('Doe, John');
    const statusOf = async () => (await house.read(`Task/${task.id}`)).body.status;
    await page.focus(`${own} button`);
    await page.keyboard.press('a');
    await page.waitForSelector(`${own}[data-state=acknowledged]:has-text("Lee, Nina")`, { state: 'attached' });
    expect(await statusOf()).toBe('accepted');
    await page.keyboard.press('u');
    await page.waitForSelector(`${own}[data-state=new]`);
    expect(await statusOf()).toBe('requested');
    expect(nina.complaints).toEqual([]);
    await house.update({ ...(await house.read(`Task/${task.id}`)).body, status: 'completed' });
    await page.goto(`${house.url}/cardiac/patients/p1`);
  });

  it('chart the day with its gap, say it in words and as a table, and draw a strip to scale', async () => {
    const { page } = nina;
    await page.waitForSelector('#rate canvas');
    expect(await page.textContent('#rate figcaption')).toMatch(
      /^203 values, 60 to 96 beats\/minute.*1 gap without data$/,
    );
    await page.click('#rate summary');
    await page.waitForSelector('#rate tbody tr');
    expect(await page.locator('#rate tbody tr').count()).toBe(203);
    expect(await page.textContent('#slow h3')).toBe('Battery voltage (V)');
    expect(await page.textContent('#devices')).toContain('not reported');
    expect(await page.textContent('#devices')).toMatch(/Battery2\.88 V.*Active alerts3/);
    const width = await page.evaluate("document.querySelector('#strips canvas').getBoundingClientRect().width");
    // Four seconds are ten centimetres.
    expect(Number(width)).toBeCloseTo((100 * 96) / 25.4, 0);
    expect(await page.textContent('#history')).toContain('acknowledgement taken back by Lee, Nina');
    expect(page.url()).not.toContain('Doe');
  });

  it('show what an alert was raised from by e, without leaving the list (Part 4.1, 4.2.4)', async () => {
    const { page } = nina;
    const { body: flag } = await house.read('Flag/flag-a2');
    const seen = { url: 'http://hl7.org/fhir/StructureDefinition/flag-detail' };
    const extension = [...flag.extension, { ...seen, valueReference: { reference: 'Observation/hr-5' } }];
    await house.update({ ...flag, extension });
    await page.goto(`${house.url}/cardiac/`);
    await page.focus(`${row('a2')} button`);
    await page.keyboard.press('e');
    await comes(page, "document.getElementById('evidence-values').textContent.includes('65 beats/minute')");
    expect(await violationsOn(page)).toEqual([]);
    await page.keyboard.press('Escape');
    await comes(page, "document.activeElement.closest('tr')?.dataset.key === 'flag-a2'");
  });

  it('let keys be changed for others, kept by this browser, and refuse one that is taken (4.2.4)', async () => {
    const { page } = nina;
    await page.click('#help-open');
    const field = page.locator('#help input.key').first();
    await field.fill('k');
    await field.blur();
    expect(await field.inputValue()).toBe('j');
    await field.fill('n');
    await field.blur();
    await page.reload();
    await page.waitForSelector(row('a1'));
    await page.keyboard.press('j');
    expect(await page.evaluate("document.activeElement.closest('tr') === null")).toBe(true);
    await page.keyboard.press('n');
    expect(await page.evaluate("document.activeElement.closest('tr')?.dataset.key")).toBe('flag-a1');
    await page.evaluate("localStorage.removeItem('watchfire-key-map')");
  });

  it('hide the record number until it is asked for, and give values as CSV and reports as PDF, named after nobody (4.2.7, 4.4 P2)', async () => {
    const { page } = nina;
    await page.goto(`${house.url}/cardiac/patients/p1`);
    await page.waitForSelector('#mrn button');
    expect(await page.textContent('#mrn')).not.toContain('MRN-p1');
    await page.click('#mrn button');
    await comes(page, "document.getElementById('mrn').textContent.includes('MRN-p1')");
    const [download] = await Promise.all([page.waitForEvent('download'), page.click('#csv')]);
    expect(download.suggestedFilename()).toBe('watchfire-values.csv');
    expect(readFileSync((await download.path())!, 'utf8').split('\r\n')[0]).toContain('time,kind,name,value');
    const buttons = page.locator('#reports button');
    expect(await page.getAttribute('section:has(> #reports)', 'aria-labelledby')).toBe('reports-title');
    expect(await buttons.allTextContents()).toEqual([expect.stringMatching(/2 Nov 2026/)]);
    const [document] = await Promise.all([page.waitForEvent('download'), buttons.click()]);
    expect(document.suggestedFilename()).toBe('watchfire-report.pdf');
    expect(readFileSync((await document.path())!, 'utf8')).toBe('%PDF-1.4\n%%EOF\n');
    expect(await page.textContent('#rate figcaption')).toMatch(/normal \d+ to \d+ beats/);
  });

  it('fit a window that is enlarged to 200 %, and leave on paper what is to be read (4.5)', async () => {
    const { page } = nina;
    for (const path of ['/cardiac/', '/cardiac/patients/p1']) {
      await page.setViewportSize({ width: 640, height: 450 });
      await page.goto(house.url + path);
      await page.waitForSelector(path === '/cardiac/' ? '#alerts tr' : '#chart:not([hidden])');
      expect([path, await isWide(page)]).toEqual([path, 0]);
      await page.setViewportSize({ width: 1280, height: 900 });
      await page.emulateMedia({ media: 'print' });
      expect(await page.isVisible('.disclaimer')).toBe(true);
      for (const hidden of ['.top nav', '#help-open', '.settings', 'main button >> nth=0'])
        expect([path, hidden, await page.isVisible(hidden)]).toEqual([path, hidden, false]);
      await page.emulateMedia({ media: 'screen' });
    }
  });

  it('move nothing where less motion is asked for (4.5)', async () => {
    const { page } = nina;
    const moving =
      "document.getAnimations().length + [...document.querySelectorAll('*')].filter((one) => parseFloat(getComputedStyle(one).transitionDuration) > 0).length";
    expect(await page.evaluate(moving)).toBe(0);
  });

  it('keep what was typed where a session ends, and go on after a sign-in in another window (4.5)', async () => {
    const { context, page } = nina;
    await page.goto(`${house.url}/cardiac/`);
    await page.waitForSelector(row('a2'));
    await page.fill('#by-text', 'half a wo');
    await context.clearCookies();
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))");
    await page.waitForSelector('#signed-out:not([hidden])');
    expect(await page.inputValue('#by-text')).toBe('half a wo');
    expect(await page.textContent('#signed-out-why')).toContain('what you typed here stays');
    const [other] = await Promise.all([context.waitForEvent('page'), page.click('#sign-in')]);
    await other.fill('#login', 'nina');
    await other.fill('#password', PASSWORD);
    await other.keyboard.press('Enter');
    await other.waitForURL('**/cardiac/');
    await comes(page, "document.documentElement.dataset.session === 'in'");
    await page.waitForSelector('#live[data-state=on]');
    expect(await page.inputValue('#by-text')).toBe('half a wo');
    expect(await page.isVisible('#stale')).toBe(false);
    await other.close();
    await page.fill('#by-text', '');
    // That the browser writes of the refusal is no complaint of the page.
    nina.complaints.splice(0, Number.POSITIVE_INFINITY, ...nina.complaints.filter((one) => !one.includes('401')));
  });

  it('have one result for two nurses and three clicks, and the later is told who was first (0-027)', async () => {
    const nora = await nurse('nora');
    await nina.page.goto(`${house.url}/cardiac/`);
    for (const { page } of [nina, nora]) await page.waitForSelector(row('a2'));
    // No answer comes before all have pressed.
    let go = (): void => undefined;
    const pressed = new Promise<void>((resolve) => {
      go = resolve;
    });
    for (const { page } of [nina, nora])
      await page.route('**/acknowledge', async (route) => {
        await pressed;
        await route.continue();
      });
    const press = (page: Page) => page.evaluate(`document.querySelector('${row('a2')} button').click()`);
    await Promise.all([press(nina.page), press(nora.page), press(nina.page)]);
    go();
    await comes(nora.page, `document.querySelector('${row('a2')}').dataset.state === 'acknowledged'`);
    await comes(nina.page, `document.querySelector('${row('a2')}').dataset.state === 'acknowledged'`);

    expect(await mitigations('a2')).toEqual(['acknowledged']);
    expect(await house.search('Provenance?target=DetectedIssue/issue-a2')).toHaveLength(1);
    await until(async () => {
      const toasts = await Promise.all([nina, nora].map(({ page }) => page.textContent('#toasts')));
      return toasts.filter((text) => /(?:Lee, Nina|Ray, Nora) was first/.test(text!)).length === 1;
    });
    expect(nora.complaints).toEqual([]);
    await nina.page.unroute('**/acknowledge');
    await nora.context.close();
  });

  it('stay quick with a thousand alerts: any key or letter is less than 200 ms of work', async () => {
    const { page } = nina;
    const many = Array.from({ length: 1_000 }, (_, i) =>
      alert(`m${i}`, 'p1', {
        priority: ['PH', 'PM', 'PL'][i % 3],
        text: `Alert number ${i}`,
        at: Date.now() - i * MINUTE,
      }),
    );
    await store(house, many.flat());
    const asked = await quickest(4_000, async () => {
      const begun = Date.now();
      const { body } = await house.ask('GET', '/console/api/triage');
      expect(body.rows).toHaveLength(1_000);
      return Date.now() - begun;
    });
    expect(asked).toBeLessThan(4_000);
    await page.goto(`${house.url}/cardiac/`);
    await comes(page, "document.querySelectorAll('#alerts tr').length === 1000");
    // By the clock of the page's own thread: what else the machine does is no fault of the page.
    const inspector = await nina.context.newCDPSession(page);
    await inspector.send('Performance.enable', { timeDomain: 'threadTicks' });
    const worked = async (): Promise<number> => {
      const { metrics } = await inspector.send('Performance.getMetrics');
      return metrics.find(({ name }) => name === 'TaskDuration')!.value * 1_000;
    };
    const most = await quickest(200, async () => {
      await page.fill('#by-text', '');
      await page.evaluate('document.activeElement.blur()');
      await comes(page, "document.querySelectorAll('#alerts tr:not([hidden])').length > 900");
      let longest = 0;
      for (const key of ['j', 'j', 'k', 'a', 'j', '/', ...'number 77']) {
        const before = await worked();
        await page.keyboard.press(key);
        await page.waitForTimeout(150);
        longest = Math.max(longest, (await worked()) - before);
      }
      return longest;
    });
    await comes(page, "document.querySelectorAll('#alerts tr:not([hidden])').length < 30");
    console.info(`1,000 alerts: asked for in ${asked} ms; a key is at most ${Math.round(most)} ms of work`);
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThan(200);
    expect(await page.locator('#alerts tr:not([hidden])').count()).toBeGreaterThanOrEqual(11);
  });

  it('let twenty alerts be reviewed with one key each, among a thousand', async () => {
    const { page } = nina;
    await page.fill('#by-text', '');
    await page.evaluate('document.activeElement.blur()');
    await comes(page, "document.querySelectorAll('#alerts tr:not([hidden])').length > 900");
    await page.keyboard.press('j');
    const focused = () => page.evaluate("document.activeElement.closest('tr')?.dataset.key") as Promise<string>;
    const reviewed: string[] = [];
    for (let i = 0; i < 20; i++) {
      const before = await focused();
      reviewed.push(before);
      await page.keyboard.press('a');
      await until(async () => (await focused()) !== before);
    }
    expect(new Set(reviewed).size).toBe(20);
    for (const key of reviewed) expect(await mitigations(key.replace('flag-', ''))).toContain('acknowledged');
  });

  it('load no more than 60 KB of scripts and styles, and have no complaints', async () => {
    const { page } = nina;
    for (const path of ['/cardiac/', '/cardiac/patients/p1']) {
      const whole = await weightOf(browser, house.url + path);
      expect(whole).toBeGreaterThan(5_000);
      expect(whole).toBeLessThanOrEqual(60 * 1_024);
    }
    await page.close();
    expect(nina.complaints).toEqual([]);
  });
});
