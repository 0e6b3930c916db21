import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { implantTypeOf } from '../../../src/ingest/implants/device.ts';
import type { Implant, ImplantType, Told } from '../../../src/ingest/implants/told.ts';
import { feedAccess } from '../../../src/ingest/intake/access.ts';
import { put } from '../../../src/ingest/intake/entries.ts';
import { rawEntries } from '../../../src/ingest/intake/raw.ts';
import type { Conditions } from '../../../src/interactions/interaction.ts';
import { validate } from '../../../src/validation/validate.ts';
import { type ImplantsHouse, openImplantsHouse } from '../../support/implants-house.ts';
import { alert, at, everything, icd, john, reading, told, voltage } from './told.ts';

const canonical = 'https://example.org/fhir';
const MDC = 'urn:iso:std:iso:11073:10101';
const nothing = { new: 0, duplicate: 0, corrected: 0, quarantined: [], alertsNew: 0 };

/** Another implant of another patient for each test, so that they do not meet. */
let count = 0;
function one(more: Partial<Told> = {}, implant: Partial<Implant> = {}): Told {
  count++;
  const patient = { ...john, identifiers: [{ system: 'urn:maker', value: `P-${count}` }] };
  return told({ implant: { ...icd, serial: `S${count}`, deviceId: `D${count}`, ...implant }, patient, ...more });
}
const hours = (n: number): string => new Date(Date.parse(at) + n * 3_600_000).toISOString();

for (const engine of ['sqlite', 'mongodb']) {
  describe(`an implant, on ${engine}`, () => {
    let house: ImplantsHouse;
    beforeAll(async () => {
      house = await openImplantsHouse(engine);
    }, 60_000);
    afterAll(() => house.stop());

    const deviceOf = async ({ implant }: Told) =>
      (
        await house.search('Device', `identifier=${canonical}/sid/cied|model:${implant.model}/serial:${implant.serial}`)
      )[0];
    const ofDevice = async (type: string, about: Told, query = '') =>
      house.search(type, `device=Device/${(await deviceOf(about)).id}${query}`);
    const value = (code: string) => `&code=${MDC}|${code}`;

    it('that is told twice is stored once, and the second telling costs one look', async () => {
      const said = { ...everything, patient: one().patient, implant: { ...everything.implant, serial: 'twice' } };
      const first = await house.tell(said);
      const before = await house.search('Observation');
      house.calls();
      const second = await house.tell(said);

      expect(first).toMatchObject({ new: 18, duplicate: 0, corrected: 0, alertsNew: 2 });
      expect(second).toEqual({ ...nothing, duplicate: 18 });
      expect(house.calls()).toEqual(['get']);
      expect(await house.search('Observation')).toEqual(before);
    });

    it('that several servers tell of at once is stored once', async () => {
      const said = one({ readings: [voltage()], alerts: [alert] });
      const servers = [house.implants, house.another(), house.another(), house.another()];
      const outcomes = await Promise.all(
        Array.from({ length: 12 }, (_, i) => servers[i % 4]!.tell(house.takeIn, 'boston-scientific', said)),
      );

      expect(outcomes.filter((outcome) => outcome.new === 1)).toHaveLength(1);
      expect(outcomes.filter((outcome) => outcome.alertsNew === 1)).toHaveLength(1);
      expect(await ofDevice('Observation', said)).toHaveLength(2);
      expect(await house.search('Patient', `identifier=urn:maker|P-${count}`)).toHaveLength(1);
    });

    it('has a hundred new readings stored in one transaction', async () => {
      const readings = Array.from({ length: 100 }, (_, i) => voltage('3.02', hours(i)));
      const said = one({ readings });
      await house.tell({ ...said, readings: [] });
      house.calls();
      let transactions = 0;
      const takeIn: typeof house.takeIn = (...all) => {
        transactions++;
        return house.takeIn(...all);
      };
      const outcome = await house.implants.tell(takeIn, 'boston-scientific', said);

      expect(outcome.new).toBe(100);
      expect(transactions).toBe(1);
      expect(house.calls()).toEqual(['get', 'get', 'read']);
      expect(await house.search('DeviceMetric', `source=Device/${(await deviceOf(said)).id}`)).toHaveLength(1);
    });

    it('has a changed value as a corrected version, and a later one of the same occasion as an amended panel', async () => {
      const said = one({ readings: [voltage()] });
      await house.tell(said);
      const changed = { ...voltage('2.98'), id: said.readings[0]!.id! };
      const corrected = await house.tell({ ...said, readings: [changed] });
      const [single] = await ofDevice('Observation', said, value('721344'));
      const added = await house.tell({ ...said, readings: [reading('lead_impedance', '722433', '530', 'ohms')] });
      const panel = (await ofDevice('Observation', said)).find(({ component }) => component);

      expect(corrected).toMatchObject({ new: 0, corrected: 1 });
      expect(single).toMatchObject({ status: 'corrected', valueQuantity: { value: 2.98 }, meta: { versionId: '2' } });
      expect(added).toMatchObject({ new: 1, corrected: 0 });
      expect(panel).toMatchObject({ status: 'amended', meta: { versionId: '3' } });
      expect(panel.component.map((c: any) => c.valueQuantity.value)).toEqual([2.98, 530]);
    });

    it('leaves standing what somebody else changed or deleted, and says so once', async () => {
      const said = one({ readings: [voltage(), reading('lead_impedance', '722433', '530', 'Ohm')] });
      await house.tell(said);
      const [edited] = await ofDevice('Observation', said, value('721344'));
      const [gone] = await ofDevice('Observation', said, value('722433'));
      await house.write({ ...edited, note: [{ text: 'checked' }] });
      await house.remove(`Observation/${gone.id}`);
      const news = said.readings.map((one) => ({
        ...one,
        term: { ...one.term, quantity: { ...one.term.quantity!, value: '2.5' } },
      }));
      await house.tell({ ...said, readings: news });
      await house.tell({ ...said, readings: news });
      const issues = (await house.search('DetectedIssue')).filter(
        ({ code }) => code.coding[0].code === 'reading-not-applied',
      );

      expect(await house.read(`Observation/${edited.id}`)).toMatchObject({
        status: 'final',
        note: [{ text: 'checked' }],
      });
      await expect(house.read(`Observation/${gone.id}`)).rejects.toThrow();
      expect(issues.map(({ implicated }) => implicated[0].reference ?? implicated[0].identifier.value).sort()).toEqual(
        [`Observation/${edited.id}`, expect.stringContaining('lead_impedance|RV')].sort(),
      );
      expect(issues[0].contained[0].valueQuantity.value).toBe(2.5);
    });

    it('does not stumble over what somebody else stored under the same id', async () => {
      const said = one({ readings: [voltage()] });
      const { entries } = await house.implants.entriesOf(said);
      const single = entries.find(({ body }) => body?.resource['derivedFrom'])!.body!.resource;
      await house.write({ ...single, meta: undefined, derivedFrom: undefined, status: 'preliminary' });
      await house.tell(said);

      expect((await house.read(`Observation/${single.id}`)).status).toBe('preliminary');
      expect(await house.tell(said)).toEqual({ ...nothing, duplicate: 1 });
    });

    it('that goes to another patient ends one use and begins another; what comes late is of whoever had it then (0-040)', async () => {
      const said = one({ readings: [voltage('3.02', hours(0)), voltage('3.01', hours(10))] });
      const next = { ...john, identifiers: [{ system: 'urn:maker', value: `P-${count}-b` }] };
      await house.tell(said);
      const late = [voltage('3.015', hours(5)), voltage('3.00', hours(20))];
      await house.tell({ ...said, patient: next, readings: late });
      const device = await deviceOf(said);
      const [first] = await house.search('Patient', `identifier=urn:maker|P-${count}`);
      const [second] = await house.search('Patient', `identifier=urn:maker|P-${count}-b`);
      const uses = (await ofDevice('DeviceUseStatement', said)).map(({ subject, timingPeriod, status }) => [
        subject.reference,
        status,
        timingPeriod.start,
        timingPeriod.end,
      ]);
      const whose = async (patient: any) =>
        (await house.search('Observation', `subject=Patient/${patient.id}&code=${MDC}|721344`))
          .map(({ valueQuantity }) => valueQuantity.value)
          .sort();

      expect(device.patient.reference).toBe(`Patient/${second.id}`);
      expect(uses).toEqual([
        [`Patient/${first.id}`, 'completed', '2023-03-15', hours(20)],
        [`Patient/${second.id}`, 'active', hours(20), undefined],
      ]);
      expect(await whose(first)).toEqual([3.01, 3.015, 3.02]);
      expect(await whose(second)).toEqual([3]);
    });

    it('whose patient is merged into another is that one’s from then on, with what comes late too', async () => {
      const said = one({ readings: [voltage()] });
      const name = `P-${count}`;
      await house.tell(said);
      const [retired] = await house.search('Patient', `identifier=urn:maker|${name}`);
      await house.write({ resourceType: 'Patient', id: `${name}-survivor`, birthDate: '1962-02-14' });
      const link = [{ type: 'replaced-by', other: { reference: `Patient/${name}-survivor` } }];
      await house.write({ ...retired, active: false, link });
      await house.tell({ ...said, readings: [voltage('3.01', hours(-2)), voltage('3.00', hours(2))] });
      const found = await house.search('Observation', `subject=Patient/${name}-survivor&code=${MDC}|721344`);

      expect(found.map(({ valueQuantity }) => valueQuantity.value).sort()).toEqual([3, 3.01]);
      expect((await deviceOf(said)).patient.reference).toBe(`Patient/${name}-survivor`);
      expect(await house.tell(said)).toEqual({ ...nothing, duplicate: 1 });
    });

    it('of every type of the customer is a Device of that type, both ways (0-037, 0-047 to 0-051)', async () => {
      const types: readonly ImplantType[] = [
        'pacemaker',
        'icd',
        'crt-p',
        'crt-d',
        'loop-recorder',
        'remote-monitor',
        'other',
      ];
      for (const type of types) {
        const said = one({ readings: [voltage()] }, { type });
        await house.tell(said);
        expect(implantTypeOf(await deviceOf(said), canonical)).toBe(type);
      }
      const [crt] = await house.search('Device', `type=${MDC}|753667`);
      expect(implantTypeOf({ ...crt, type: { coding: [{ system: MDC, code: '753665' }] } }, canonical)).toBe(
        'pacemaker',
      );
    });

    it('has what its alerts become changed by the maker without undoing what people did (0-042 to 0-046)', async () => {
      const said = one({ alerts: [alert] });
      await house.tell(said);
      const [flag] = await house.search('Flag', `author=Device/${(await deviceOf(said)).id}`);
      const taskOf = async () => (await house.search('Task', `focus=Flag/${flag.id}`))[0];
      const task = await taskOf();
      await house.write({ ...task, status: 'in-progress', owner: { reference: 'Practitioner/7' } });
      await house.tell({ ...said, alerts: [{ ...alert, severity: 'critical', acknowledged: true }] });
      const issueId = task.reasonReference.reference;

      expect(flag.identifier[0]).toEqual({ system: `${canonical}/sid/alert`, value: 'boston-scientific:ALR-1' });
      expect(task).toMatchObject({ status: 'requested', priority: 'urgent' });
      expect(await house.read(`Flag/${flag.id}`)).toMatchObject({
        status: 'active',
        extension: [{ valueCodeableConcept: { coding: [{ code: 'PH' }] } }],
      });
      expect(await house.read(issueId)).toMatchObject({
        severity: 'high',
        mitigation: [{ action: { coding: [{ code: 'acknowledged' }] } }],
      });
      expect(await taskOf()).toMatchObject({
        status: 'in-progress',
        priority: 'stat',
        owner: { reference: 'Practitioner/7' },
      });
    });

    it('that was here before, or is told of by others who call its patient otherwise, stays one device of one patient', async () => {
      const said = one({ readings: [voltage()] });
      const serial = said.implant.serial;
      await house.write({ resourceType: 'Patient', id: `mrn-${serial}`, name: [{ family: 'Doe' }], birthDate: '1962' });
      await house.write({
        resourceType: 'Device',
        id: `own-${serial}`,
        identifier: [{ value: `MODEL:D233/SERIAL:${serial}` }],
        note: [{ text: 'drawer 3' }],
        patient: { reference: `Patient/mrn-${serial}` },
      });
      await house.tell(said);
      const mrn = { ...john, identifiers: [{ system: 'urn:hospital', value: `MRN-${serial}`, type: 'MR' }] };
      const message: Told = {
        ...said,
        patient: mrn,
        implant: { ...said.implant, deviceId: undefined, implanted: undefined, status: 'unknown', type: 'other' },
        readings: [voltage('3.00', hours(1))],
      };
      await house.tell(message);
      const device = await house.read(`Device/own-${serial}`);
      const of = await house.search('Observation', `device=Device/own-${serial}`);
      const stranger = { ...mrn, identifiers: [{ system: 'urn:third', value: 'x' }], birthDate: '1999-01-01' };
      const { quarantined } = await house.tell({ ...message, patient: stranger, readings: [voltage('2.9', hours(2))] });
      house.calls();
      await house.tell(said);
      await house.tell(message);

      expect(device).toMatchObject({ status: 'active', note: [{ text: 'drawer 3' }], meta: { versionId: '2' } });
      expect(implantTypeOf(device, canonical)).toBe('icd');
      expect(device.identifier.map(({ value }: any) => value)).toEqual([
        `model:D233/serial:${serial}`,
        said.implant.deviceId,
      ]);
      expect(new Set(of.map(({ subject }) => subject.reference))).toEqual(new Set([`Patient/mrn-${serial}`]));
      expect(of).toHaveLength(4);
      expect(quarantined).toMatchObject([{ code: 'conflict' }]);
      expect(await house.search('Patient', `identifier=urn:hospital|MRN-${serial}`)).toEqual([]);
      expect(house.calls()).toEqual(['get', 'get']);
    });

    it('whose patient or device nobody can tell is put aside, once', async () => {
      const said = one({ readings: [voltage()] });
      const nobody = { ...said, patient: { identifiers: [] } };
      const first = await house.tell(nobody);
      const again = await house.tell(nobody);
      const born = { ...said.patient, birthDate: '1970-01-01' };
      await house.tell(said);
      const other = await house.tell(one({ readings: [voltage()], patient: born }));
      const noName = await house.tell({ ...said, implant: { ...icd, serial: '', deviceId: undefined } });

      expect(first.quarantined).toMatchObject([{ code: 'no-patient', feed: 'boston-scientific', state: 'open' }]);
      expect(again.quarantined).toEqual([]);
      expect(other.quarantined).toMatchObject([{ code: 'conflict' }]);
      expect(noName.quarantined).toMatchObject([{ code: 'no-device' }]);
    });
  });
}

describe('what is told of an implant', () => {
  let house: ImplantsHouse;
  beforeAll(async () => {
    house = await openImplantsHouse();
  });
  afterAll(() => house.stop());
  const observations = async (said: Told) => {
    await house.tell(said);
    const [device] = await house.search(
      'Device',
      `identifier=model:${said.implant.model}/serial:${said.implant.serial}`,
    );
    return house.search('Observation', `device=Device/${device.id}`);
  };

  it('has its leads, its monitor and what it measures around it (0-030, 0-032, 0-038, 0-039, 0-049, 0-050, 0-051)', async () => {
    const said = { ...everything, patient: one().patient, implant: { ...everything.implant, serial: 'around' } };
    const all = await observations(said);
    const [device] = await house.search('Device', 'identifier=model:D233/serial:around&model=D233');
    const parts = await house.search('Device', `parent=Device/${device.id}`);
    const [monitor] = await house.search('Device', `_id=${device.parent.reference.slice('Device/'.length)}`);
    const ofKind = (kind: string) => all.find(({ code }) => code.text === kind);

    expect(device).toMatchObject({
      status: 'active',
      extension: [{ valueCode: 'functional' }],
      manufacturer: 'Boston Scientific',
      serialNumber: 'around',
      udiCarrier: [{ deviceIdentifier: '00802526000001' }],
    });
    expect(parts.map(({ modelNumber, property }) => [modelNumber, property[0].valueCode[0].text])).toEqual([
      ['7841', 'RA'],
      ['0672', 'RV'],
      ['4675', 'LV'],
    ]);
    expect(implantTypeOf(monitor, canonical)).toBe('remote-monitor');
    expect(ofKind('crt_pacing_percent')).toMatchObject({ valueQuantity: { value: 97, code: '%' } });
    expect(ofKind('lead_impedance LV')).toMatchObject({
      valueQuantity: { comparator: '>', value: 3000 },
      interpretation: [{ coding: [{ code: '>' }] }],
    });
    expect(ofKind('pacing_threshold RV')).toMatchObject({ component: [{ valueQuantity: { value: 0.4, code: 'ms' } }] });
    expect(ofKind('battery_status')).toMatchObject({
      valueCodeableConcept: { coding: [{ code: '754113', display: 'MDC_IDC_ENUM_BATTERY_STATUS_BOS' }] },
    });
    const metrics = await house.search('DeviceMetric', `parent=Device/${parts[1].id}`);
    expect(metrics.map(({ type }) => type.coding[0].code).sort()).toEqual(['722055', '722177', '722241', '722433']);
    expect(all.find(({ valueSampledData }) => valueSampledData)).toBeDefined();
  });

  it('is found by number, also where it was called by a name, or an old one', async () => {
    const all = await observations(
      one({
        interrogations: [
          {
            id: 'NAMES',
            at,
            instant: Date.parse(at),
            status: 'final',
            terms: [
              { code: 'MDC_IDC_STAT_TACHYHERAPY_ATP_DELIVERED_TOTAL', quantity: { value: '3', unit: '{seq}' } },
              { code: 'MDC_IDC_MSMT_BATTERY_STATUS', coded: { code: 'MDC_IDC_ENUM_BATTERY_STATUS_RRT' } },
            ],
          },
        ],
      }),
    );
    const [atp, battery] = all.find(({ component }) => component).component;

    expect(atp.code.coding).toEqual([
      { system: MDC, code: '737904', display: 'MDC_IDC_STAT_TACHYTHERAPY_ATP_DELIVERED_TOTAL' },
    ]);
    expect(battery.valueCodeableConcept.coding[0].code).toBe('754115');
  });

  it('has dates as precise as they were told (0-040)', async () => {
    for (const implanted of ['2023', '2023-03', '2023-03-15', '2023-03-15T10:00:00+01:00']) {
      const said = one({}, { implanted });
      await house.tell(said);
      const [device] = await house.search('Device', `identifier=model:D233/serial:${said.implant.serial}`);
      const [use] = await house.search('DeviceUseStatement', `device=Device/${device.id}`);
      const [procedure] = (await house.search('Procedure')).filter(
        ({ focalDevice }) => focalDevice[0].manipulated.reference === `Device/${device.id}`,
      );
      expect([use.timingPeriod.start, procedure.performedDateTime]).toEqual([implanted, implanted]);
    }
  });

  it('has a battery that says nothing as absent, never as 0 (0-041)', async () => {
    const absent = { ...reading('battery_level', '721536', '0', '%'), term: { code: '721536', absent: 'unknown' } };
    const all = await observations(one({ readings: [absent, voltage()] }));
    const panel = all.find(({ component }) => component);

    expect(all).toHaveLength(2);
    expect(panel.component[0]).toMatchObject({ dataAbsentReason: { coding: [{ code: 'unknown' }] } });
    expect(panel.component[0].valueQuantity).toBeUndefined();
  });

  it('keeps digits as sent, and units in UCUM (0-034, 0-035)', async () => {
    const said = one({
      readings: [
        voltage('3.020'),
        reading('lead_impedance', '722433', '0.53', 'kohm'),
        reading('heart_rate_ventricular_mean', '737651', '72', 'bpm'),
      ],
    });
    await house.tell(said);
    const texts = (
      await house.store.search(
        { type: 'Observation', where: { is: 'all', of: [] }, sort: [], count: 1000, total: 'none', includes: [] },
        undefined,
      )
    ).matches.map(({ text }) => text);

    expect(texts.some((text) => text.includes('"value":3.020,'))).toBe(true);
    expect(
      texts.some((text) =>
        text.includes('"value":0.53,"unit":"kOhm","system":"http://unitsofmeasure.org","code":"kOhm"'),
      ),
    ).toBe(true);
    expect(texts.some((text) => text.includes('"value":72,"unit":"{beats}/min"'))).toBe(true);
  });

  it('keeps what is unusual, and puts aside what cannot be: never drops it (0-052 to 0-056)', async () => {
    const cases = [
      ['722433', '2500', 'Ohm', true],
      ['722433', '5.0', 'kOhm', true],
      ['722433', '5.1', 'kOhm', false],
      ['722433', '5001', 'Ohm', false],
      ['722624', '300', 'Ohm', true],
      ['722624', '530', 'Ohm', false],
      ['721344', '6.3', 'V', true],
      ['721344', '6300', 'mV', true],
      ['721344', '8.1', 'V', false],
      ['737651', '0', 'bpm', true],
      ['737651', '350', 'bpm', true],
      ['737651', '351', 'bpm', false],
      ['722052', '50', 'mV', true],
      ['722052', '-0.1', 'mV', false],
      ['722177', '10', 'V', true],
      ['722177', '10.01', 'V', false],
      ['721536', '100.5', '%', false],
      ['721344', '3,02', 'V', false],
      ['721344', '3.02', 'mV', false],
      ['721344', '3.02', 'kg', false],
    ] as const;
    for (const [code, number, unit, isTaken] of cases) {
      const said = one({ readings: [reading('x', code, number, unit)] });
      const outcome = await house.tell(said);
      expect([code, number, unit, outcome.new === 1, outcome.quarantined.length]).toEqual([
        code,
        number,
        unit,
        isTaken,
        isTaken ? 0 : 1,
      ]);
      expect(await house.tell(said)).toMatchObject({ new: 0, quarantined: [] });
    }
  });

  it('that could not be taken in at first is final once it can be, and a preliminary one once it is told as final', async () => {
    const said = one({ readings: [voltage('63')] });
    await house.tell(said);
    const repaired = await observations({ ...said, readings: [voltage('6.3')] });
    const interrogation = {
      id: 'PRELIMINARY',
      at,
      instant: Date.parse(at),
      terms: [{ code: '721344', quantity: { value: '3', unit: 'V' } }],
    };
    const draft = one({ interrogations: [{ ...interrogation, status: 'preliminary' }] });
    const before = await observations(draft);
    const after = await observations({ ...draft, interrogations: [{ ...interrogation, status: 'final' }] });

    expect(repaired.map(({ status }) => status)).toEqual(['final', 'final']);
    expect(before.map(({ status }) => status)).toEqual(['preliminary', 'preliminary']);
    expect(after.map(({ status, meta }) => [status, meta.versionId])).toEqual([
      ['final', '2'],
      ['final', '2'],
    ]);
  });

  it('keeps times as sent: with their zone, over the change of the clocks (0-036)', async () => {
    const times = [
      '2025-10-26T02:30:00+02:00',
      '2025-10-26T02:30:00+01:00',
      '2025-11-17T03:10:00.123-05:00',
      '2026-03-29T01:59:59Z',
    ];
    const all = await observations(one({ readings: times.map((time) => voltage('3.02', time)) }));
    const singles = all.filter(({ derivedFrom }) => derivedFrom);

    expect(singles.map(({ effectiveDateTime }) => effectiveDateTime).sort()).toEqual([...times].sort());
    expect(new Set(all.map(({ id }) => id)).size).toBe(8);
  });

  it('keeps a term of the maker with a system of ours, and one that nobody knows (0-033)', async () => {
    const all = await observations(
      one({
        readings: [
          {
            ...reading('sleep_incline', 'BSX_SLEEP', '31', 'deg'),
            term: { code: 'BSX_SLEEP', vendor: true, quantity: { value: '31', unit: 'deg' } },
          },
          reading('odd', '729999', '1', 'V'),
        ],
      }),
    );
    const codes = all.filter(({ derivedFrom }) => derivedFrom).map(({ code }) => code.coding[0]);

    expect(codes).toEqual([
      { system: `${canonical}/CodeSystem/vendor-term-boston-scientific`, code: 'BSX_SLEEP' },
      { system: MDC, code: '729999' },
    ]);
  });

  it('has a live heart rate as a vital sign against which no limits of vital signs are held, and a statistic as none', async () => {
    const now = new Date().toISOString();
    const live = await observations(
      one({
        readings: [
          reading('heart_rate', '147842', '38', 'bpm', now),
          reading('heart_rate_ventricular_mean', '737651', '36', 'bpm', now),
        ],
      }),
    );
    const [rate, mean] = ['147842', '737651'].map((code) =>
      live.find((o) => o.code.coding.some((c: any) => c.code === code)),
    );

    expect(rate).toMatchObject({
      category: [{ coding: [{ code: 'vital-signs' }] }],
      valueQuantity: { value: 38, code: '/min' },
    });
    expect(rate.code.coding[0]).toMatchObject({ system: 'http://loinc.org', code: '8867-4' });
    expect(mean.category[0].coding[0].code).toBe('procedure');
    expect((await house.search('Flag')).filter(({ author }) => author?.reference === rate.device.reference)).toEqual(
      [],
    );
  });

  it('of a time that is yet to come is put aside; a clock that is minutes ahead makes it uncertain', async () => {
    const now = Date.now();
    const ahead = (minutes: number) => voltage('3.02', new Date(now + minutes * 60_000).toISOString());
    const said = one({ readings: [ahead(10), ahead(3 * 24 * 60)] });
    const outcome = await house.tell(said);
    const all = await observations(said);

    expect(outcome).toMatchObject({ new: 1, quarantined: [{ code: 'implausible' }] });
    expect(all[0].meta.security.map(({ code }: any) => code)).toEqual(['DEVRPT', 'UNCERTREL']);
    expect((await house.tell(said)).quarantined).toEqual([]);
  });

  it('that says not when it was is put aside, and what else is told is taken in', async () => {
    const said = one({ readings: [voltage(), { ...voltage('2.9'), timestamp: 'yesterday', instant: Number.NaN }] });
    const first = await house.tell(said);

    expect(first).toMatchObject({ new: 1, quarantined: [{ code: 'unreadable', row: { timestamp: 'yesterday' } }] });
    expect(await house.tell(said)).toMatchObject({ new: 0, quarantined: [] });
  });

  it('becomes a report and a strip, a large document beside the report', async () => {
    const large = Buffer.alloc(300_000, 'pdf').toString('base64');
    const [first] = everything.interrogations;
    const said = one({
      interrogations: [{ ...first!, id: 'LARGE', report: { contentType: 'application/pdf', data: large } }],
    });
    const all = await observations(said);
    const reports = await house.search('DiagnosticReport', `identifier=${canonical}/sid/transmission|LARGE`);
    const form = reports[0].presentedForm[0];

    expect(form).toMatchObject({ size: 300_000, contentType: 'application/pdf' });
    expect((await house.read(form.url)).data).toBe(large);
    expect(all.find(({ valueSampledData }) => valueSampledData).valueSampledData).toMatchObject({
      period: 3.90625,
      factor: 0.01,
      dimensions: 1,
      data: '0 12 -7 E',
    });
    const torn = await house.tell({
      ...said,
      interrogations: [{ ...first!, id: 'TORN', report: { contentType: 'application/pdf', data: 'no base64!' } }],
    });
    expect(torn.quarantined).toMatchObject([{ code: 'unreadable' }]);
  });

  it('keeps a document of 9 MB in parts', async () => {
    const bytes = Buffer.alloc(9_000_000, 'report');
    const [first] = everything.interrogations;
    const report = { contentType: 'application/pdf', data: bytes.toString('base64') };
    await house.tell(one({ interrogations: [{ ...first!, id: 'HUGE', strips: [], report }] }));
    const [{ presentedForm }] = await house.search('DiagnosticReport', `identifier=${canonical}/sid/transmission|HUGE`);
    const parts = await Promise.all(presentedForm.map(async ({ url }: any) => (await house.read(url)).data));

    expect(parts).toHaveLength(2);
    expect(Buffer.concat(parts.map((part) => Buffer.from(part, 'base64'))).equals(bytes)).toBe(true);
  });

  it('that was taken out before anybody told of it was used until then, and is used no more', async () => {
    const said = one(
      { readings: [voltage('2.5', '2024-01-01T00:00:00Z')] },
      { explanted: '2024-06', status: 'inactive' },
    );
    await house.tell(said);
    const [device] = await house.search('Device', `identifier=model:D233/serial:${said.implant.serial}`);
    const uses = await house.search('DeviceUseStatement', `device=Device/${device.id}`);
    const deeds = (await house.search('Procedure')).filter(
      ({ focalDevice }) => focalDevice[0].manipulated.reference === `Device/${device.id}`,
    );

    expect(uses.map(({ status, timingPeriod }) => [status, timingPeriod])).toEqual([
      ['completed', { start: '2023-03-15', end: '2024-06' }],
    ]);
    expect(deeds.map(({ performedDateTime }) => performedDateTime)).toEqual(['2023-03-15', '2024-06']);
    expect(device).toMatchObject({ status: 'inactive', extension: [{ valueCode: 'non-functional' }] });
  });

  it('is followed from what came in by Provenance, for what is new and what is changed', async () => {
    const raw = {
      feed: 'boston-scientific',
      id: 'page-1',
      contentType: 'application/json',
      bytes: Buffer.from('{}'),
      received: Date.now(),
    };
    const kept = rawEntries(raw, canonical);
    const said = one({ readings: [voltage()] });
    await house.tell(said, { raw: kept.reference, entries: kept.entries });
    const second = rawEntries({ ...raw, id: 'page-2', bytes: new Uint8Array(9 * 1024 * 1024) }, canonical);
    await house.tell(
      { ...said, readings: [{ ...voltage('2.9') }] },
      { raw: second.reference, entries: second.entries },
    );
    const provenances = await house.search('Provenance');

    expect(provenances.map(({ activity, entity }) => [activity.coding[0].code, entity[0].what.reference])).toEqual([
      ['CREATE', kept.reference],
      ['UPDATE', second.reference],
    ]);
    expect((await house.read(kept.reference)).content[0].attachment).toMatchObject({
      size: 2,
      hash: 'vyGp6PvFo4RvsFtPoIWeCReyIC8=',
    });
    expect((await house.read(second.reference)).content).toHaveLength(2);
  });

  it('comes out of FHIR as it went in, a thousand times (0-006)', async () => {
    let seed = 7;
    const random = (below: number) => (seed = (seed * 48_271) % 2_147_483_647) % below;
    const kinds = [
      ['battery_voltage', '721344', 'V', 1, 3],
      ['battery_level', '721536', '%', 0, 100],
      ['lead_impedance', '722432', 'Ohm', 200, 1500],
      ['sensing_amplitude_mean', '722055', 'mV', 0, 20],
      ['pacing_threshold', '722177', 'V', 0, 5],
      ['heart_rate_ventricular_mean', '737651', '{beats}/min', 30, 150],
    ] as const;
    const readings = Array.from({ length: 1_000 }, (_, i) => {
      const [kind, code, unit, low, span] = kinds[random(kinds.length)]!;
      const text = `${low + random(span)}.${String(random(1_000)).padStart(3, '0')}`;
      return { ...reading(kind, code, text, unit, hours(i)), id: `R${i}` };
    });
    const { entries } = await house.implants.entriesOf(one({ readings }));
    const found = new Map(readings.map((one) => [one.id, JSON.stringify([one.timestamp, one.term.quantity])]));
    const stored = new Map<string, string>();
    for (const { body } of entries) {
      const { text, resource } = body!;
      expect(validate(resource)).toEqual([]);
      const id = resource['identifier']?.find(({ system }: any) => system.includes('/sid/maker-reading/'))?.value;
      const digits = /"valueQuantity":\{"value":([-0-9.]+)/.exec(text)?.[1];
      const quantity = { value: digits, unit: resource['valueQuantity']?.code };
      if (found.has(id)) stored.set(id, JSON.stringify([resource['effectiveDateTime'], quantity]));
    }
    expect(entries.length).toBeGreaterThan(2_000);
    expect(stored).toEqual(found);
  });

  it('is written with the rights of a feed: none concludes, orders or recommends', async () => {
    for (const type of [
      'Condition',
      'ServiceRequest',
      'MedicationRequest',
      'CarePlan',
      'RiskAssessment',
      'ClinicalImpression',
      'Consent',
      'Subscription',
      'SearchParameter',
    ]) {
      for (const feed of ['boston-scientific', 'medtronic', 'iot-files', 'mqtt', 'hl7v2']) {
        // A clinic's own system says what a patient was admitted with.
        if (feed === 'hl7v2' && type === 'Condition') continue;
        const resource = { resourceType: type, id: 'x' };
        expect([feed, type, await feedAccess(feed).mayWrite(undefined, resource)]).toEqual([feed, type, false]);
      }
      const entry = put({ resourceType: type, id: 'x', status: 'active' }, { ifNoneMatch: '*' });
      await expect(house.takeIn('boston-scientific', [entry])).rejects.toMatchObject({ status: 403 });
    }
    const patient = put({ resourceType: 'Patient', id: 'x', gender: 'male' }, {});
    await house.takeIn('boston-scientific', [patient]);
    const again = (conditions: Conditions) =>
      house.takeIn('boston-scientific', [put({ resourceType: 'Patient', id: 'x' }, conditions)]);
    await expect(again({})).rejects.toMatchObject({ status: 403 });
    await expect(again({ ifNoneMatch: '*' })).rejects.toMatchObject({ status: 412 });
  });
});
