import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { validate } from '../../../src/validation/validate.ts';
import { type ImplantsHouse, openImplantsHouse } from '../../support/implants-house.ts';
import { everything } from './told.ts';

const own = 'https://example.org/fhir/StructureDefinition/';
const folder = fileURLToPath(new URL('../../../profiles/', import.meta.url));
const profiles = readdirSync(folder).flatMap((file) => /^StructureDefinition-(.*)\.json$/.exec(file)?.[1] ?? []);
const types = [
  'Device',
  'DeviceMetric',
  'DeviceUseStatement',
  'Procedure',
  'Observation',
  'DiagnosticReport',
  'Flag',
  'DetectedIssue',
  'Task',
];

let house: ImplantsHouse;
let resources: readonly any[];
beforeAll(async () => {
  house = await openImplantsHouse();
  const { quarantined } = await house.tell(everything);
  expect(quarantined).toEqual([]);
  // Without profile are the assignments of leads and monitor, which follow from their Devices whoever writes them.
  const all = (await Promise.all(types.map((type) => house.search(type)))).flat();
  resources = all.filter(({ resourceType, meta }) => resourceType !== 'DeviceUseStatement' || meta.profile);
});
afterAll(() => house.stop());

const ofProfile = (id: string) => resources.filter(({ meta }) => meta.profile.includes(`${own}${id}`));
const faults = (resource: any) => validate(JSON.parse(JSON.stringify(resource))).map(({ expression }) => expression);

/** What each profile must not let pass. */
const wrong: Readonly<Record<string, readonly ((resource: any) => void)[]>> = {
  'cied-device': [
    (r) => delete r.identifier[0].type,
    (r) => delete r.identifier,
    (r) => delete r.status,
    (r) => delete r.patient,
    (r) => delete r.type,
    (r) => r.type.coding.pop(),
  ],
  'cied-lead': [
    (r) => delete r.parent,
    (r) => (r.type.coding[0].code = 'icd'),
    (r) => r.property[0].valueCode.push({ text: 'RA' }),
  ],
  'cied-device-metric': [
    (r) => delete r.source,
    (r) => (r.category = 'setting'),
    (r) => (r.type.coding[0].system = 'urn:x'),
  ],
  'cied-device-use': [
    (r) => (r.status = 'completed'),
    (r) => (r.subject.reference = 'Group/1'),
    (r) => delete r.device.reference,
  ],
  'cied-implant-procedure': [
    (r) => delete r.performedDateTime,
    (r) => delete r.focalDevice,
    (r) => delete r.focalDevice[0].action,
    (r) => (r.code.coding = [{ system: 'urn:x', code: 'x' }]),
  ],
  'idco-observation': [
    (r) => (r.code.coding[0].code = 'OTHER'),
    (r) => delete r.component,
    (r) => delete r.component[0].valueCodeableConcept,
    (r) => (r.valueString = 'x'),
    (r) => delete r.device,
    (r) => delete r.category,
    (r) => (r.effectivePeriod = { start: r.effectiveDateTime }) && delete r.effectiveDateTime,
    (r) => (r.component.find((c: any) => c.code.coding[0].code === '721536').valueQuantity.code = 'V'),
    (r) => (r.component[0].code = { text: 'something' }),
  ],
  'cied-measurement': [
    (r) => delete r.derivedFrom,
    (r) => delete r.device,
    (r) => delete r.identifier,
    (r) => delete r.valueQuantity && delete r.valueCodeableConcept,
    (r) => (r.subject.reference = 'Device/1'),
  ],
  'cied-strip': [
    (r) => (r.valueString = 'x') && delete r.valueSampledData,
    (r) => (r.code.coding[0].code = '1'),
    (r) => delete r.device,
  ],
  'cied-connectivity': [
    (r) => delete r.component,
    (r) => r.component.shift(),
    (r) => delete r.component[0].valueCodeableConcept,
  ],
  'cied-report': [(r) => delete r.presentedForm, (r) => delete r.presentedForm[0].data, (r) => delete r.subject],
  'device-alert-flag': [
    (r) => delete r.extension,
    (r) => delete r.period,
    (r) => delete r.author,
    (r) => delete r.category,
    (r) => (r.code = { text: 'x' }),
  ],
  'device-alert-issue': [
    (r) => delete r.severity,
    (r) => delete r.author,
    (r) => delete r.detail,
    (r) => delete r.identifier,
  ],
  'device-alert-task': [
    (r) => delete r.focus,
    (r) => delete r.priority,
    (r) => delete r.for,
    (r) => delete r.reasonReference,
  ],
};

describe('what the room of implants writes', () => {
  it('claims a profile of ours, and validates in it (0-006)', () => {
    expect(resources.length).toBeGreaterThan(35);
    for (const resource of resources) {
      const claimed = resource.meta.profile
        .filter((url: string) => url.startsWith(own))
        .map((url: string) => url.slice(own.length));
      expect(profiles).toEqual(expect.arrayContaining(claimed));
      expect(claimed).toHaveLength(1);
      expect({ [claimed[0]]: faults(resource) }).toEqual({ [claimed[0]]: [] });
    }
  });

  for (const [profile, mutations] of Object.entries(wrong)) {
    it(`${profile} refuses what lacks what it is there for`, () => {
      const one = ofProfile(profile)[0];
      expect(one).toBeDefined();
      for (const mutate of mutations) {
        const changed = JSON.parse(JSON.stringify(one));
        mutate(changed);
        expect([mutate.toString(), faults(changed).length > 0]).toEqual([mutate.toString(), true]);
      }
    });
  }
});
