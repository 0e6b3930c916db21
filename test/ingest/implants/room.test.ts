import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type ImplantsHouse, openImplantsHouse } from '../../support/implants-house.ts';
import { alert, told, voltage } from './told.ts';

let house: ImplantsHouse;
beforeAll(async () => {
  house = await openImplantsHouse();
});
afterAll(() => house.stop());

describe('what is told of an implant', () => {
  it('becomes a Device, its patient, an interrogation and what charts show of it', async () => {
    const outcome = await house.tell(told({ readings: [voltage()], alerts: [alert] }));

    expect(outcome).toEqual({ new: 1, duplicate: 0, corrected: 0, quarantined: [], alertsNew: 1 });
  });
});
