/** The page of one patient in a real browser: what charts say, what paper says, and one alert acknowledged there. docs/dashboard.md */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { complaintsOf, describeInChromium, openChromium } from '../support/chromium.ts';
import { openHouse, type TestHouse } from '../support/house.ts';
import { violationsOn } from '../support/page-checks.ts';
import { until } from '../support/until.ts';
import { alert, listOf, observation, openWard, store } from './cardiac-world.ts';

const MINUTE = 60_000;
/** Notes each text of a canvas that begins left of it. */
const cutTexts = `(() => {
  window.cutTexts = [];
  window.texts = [];
  const draw = CanvasRenderingContext2D.prototype.fillText;
  CanvasRenderingContext2D.prototype.fillText = function (text, x, y, ...more) {
    const { width } = this.measureText(text);
    const left = this.textAlign === 'right' ? x - width : this.textAlign === 'center' ? x - width / 2 : x;
    const isUpright = this.getTransform().b === 0;
    if (isUpright) window.texts.push(text);
    if (isUpright && left < 0) window.cutTexts.push(text);
    return draw.call(this, text, x, y, ...more);
  };
})()`;

describeInChromium('The page of a patient in Chromium', () => {
  let house: TestHouse;
  let browser: Browser;

  async function patientPage(look: string, width = 1_280): Promise<Page> {
    const page = await listOf({ browser, house }, { look, width, before: cutTexts });
    await page.goto(`${house.url}/cardiac/patients/p1`);
    await page.waitForSelector('#rate canvas');
    await page.waitForSelector('#live[data-state=on]');
    return page;
  }
  const comes = (page: Page, condition: string) => until(() => page.evaluate(condition));

  beforeAll(async () => {
    house = await openHouse();
    await openWard(house);
    const now = Date.now();
    const text = 'Nothing was heard of the device since 2026-01-02T03:04:05.000Z; expected by 2026-01-02T05:04:05.000Z';
    const [silence] = alert('a2', 'p1', { priority: 'PL', text }) as any[];
    const ohm = (value: number) => ({
      code: { coding: [{ system: 'urn:iso:std:iso:11073:10101', code: '722433' }], text: 'Lead impedance RV' },
      valueQuantity: { value, unit: 'Ohm', system: 'http://unitsofmeasure.org', code: 'Ohm' },
    });
    await store(house, [
      ...alert('a1', 'p1', { at: now - 3 * MINUTE }),
      { ...silence, code: { ...silence.code, coding: [{ ...silence.code.coding[0], code: 'device-offline' }] } },
      ...[0, 1, 2, 3].map((i) => observation(`hr-${i}`, 'p1', now - i * 5 * MINUTE, 70 + i)),
      ...[1, 2, 3].map((i) => observation(`z-${i}`, 'p1', now - i * 1_440 * MINUTE, 0, ohm(2_156 + (i % 2)))),
    ]);
    const saturation = (value: number) => ({
      code: { coding: [{ system: 'http://loinc.org', code: '59408-5' }] },
      valueQuantity: { value, unit: '%', system: 'http://unitsofmeasure.org', code: '%' },
    });
    const saturations = [97, 96, 82, 95].map((value, i) =>
      observation(`s-${i}`, 'p1', now - i * 5 * MINUTE - (i > 1 ? 120 * MINUTE : 0), 0, saturation(value)),
    );
    await store(house, saturations);
    const answer = {
      resourceType: 'Communication',
      id: 'answer',
      status: 'completed',
      about: [{ reference: 'Flag/flag-a1' }],
      sender: { reference: 'Patient/p1' },
      inResponseTo: [{ reference: 'Communication/question' }],
      payload: [{ contentString: 'deny' }],
    };
    const question = { resourceType: 'Communication', id: 'question', status: 'completed' };
    await store(house, [question, answer]);
    browser = await openChromium();
  });
  afterAll(async () => {
    await browser?.close();
    await house?.stop();
  });

  it.each([1_280, 320])('shows the labels of each axis whole (%i pixels)', async (width) => {
    const page = await patientPage('en.light.compact', width);
    await page.waitForSelector('#slow canvas');
    await comes(page, "window.texts.includes('2,156.5')");
    expect(await page.evaluate('window.cutTexts')).toEqual([]);
    await page.context().close();
  });

  it('acknowledges as the list does, with one button and nine seconds to take that back', async () => {
    const page = await patientPage('en.light.compact');
    const complaints = await complaintsOf(page);
    const deeds = async () =>
      ((await house.read('DetectedIssue/issue-a1')).body.mitigation ?? []).map(
        ({ action }: any) => action.coding[0].code,
      );
    const button = page.locator('#history button[data-alert="a1 seen"]');
    expect(await button.getAttribute('aria-label')).toBe('Acknowledge: Shock delivered, Doe, John');
    await button.focus();
    await page.keyboard.press('Enter');
    await page.waitForSelector('.toast button');
    expect(await deeds()).toEqual(['acknowledged']);
    await comes(page, "document.getElementById('history').textContent.includes('acknowledged by')");
    expect(await button.count()).toBe(0);
    await page.keyboard.press('u');
    await until(async () => (await deeds()).length === 2);
    await button.waitFor();
    await comes(page, "document.activeElement.dataset.alert === 'a1'");
    expect(await deeds()).toEqual(['acknowledged', 'taken-back']);
    // Once more for axe, which may take longer than the nine seconds.
    await button.press('Enter');
    await page.waitForSelector('.toast button');
    await button.waitFor({ state: 'detached' });
    expect(await violationsOn(page)).toEqual([]);
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  it.each(['/cardiac/', '/cardiac/patients/p1', '/feeds'])(
    'says on paper when it was printed and by whom, and neither live nor what can be pressed: %s',
    async (path) => {
      const page = await listOf({ browser, house }, { look: 'en.dark.compact', width: 1_280 });
      await page.goto(house.url + path);
      await page.waitForSelector('#live[data-state=on]');
      await page.waitForSelector('main tbody tr, #rate canvas');
      expect(await page.isVisible('#printed')).toBe(false);
      await page.pdf();
      await page.emulateMedia({ media: 'print' });
      expect(await page.textContent('#printed')).toMatch(/^Printed .* 20\d\d, \d\d:\d\d \S+ by Administrator$/);
      for (const shown of ['#printed', '.disclaimer'])
        expect([shown, await page.isVisible(shown)]).toEqual([shown, true]);
      expect(await page.locator('#live:visible, button:visible, .button:visible, summary:visible').count()).toBe(0);
      await page.context().close();
    },
  );

  it.each(['en.light.compact', 'de.dark.comfortable'])(
    'charts other vital signs with gap, band, mark and table (%s)',
    async (look) => {
      const page = await patientPage(look);
      await page.waitForSelector('#vitals canvas');
      const name = look.startsWith('de') ? 'Sauerstoffsättigung' : 'Oxygen saturation';
      const summary = look.startsWith('de')
        ? /^4 Werte, 82 bis 97 %.*; normal ab 9\d %; 1 Wert jenseits der Grenzen; 1 Lücke ohne Daten$/
        : /^4 values, 82 to 97 %.*; normal from 9\d %; 1 value beyond its limits; 1 gap without data$/;
      expect(await page.textContent('#vitals h3')).toBe(`${name} (%)`);
      expect(await page.textContent('#vitals figcaption')).toMatch(summary);
      await page.click('#vitals summary');
      await page.waitForSelector('#vitals tbody tr');
      expect(await page.locator('#vitals tbody tr').count()).toBe(4);
      expect(await violationsOn(page)).toEqual([]);
      await page.context().close();
    },
  );

  it('and the list name kinds of alerts and values in German, and leave what others wrote (0-109)', async () => {
    const page = await listOf({ browser, house }, { look: 'de.light.compact', width: 1_280 });
    await house.ask('POST', '/cardiac/alerts/a1/acknowledge');
    await page.selectOption('#by-state', '');
    const cells = () => page.locator('#alerts td:nth-child(4)').allTextContents();
    await until(async () => (await cells()).length === 4);
    const [saturation] = (await cells()).filter((text) => text.startsWith('Sauerstoffsättigung'));
    expect(saturation).toMatch(/^Sauerstoffsättigung(?: kritisch niedrig)?$/);
    expect(await cells()).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^Nichts gehört seit .*2026, \d\d:\d\d .*; erwartet bis /),
        'Elektrodenimpedanz hoch: Pacing impedance RV',
        'Shock delivered',
        saturation,
      ]),
    );
    expect(await page.textContent('#alerts td:nth-child(3)')).toContain('Boston Scientific');
    await comes(page, "document.getElementById('alerts').textContent.includes('bestätigt von Verwaltung')");
    await page.focus(`#alerts tr:has-text("${saturation}") button`);
    await page.keyboard.press('e');
    await comes(page, "document.querySelector('#evidence-values dt')?.textContent === 'Sauerstoffsättigung'");
    await page.keyboard.press('Escape');
    await comes(page, "document.activeElement.closest('tr') !== null");
    await page.keyboard.press('o');
    await page.waitForSelector('#rate canvas');
    expect(await page.textContent('#rate h3')).toBe('Herzfrequenz (Schläge/min)');
    expect(await page.textContent('#slow h3')).toBe('Elektrodenimpedanz RV (Ohm)');
    expect(await page.textContent('#history')).toContain(saturation);
    expect(await page.textContent('#history')).toContain('Person: darf nicht benachrichtigt werden');
    expect(await violationsOn(page)).toEqual([]);
    await page.context().close();
  });
});
