/** Alerts of patients for tests of the pages of devices: a nurse who has one of two patients, names that would be markup. */
import type { Browser, Page } from 'playwright-core';
import type { TestHouse } from '../support/house.ts';

export const base = 'https://example.org/fhir';
export const PASSWORD = 'harbour-lantern-quilt-97';
export const EVIL = '<img src=x onerror=alert(1)>';

const put = (resource: any) => ({
  resource,
  request: { method: 'PUT', url: `${resource.resourceType}/${resource.id}` },
});

export async function store(house: TestHouse, resources: readonly any[]): Promise<void> {
  for (let i = 0; i < resources.length; i += 300) {
    const { status, text } = await house.transaction(resources.slice(i, i + 300).map(put));
    if (status !== 200) throw new Error(text);
  }
}

export const patient = (id: string, name = 'Doe') => ({
  resourceType: 'Patient',
  id,
  identifier: [{ system: 'urn:mrn', value: `MRN-${id}` }],
  name: [{ family: name, given: ['John'] }],
  gender: 'male',
  birthDate: '1968-01-02',
});

export const device = (id: string, of: string, more: object = {}) => ({
  resourceType: 'Device',
  id,
  identifier: [{ system: `${base}/sid/maker-device/boston-scientific`, value: `BSX-${id}` }],
  status: 'active',
  modelNumber: 'D433',
  udiCarrier: [{ deviceIdentifier: '00802526000001' }],
  type: { coding: [{ system: `${base}/CodeSystem/cardiac-device-kind`, code: 'icd' }] },
  patient: { reference: `Patient/${of}` },
  ...more,
});

/** The three resources of an alert, as alerts of the house are. */
export function alert(id: string, of: string, { priority = 'PH', text = 'Shock delivered', at = Date.now() } = {}) {
  const start = new Date(at).toISOString();
  const subject = { reference: `Patient/${of}` };
  return [
    {
      resourceType: 'Flag',
      id: `flag-${id}`,
      identifier: [{ system: `${base}/sid/alert`, value: id }],
      status: 'active',
      category: [{ coding: [{ system: 'http://terminology.hl7.org/CodeSystem/flag-category', code: 'clinical' }] }],
      extension: [
        {
          url: 'http://hl7.org/fhir/StructureDefinition/flag-priority',
          valueCodeableConcept: {
            coding: [{ system: 'http://hl7.org/fhir/flag-priority-code', code: priority }],
          },
        },
      ],
      code: { coding: [{ system: `${base}/CodeSystem/alert-type`, code: 'device-alert' }], text },
      subject,
      period: { start },
      author: { reference: `Device/d-${of}` },
    },
    {
      resourceType: 'DetectedIssue',
      id: `issue-${id}`,
      identifier: [{ system: `${base}/sid/alert`, value: id }],
      status: 'final',
      patient: subject,
      detail: text,
    },
    {
      resourceType: 'Task',
      id: `task-${id}`,
      identifier: [{ system: `${base}/sid/alert-task`, value: id }],
      status: 'requested',
      intent: 'order',
      focus: { reference: `Flag/flag-${id}` },
      for: subject,
    },
  ];
}

/** `p1` is the nurse's, `p2` nobody's. */
export async function openWard(house: TestHouse): Promise<void> {
  await store(house, [
    { resourceType: 'Practitioner', id: 'nina', name: [{ family: 'Lee', given: ['Nina'] }] },
    { resourceType: 'Practitioner', id: 'nora', name: [{ family: 'Ray', given: ['Nora'] }] },
    patient('p1'),
    patient('p2', EVIL),
    device('d-p1', 'p1'),
    device('d-p2', 'p2'),
    {
      resourceType: 'CareTeam',
      id: 'team',
      status: 'active',
      subject: { reference: 'Patient/p1' },
      participant: [{ member: { reference: 'Practitioner/nina' } }, { member: { reference: 'Practitioner/nora' } }],
    },
  ]);
  for (const login of ['nina', 'nora']) {
    const user = { login, password: PASSWORD, fhirUser: `Practitioner/${login}`, roles: ['nurse'] };
    const { status, text } = await house.ask('POST', '/admin/users', user);
    if (status !== 201) throw new Error(text);
  }
}

/** The report of an implant, with its documents. */
export const report = (id: string, of: string, presentedForm: readonly object[], more: object = {}) => ({
  resourceType: 'DiagnosticReport',
  id,
  status: 'final',
  code: { coding: [{ system: `${base}/CodeSystem/cardiac-device-kind`, code: 'interrogation-report' }] },
  subject: { reference: `Patient/${of}` },
  effectiveDateTime: '2026-11-02T08:00:00Z',
  presentedForm,
  ...more,
});
export const pdf = (more: object) => ({ contentType: 'application/pdf', ...more });

export const observation = (id: string, of: string, at: number, value: number, more: object = {}) => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  category: [
    { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'vital-signs' }] },
  ],
  code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }], text: 'Heart rate' },
  subject: { reference: `Patient/${of}` },
  device: { reference: `Device/d-${of}` },
  effectiveDateTime: new Date(at).toISOString(),
  valueQuantity: { value, unit: 'beats/minute', system: 'http://unitsofmeasure.org', code: '/min' },
  ...more,
});

/** The list of alerts as the administrator sees it; `look` as its cookie says it: `en.light.compact`. `before` runs in each page first. */
export async function listOf(
  { browser, house }: { readonly browser: Browser; readonly house: TestHouse },
  { look, width, before = '' }: { readonly look: string; readonly width: number; readonly before?: string },
): Promise<Page> {
  const context = await browser.newContext({
    reducedMotion: 'reduce',
    locale: 'en-GB',
    viewport: { width, height: 800 },
  });
  await context.addCookies([{ name: 'watchfire-look', value: look, url: house.url }]);
  await context.addInitScript(before);
  const page = await context.newPage();
  await page.goto(`${house.url}/cardiac/`);
  await page.click('#signed-out summary');
  await page.fill('#token', house.adminToken);
  await page.keyboard.press('Enter');
  await page.waitForSelector('#alerts tr');
  await page.waitForSelector('#live[data-state=on]');
  return page;
}
