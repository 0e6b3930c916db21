import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { connectMllp } from '../../../../src/ingest/hl7v2/wire/client.ts';
import { freePort } from '../../../support/free-ports.ts';
import { canonical, type MapRoom, message, openMapRoom, segment } from './map-room.ts';

let room: MapRoom;
let mllpPort: number;
beforeAll(async () => {
  mllpPort = await freePort();
  room = await openMapRoom({ mllpPort, host: '127.0.0.1' });
});
afterAll(() => room.stop());

const msh = (type: string, id: string, sent = '20251117120000+0000') =>
  `MSH|^~\\&|APP|HOSP|||${sent}||${type}|${id}|P|2.6`;
const hosp = `${canonical}/sid/hl7v2/HOSP`;

describe('MDM^T02', () => {
  const document = (id: string, status: string, text: string) =>
    message(
      msh('MDM^T02', id),
      'PID|1||1^^^HOSP^MR',
      segment('TXA', {
        1: '1',
        2: 'DS^Discharge summary',
        6: '20251117110000+0000',
        9: '7^Rivera^Ana',
        12: 'DOC-1^HOSP',
        17: status,
        19: 'AV',
      }),
      segment('OBX', { 1: '1', 2: 'TX', 3: 'DS^Discharge summary', 5: text, 11: 'F' }),
      segment('OBX', { 1: '2', 2: 'ED', 3: 'PDF^Document', 5: '^application^pdf^Base64^JVBERi0=', 11: 'F' }),
    );

  it('is a document with its text and its file, and the same when it comes again changed', async () => {
    expect((await room.send(document('D1', 'IP', 'Well.'))).remarks).toEqual([]);
    expect((await room.send(document('D2', 'AU', 'Well again.'))).remarks).toEqual([]);

    const found = await room.search(`DocumentReference?patient.identifier=${hosp}|1`);
    const documents = found.filter(({ masterIdentifier }) => masterIdentifier?.value === 'DOC-1');
    expect(documents).toHaveLength(1);
    expect(documents[0]).toMatchObject({ docStatus: 'final', status: 'current', author: [{ display: 'Ana Rivera' }] });
    expect(
      documents[0].content.map(({ attachment }: any) => [
        attachment.contentType,
        String(Buffer.from(attachment.data, 'base64')),
      ]),
    ).toEqual([
      ['text/plain', 'Well again.'],
      ['application/pdf', '%PDF-'],
    ]);
  });
});

describe('MDM with two patients', () => {
  it('of whom one has no document is kept and refused with a reason for whoever repairs it', async () => {
    const txa = segment('TXA', { 1: '1', 2: 'DS', 12: 'DOC-9^HOSP', 17: 'AU' });
    for (const segments of [
      [txa, 'PID|1||5^^^HOSP^MR'],
      ['PID|1||5^^^HOSP^MR', txa, 'PID|2||6^^^HOSP^MR'],
    ]) {
      const { verdict, remarks } = await room.send(message(msh('MDM^T02', `D9-${segments.length}`), ...segments));
      expect([verdict, remarks.join()]).toEqual(['AE', expect.stringContaining('a PID has no TXA under it')]);
    }
  });
});

describe('SIU', () => {
  const booking = (event: string, id: string, start: string) =>
    message(
      msh(`SIU^${event}`, id),
      segment('SCH', {
        1: 'P1^HOSP',
        2: 'B1^HOSP',
        6: 'X^Room flooded',
        7: 'FU^Follow up',
        11: `^^^${start}^^`,
        9: '30',
        10: 'MIN',
        25: 'Booked',
      }),
      'PID|1||1^^^HOSP^MR',
      'RGS|1',
      'AIS|1||ECHO^Echocardiography',
      'AIP|1||7^Rivera^Ana',
      'AIL|1||ROOM^1',
    );

  it('books, moves and cancels one appointment', async () => {
    await room.send(booking('S12', 'S1', '20251201100000+0000'));
    await room.send(booking('S13', 'S2', '20251201110000+0000'));
    const [moved, ...more] = await room.search('Appointment');
    expect(more).toEqual([]);
    expect(moved).toMatchObject({
      status: 'booked',
      start: '2025-12-01T11:00:00+00:00',
      end: '2025-12-01T11:30:00.000Z',
    });
    expect(moved.participant.map(({ actor }: any) => actor.display ?? actor.reference.split('/')[0])).toEqual([
      'Patient',
      'Ana Rivera',
      'ROOM, 1',
    ]);
    await room.send(booking('S15', 'S3', '20251201110000+0000'));
    expect((await room.search('Appointment'))[0]).toMatchObject({
      id: moved.id,
      status: 'cancelled',
      cancelationReason: { text: 'Room flooded' },
    });
  });
});

describe('IDCO', () => {
  const idco = (id: string, session: string, day: string, ...rest: readonly string[]) =>
    message(
      msh('ORU^R01^ORU_R01', id, `${day}031500+0000`),
      'PID|1||model:D233/serial:900001^^^BSX^U~M-1^^^HOSP^MR||DOE^JOHN||19620214|M|||1 Elm^^Town',
      segment('OBR', {
        1: '1',
        3: session,
        4: '754053^MDC_IDC_ENUM_SESS_TYPE_RemoteScheduled^MDC',
        7: `${day}031000+0000`,
        25: 'F',
      }),
      'OBX|1|CWE|720897^MDC_IDC_DEV_TYPE^MDC||753666^MDC_IDC_ENUM_DEV_TYPE_ICD^MDC||||||F',
      'OBX|2|NM|721344^MDC_IDC_MSMT_BATTERY_VOLTAGE^MDC|1|3.02|V^V^UCUM|||||F',
      'OBX|3|NM|737696^MDC_IDC_STAT_AT_BURDEN_PERCENT^MDC|||%^%^UCUM||NAV|||X',
      ...rest,
    );
  const episode = (instance: number) => [
    `OBX|4|ST|739536^MDC_IDC_EPISODE_ID^MDC|${instance}|VT-7||||||F`,
    `OBX|5|NM|739712^MDC_IDC_EPISODE_DURATION^MDC|${instance}|14|s^s^UCUM|||||F`,
  ];
  const interrogations = () =>
    room.search('Observation?code=http://hl7.org/fhir/uv/cardx-cied/CodeSystem/CardXCIED|IDCO');

  it('tells of an implant and its patient, who is never named by the number of the device', async () => {
    const pdf = 'OBX|9|ED|18750-0^Report^LN||^Application^PDF^Base64^JVBERi0=||||||F';
    expect((await room.send(idco('I1', 'G-1', '20251117', ...episode(1), pdf))).remarks).toEqual([]);

    const [device] = await room.search('Device?identifier=model:D233/serial:900001');
    expect(device).toMatchObject({ modelNumber: 'D233', serialNumber: '900001' });
    const [patient] = await room.search(`Patient?identifier=${hosp}|M-1`);
    expect(patient.identifier.map(({ value }: any) => value)).toEqual(['M-1']);
    expect([patient.address[0].city, patient.birthDate]).toEqual(['Town', '1962-02-14']);
    const [interrogation] = await interrogations();
    expect(interrogation.subject.reference).toBe(`Patient/${patient.id}`);
    const component = (code: string) => interrogation.component.find((c: any) => c.code.coding[0].code === code);
    expect(component('721344').valueQuantity).toMatchObject({ value: 3.02, code: 'V' });
    expect(component('737696').dataAbsentReason.coding[0].code).toBe('temp-unknown');
    const [report] = await room.search(`DiagnosticReport?patient=${patient.id}`);
    expect(report.presentedForm[0]).toMatchObject({ contentType: 'application/pdf', data: 'JVBERi0=' });
  });

  it('that tells an episode again stores it once, with the interrogation that told it first', async () => {
    const { remarks } = await room.send(idco('I2', 'G-2', '20251118', ...episode(3)));

    expect(remarks.join()).toContain('an episode that an earlier interrogation told');
    const all = await interrogations();
    const episodes = all.flatMap(({ component }) => component.filter((c: any) => c.code.coding[0].code === '739536'));
    expect([all.length, episodes.length]).toEqual([2, 1]);
  });

  it('with two patients is kept and refused: the sessions of one never become those of the other', async () => {
    const { verdict, remarks } = await room.send(idco('I5', 'G-5', '20251121', 'PID|2||M-2^^^HOSP^MR'));
    expect([verdict, remarks.join()]).toEqual(['AE', expect.stringContaining('one PID')]);
  });

  it('with words that only JavaScript knows is taken in, or refused for a reason that is right', async () => {
    const { verdict, remarks } = await room.send(
      idco(
        'I4',
        'G-4',
        '20251120',
        'OBX|4|NM|737536^MDC_IDC_STAT_BRADY_RV_PERCENT_PACED^MDC||3|hasOwnProperty^__proto__^LN|||||F',
        'OBX|5|ST|constructor^toString^MDC|1|x||||||F',
      ),
    );
    expect([verdict, remarks.join()]).toEqual(['AA', expect.not.stringContaining('could not be read')]);
  });

  it('with a document that is no base64 is kept and refused', async () => {
    const { verdict } = await room.send(
      idco('I3', 'G-3', '20251119', 'OBX|9|ED|18750-0^R^LN||^Application^PDF^Base64^%%||||||F'),
    );
    expect(verdict).toBe('AE');
  });
});

describe('By MLLP', () => {
  it('an implant, an admission and a merge are stored when they are acknowledged, and read over REST', async () => {
    const client = await connectMllp({ port: mllpPort, host: '127.0.0.1' });
    const idco = message(
      msh('ORU^R01', 'E1'),
      'PID|1||model:A1/serial:77^^^MDT^U~E-1^^^HOSP^MR||Doe^Jo||19620214|M',
      'OBR|1||G-9|754053^MDC_IDC_ENUM_SESS_TYPE_RemoteScheduled^MDC|||20251117031000+0000||||||||||||||||||F',
      'OBX|1|NM|721344^MDC_IDC_MSMT_BATTERY_VOLTAGE^MDC|1|3.02|V^V^UCUM|||||F',
    );
    const adt = (event: string, id: string, number: string, ...rest: readonly string[]) =>
      message(msh(`ADT^${event}`, id), `EVN|${event}|20251117120000+0000`, `PID|1||${number}^^^HOSP^MR`, ...rest);
    const admission = adt('A01', 'E2', 'E-2', segment('PV1', { 2: 'I', 19: 'VE-2^^^HOSP^VN' }));
    const answers: string[] = [];
    for (const sent of [idco, admission, adt('A40', 'E3', 'E-2', 'MRG|E-1^^^HOSP^MR')])
      answers.push(String(await client.send(sent)));
    await client.close();

    expect(answers.map((answer) => /MSA\|(\w\w)/.exec(answer)?.[1])).toEqual(['AA', 'AA', 'AA']);
    const [gone] = await room.search(`Patient?identifier=${hosp}|E-1`);
    const [stays] = await room.search(`Patient?identifier=${hosp}|E-2`);
    expect([gone.active, gone.link[0].other.reference]).toEqual([false, `Patient/${stays.id}`]);
    expect(await room.search(`Encounter?patient=${stays.id}`)).toHaveLength(1);
    const [device] = await room.search('Device?identifier=model:A1/serial:77');
    expect(await room.search(`Observation?patient=${gone.id}&device=${device.id}&code=721344`)).toHaveLength(1);
  });
});
