import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { implantTypeOf } from '../../../src/ingest/implants/device.ts';
import type { ImplantType, Told } from '../../../src/ingest/implants/told.ts';
import { type ImplantsHouse, openImplantsHouse } from '../../support/implants-house.ts';
import { alert, canonical, everything, hours, icd, john, MDC, nameIn, one, reading, voltage } from './told.ts';

const nothing = { new: 0, duplicate: 0, corrected: 0, quarantined: [], alertsNew: 0 };

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
      expect(await house.search('Patient', `identifier=urn:maker|${nameIn(said)}`)).toHaveLength(1);
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
      const next = { ...john, identifiers: [{ system: 'urn:maker', value: `${nameIn(said)}-b` }] };
      await house.tell(said);
      const late = [voltage('3.015', hours(5)), voltage('3.00', hours(20))];
      await house.tell({ ...said, patient: next, readings: late });
      const device = await deviceOf(said);
      const [first] = await house.search('Patient', `identifier=urn:maker|${nameIn(said)}`);
      const [second] = await house.search('Patient', `identifier=urn:maker|${nameIn(said)}-b`);
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
      const name = nameIn(said);
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
