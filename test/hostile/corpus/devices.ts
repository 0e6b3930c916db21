/** I48: what a device may not say. */
import { Buffer } from 'node:buffer';
import { expect } from '@jest/globals';
import { type Attack, CANARY } from '../attack.ts';

const minutes = (count: number) => new Date(Date.now() + count * 60_000).toISOString();
const reading = (members: object): object => ({ device_id: 'DEV001', timestamp: minutes(-1), ...members });

/** When it is sent, which may be minutes after the list was made. */
const sixMinutesAhead = (): Buffer =>
  Buffer.from(JSON.stringify({ ...reading({ heart_rate: 70 }), timestamp: minutes(6) }));

const vitals = (what: string, body: unknown, status: Attack['status'], headers: Attack['headers'] = {}): Attack => ({
  row: 'I48',
  what,
  path: '/api/iot/vitals/',
  as: 'device',
  headers,
  body,
  status,
});

export const devices: readonly Attack[] = [
  vitals('the name of another device', { ...reading({ heart_rate: 70 }), device_id: 'DEV002' }, 403),
  vitals('the name of no device', { ...reading({ heart_rate: 70 }), device_id: CANARY }, [400, 403]),
  vitals('a name that is a list', { ...reading({ heart_rate: 70 }), device_id: ['DEV001'] }, [400, 403]),
  vitals('a name that is an operator', { ...reading({ heart_rate: 70 }), device_id: { $ne: '' } }, [400, 403]),
  vitals('six minutes ahead', sixMinutesAhead, 400),
  vitals('a time that is none', { ...reading({ heart_rate: 70 }), timestamp: CANARY }, 400),
  vitals('a time that never was', { ...reading({ heart_rate: 70 }), timestamp: '2026-02-30T00:00:00Z' }, 400),
  vitals('a time without a zone', { ...reading({ heart_rate: 70 }), timestamp: '2026-01-01' }, 400),
  vitals('a time that is a number', { ...reading({ heart_rate: 70 }), timestamp: 1e12 }, 400),
  vitals('98.6 degrees Celsius', reading({ temperature: 98.6, temperature_unit: 'C' }), 422),
  vitals('a temperature without a unit', reading({ temperature: 98.6 }), 400),
  vitals('a unit that is none', reading({ temperature: 98.6, temperature_unit: CANARY }), 400),
  vitals('a weight without a unit', reading({ weight: 70 }), 400),
  vitals('a heart rate below zero', reading({ heart_rate: -5 }), 422),
  vitals('a heart rate of 9999', reading({ heart_rate: 9999 }), 422),
  vitals('a heart rate of 1e300', reading({ heart_rate: 1e300 }), [400, 422]),
  vitals('a saturation of 101', reading({ oxygen_saturation: 101 }), 422),
  vitals('a heart rate in quotes', reading({ heart_rate: '70' }), 400),
  vitals('a heart rate with a fraction', reading({ heart_rate: 70.5 }), 400),
  vitals('a heart rate that is a list', reading({ heart_rate: [70] }), 400),
  vitals('a heart rate of NaN', `{"device_id":"DEV001","timestamp":"${minutes(-1)}","heart_rate":NaN}`, 400),
  vitals('no vital at all', reading({ notes: CANARY }), 400),
  vitals('notes that are an object', reading({ heart_rate: 70, notes: { $gt: CANARY } }), 400),
  vitals('a battery of 900 percent', reading({ heart_rate: 70, battery_level: 900 }), [400, 422]),
  vitals('no key', reading({ heart_rate: 70 }), 401, { authorization: '' }),
  vitals('a key that is none', reading({ heart_rate: 70 }), 401, { authorization: `Bearer ${CANARY}` }),
  vitals('a key of 8 KB', reading({ heart_rate: 70 }), 401, { authorization: `Bearer ${'a'.repeat(8_000)}` }),
  vitals('a scheme of its own', reading({ heart_rate: 70 }), 401, { authorization: 'Basic REVWMDAxOng=' }),
  {
    ...vitals('10,000 readings', undefined, [400, 413]),
    path: '/api/iot/vitals/batch/',
    body: {
      device_id: 'DEV001',
      readings: Array.from({ length: 10_000 }, () => ({ timestamp: minutes(60), heart_rate: 70 })),
    },
  },
  {
    ...vitals('readings of another device', undefined, 403),
    path: '/api/iot/vitals/batch/',
    body: { device_id: 'DEV002', readings: [{ timestamp: minutes(-1), heart_rate: 70 }] },
  },
  {
    ...vitals('nothing but bad readings', undefined, 422),
    path: '/api/iot/vitals/batch/',
    body: { device_id: 'DEV001', readings: [{ timestamp: minutes(-1), heart_rate: 9999 }, null, CANARY, {}] },
    check: ({ body }) => expect(body).toMatchObject({ success: false, processed: 0, failed: 4 }),
  },
  ...[[], {}, CANARY, 7].map(
    (readings): Attack => ({
      ...vitals(`readings that are ${JSON.stringify(readings).slice(0, 3)}`, undefined, [400, 422]),
      path: '/api/iot/vitals/batch/',
      body: { device_id: 'DEV001', readings },
    }),
  ),
];
