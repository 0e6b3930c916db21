/** Pictures of the pages for docs/, made anew by `SCREENSHOTS=docs/screenshots npm run test:long -- test/console/screenshots`; without that into a folder that goes away. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { type MakerSimulator, startMakerSimulator } from '../../src/simulators/makers/maker.ts';
import { describeInChromium, openChromium } from '../support/chromium.ts';
import { openHouse, type TestHouse } from '../support/house.ts';
import { until } from '../support/until.ts';
import {
  alert,
  base,
  device,
  listOf,
  observation,
  openWard,
  PASSWORD,
  patient,
  pdf,
  report,
  store,
} from './cardiac-world.ts';
import { message, sent } from './feeds-world.ts';

const MINUTE = 60_000;
const credentials = { client_id: 'demo', client_secret: 'demo-secret', api_key: 'demo-key', environment: 'production' };
const names =
  'Doe John male,Smith Jane female,Ray Ana female,Okafor Chidi male,Nguyen Linh female,Müller Jürgen male,García Lucía female,Haddad Omar male';
const people = names.split(',').map((line) => line.split(' ') as [string, string, string]);
const texts = [
  'Shock delivered',
  'Lead impedance out of range',
  'No contact for 26 h',
  'Ventricular episode',
  'Battery near replacement',
  'Heart rate is critically low',
  'Atrial fibrillation burden',
  'Pacing threshold high',
];
const makers = ['boston-scientific', 'medtronic', 'abbott', 'biotronik'];
const kinds = ['icd', 'pacemaker', 'loop-recorder', 'crt-d'];
const models = ['D433', 'W1DR01', 'DM3500', '388335'];

const coded = (code: string, text: string, unit: string, value: number) => ({
  code: { coding: [{ system: 'urn:iso:std:iso:11073:10101', code }], text },
  valueQuantity: { value, unit, system: 'http://unitsofmeasure.org', code: unit },
});

/** One beat of a second and a fifth, sampled at 250 Hz: made up, and of nobody. */
function beat(i: number): string {
  const t = i % 200;
  const bow = (from: number, to: number, height: number) =>
    t >= from && t < to ? height * Math.sin(((t - from) / (to - from)) * Math.PI) : 0;
  return (bow(40, 60, 0.12) - bow(72, 76, 0.15) + bow(76, 84, 1.3) - bow(84, 90, 0.3) + bow(120, 160, 0.28)).toFixed(3);
}

function ward(now: number): any[] {
  const patients = Array.from({ length: 24 }, (_, i) => {
    const id = `q${i}`;
    const [family, given, gender] = people[i % 8]!;
    const more = {
      identifier: [{ system: `${base}/sid/maker-device/${makers[i % 4]}`, value: `X-${i}` }],
      modelNumber: models[i % 4],
      type: { coding: [{ system: `${base}/CodeSystem/cardiac-device-kind`, code: kinds[i % 4] }] },
    };
    const priority = i % 5 === 0 ? 'PH' : i % 2 === 0 ? 'PM' : 'PL';
    const team = {
      resourceType: 'CareTeam',
      id: `team-${id}`,
      status: 'active',
      subject: { reference: `Patient/${id}` },
    };
    return [
      { ...patient(id), name: [{ family, given: [given] }], gender, birthDate: `${1935 + i * 2}-03-04` },
      device(`d-${id}`, id, more),
      { ...team, participant: [{ member: { reference: 'Practitioner/nina' } }] },
      ...alert(`s${i}`, id, { text: texts[i % 8], priority, at: now - (i * i * 7 + 3) * MINUTE }),
    ];
  });
  // A day with a silence of three hours in it.
  const day = Array.from({ length: 288 }, (_, i) => i * 5).filter((i) => i < 400 || i > 580);
  const rate = (i: number) => Math.round((i === 100 ? 140 : 0) + 68 + 14 * Math.sin(i / 90) + ((i * 7_919) % 9));
  const heart = day.map((i) => observation(`hr-${i}`, 'q0', now - i * MINUTE, rate(i)));
  const others = day
    .filter((i) => i % 30 === 0)
    .flatMap((i) => {
      const code = (loinc: string) => ({ coding: [{ system: 'http://loinc.org', code: loinc }] });
      const quantity = (value: number, unit: string, ucum = unit) => ({
        valueQuantity: { value, unit, system: 'http://unitsofmeasure.org', code: ucum },
      });
      const pressure = (loinc: string, value: number) => ({ code: code(loinc), ...quantity(value, 'mmHg', 'mm[Hg]') });
      const saturation = i === 120 ? 84 : Math.round(97 + Math.sin(i / 140));
      return [
        observation(`sat-${i}`, 'q0', now - i * MINUTE, 0, { code: code('59408-5'), ...quantity(saturation, '%') }),
        observation(`bp-${i}`, 'q0', now - i * MINUTE, 0, {
          code: code('85354-9'),
          valueQuantity: undefined,
          component: [
            pressure('8480-6', Math.round(117 + 9 * Math.sin(i / 200))),
            pressure('8462-4', Math.round(74 + 4 * Math.sin(i / 170))),
          ],
        }),
      ];
    });
  const slow = Array.from({ length: 80 }, (_, i) => {
    const at = now - i * 1_440 * MINUTE;
    const impedance = i < 3 ? 2_140 - i * 200 : 520 + ((i * 37) % 40);
    return [
      observation(`b-${i}`, 'q0', at, 0, coded('721344', 'Battery voltage', 'V', 2.9 + i / 1_000)),
      observation(`l-${i}`, 'q0', at, 0, coded('722433', 'Lead impedance RV', 'Ohm', impedance)),
    ];
  });
  const strip = observation('ecg', 'q0', now - 5 * MINUTE, 0, {
    ...coded('131328', 'Electrogram V', 'mV', 0),
    valueQuantity: undefined,
    valueSampledData: {
      origin: { value: 0, unit: 'mV', system: 'http://unitsofmeasure.org', code: 'mV' },
      period: 4,
      dimensions: 1,
      data: Array.from({ length: 2_500 }, (_, i) => beat(i)).join(' '),
    },
  });
  const reports = [2, 31, 92].map((days) =>
    report(`report-${days}`, 'q0', [pdf({ data: 'JVBERi0=' })], {
      effectiveDateTime: new Date(now - days * 1_440 * MINUTE).toISOString(),
    }),
  );
  return [...patients.flat(), ...reports, ...heart, ...others, ...slow.flat(), strip];
}

describeInChromium('Pictures of the pages', () => {
  const asked = process.env.SCREENSHOTS;
  const folder = asked ?? mkdtempSync(join(tmpdir(), 'watchfire-screenshots-'));
  let house: TestHouse;
  let sim: MakerSimulator;
  let browser: Browser;

  beforeAll(async () => {
    mkdirSync(folder, { recursive: true });
    sim = await startMakerSimulator({ maker: 'boston-scientific', history: 1 });
    house = await openHouse({ makers: { BOSTON_SCIENTIFIC_BASE_URL: sim.url }, pollSeconds: 60 });
    await openWard(house);
    const now = Date.now();
    await store(house, ward(now));
    const key = { authorization: `Bearer ${await house.deviceKey('BSX-d-p1')}` };
    const reading = { device_id: 'BSX-d-p1', timestamp: new Date(now).toISOString(), heart_rate: 71 };
    for (const _ of [1, 2]) await house.ask('POST', '/api/iot/vitals', reading, key);
    for (let i = 0; i < 9; i++) await sent(house, i % 4 === 3 ? `rubbish ${i}` : message(`S${i}`));
    await sent(house, message('OK', 'MRN-9^^^CLINIC^MR'));
    await house.ask('POST', '/cardiac/alerts/s3/acknowledge');
    await house.ask('POST', '/cardiac/alerts/s0/acknowledge');
    await house.ask('POST', '/cardiac/alerts/s0/acknowledge/undo');
    browser = await openChromium();
  });
  afterAll(async () => {
    await browser?.close();
    await house?.stop();
    await sim?.stop();
    if (asked === undefined) rmSync(folder, { recursive: true, force: true });
  });

  const signedIn = (theme: string, width: number) => listOf({ browser, house }, { look: `en.${theme}.compact`, width });

  const each = it.each(['light', 'dark'].flatMap((theme) => [1_280, 320].map((width) => [theme, width] as const)));
  const shoot = (page: Page, name: string, theme: string, width: number, height: number) => {
    const clip = { x: 0, y: 0, width, height };
    return page.screenshot({ path: join(folder, `${name}-${width}-${theme}.png`), clip, fullPage: true });
  };

  each('are made of devices in %s, %i pixels wide', async (theme, width) => {
    const page = await signedIn(theme, width);
    await until(() => page.evaluate("document.getElementById('shown').textContent !== ''"));
    await page.keyboard.press('j');
    await shoot(page, 'cardiac', theme, width, 800);
    await page.goto(`${house.url}/cardiac/patients/q0`);
    await page.waitForSelector('#strips canvas');
    await page.waitForSelector('#live[data-state=on]');
    await page.waitForTimeout(300);
    await shoot(page, 'patient', theme, width, width === 320 ? 2_600 : 2_100);
    await page.context().close();
  });

  it('are made of a nurse who acknowledges, and has ten seconds to take it back', async () => {
    const context = await browser.newContext({
      reducedMotion: 'reduce',
      locale: 'en-GB',
      viewport: { width: 1_280, height: 640 },
    });
    const page = await context.newPage();
    await page.goto(`${house.url}/cardiac/`);
    await page.waitForSelector('#sign-in');
    await page.screenshot({ path: join(folder, 'sign-in.png') });
    await page.click('#sign-in');
    await page.fill('#login', 'nina');
    await page.fill('#password', PASSWORD);
    await page.keyboard.press('Enter');
    await page.waitForSelector('#live[data-state=on]');
    await page.waitForSelector('#alerts tr');
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    await page.keyboard.press('a');
    await page.waitForSelector('.toast button');
    await page.screenshot({ path: join(folder, 'acknowledged.png') });
    await context.close();
  });

  it('are made of feeds once a maker is set up', async () => {
    await house.ask('POST', '/cardiac/credentials/boston_scientific', credentials);
    const isRead = async () => {
      const { body } = await house.ask('GET', '/console/api/feeds');
      return body.feeds.find(({ name }: any) => name === 'boston-scientific').next_poll !== null;
    };
    await until(isRead, 30);
  });

  each('are made of feeds in %s, %i pixels wide', async (theme, width) => {
    const page = await signedIn(theme, width);
    await page.goto(`${house.url}/feeds`);
    await page.waitForSelector('#live[data-state=on]');
    await page.waitForSelector('#rows tr');
    await shoot(page, 'feeds', theme, width, width === 320 ? 1_100 : 640);
    await page.goto(`${house.url}/quarantine`);
    await page.waitForSelector('#rows tr');
    await page.keyboard.press('j');
    await shoot(page, 'quarantine', theme, width, width === 320 ? 900 : 640);
    await page.keyboard.press('o');
    await page.click('#show');
    await page.waitForSelector('#payload:focus');
    await page.screenshot({ path: join(folder, `quarantine-one-${width}-${theme}.png`) });
    await page.context().close();
  });

  it('are all there, and none is empty', async () => {
    const made = readdirSync(folder).filter((name) => name.endsWith('.png'));
    expect(made.length).toBe(22);
    for (const name of made) expect([name, statSync(join(folder, name)).size > 5_000]).toEqual([name, true]);
  });
});
