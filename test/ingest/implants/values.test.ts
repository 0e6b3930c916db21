import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { implantTypeOf } from '../../../src/ingest/implants/device.ts';
import type { Told } from '../../../src/ingest/implants/told.ts';
import { feedAccess } from '../../../src/ingest/intake/access.ts';
import { put } from '../../../src/ingest/intake/entries.ts';
import { rawEntries } from '../../../src/ingest/intake/raw.ts';
import type { Conditions } from '../../../src/interactions/interaction.ts';
import { validate } from '../../../src/validation/validate.ts';
import { type ImplantsHouse, openImplantsHouse } from '../../support/implants-house.ts';
import { at, canonical, everything, hours, MDC, one, reading, voltage } from './told.ts';

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
    expect(await house.read(form.url)).toMatchObject({
      data: large,
      securityContext: { reference: `DiagnosticReport/${reports[0].id}` },
    });
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
