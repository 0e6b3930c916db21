import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openHouse, type TestHouse } from '../support/house.ts';

let house: TestHouse;
beforeAll(async () => {
  house = await openHouse();
});
afterAll(() => house.stop());

const ago = (minutes: number) => `${new Date(Date.now() - minutes * 60_000).toISOString().slice(0, 19)}Z`;

describe('an offline queue of 24 hours', () => {
  it('lands in order of time and raises its one alarm, a reading a minute, newest first (2-103)', async () => {
    await house.update({ resourceType: 'Patient', id: 'p' });
    const identifier = [{ system: 'urn:device', value: 'D' }];
    await house.update({ resourceType: 'Device', id: 'd', identifier, patient: { reference: 'Patient/p' } });
    const authorization = `Bearer ${await house.deviceKey('D')}`;
    // Too high for an hour in the middle of the day.
    const rate = (i: number) => (i >= 700 && i < 760 ? 130 : 60 + (i % 40));
    const readings = Array.from({ length: 1_440 }, (_, i) => ({ timestamp: ago(i + 1), heart_rate: rate(i) }));
    const answers = [];
    for (let at = 0; at < readings.length; at += 1_000) {
      const body = { device_id: 'D', readings: readings.slice(at, at + 1_000) };
      answers.push(await house.ask('POST', '/api/iot/vitals/batch/', body, { authorization }));
    }

    expect(answers.map(({ body }) => [body.processed, body.failed, body.alerts_triggered])).toEqual([
      [1_000, 0, 1],
      [440, 0, 0],
    ]);
    const observations = await house.search('Observation?patient=p&_sort=date&_count=500');
    expect(observations.map(({ effectiveDateTime }) => effectiveDateTime)).toEqual(
      readings.map(({ timestamp }) => timestamp).reverse(),
    );
    expect((await house.search('Flag?patient=p')).map(({ status }) => status)).toEqual(['inactive']);
    const [issue] = await house.search('DetectedIssue?patient=p');
    expect(issue.evidence).toHaveLength(50);
  });
});
