import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { together } from '../../../support/house.ts';
import { canonical, type MapRoom, message, openMapRoom, segment } from './map-room.ts';

let room: MapRoom;
let count = 0;
beforeAll(async () => {
  room = await openMapRoom();
});
afterAll(() => room.stop());

const mr = `${canonical}/sid/hl7v2/HOSP`;
/** An ADT with EVN-2 at this time; PID from field 3 on. */
const adt = (event: string, at: string, pid: string, ...rest: readonly string[]) =>
  message(
    `MSH|^~\\&|ADT|HOSP|WATCHFIRE|HOSP|${at}||ADT^${event}|A${++count}|P|2.5.1`,
    `EVN|${event}|${at}`,
    `PID|1||${pid}`,
    ...rest,
  );
const visit = (kind: string, number: string) => segment('PV1', { 2: kind, 19: `${number}^^^HOSP^VN` });
const patientsOf = (value: string) => room.search(`Patient?identifier=${mr}|${value}`);
const visitsOf = (value: string) => room.search(`Encounter?identifier=${mr}|${value}`);

describe('ADT', () => {
  it('admits, moves and discharges: one patient, one visit, each as the newest event says', async () => {
    const pid = '1001^^^HOSP^MR||Doe^John^Q||19620214|M';
    const pv1 = (place: string, until = '') =>
      segment('PV1', { 2: 'I', 3: `${place}^1^A^HOSP`, 7: '77^Rivera^Ana', 19: 'V1001^^^HOSP^VN', 45: until });
    await room.send(adt('A01', '20251117101500+0000', pid, pv1('4N')));
    await room.send(adt('A02', '20251117121500+0000', pid, pv1('5S')));
    const [moved] = await visitsOf('V1001');
    await room.send(adt('A03', '20251118101500+0000', pid, pv1('5S', '20251118101000+0000')));

    const [patient, ...more] = await patientsOf('1001');
    expect(more).toEqual([]);
    expect(patient).toMatchObject({
      name: [{ family: 'Doe', given: ['John', 'Q'] }],
      birthDate: '1962-02-14',
      gender: 'male',
      active: true,
    });
    expect(moved).toMatchObject({
      status: 'in-progress',
      class: { code: 'IMP' },
      subject: { reference: `Patient/${patient.id}` },
    });
    expect(moved.location.map((l: any) => [l.location.display, l.status])).toEqual([
      ['4N, 1, A, HOSP', 'completed'],
      ['5S, 1, A, HOSP', 'active'],
    ]);
    const [left] = await visitsOf('V1001');
    expect(left).toMatchObject({ id: moved.id, status: 'finished', period: { end: '2025-11-18T10:10:00+00:00' } });
  });

  it('changes of a person what it says, removes what it nulls, and leaves the rest', async () => {
    await room.send(adt('A28', '20250101', '1002^^^HOSP^MR||Roe^Jane||19700101|F|||1 Elm^^Town||5551|||M'));
    const [before] = await patientsOf('1002');
    await room.update({ ...before, name: [...before.name, { use: 'nickname', text: 'Janey' }] });
    await room.send(adt('A08', '20250102', '1002^^^HOSP^MR||Roe-Smith^Jane|||""|||""'));

    const [after] = await patientsOf('1002');
    expect(after.name).toEqual([
      { use: 'nickname', text: 'Janey' },
      { family: 'Roe-Smith', given: ['Jane'] },
    ]);
    expect([after.birthDate, after.gender, after.address]).toEqual(['1970-01-01', undefined, undefined]);
    expect(after.maritalStatus.coding[0].code).toBe('M');
  });

  it('that is older than what was told before is kept as history and changes nothing', async () => {
    await room.send(adt('A08', '20250202120000+0000', '1003^^^HOSP^MR||New^Name'));
    const { verdict, remarks } = await room.send(adt('A08', '20250201120000+0000', '1003^^^HOSP^MR||Old^Name'));

    expect(verdict).toBe('AA');
    expect(remarks.join()).toMatch(/kept as history/);
    expect((await patientsOf('1003'))[0].name[0].family).toBe('New');
  });

  it('A40 merges: who was given up is inactive and leads to who stays, what points to either stays readable', async () => {
    await room.send(adt('A01', '20250301', '1004^^^HOSP^MR||Stay^Ing', visit('O', 'V1004')));
    await room.send(adt('A01', '20250301', '1005^^^HOSP^MR||Gone^By', visit('O', 'V1005')));
    const merged = await room.send(adt('A40', '20250302', '1004^^^HOSP^MR||Stay^Ing', 'MRG|1005^^^HOSP^MR'));

    expect(merged.verdict).toBe('AA');
    const [stays] = await patientsOf('1004');
    const [gone] = await patientsOf('1005');
    expect([gone.active, gone.link]).toEqual([
      false,
      [{ other: { reference: `Patient/${stays.id}` }, type: 'replaced-by' }],
    ]);
    expect([stays.active, stays.link]).toEqual([
      true,
      [{ other: { reference: `Patient/${gone.id}` }, type: 'replaces' }],
    ]);
    const [stay] = await visitsOf('V1005');
    expect((await room.read(stay.subject.reference)).status).toBe(200);
    // What still comes under the number that was given up goes to who stays.
    await room.send(adt('A01', '20250303', '1005^^^HOSP^MR||Gone^By', visit('O', 'V1006')));
    expect((await visitsOf('V1006'))[0].subject.reference).toBe(`Patient/${stays.id}`);
    expect((await patientsOf('1005'))[0].active).toBe(false);
  });

  it('A40 with a number that is not known here yet makes a patient that is given up', async () => {
    await room.send(adt('A40', '20250302', '1007^^^HOSP^MR||Only^One', 'MRG|1008^^^HOSP^MR'));

    const [stays] = await patientsOf('1007');
    expect((await patientsOf('1008'))[0]).toMatchObject({
      active: false,
      link: [{ other: { reference: `Patient/${stays.id}` } }],
    });
  });

  it('A11 cancels a visit, A13 takes a discharge back, A04 arrives', async () => {
    const pv1 = (number: string, until = '') => segment('PV1', { 2: 'O', 19: `${number}^^^HOSP^VN`, 45: until });
    const pid = '1009^^^HOSP^MR||Visit^Or';
    await room.send(adt('A04', '20250401', pid, pv1('V1')));
    expect((await visitsOf('V1'))[0].status).toBe('arrived');
    await room.send(adt('A03', '20250402', pid, pv1('V1', '20250402')));
    expect((await visitsOf('V1'))[0].status).toBe('finished');
    await room.send(adt('A13', '20250403', pid, pv1('V1')));
    expect((await visitsOf('V1'))[0]).toMatchObject({ status: 'in-progress' });
    expect((await visitsOf('V1'))[0].period).toBeUndefined();
    await room.send(adt('A11', '20250404', pid, pv1('V1')));
    expect((await visitsOf('V1'))[0].status).toBe('cancelled');
  });

  it('makes one patient however many messages name a new one at the same time', async () => {
    const answers = await together(8, (i) => room.send(adt('A08', `2025050${i + 1}`, '1010^^^HOSP^MR||At^Once')));

    expect(answers.map(({ verdict }) => verdict)).toEqual(Array(8).fill('AA'));
    expect(await patientsOf('1010')).toHaveLength(1);
  });

  it('that names no patient is kept, refused and not lost', async () => {
    const { verdict, status } = await room.send(adt('A01', '20250601', '||No^Number', 'PV1|1|I'));

    expect([verdict, status]).toEqual(['AE', 422]);
    const { body } = await room.ask('GET', '/admin/quarantine');
    expect(JSON.stringify(body)).toContain('no-patient');
  });

  it('tells kin, allergies, diagnoses and insurance', async () => {
    await room.send(
      adt(
        'A01',
        '20250701',
        '1011^^^HOSP^MR||With^Kin',
        'NK1|1|Kin^Next|SPO^Spouse^HL70063||555',
        visit('I', 'V1011'),
        'AL1|1|DA|70618^Penicillin^RXNORM|SV|Hives',
        'DG1|1||I48.0^Paroxysmal atrial fibrillation^I10||20250701|A',
        segment('IN1', { 1: '1', 2: 'PPO^Plan', 3: 'INS1', 4: 'Insurer', 36: 'POL-1' }),
      ),
    );

    const [{ id }] = await patientsOf('1011');
    const [stay] = await visitsOf('V1011');
    expect((await room.search(`RelatedPerson?patient=${id}`))[0].relationship[0].coding[0].code).toBe('SPO');
    expect((await room.search(`AllergyIntolerance?patient=${id}`))[0]).toMatchObject({
      category: ['medication'],
      criticality: 'high',
      reaction: [{ severity: 'severe', manifestation: [{ text: 'Hives' }] }],
    });
    expect((await room.search(`Condition?subject=Patient/${id}`))[0]).toMatchObject({
      code: { coding: [{ system: 'http://hl7.org/fhir/sid/icd-10', code: 'I48.0' }] },
      encounter: { reference: `Encounter/${stay.id}` },
      verificationStatus: { coding: [{ code: 'provisional' }] },
    });
    expect((await room.search(`Coverage?beneficiary=Patient/${id}`))[0]).toMatchObject({
      subscriberId: 'POL-1',
      payor: [{ display: 'Insurer' }],
    });
  });
});
