/** A batch that brings the begin and the end of an alert, in whatever order it lists them. https://hl7.org/fhir/R4/http.html#batch */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { openHouse, type TestHouse } from '../support/house.ts';

let house: TestHouse;
beforeAll(async () => {
  house = await openHouse();
});
afterAll(() => house.stop());

const heartRate = (patient: string, [value, minute]: readonly [value: number, minute: number]) => ({
  resourceType: 'Observation',
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }] },
  subject: { reference: `Patient/${patient}` },
  effectiveDateTime: new Date(Date.now() - 3_600_000 + minute * 60_000).toISOString(),
  valueQuantity: { value, unit: '/min', system: 'http://unitsofmeasure.org', code: '/min' },
});
const begin: [number, number] = [140, 0];
const end: [number, number][] = [1, 2, 3, 4].map((minute) => [70, minute]);

it('A batch opens and ends an alert in the order of its readings, each patient’s by itself, and answers in its own', async () => {
  const orders = [
    [begin, ...end],
    [...end, begin],
    [...end.slice(2), begin, ...end.slice(0, 2)],
    [begin, end[0]!],
  ];
  const patients = orders.map((_, i) => `b${i}`);
  for (const id of patients) await house.update({ resourceType: 'Patient', id });
  const readings = orders.flatMap((order, i) => order.map((one) => heartRate(`b${i}`, one)));
  const entry = [...readings.slice(7), ...readings.slice(0, 7)].map((resource) => ({
    resource,
    request: { method: 'POST', url: 'Observation' },
  }));
  const { body } = await house.ask(
    'POST',
    '/fhir',
    { resourceType: 'Bundle', type: 'batch', entry },
    { prefer: 'return=representation' },
  );

  const told = body.entry.map(({ resource }: any) => [resource.subject.reference, resource.effectiveDateTime]);
  expect(told).toEqual(entry.map(({ resource }) => [resource.subject.reference, resource.effectiveDateTime]));
  const flags = await Promise.all(patients.map((id) => house.search(`Flag?patient=${id}`)));
  expect(flags.map((all) => all.map(({ status }) => status))).toEqual([
    ['inactive'],
    ['inactive'],
    ['inactive'],
    ['active'],
  ]);
});
