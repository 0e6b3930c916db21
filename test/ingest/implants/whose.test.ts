/** Since when an implant is whose, by what its maker tells of a Device that may have been here before, and when what it told was. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Told } from '../../../src/ingest/implants/told.ts';
import { type ImplantsHouse, openImplantsHouse } from '../../support/implants-house.ts';
import { canonical, hours, one, voltage } from './told.ts';

let house: ImplantsHouse;
beforeAll(async () => {
  house = await openImplantsHouse('sqlite');
}, 60_000);
afterAll(() => house.stop());

const deviceOf = async ({ implant }: Told) =>
  (await house.search('Device', `identifier=${canonical}/sid/cied|model:${implant.model}/serial:${implant.serial}`))[0];
const ofDevice = async (type: string, about: Told) => house.search(type, `device=Device/${(await deviceOf(about)).id}`);

describe('An implant', () => {
  it('that was here before its maker told of it has the dates and the parts that are told then (0-040, 0-041)', async () => {
    const first = one({ readings: [voltage()] });
    const { serial } = first.implant;
    await house.write({ resourceType: 'Patient', id: `there-${serial}`, identifier: first.patient.identifiers });
    await house.write({
      resourceType: 'Device',
      id: `there-${serial}`,
      identifier: [{ system: `${canonical}/sid/cied`, value: `model:D233/serial:${serial}` }],
      patient: { reference: `Patient/there-${serial}` },
    });
    const use = async () =>
      (await ofDevice('DeviceUseStatement', first)).map(({ status, timingPeriod }) => [status, timingPeriod]);
    expect(await use()).toEqual([['active', undefined]]);
    const told: Told = {
      ...first,
      implant: {
        ...first.implant,
        udi: { carrier: '(01)1' },
        leads: [{ serial: `l-${serial}`, implanted: '2023-03', polarity: '754306' }],
      },
    };
    await house.tell(told);
    const device = await house.read(`Device/there-${serial}`);
    const [lead] = await house.search('Device', `parent=Device/there-${serial}`);
    expect(await use()).toEqual([['active', { start: '2023-03-15' }]]);
    expect(device).toMatchObject({
      udiCarrier: [{ carrierHRF: '(01)1' }],
    });
    expect(lead.property[0]).toMatchObject({ type: { coding: [{ code: '720965' }] } });
    expect(await house.search('DeviceUseStatement', `device=Device/${lead.id}`)).toMatchObject([
      { status: 'active', timingPeriod: { start: '2023-03' } },
    ]);
    expect((await ofDevice('Observation', first)).map(({ subject }) => subject.reference)).toEqual([
      `Patient/there-${serial}`,
      `Patient/there-${serial}`,
    ]);
    const box = { serial: `box-${serial}`, deviceId: `box-${serial}`, parent: first.implant.deviceId };
    await house.tell({ ...first, readings: [], implant: { ...first.implant, ...box, type: 'remote-monitor' } });
    const { parent } = await house.read(`Device/there-${serial}`);
    expect((await house.read(parent.reference)).serialNumber).toBe(`box-${serial}`);
    // A date that is corrected, and what somebody else has said since.
    await house.tell({ ...told, implant: { ...told.implant, implanted: '2023-03-16' } });
    expect(await use()).toEqual([['active', { start: '2023-03-16' }]]);
    const [statement] = await ofDevice('DeviceUseStatement', first);
    await house.write({ ...statement, timingPeriod: { start: '2020-01-01' } });
    await house.tell(told);
    expect(await use()).toEqual([['active', { start: '2020-01-01' }]]);
  });

  it('that is taken out is nobody’s any more, also where no date is told, until it is in again', async () => {
    const said = one({ readings: [voltage()] });
    const use = async () => (await ofDevice('DeviceUseStatement', said))[0];
    await house.tell(said);
    await house.tell({ ...said, implant: { ...said.implant, status: 'inactive' } });
    const ended = await use();
    await house.tell({
      ...said,
      implant: { ...said.implant, status: 'inactive', model: said.implant.model, udi: { carrier: 'x' } },
    });
    const still = await use();
    await house.tell(said);

    expect(ended).toMatchObject({
      status: 'completed',
      timingPeriod: { start: '2023-03-15', end: expect.any(String) },
    });
    expect(Date.now() - Date.parse(ended.timingPeriod.end)).toBeLessThan(60_000);
    expect(still).toEqual(ended);
    expect(await use()).toMatchObject({ status: 'active', timingPeriod: { start: '2023-03-15' } });
    expect((await use()).timingPeriod.end).toBeUndefined();
    await house.tell({ ...said, implant: { ...said.implant, explanted: '2025-12', status: 'inactive' } });
    expect(await use()).toMatchObject({ status: 'completed', timingPeriod: { end: '2025-12' } });
  });

  it('has in the Provenance of what it told when that was', async () => {
    const said = one({ readings: [voltage('3.02', hours(0)), voltage('3.01', hours(3))] });
    const raw = 'DocumentReference/raw';
    await house.tell(said, { raw });
    await house.tell({ ...said, readings: [voltage('3.00', '2025-11-19T09:00:00+02:00')] }, { raw });
    const device = await deviceOf(said);
    const times = (await house.search('Provenance'))
      .filter(({ agent }) => agent[0].who.reference === `Device/${device.id}`)
      .map(({ occurredDateTime, occurredPeriod, activity }) => [
        activity.coding[0].code,
        occurredDateTime ?? occurredPeriod,
      ]);
    expect(times).toEqual(
      expect.arrayContaining([
        ['CREATE', { start: hours(0), end: hours(3) }],
        ['CREATE', '2025-11-19T09:00:00+02:00'],
      ]),
    );
  });
});
