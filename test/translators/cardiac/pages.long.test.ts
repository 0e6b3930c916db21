/** Ten thousand readings of one patient, page by page, while others come in: each once, in one order (0-024). On the engine of the run. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openHouse, type TestHouse } from '../../support/house.ts';

const COUNT = 10_000;

let house: TestHouse;
let patient: string;
let device: string;

const reading = (i: number, at: number) => ({
  request: { method: 'POST', url: 'Observation' },
  resource: {
    resourceType: 'Observation',
    status: 'final',
    code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }] },
    subject: { reference: patient },
    device: { reference: device },
    // Ten at each instant: their order is nobody's but must stay.
    effectiveDateTime: new Date(at - Math.floor(i / 10) * 60_000).toISOString(),
    valueQuantity: { value: 50 + (i % 80), unit: '/min', system: 'http://unitsofmeasure.org', code: '/min' },
    note: [{ text: `${i}` }],
  },
});

beforeAll(async () => {
  house = await openHouse();
  const made = async (resource: any) => `${resource.resourceType}/${(await house.create(resource)).body.id}`;
  patient = await made({ resourceType: 'Patient', identifier: [{ system: 'urn:mrn', value: 'P-1' }] });
  device = await made({ resourceType: 'Device', identifier: [{ value: 'D-1' }], patient: { reference: patient } });
  const at = Date.parse('2024-01-01T00:00:00Z');
  for (let i = 0; i < COUNT; i += 500) {
    const { status } = await house.transaction(Array.from({ length: 500 }, (_, n) => reading(i + n, at)));
    expect(status).toBe(200);
  }
});
afterAll(() => house.stop());

describe('Ten thousand readings', () => {
  it('come complete, none twice, newest first, also while more are stored (0-024)', async () => {
    const times: number[] = [];
    const seen: string[] = [];
    let slowest = 0;
    for (let next: string | null = `${house.url}/cardiac/patients/P-1/readings?limit=500`, page = 0; next; page++) {
      const begun = performance.now();
      const { status, body }: any = await house.ask('GET', next);
      slowest = Math.max(slowest, performance.now() - begun);
      expect(status).toBe(200);
      if (page === 0) expect(body.total).toBe(COUNT);
      times.push(...body.readings.map(({ timestamp }: any) => Date.parse(timestamp)));
      seen.push(...body.readings.map(({ timestamp, value }: any) => `${timestamp} ${value}`));
      next = body.next;
      // Newer than all of them: no page that follows moves.
      await house.transaction([reading(0, Date.parse('2025-01-01T00:00:00Z') + page)]);
    }
    expect(times).toHaveLength(COUNT);
    expect(new Set(seen).size).toBe(COUNT);
    expect(times.every((at, i) => i === 0 || at <= times[i - 1]!)).toBe(true);
    process.stderr.write(`slowest page of 500: ${slowest.toFixed(0)} ms\n`);
  });

  it('stand in the table as one stream, each once (0-013)', async () => {
    const { text } = await house.ask('GET', '/legacy/device_readings?format=csv&patient_id=P-1');
    const lines = text.trimEnd().split('\r\n').slice(1);
    const total = (await house.ask('GET', '/legacy/device_readings?_count=1')).body.total;
    expect(total).toBeGreaterThan(COUNT);
    expect(lines).toHaveLength(total);
  });
});
