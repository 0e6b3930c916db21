import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { together } from '../../../support/house.ts';
import { canonical, type MapRoom, message, openMapRoom, segment } from './map-room.ts';

let room: MapRoom;
let count = 0;
beforeAll(async () => {
  room = await openMapRoom();
});
afterAll(() => room.stop());

const sid = `${canonical}/sid/hl7v2/HOSP`;
const at = '20251117120000+0000';
const msh = (type: string, when = at) => `MSH|^~\\&|LAB|HOSP|||${when}||${type}|W${++count}|P|2.5.1`;
const pid = (number: string, name = 'Any^One') => `PID|1||${number}^^^HOSP^MR||${name}`;
const glucose = (value: string, rest: Record<number, string> = {}) =>
  segment('OBX', { 1: '1', 2: 'NM', 3: '2345-7^Glucose^LN', 5: value, 6: 'mmol/L', 11: 'F', ...rest });
const obr = (order: string) => segment('OBR', { 1: '1', 3: order, 4: '2345-7^Glucose^LN', 7: at, 25: 'F' });
const result = (patient: string, order: string, value: string, rest: Record<number, string> = {}) =>
  room.send(message(msh('ORU^R01'), pid(patient), obr(order), glucose(value, rest)));
const adt = (event: string, when: string, ...rest: readonly string[]) =>
  room.send(message(msh(`ADT^${event}`, when), `EVN|${event}|${when}`, ...rest));
const merge = (stays: string, goes: string, when = at) => adt('A40', when, pid(stays), `MRG|${goes}^^^HOSP^MR`);
const visit = (number: string, place = 'ICU') => segment('PV1', { 2: 'I', 3: place, 19: `${number}^^^HOSP^VN` });

const patient = async (number: string) => (await room.search(`Patient?identifier=${sid}|${number}`))[0];
const refer = async (number: string) => `Patient/${(await patient(number)).id}`;
const of = async (type: string, number: string) => room.search(`${type}?subject=${await refer(number)}`);
const values = async (number: string) => (await of('Observation', number)).map((o) => o.valueQuantity.value);
const quarantined = async () => JSON.stringify((await room.ask('GET', '/admin/quarantine?feed=hl7v2')).body);

/** A report with the values that it names, all of one patient. */
async function reportOf(number: string) {
  const [report, ...more] = await of('DiagnosticReport', number);
  expect(more).toEqual([]);
  const named = await Promise.all(report.result.map((r: any) => room.read(r.reference)));
  for (const { body } of named) expect(body.subject).toEqual(report.subject);
  return { version: report.meta.versionId, values: named.map(({ body }) => body.valueQuantity.value) };
}

describe('A number that comes for two patients', () => {
  it('of an order is a report of each, with its own values, and that is said; a correction finds its own', async () => {
    await result('11', 'SAME', '5');
    const other = await result('12', 'SAME', '6');
    expect([other.verdict, other.remarks.join()]).toEqual(['AA', expect.stringContaining('another patient')]);
    expect([await reportOf('11'), await reportOf('12')]).toEqual([
      { version: '1', values: [5] },
      { version: '1', values: [6] },
    ]);

    await result('12', 'SAME', '7', { 11: 'C' });
    await result('11', 'SAME', '4', { 11: 'C' });
    expect([(await reportOf('11')).values, (await reportOf('12')).values]).toEqual([[4], [7]]);
  });

  it('of what was deleted is still a report of the other; the one that was deleted stays so', async () => {
    await result('61A', 'GONE', '5');
    for (const type of ['DiagnosticReport', 'Observation'])
      for (const { id } of await of(type, '61A')) await room.remove(`${type}/${id}`);
    await result('62A', 'GONE', '6');
    await result('61A', 'GONE', '7', { 11: 'C' });

    expect([(await reportOf('62A')).values, await of('DiagnosticReport', '61A')]).toEqual([[6], []]);
  });

  it('of a result (OBX-21) is a result of each', async () => {
    await result('13', 'O13', '5', { 21: '1' });
    await result('14', 'O14', '6', { 21: '1' });

    expect([(await reportOf('13')).values, (await reportOf('14')).values]).toEqual([[5], [6]]);
  });

  it('in one message is a report of each', async () => {
    const { verdict } = await room.send(
      message(msh('ORU^R01'), pid('15'), obr('TWO'), glucose('5'), pid('16'), obr('TWO'), glucose('6')),
    );

    expect([verdict, (await reportOf('15')).values, (await reportOf('16')).values]).toEqual(['AA', [5], [6]]);
  });

  it('stands beside what is of one of them alone: allergies, and more of a visit', async () => {
    const pv2 = (reason: string) => segment('PV2', { 3: `^${reason}` });
    const al1 = (what: string) => `AL1|1|DA|^${what}`;
    const [one, other] = [visit('V19'), visit('V20')];
    await adt('A01', at, pid('19'), one, pv2('Pain'), al1('Nuts'), pid('20'), other, pv2('Fall'), al1('Milk'));

    for (const [number, what, reason] of [
      ['19', 'Nuts', 'Pain'],
      ['20', 'Milk', 'Fall'],
    ] as const) {
      const allergies = await room.search(`AllergyIntolerance?patient=${await refer(number)}`);
      expect(allergies.map((a) => a.code.text)).toEqual([what]);
      expect((await of('Encounter', number)).map((e) => e.reasonCode[0].text)).toEqual([reason]);
    }
  });

  it('at the same time is a report of each', async () => {
    await together(6, (i) => result(`2${i}`, 'ATONCE', String(i + 1)));

    for (let i = 0; i < 6; i++) expect((await reportOf(`2${i}`)).values).toEqual([i + 1]);
  });

  it('of an appointment or a document is one of each', async () => {
    const sch = segment('SCH', { 1: 'AP^D', 11: '^^30^20261201100000^20261201103000', 25: 'Booked' });
    const txa = segment('TXA', { 1: '1', 2: 'DS', 3: 'TX', 4: '20251101', 12: 'DOC^D', 17: 'AU' });
    for (const number of ['17', '18']) {
      await room.send(message(msh('SIU^S12'), sch, pid(number)));
      await room.send(message(msh('MDM^T02'), pid(number), txa, `OBX|1|TX|18842-5^D^LN||of ${number}||||||F`));
    }

    for (const number of ['17', '18']) {
      const [appointment, ...more] = await room.search(`Appointment?patient=${await refer(number)}`);
      expect([more, appointment.meta.versionId]).toEqual([[], '1']);
      const documents = (await of('DocumentReference', number)).filter((d) => d.masterIdentifier?.value === 'DOC');
      expect(documents).toHaveLength(1);
      const [{ attachment }] = documents[0].content;
      expect(Buffer.from(attachment.data, 'base64').toString()).toBe(`of ${number}`);
    }
  });

  it('of a visit is a visit of each: a discharge of one leaves the other where it is', async () => {
    await adt('A01', '20251101100000+0000', pid('31'), visit('V'));
    const { remarks } = await adt('A01', '20251103100000+0000', pid('32'), visit('V'));
    expect(remarks.join()).toContain('another patient');
    await adt('A03', '20251102100000+0000', pid('31'), visit('V'));
    await adt('A02', '20251104100000+0000', pid('32'), visit('V', '4N'));

    expect((await of('Encounter', '31')).map((e) => e.status)).toEqual(['finished']);
    expect((await of('Encounter', '32')).map((e) => [e.status, e.location.length])).toEqual([['in-progress', 2]]);
  });

  it('of a visit of many is a visit of each: hospitals count visits of a patient from 1', async () => {
    const numbers = ['33', '34', '35', '36', '37', '38'];
    for (const number of numbers) await adt('A01', '20251101100000+0000', pid(number), visit('1'));
    for (const number of numbers) await adt('A03', '20251102100000+0000', pid(number), visit('1'));

    for (const number of numbers) {
      const visits = await of('Encounter', number);
      expect(visits.map((e) => [e.status, e.meta.versionId])).toEqual([['finished', '2']]);
    }
  });

  it('of a patient is not added to another, and that is said', async () => {
    await adt('A28', at, pid('41'));
    await adt('A28', at, pid('42'));
    const { remarks } = await adt('A31', at, 'PID|1||41^^^HOSP^MR~42^^^HOSP^MR~43^^^HOSP^PI||New^Name');

    expect(remarks.join()).toContain('one of another patient');
    expect((await patient('41')).identifier.map((i: any) => i.value).sort()).toEqual(['41', '43']);
    expect(await room.search(`Patient?identifier=${sid}|42`)).toHaveLength(1);
  });

  it('was merged, and is one patient: what is told again under the number that stays is the same result', async () => {
    await result('51', 'M51', '5');
    await merge('52', '51');
    await result('52', 'M51', '6', { 11: 'C' });

    const all = await room.search(`Observation?patient=${await refer('51')},${await refer('52')}`);
    expect(all.map((o) => [o.meta.versionId, o.valueQuantity.value])).toEqual([['2', 6]]);
  });
});

describe('Merges of merges', () => {
  const links = async (...numbers: readonly string[]) => {
    const all = await Promise.all(numbers.map(patient));
    const nameOf = (reference: string) => numbers.findIndex((_, i) => `Patient/${all[i].id}` === reference);
    return all.map(({ active, link = [] }) => [
      active,
      ...link.map((l: any) => `${l.type} ${nameOf(l.other.reference)}`).sort(),
    ]);
  };

  it('lead to who stays, in whatever order they are told', async () => {
    await merge('61', '62', '20251101100000+0000');
    await merge('63', '61', '20251102100000+0000');
    await merge('73', '71', '20251102100000+0000');
    await merge('71', '72', '20251101100000+0000');
    await result('62', 'M62', '5');
    await result('72', 'M72', '6');

    expect([await values('63'), await values('73')]).toEqual([[5], [6]]);
    expect(await links('71', '72', '73')).toEqual(await links('61', '62', '63'));
  });

  it('never close a circle: the merge that would is kept and refused, and so is one into a second patient', async () => {
    await merge('81', '82');
    await merge('83', '81');
    const circle = await merge('82', '83');
    const second = await merge('84', '82');
    await result('81', 'M81', '5');

    expect([circle.verdict, second.verdict, (await merge('83', '82')).verdict]).toEqual(['AE', 'AE', 'AA']);
    expect(await quarantined()).toContain('"conflict"');
    expect([(await patient('83')).active, await values('83')]).toEqual([true, [5]]);
  });

  it('that name nobody to be given up are kept and refused', async () => {
    const { verdict, remarks } = await adt('A40', at, pid('91'));

    expect([verdict, remarks.join()]).toEqual(['AE', expect.stringContaining('MRG-1')]);
  });
});

describe('The message as it came', () => {
  it('is shown to none of several', async () => {
    const both = [pid('98'), obr('M98'), glucose('5'), pid('99'), obr('M99'), glucose('6')];
    for (const _ of ['new', 'known']) await room.send(message(msh('ORU^R01'), ...both));

    expect([await of('DocumentReference', '98'), await of('DocumentReference', '99')]).toEqual([[], []]);
  });

  it('is found by the patient whom it made', async () => {
    await result('97', 'M97', '5');

    expect((await of('DocumentReference', '97')).map((d) => d.content[0].attachment.contentType)).toEqual([
      'application/hl7-v2',
    ]);
  });
});

describe('A clock that runs ahead', () => {
  it('freezes nobody: what comes after it is news, and so it is said', async () => {
    const ahead = await adt('A08', '20990101000000+0000', pid('95', 'Future^Any'), visit('V95'));
    await adt('A08', '20251117130000+0000', pid('95', 'Old^Any'));
    expect((await patient('95')).name[0].family).toBe('Future');
    const now = `${new Date(Date.now() + 60_000).toISOString().replaceAll(/\D/g, '').slice(0, 14)}+0000`;
    await adt('A03', now, pid('95', 'Right^Any'), visit('V95'));

    expect([ahead.verdict, ahead.remarks.join()]).toEqual(['AA', expect.stringContaining('has not come yet')]);
    expect((await patient('95')).name[0].family).toBe('Right');
    expect((await of('Encounter', '95'))[0].status).toBe('finished');
  });

  it('freezes no result', async () => {
    await room.send(message(msh('ORU^R01', '20990101000000+0000'), pid('96'), obr('M96'), glucose('5')));
    await result('96', 'M96', '6', { 11: 'C' });

    expect(await values('96')).toEqual([6]);
  });
});
