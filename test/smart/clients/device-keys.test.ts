/** O37: keys of devices, listed a page at a time; wrong ones are held by where they come from. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openHouse, type TestHouse } from '../../support/house.ts';

let house: TestHouse;
beforeAll(async () => {
  house = await openHouse();
  for (const value of ['D1', 'D2'])
    await house.create({ resourceType: 'Device', identifier: [{ system: 'urn:x', value }] });
});
afterAll(() => house.stop());

const asking = (key: string) => house.ask('GET', '/fhir/metadata', undefined, { authorization: `Bearer ${key}` });

describe('Keys of devices', () => {
  it('are listed by prefix, a page after another, each once', async () => {
    const made = [await house.deviceKey('D1'), await house.deviceKey('D1'), await house.deviceKey('D2')];
    const found: any[] = [];
    for (let next: string | null = '/admin/keys?count=2'; next !== null; ) {
      const { body } = await house.ask('GET', next);
      expect(body.keys.length).toBeLessThanOrEqual(2);
      found.push(...body.keys);
      next = body.next;
    }
    expect(found.map(({ prefix }) => prefix)).toEqual(made.map((key) => key.slice(0, 12)).sort());
    expect(JSON.stringify(found)).not.toContain('hash');
    const { body } = await house.ask('GET', '/admin/devices/D2/keys');
    expect(body.keys).toMatchObject([{ device_id: 'D2' }]);
    expect((await house.ask('GET', '/admin/keys?count=0')).status).toBe(400);
  });
});

describe('Whoever guesses at a key of a device', () => {
  it('waits after ten a minute, also with the right one, and no other device does', async () => {
    const [guessed, other] = [await house.deviceKey('D1'), await house.deviceKey('D2')];
    const guess = `${guessed.slice(0, 13)}${'A'.repeat(43)}`;
    for (let at = 0; at < 10; at++) expect((await asking(guess)).status).toBe(401);
    const held = await asking(guessed);
    expect(held.status).toBe(429);
    expect(Number(held.headers.get('retry-after'))).toBeGreaterThan(50);
    expect((await asking(other)).status).toBe(200);
  });
});
