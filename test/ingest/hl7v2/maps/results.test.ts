import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { canonical, type MapRoom, type Maps, made, message, openMapRoom, openMaps, segment } from './map-room.ts';

let maps: Maps;
let room: MapRoom;
let count = 0;
beforeAll(async () => {
  [maps, room] = await Promise.all([openMaps(), openMapRoom()]);
});
afterAll(() => Promise.all([maps.close(), room.stop()]));

interface Order {
  readonly patient?: string;
  readonly order?: string;
  readonly sent?: string;
  readonly mode?: string;
}
const oru = (
  { patient = '1', order = 'F1', sent = '20251117120000+0000', mode = 'P' }: Order,
  ...rest: readonly string[]
) =>
  message(
    `MSH|^~\\&|MON|HOSP|||${sent}||ORU^R01|R${++count}|${mode}|2.6`,
    `PID|1||${patient}^^^HOSP^MR||||19600101|M`,
    segment('OBR', { 1: '1', 3: `${order}^MON`, 4: '1^Panel^L', 7: '20251117110000+0000', 25: 'F' }),
    ...rest,
  );
/** OBX-2 to OBX-6, and others by number. */
const obx = (type: string, code: string, sub: string, value: string, unit = '', rest: Record<number, string> = {}) =>
  segment('OBX', { 1: '1', 2: type, 3: code, 4: sub, 5: value, 6: unit, 11: 'F', ...rest });
const glucose = '2345-7^Glucose^LN';
const one = async (...rest: readonly string[]) => made(await maps.map(oru({}, ...rest)), 'Observation')[0];

describe('A value', () => {
  it.each([
    [
      'NM',
      '+5',
      'mg/dL',
      '"valueQuantity":{"value":5,"unit":"mg/dL","system":"http://unitsofmeasure.org","code":"mg/dL"}',
    ],
    [
      'NM',
      '.5',
      'mmHg',
      '"valueQuantity":{"value":0.5,"unit":"mmHg","system":"http://unitsofmeasure.org","code":"mm[Hg]"}',
    ],
    ['NM', '5.', 'widgets', '"valueQuantity":{"value":5,"unit":"widgets"}'],
    [
      'NM',
      '98.0',
      '%^percent^UCUM',
      '"valueQuantity":{"value":98.0,"unit":"percent","system":"http://unitsofmeasure.org","code":"%"}',
    ],
    ['NM', '007', '', '"valueQuantity":{"value":7}'],
    ['NM', 'many', '', '"valueString":"many"'],
    [
      'SN',
      '>=^10',
      'mg/dl',
      '"valueQuantity":{"value":10,"comparator":">=","unit":"mg/dl","system":"http://unitsofmeasure.org","code":"mg/dL"}',
    ],
    ['SN', '^1^-^2', '', '"valueRange":{"low":{"value":1},"high":{"value":2}}'],
    ['SN', '^1^:^128', '', '"valueRatio":{"numerator":{"value":1},"denominator":{"value":128}}'],
    [
      'CWE',
      '260348001^Present^SCT',
      '',
      '"valueCodeableConcept":{"coding":[{"system":"http://snomed.info/sct","code":"260348001","display":"Present"}],"text":"Present"}',
    ],
    ['ST', 'a\\T\\b', '', '"valueString":"a&b"'],
    ['DT', '20251117', '', '"valueDateTime":"2025-11-17"'],
    ['DTM', '202511171015-0500', '', '"valueDateTime":"2025-11-17T10:15:00-05:00"'],
    ['TM', '1015', '', '"valueTime":"10:15:00"'],
    ['DR', '20251117^20251118', '', '"valuePeriod":{"start":"2025-11-17","end":"2025-11-18"}'],
    ['NR', '1^2', '', '"valueRange":{"low":{"value":1},"high":{"value":2}}'],
  ])('of type %s, %s in %s, keeps what it says', async (type, value, unit, expected) => {
    const { entries } = await maps.map(oru({}, obx(type, glucose, '', value, unit)));
    expect(entries.find(({ url }) => url.startsWith('Observation/'))!.body!.text).toContain(expected);
  });

  it('of type NA is sampled data, of several repetitions one component for each', async () => {
    const [wave] = [await one(obx('NA', '131328^MDC_ECG^MDC', '', '1^2^-3', 'mV'))];
    expect(wave.valueSampledData).toMatchObject({ data: '1 2 -3', dimensions: 1, origin: { value: 0, code: 'mV' } });
    const { component, ...rest } = await one(obx('NM', glucose, '', '27~25'));
    expect(component.map((c: any) => c.valueQuantity.value)).toEqual([27, 25]);
    expect([rest.valueQuantity, rest.dataAbsentReason]).toEqual([undefined, undefined]);
  });

  it('of type ED or RP stands in the report, and one that is no base64 is refused with its reason', async () => {
    const mapped = await maps.map(
      oru(
        {},
        obx('ED', '11^Report^L', '', '^Application^PDF^Base64^JVBERi0='),
        obx('RP', '12^Image^L', '', 'https://x.example/i^^image^jpeg'),
      ),
    );
    expect(made(mapped, 'DiagnosticReport')[0].presentedForm).toEqual([
      expect.objectContaining({ contentType: 'application/pdf', data: 'JVBERi0=', title: 'Report', size: 5 }),
      { contentType: 'image/jpeg', url: 'https://x.example/i', title: 'Image' },
    ]);
    const bad = await maps.map(oru({}, obx('ED', '11^Report^L', '', '^Application^PDF^Base64^!!')));
    expect(bad.unmapped).toContainEqual({ path: 'OBX-5', reason: 'a document in OBX-5 says it is base64, and is not' });
  });

  it.each([
    ['Base64', 'JVBERi0x\n', '%', 6],
    ['Hex', '2550444631 ', 'x', 5],
    // By their low bytes they are digits.
    ['Hex', '2550444631 ', 'İİ', 5],
  ])(
    'of type ED may hold megabytes of wrapped %s, and one wrong character is seen',
    async (encoding, line, wrong, bytes) => {
      const data = line.repeat(1_500_000).replaceAll('\n', '\\.br\\');
      const sent = (text: string) =>
        maps.map(oru({}, obx('ED', '11^Report^L', '', `^Application^PDF^${encoding}^${text}`)));
      const bad = await sent(`${data}${wrong}`);

      expect(made(await sent(data), 'Binary').map(({ data }) => Buffer.from(data, 'base64').length)).toEqual([
        bytes * 1_500_000,
      ]);
      expect(bad.unmapped).toContainEqual({
        path: 'OBX-5',
        reason: expect.stringMatching(/^a document in OBX-5 says it is/),
      });
    },
  );

  it('with more repetitions than a field can have is refused, not worked on', async () => {
    const bomb = oru({}, obx('TX', '9^Finding^L', '', 'x~'.repeat(10_001)));
    await expect(maps.map(bomb)).rejects.toMatchObject({ code: 'too-long' });
  });

  it('that is blank is none: of a status, of lines, of a text', async () => {
    const blank = segment('OBR', { 1: '2', 3: 'F2^MON', 4: '2^Panel^L', 25: ' ' });
    const line = (code: string, text: string) => segment('OBX', { 1: '1', 2: 'TX', 3: code, 5: text, 11: 'F' });
    const report = ['R^Report^L', ''].flatMap((code) => [line(code, '\t'), line(code, ' \t')]);
    const { verdict, remarks } = await room.send(oru({ patient: 'B1' }, ...report, blank, ...report));

    expect([verdict, remarks]).toEqual(['AA', []]);
  });

  it('in lines of text is one text', async () => {
    const observed = made(
      await maps.map(oru({}, obx('TX', '9^Finding^L', '', 'one'), obx('TX', '9^Finding^L', '', 'two'))),
      'Observation',
    );
    expect(observed.map((o) => o.valueString)).toEqual(['one\ntwo']);
  });
});

describe('A status', () => {
  it.each([
    ['F', 'final'],
    ['P', 'preliminary'],
    ['C', 'corrected'],
    ['A', 'amended'],
    ['D', 'entered-in-error'],
    ['W', 'entered-in-error'],
    ['X', 'cancelled'],
    ['R', 'preliminary'],
    ['S', 'preliminary'],
    ['I', 'registered'],
    ['O', 'registered'],
    ['N', 'cancelled'],
    ['U', 'final'],
    ['V', 'final'],
    ['B', 'unknown'],
    ['', 'unknown'],
  ])('OBX-11 %s is %s', async (code, status) => {
    expect((await one(obx('NM', glucose, '', '5', '', { 11: code }))).status).toBe(status);
  });

  it.each([
    ['INV', 'error', 'UNRELIABLE'],
    ['NAV', 'temp-unknown', undefined],
    ['OFF', 'not-performed', undefined],
    ['NI', 'unknown', undefined],
  ])('OBX-8 %s takes the value for absent: %s', async (code, reason, security) => {
    const observed = await one(obx('NM', glucose, '', '5', '', { 8: code }));
    expect([observed.valueQuantity, observed.dataAbsentReason.coding[0].code]).toEqual([undefined, reason]);
    expect(observed.meta?.security?.[0].code).toBe(security);
  });

  it('OBX-8 QUES keeps the value and says that it is questionable', async () => {
    const observed = await one(obx('NM', glucose, '', '5', '', { 7: '3-6', 8: 'QUES~H' }));
    expect(observed).toMatchObject({
      meta: { security: [{ code: 'UNCERTREL' }] },
      valueQuantity: { value: 5 },
      interpretation: [{ coding: [{ code: 'questionable' }] }, { coding: [{ code: 'H' }] }],
      referenceRange: [{ low: { value: 3 }, high: { value: 6 }, text: '3-6' }],
    });
  });
});

describe('A vital sign', () => {
  it('claims its profile where it fulfils it, by LOINC, MDC or a code of the sender', async () => {
    for (const [code, unit] of [
      ['8867-4^HR^LN', '/min^/min^UCUM'],
      ['147842^MDC_ECG_HEART_RATE^MDC', '264864^MDC_DIM_BEAT_PER_MIN^MDC'],
      ['HR^Pulse^L', 'bpm'],
      ['8867-4^HR^LN', '{beats}/min^^UCUM'],
    ] as const) {
      const observed = await one(obx('NM', code, '', '72', unit));
      expect([code, observed.meta?.profile, observed.code.coding[0].code, observed.valueQuantity.code]).toEqual([
        code,
        ['http://hl7.org/fhir/StructureDefinition/heartrate'],
        '8867-4',
        '/min',
      ]);
    }
    expect((await one(obx('NM', '8867-4^HR^LN', '', '1.2', 'Hz^^UCUM'))).meta).toBeUndefined();
  });

  it('that is a pair of pressures is one blood pressure; one half alone says that the other is not known', async () => {
    const pair = made(
      await maps.map(
        oru({}, obx('NM', '8480-6^Sys^LN', '', '120', 'mmHg'), obx('NM', '8462-4^Dia^LN', '', '80', 'mmHg')),
      ),
      'Observation',
    );
    expect(pair).toHaveLength(1);
    expect(pair[0].meta.profile).toEqual(['http://hl7.org/fhir/StructureDefinition/bp']);
    expect(pair[0].component.map((c: any) => [c.code.coding[0].code, c.valueQuantity.value])).toEqual([
      ['8480-6', 120],
      ['8462-4', 80],
    ]);
    const half = await one(obx('NM', '8480-6^Sys^LN', '', '120', 'mmHg'));
    expect(half.component[1].dataAbsentReason.coding[0].code).toBe('unknown');
    const apart = made(
      await maps.map(
        oru(
          {},
          obx('NM', '8480-6^Sys^LN', '', '120', 'mmHg', { 14: '20251117100000+0000' }),
          obx('NM', '8462-4^Dia^LN', '', '80', 'mmHg', { 14: '20251117110000+0000' }),
        ),
      ),
      'Observation',
    );
    expect(apart).toHaveLength(2);
    const numbered = made(
      await maps.map(
        oru(
          {},
          obx('NM', '150021^MDC_PRESS_CUFF_SYS^MDC', '1.1.4.1', '120', '266016^^MDC'),
          obx('NM', '150022^MDC_PRESS_CUFF_DIA^MDC', '1.1.5.1', '80', '266016^^MDC'),
        ),
      ),
      'Observation',
    );
    expect(numbered.map(({ component }) => component.length)).toEqual([2]);
    expect(numbered[0].component[1].valueQuantity).toMatchObject({ value: 80, code: 'mm[Hg]' });
  });
});

describe('A monitor (IHE PCD-01)', () => {
  const monitor = (order: string, rate: string) =>
    oru(
      { patient: '20', order },
      segment('OBX', {
        1: '1',
        3: '69965^MDC_DEV_MON_PHYSIO_MULTI_PARAM_MDS^MDC',
        4: '1.0.0.0',
        11: 'R',
        18: '0123456789ABCDEF^EUI-64',
      }),
      segment('OBX', { 1: '2', 3: '69798^MDC_DEV_ECG_VMD^MDC', 4: '1.1.0.0', 11: 'R' }),
      segment('OBX', { 1: '3', 3: '69799^MDC_DEV_ECG_CHAN^MDC', 4: '1.1.1.0', 11: 'R' }),
      obx('ST', '531969^MDC_ID_MODEL_NUMBER^MDC', '1.0.0.1', 'PM-9'),
      obx('ST', '531972^MDC_ID_PROD_SPEC_SERIAL^MDC', '1.0.0.2', 'SN-7'),
      obx('NM', '147842^MDC_ECG_HEART_RATE^MDC', '1.1.1.1', rate, '264864^MDC_DIM_BEAT_PER_MIN^MDC'),
    );

  it('is a tree of Devices with a metric, made once; its values name the channel that measured them', async () => {
    expect((await room.send(monitor('M1', '70'))).remarks).toEqual([]);
    expect((await room.send(monitor('M2', '71'))).remarks).toEqual([]);

    const devices = await room.search('Device');
    const by = (code: string) => devices.filter((d) => d.type?.coding[0].code === code);
    expect([devices.length, by('69965').length, by('69798').length, by('69799').length]).toEqual([3, 1, 1, 1]);
    const [mds] = by('69965');
    expect(mds).toMatchObject({ modelNumber: 'PM-9', serialNumber: 'SN-7' });
    expect(mds.identifier[0].value).toBe('01-23-45-67-89-AB-CD-EF');
    expect(by('69798')[0].parent.reference).toBe(`Device/${mds.id}`);
    expect(by('69799')[0].parent.reference).toBe(`Device/${by('69798')[0].id}`);
    const metrics = await room.search('DeviceMetric');
    expect(metrics.map((m) => m.source.reference)).toEqual([`Device/${by('69799')[0].id}`]);
    const observed = await room.search('Observation?code=8867-4');
    expect(observed.map((o) => [o.valueQuantity.value, o.device.reference]).sort()).toEqual([
      [70, `Device/${by('69799')[0].id}`],
      [71, `Device/${by('69799')[0].id}`],
    ]);
  });
});

describe('What is told again', () => {
  const result = (order: Order, value: string, status = 'F') =>
    oru({ patient: '30', ...order }, obx('NM', glucose, '', value, 'mg/dL', { 11: status }));
  const stored = async (code = '2345-7') =>
    room.search(`Observation?code=${code}&patient.identifier=${canonical}/sid/hl7v2/HOSP|30`);

  it('makes nothing new; a correction is a version of the same', async () => {
    await room.send(result({ order: 'T1' }, '5'));
    await room.send(result({ order: 'T1', sent: '20251117130000+0000' }, '5'));
    const [first, ...more] = await stored();
    expect([more, first.meta.versionId]).toEqual([[], '1']);
    await room.send(result({ order: 'T1', sent: '20251117140000+0000' }, '6', 'C'));
    const [corrected, ...others] = await stored();
    expect([others, corrected.id, corrected.status, corrected.valueQuantity.value]).toEqual([
      [],
      first.id,
      'corrected',
      6,
    ]);
    const late = await room.send(result({ order: 'T1', sent: '20251117120100+0000' }, '4', 'P'));
    expect([late.verdict, (await stored())[0].valueQuantity.value]).toEqual(['AA', 6]);
  });

  it('in parts is one report with the results of all, a large document beside it; corrected, the document is another', async () => {
    const part = (value: string, sent: string, ...segments: string[]) =>
      oru({ patient: '31', order: 'T3', sent }, ...segments, obx('NM', value, '', '5'));
    const pdf = (letter: string) => obx('ED', '11^Report^L', '', `^Application^PDF^Base64^${letter.repeat(400_000)}`);
    await room.send(part('2345-7^Glucose^LN', '20251117120000+0000', pdf('A')));
    const second = await room.send(part('2160-0^Creatinine^LN', '20251117130000+0000', pdf('B')));

    expect([second.verdict, second.remarks]).toEqual(['AA', []]);
    const [report, ...more] = await room.search(`DiagnosticReport?patient.identifier=${canonical}/sid/hl7v2/HOSP|31`);
    expect([more, report.result.length, report.presentedForm.length]).toEqual([[], 2, 1]);
    const binary = await room.read(report.presentedForm[0].url, { accept: 'application/fhir+json' });
    expect(binary.body.data).toBe('B'.repeat(400_000));
  });

  it('of one code and time in two orders is two results', async () => {
    const before = (await stored()).length;
    await room.send(result({ order: 'T2' }, '5'));
    expect(await stored()).toHaveLength(before + 1);
  });
});

describe('A test message', () => {
  it('is labelled, and raises no alert', async () => {
    const now = new Date().toISOString().replace(/[-:T]|\.\d+Z/g, '');
    const alarming = (mode: string, patient: string) =>
      oru(
        { mode, patient, order: `H${mode}`, sent: `${now}+0000` },
        obx('NM', '8867-4^HR^LN', '', '190', 'bpm', { 14: `${now}+0000` }),
      );
    await room.send(alarming('T', '40'));
    await room.send(alarming('P', '41'));

    const flags = async (patient: string) =>
      room.search(`Flag?patient.identifier=${canonical}/sid/hl7v2/HOSP|${patient}`);
    const [observed] = await room.search(`Observation?patient.identifier=${canonical}/sid/hl7v2/HOSP|40`);
    expect(observed.meta.security[0].code).toBe('HTEST');
    expect([(await flags('40')).length, (await flags('41')).length]).toEqual([0, 1]);
  });
});

describe('A time', () => {
  it('without a zone is of the zone of the connection, and that is said', async () => {
    const bytes = oru({}, obx('NM', glucose, '', '5', '', { 14: '202507171015' }));
    const { assumptions, entries } = await maps.map(bytes, 'Europe/Paris');
    expect(assumptions).toEqual(['times that name no zone are of Europe/Paris']);
    expect(entries.some(({ body }) => body!.text.includes('"effectiveDateTime":"2025-07-17T10:15:00+02:00"'))).toBe(
      true,
    );
  });
});
