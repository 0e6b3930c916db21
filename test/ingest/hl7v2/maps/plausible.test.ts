import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { plausibleOf } from '../../../../src/ingest/hl7v2/maps/tables.ts';
import { canonical, type MapRoom, message, openMapRoom, segment } from './map-room.ts';

let room: MapRoom;
let count = 0;
beforeAll(async () => {
  room = await openMapRoom();
});
afterAll(() => room.stop());

const now = () => `${new Date(Date.now() - 60_000).toISOString().replaceAll(/\D/g, '').slice(0, 14)}+0000`;
const obx = (code: string, value: string, unit: string, rest: Record<number, string> = {}) =>
  segment('OBX', { 1: '1', 2: 'NM', 3: `${code}^Vital^LN`, 5: value, 6: unit, 11: 'F', ...rest });
const vitals = (...results: readonly string[]) =>
  message(
    `MSH|^~\\&|MON|HOSP|||${now()}||ORU^R01|P${++count}|P|2.5.1`,
    `PID|1||P${count}^^^HOSP^MR||Vital^Any`,
    segment('OBR', { 1: '1', 3: `O${count}`, 4: '85353-1^Vitals^LN', 7: now(), 25: 'F' }),
    ...results,
  );
const subject = async () =>
  `Patient/${(await room.search(`Patient?identifier=${canonical}/sid/hl7v2/HOSP|P${count}`))[0].id}`;
const of = async (type: string) => room.search(`${type}?subject=${await subject()}`);
const rows = async (): Promise<readonly any[]> =>
  (await room.ask('GET', '/admin/quarantine?feed=hl7v2&count=100')).body.quarantine;

describe('A vital sign that cannot be', () => {
  it.each([
    ['8867-4', '-5', '/min'],
    ['8867-4', '999999', 'bpm'],
    ['9279-1', '0', '/min'],
    ['59408-5', '340', '%'],
    ['8310-5', '986', '[degF]'],
    ['29463-7', '0.1', 'g'],
    ['8480-6', '-1', 'mm[Hg]'],
    ['76282-3', '900', '/min'],
    ['2339-0', '-5', 'mg/dL'],
  ])('is set aside with a reason, raises no Flag, and the rest is taken in: %s %s %s', async (code, value, unit) => {
    const { verdict, remarks } = await room.send(vitals(obx(code, value, unit), obx('2345-7', '90', 'mg/dL')));

    expect([verdict, remarks.join()]).toEqual(['AA', expect.stringMatching(/OBX\[1\] was set aside/)]);
    const observations = await of('Observation');
    expect(observations.map((o) => o.code.coding[0].code)).toEqual(['2345-7']);
    expect((await of('DiagnosticReport'))[0].result).toHaveLength(1);
    expect(await of('Flag')).toEqual([]);
    expect((await rows()).map(({ code }) => code)).toContain('implausible');
  });

  it('is a pressure whose systolic is below its diastolic', async () => {
    await room.send(vitals(obx('8480-6', '70', 'mm[Hg]'), obx('8462-4', '120', 'mm[Hg]'), obx('8867-4', '70', '/min')));

    expect((await of('Observation')).map((o) => o.code.coding[0].code)).toEqual(['8867-4']);
  });

  it('can be taken back, and is none where the machine says that it is invalid', async () => {
    const { remarks } = await room.send(
      vitals(obx('8867-4', '-5', '/min', { 11: 'D' }), obx('9279-1', '999', '/min', { 8: 'INV' })),
    );

    expect([remarks, (await of('Observation')).length]).toEqual([[], 2]);
  });

  it('waits for whoever repairs it: as it came it is refused again, with another value it is taken in', async () => {
    const sent = vitals(obx('8867-4', '700', '/min'));
    await room.send(sent);
    const [raw] = (await of('DocumentReference')).map(({ id }) => `DocumentReference/${id}`);
    const [held, ...more] = (await rows()).filter((row) => row.raw === raw);
    expect([held.code, more]).toEqual(['implausible', []]);
    expect((await room.ask('POST', `/admin/quarantine/${held.id}/retry`)).status).toBe(422);
    const repaired = Buffer.from(sent.toString().replace('|700|', '|70|'));
    const retried = await room.ask('POST', `/admin/quarantine/${held.id}/retry`, repaired, {
      'content-type': 'application/hl7-v2',
    });
    expect(retried.status).toBe(200);
    expect((await of('Observation')).map((o) => o.valueQuantity.value)).toEqual([70]);
    expect((await room.ask('GET', `/admin/quarantine/${held.id}`)).body.state).toBe('taken-in');
  });

  it('is known of all that the alerts of this house are made for', () => {
    const folder = new URL('../../../../profiles/', import.meta.url);
    // What this house derives by itself comes by no feed.
    const judged = readdirSync(folder).filter((name) =>
      /^ObservationDefinition-(?!.*(?:implant|battery)|derived-)/.test(name),
    );
    expect(judged.length).toBeGreaterThan(10);
    for (const name of judged) {
      const { code } = JSON.parse(readFileSync(new URL(name, folder), 'utf8'));
      for (const coding of code.coding)
        expect([name, coding.code, plausibleOf(undefined, [coding])]).not.toContain(undefined);
    }
  });

  it('is the same by HL7 v2 as by a device of the house', () => {
    const read = (name: string) =>
      JSON.parse(readFileSync(new URL(`../../../../mappings/${name}`, import.meta.url), 'utf8'));
    const hl7 = read('hl7v2/vitals.json');
    const all = [...hl7.vitals, ...hl7.bloodPressure.components];
    for (const { code, value, components = [] } of read('iot-vitals/mapping.json').observations) {
      for (const one of value ? [{ code, value }] : components) {
        const vital = all.find(({ loinc }) => one.code.some((c: any) => loinc.includes(c.code)));
        for (const unit of vital ? [one.value.unit ?? Object.values(one.value.units)].flat() : [])
          expect([vital.name, unit.code, vital.plausible[unit.code]]).toEqual([vital.name, unit.code, unit.plausible]);
      }
    }
  });
});
