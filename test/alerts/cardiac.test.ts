import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { AlertTold, Term } from '../../src/ingest/implants/told.ts';
import { alert as makersAlert, one, reading } from '../ingest/implants/told.ts';
import { type ImplantsHouse, openImplantsHouse } from '../support/implants-house.ts';

let house: ImplantsHouse;
beforeAll(async () => {
  house = await openImplantsHouse('sqlite');
}, 60_000);
afterAll(() => house.stop());

const begin = Date.now() - 24 * 3_600_000;
const minutes = (n: number): string => new Date(begin + n * 60_000).toISOString();

/** An implant of somebody of its own, and what became of what it told. */
function implant(type: 'pacemaker' | 'icd' = 'pacemaker') {
  const who = one({}, { type });
  let minute = 0;
  const interrogate = (terms: readonly Term[], at = minutes(minute++)) => ({
    ...who,
    interrogations: [
      { id: `${who.implant.serial}-${at}`, at, instant: Date.parse(at), status: 'final' as const, terms },
    ],
  });
  const find = async (type: string, query = '') => {
    const [patient] = await house.search('Patient', `identifier=urn:maker|${who.patient.identifiers[0]!.value}`);
    return house.search(type, `patient=Patient/${patient.id}${query}`);
  };
  return {
    tell: (kind: string, code: string, value: string, unit: string) =>
      house.tell({ ...who, readings: [reading(kind, code, value, unit, minutes(minute++))] }),
    interrogate: (...terms: Term[]) => house.tell(interrogate(terms)),
    told: async (alert: AlertTold, ...terms: Term[]) => {
      await house.tell({ ...interrogate(terms), alerts: [alert] });
      return find('Flag');
    },
    again: (at: string, ...terms: Term[]) => house.tell(interrogate(terms, at)),
    find,
    flags: async () =>
      (await find('Flag'))
        .map(
          ({ status, code, category, extension }: any) =>
            `${status} ${code.coding[0].code} ${category[0].coding[0].code} ${extension[0].valueCodeableConcept.coding[0].code}`,
        )
        .sort(),
  };
}
const heartRate = (device: ReturnType<typeof implant>, value: string) =>
  device.tell('heart_rate', '147842', value, 'bpm');

describe('What an implant says', () => {
  it('raises one Flag for each episode of a heart rate outside 30 to 200, by no table of vital signs (0-109)', async () => {
    const low = implant();
    for (const value of ['30', '200', '48', '29']) await heartRate(low, value);
    const high = implant();
    for (const value of ['199', '201', '202', '150', '149', '35']) await heartRate(high, value);

    expect(await low.flags()).toEqual(['active heart-rate-low clinical PM']);
    expect(await high.flags()).toEqual(['inactive heart-rate-high clinical PM']);
    expect((await high.find('Task')).map(({ status }: any) => status)).toEqual(['completed']);
    // 201 and 202, by the panel of each and not by the single value beside it.
    expect((await high.find('DetectedIssue'))[0].evidence).toHaveLength(2);
  });

  it('is an alert of the time of the reading, from the first to the one that ended it, and says once what it is', async () => {
    const device = implant();
    for (const value of ['201', '202', '150', '149']) await heartRate(device, value);
    const [flag] = await device.find('Flag');
    const [issue] = await device.find('DetectedIssue');

    expect(flag.period).toEqual({ start: minutes(0), end: minutes(3) });
    expect(flag.code.text).toBe('Heart rate of an implant high');
    expect(Date.now() - Date.parse(issue.identifiedDateTime)).toBeLessThan(60_000);
  });

  it('of its battery is a Flag of its patient, of category safety, that gets worse once (0-110)', async () => {
    const device = implant();
    for (const value of ['21', '20', '19', '11', '10', '9']) await device.tell('battery_level', '721536', value, '%');
    const [issue] = await device.find('DetectedIssue');
    const [task] = await device.find('Task');

    expect(await device.flags()).toEqual(['active battery-low safety PH']);
    expect(issue).toMatchObject({ severity: 'high', meta: { profile: [expect.stringMatching('device-alert-issue')] } });
    expect(task).toMatchObject({
      status: 'requested',
      priority: 'stat',
      focus: { reference: expect.stringMatching('Flag/') },
    });
  });

  it('of the status of its battery goes from replacement to end of service in one alert', async () => {
    const device = implant();
    for (const code of ['754113', '754115', '754116']) await device.interrogate({ code: '721280', coded: { code } });

    expect(await device.flags()).toEqual(['active battery-eos safety PH']);
  });

  it('that is out of range is stored and flagged, not thrown away (0-056)', async () => {
    const device = implant();
    await device.tell('pacing_threshold', '722177', '5.1', 'V');
    await device.tell('lead_impedance', '722433', '2.5', 'kOhm');

    expect(await device.flags()).toEqual(['active lead-impedance-high safety PH', 'active threshold-high safety PH']);
    expect(await device.find('Observation', '&code=722177')).toMatchObject([{ valueQuantity: { value: 5.1 } }]);
  });

  it('below a range of the device’s own is below its limit', async () => {
    const device = implant();
    await device.interrogate({ code: '722433', quantity: { value: '200', unit: 'Ohm', comparator: '<' } });

    expect(await device.flags()).toEqual(['active lead-impedance-low safety PH']);
  });

  it('of one lead raises nothing of another', async () => {
    const device = implant();
    await device.interrogate(
      { code: '722432', quantity: { value: '3000', unit: 'Ohm', comparator: '>' } },
      { code: '722433', quantity: { value: '150', unit: 'Ohm' } },
    );

    expect(await device.flags()).toEqual([
      'active lead-impedance-high safety PH',
      'active lead-impedance-low safety PH',
    ]);
  });

  it('of a shock and of therapy that is off is critical (0-048)', async () => {
    const device = implant('icd');
    await device.interrogate(
      { code: '737824', quantity: { value: '1', unit: '{shocks}' } },
      { code: '731520', coded: { code: 'Off' } },
    );

    expect(await device.flags()).toEqual(['active shock-delivered clinical PH', 'active therapy-off safety PH']);
  });

  it('of an episode is an alert of its own, critical once it was treated, however often it is told', async () => {
    const device = implant('icd');
    const episode = (id: string, instance: number, code: string, isTreated = false): Term[] => [
      { code: '739536', instance, text: id },
      { code: '739568', instance, coded: { code } },
      ...(isTreated ? [{ code: '739696', instance, coded: { code: '755137' } }] : []),
    ];
    await device.interrogate(
      ...episode('VT-1', 1, '754882'),
      ...episode('VF-2', 2, 'MDC_IDC_ENUM_EPISODE_TYPE_Epis_VF', true),
    );
    expect(await device.flags()).toEqual(['active vf-episode clinical PH', 'active vt-episode clinical PM']);
    await device.interrogate(
      ...episode('VT-1', 1, '754882', true),
      ...episode('VF-2', 2, 'MDC_IDC_ENUM_EPISODE_TYPE_Epis_VF'),
    );
    expect(await device.flags()).toEqual(['active vf-episode clinical PH', 'active vt-episode clinical PH']);
  });

  it('is not told twice where its maker told of it, unless it is worse or the maker’s is over', async () => {
    const device = implant();
    const status = (code: string) => ({ code: '721280', coded: { code } });
    const [first] = await device.told({ ...makersAlert, kind: 'battery-rrt' }, status('754115'));
    await device.interrogate(status('754115'));
    expect(first).toMatchObject({ identifier: [{ value: expect.stringContaining('boston-scientific:') }] });
    expect(await device.flags()).toEqual(['active battery-rrt safety PM']);

    await house.write({ ...first, status: 'inactive' });
    await device.interrogate(status('754115'));
    expect(await device.flags()).toEqual(['active battery-rrt safety PM', 'inactive battery-rrt safety PM']);
    const other = implant();
    await other.told({ ...makersAlert, kind: 'battery-rrt' }, status('754115'));
    await other.interrogate(status('754116'));
    expect(await other.flags()).toEqual(['active battery-eos safety PH', 'active battery-rrt safety PM']);
  });

  it('is not told again of a battery that is low where its maker told of its replacement, but of its end (0-110)', async () => {
    const device = implant();
    const left = (value: string) => device.tell('battery_percentage', '721536', value, '%');
    await device.told({ ...makersAlert, kind: 'battery-rrt' });
    await left('19');
    expect(await device.flags()).toEqual(['active battery-rrt safety PM']);
    await device.interrogate({ code: '721280', coded: { code: '754116' } });
    expect(await device.flags()).toEqual(['active battery-eos safety PH', 'active battery-rrt safety PM']);

    // What says more than the house said is another.
    const other = implant();
    await other.tell('battery_percentage', '721536', '19', '%');
    await other.told({ ...makersAlert, kind: 'battery-rrt' });
    expect(await other.flags()).toEqual(['active battery-low safety PM', 'active battery-rrt safety PM']);
    await other.told({ ...makersAlert, id: 'ALR-2', kind: 'battery-low' });
    expect(await other.flags()).toEqual(['active battery-low safety PM', 'active battery-rrt safety PM']);
  });

  it('and is told of by its maker only afterwards is one alert, by both names and as bad as the worse of them', async () => {
    const device = implant();
    const status = (code: string): Term => ({ code: '721280', coded: { code } });
    await device.interrogate(status('754115'));
    const [own] = await device.find('Flag');
    const later = { ...makersAlert, kind: 'battery-rrt', severity: 'critical' as const };
    await device.told(later, status('754115'));
    const [flag, ...others] = await device.find('Flag');
    const [issue] = await device.find('DetectedIssue');
    const tasks = await device.find('Task');

    expect(others).toEqual([]);
    expect(flag).toMatchObject({
      id: own.id,
      status: 'active',
      identifier: [{ value: 'boston-scientific:ALR-1' }, own.identifier[0]],
    });
    expect(await device.flags()).toEqual(['active battery-rrt safety PH']);
    expect(issue).toMatchObject({ severity: 'high', identifier: [{ value: 'boston-scientific:ALR-1' }, {}] });
    expect(issue.evidence).toHaveLength(2);
    expect(tasks).toMatchObject([{ priority: 'stat', status: 'requested' }]);
    // What the maker tells next is of the same; a milder word makes it no milder than it is here.
    await device.told({ ...later, severity: 'info', acknowledged: true }, status('754115'));
    expect(await device.flags()).toEqual(['active battery-rrt safety PM']);
    expect(await device.find('Task')).toMatchObject([{ status: 'accepted' }]);
    // Another of the same kind is another.
    await device.told({ ...makersAlert, id: 'ALR-2', kind: 'battery-rrt' }, status('754115'));
    expect(await device.find('Flag')).toHaveLength(2);
  });

  it('is judged by the limits of its patient where there are such', async () => {
    const device = implant();
    await heartRate(device, '150');
    const [{ id }] = await device.find('Observation', '&code=147842');
    const { subject } = await house.read(`Observation/${id}`);
    await house.write({
      resourceType: 'ObservationDefinition',
      id: 'slow',
      extension: [{ url: 'https://example.org/fhir/StructureDefinition/limits-for', valueReference: subject }],
      code: { coding: [{ system: 'urn:iso:std:iso:11073:10101', code: '147842' }] },
      identifier: [{ system: 'https://example.org/fhir/sid/cardiac-limit', value: 'implant-heart-rate' }],
      quantitativeDetails: { unit: { coding: [{ system: 'http://unitsofmeasure.org', code: '/min' }] } },
      qualifiedInterval: [
        { category: 'reference', range: { high: { value: 140, system: 'http://unitsofmeasure.org', code: '/min' } } },
      ],
    });
    await heartRate(device, '150');

    expect(await device.flags()).toEqual(['active heart-rate-high clinical PM']);
  });
});
