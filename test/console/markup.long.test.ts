/** Markup in every text that others write, on every page, in a real browser: it is shown as text, runs nothing, and breaks no policy. docs/dashboard.md */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { complaintsOf, describeInChromium, openChromium } from '../support/chromium.ts';
import { openHouse, type TestHouse } from '../support/house.ts';
import { until } from '../support/until.ts';
import { alert, base, device, observation, openWard, patient, store } from './cardiac-world.ts';
import { message, sent } from './feeds-world.ts';

/** What a field would do if a page took it for more than text; each says of which field it is. */
const evil = (field: string) => `"'><img src=x onerror=hurt('${field}')>`;
const MINUTE = 60_000;

describeInChromium('Markup in what others write', () => {
  let house: TestHouse;
  let browser: Browser;
  let page: Page;
  let complaints: string[];
  const comes = (condition: string) => until(() => page.evaluate(condition));
  /** Whose texts are in what somebody reads, hears or hovers over; what became an element of markup is none. */
  const seen = async (): Promise<string[]> => {
    const text: any = await page.evaluate(`[document.body.textContent, document.title,
      ...[...document.querySelectorAll('*')].flatMap((one) => [...one.attributes].map(({ value }) => value))].join('\\n')`);
    return [
      ...new Set([...text.matchAll(/"'><img src=x onerror=hurt\('([\w-]+)'\)>/g)].map(([, field]) => field)),
    ].sort();
  };
  const made = () =>
    page.evaluate("document.querySelectorAll('[onerror], img:not(.brand img), main script, iframe').length");

  beforeAll(async () => {
    house = await openHouse();
    await openWard(house);
    const now = Date.now();
    const { identifier: _, ...bare } = device('d-x', 'x') as any;
    const about = [{ reference: 'Flag/flag-x1' }];
    const [flag, issue, task] = alert('x1', 'x', { text: evil('alert'), at: now - MINUTE }) as any[];
    const [lateFlag, lateIssue, lateTask] = alert('x2', 'x', {
      text: evil('other-alert'),
      at: now - 2 * MINUTE,
    }) as any[];
    const told = { resourceType: 'Communication', status: 'completed', about };
    const quantity = (value: number, unit: string) => ({
      value,
      unit: evil(unit),
      system: 'http://unitsofmeasure.org',
      code: '/min',
    });
    const detail = {
      url: 'http://hl7.org/fhir/StructureDefinition/flag-detail',
      valueReference: { reference: 'Observation/x-hr' },
    };
    await store(house, [
      { resourceType: 'Organization', id: 'o-x', name: evil('organization') },
      { resourceType: 'Practitioner', id: 'nina', name: [{ family: evil('practitioner'), given: ['Nina'] }] },
      {
        ...patient('x', evil('family')),
        name: [{ family: evil('family'), given: [evil('given')] }],
        identifier: [{ system: 'urn:mrn', value: evil('mrn') }],
        managingOrganization: { reference: 'Organization/o-x' },
      },
      {
        resourceType: 'CareTeam',
        id: 'team-x',
        status: 'active',
        subject: { reference: 'Patient/x' },
        participant: [{ member: { reference: 'Practitioner/nina' } }],
      },
      {
        ...bare,
        manufacturer: evil('maker'),
        modelNumber: evil('model'),
        serialNumber: evil('serial'),
        deviceName: [{ name: evil('device'), type: 'user-friendly-name' }],
        udiCarrier: [{ carrierHRF: evil('udi') }],
        safety: [{ text: `MRI ${evil('mri')}` }],
      },
      { ...flag, extension: [...flag.extension, detail] },
      { ...issue, detail: evil('finding') },
      { ...task, note: [{ text: evil('note'), authorString: evil('author'), time: new Date(now).toISOString() }] },
      lateFlag,
      {
        ...lateIssue,
        mitigation: [
          {
            action: {
              coding: [{ system: `${base}/CodeSystem/alert-action`, code: 'acknowledged' }],
              text: evil('action'),
            },
            date: new Date(now).toISOString(),
            author: { display: evil('acknowledged-by') },
          },
        ],
      },
      { ...lateTask, status: 'accepted' },
      { ...told, id: 'x-told', recipient: [{ display: evil('recipient') }], sent: new Date(now).toISOString() },
      {
        ...told,
        id: 'x-answer',
        sender: { reference: 'Patient/x' },
        inResponseTo: [{ reference: 'Communication/x-told' }],
        payload: [{ contentString: evil('answer') }],
      },
      observation('x-hr', 'x', now - MINUTE, 70, {
        code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }], text: evil('rate') },
        valueQuantity: quantity(70, 'unit'),
      }),
      observation('x-volts', 'x', now - MINUTE, 3, {
        code: { coding: [{ system: 'urn:iso:std:iso:11073:10101', code: '721344' }], text: evil('volts') },
        valueQuantity: quantity(3, 'volts-unit'),
      }),
      observation('x-ecg', 'x', now - MINUTE, 0, {
        code: { coding: [{ system: 'urn:iso:std:iso:11073:10101', code: '131328' }], text: evil('strip') },
        valueQuantity: undefined,
        valueSampledData: {
          origin: { value: 0, unit: 'x', system: 'urn:x', code: evil('strip-unit') },
          period: 4,
          dimensions: 1,
          data: '0 1 2 E',
        },
      }),
      { resourceType: 'Device', id: 'hub', modelNumber: evil('hub'), manufacturer: evil('hub-maker') },
      {
        resourceType: 'Task',
        id: 'hub',
        identifier: [{ system: `${base}/sid/alert-task`, value: evil('task') }],
        status: 'requested',
        intent: 'order',
        description: evil('description'),
        focus: { reference: 'Device/hub' },
        authoredOn: new Date(now).toISOString(),
      },
    ]);
    await sent(
      house,
      message(evil('control'))
        .replace('DOE^JOHN', evil('hl7-name'))
        .replace('LAB|CITY', `${evil('sender')}|CITY`),
    );
    browser = await openChromium();
    page = await (await browser.newContext({ reducedMotion: 'reduce', locale: 'en-GB' })).newPage();
    complaints = await complaintsOf(page);
    await page.addInitScript('window.hurt = (field) => { window.isHurt = field; }');
    await page.goto(`${house.url}/cardiac/`);
    await page.click('#signed-out summary');
    await page.fill('#token', house.adminToken);
    await page.keyboard.press('Enter');
    await page.waitForSelector('#alerts tr');
  });
  afterAll(async () => {
    await browser?.close();
    await house?.stop();
  });

  const harmless = async (): Promise<void> => {
    expect(await page.evaluate('window.isHurt')).toBeUndefined();
    expect(await made()).toBe(0);
    expect(complaints).toEqual([]);
  };

  it('is text in the list: in rows, choices, evidence, notes and what is said', async () => {
    await page.selectOption('#by-state', '');
    const rows = [
      'acknowledged-by',
      'alert',
      'description',
      'family',
      'given',
      'hub',
      'hub-maker',
      'maker',
      'model',
      'organization',
      'other-alert',
    ];
    expect(await seen()).toEqual(rows);
    await page.selectOption('#by-maker', evil('maker'));
    await page.selectOption('#by-maker', '');
    await page.focus('#alerts tr[data-key="flag-x1"] button');
    await page.keyboard.press('e');
    await comes("document.getElementById('evidence-values').textContent.includes('70')");
    expect(await seen()).toEqual(expect.arrayContaining(['finding', 'rate', 'unit']));
    await page.keyboard.press('Escape');
    await page.keyboard.press('a');
    await page.waitForSelector('.toast button');
    await comes("document.getElementById('said').textContent.includes(\"hurt('alert')\")");
    await store(house, alert('x3', 'x', { text: evil('new-alert') }));
    await comes("document.getElementById('shouted').textContent.includes(\"hurt('new-alert')\")");
    await harmless();
  });

  it('is text on the page of a patient: name, number, devices, charts, strips and what became of alerts', async () => {
    await page.goto(`${house.url}/cardiac/patients/x`);
    await page.waitForSelector('#mrn button');
    await page.click('#mrn button');
    await comes("document.getElementById('mrn').textContent.includes(\"hurt('mrn')\")");
    for (const summary of await page.locator('#rate summary, #slow summary').all()) await summary.click();
    const fields =
      'acknowledged-by alert answer author device family given maker model mrn mri note other-alert rate recipient strip strip-unit udi unit volts volts-unit';
    // Tables are filled once they are open.
    const all = [...fields.split(' '), 'new-alert'].sort();
    await until(async () => (await seen()).length >= all.length);
    expect(await seen()).toEqual(all);
    await page.click('[data-alert="x1"]');
    await page.click('[data-alert="x1"]');
    await page.waitForSelector('.toast');
    await harmless();
  });

  it('is text in the quarantine, and in what was said when it came', async () => {
    await page.goto(`${house.url}/quarantine`);
    await page.waitForSelector('#rows tr');
    await page.click('#rows button');
    await page.click('#show');
    await page.waitForSelector('#came:not([hidden])');
    expect(await page.inputValue('#payload')).toContain(evil('hl7-name'));
    await page.fill('#why', evil('why'));
    await page.click('#discard');
    await page.waitForSelector('.toast');
    await page.goto(`${house.url}/feeds`);
    await page.waitForSelector('#rows tr');
    await harmless();
  });

  it('is nothing in an address', async () => {
    for (const path of [
      `/cardiac/?alert=${encodeURIComponent(evil('link'))}`,
      `/cardiac/patients/${encodeURIComponent(evil('path'))}`,
      `/quarantine#${encodeURIComponent(evil('hash'))}`,
      `/cardiac/patients/x#${evil('hash')}`,
    ]) {
      await page.goto(house.url + path);
      await page.waitForSelector('#content:not([hidden])');
      await page.waitForTimeout(300);
      // Whom nobody knows is refused, which the console tells.
      complaints.splice(0, complaints.length, ...complaints.filter((one) => !/404|400/.test(one)));
      await harmless();
    }
  });
});
