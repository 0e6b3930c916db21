import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parseExact, readJson, textOf, writeExact } from '../../src/fhir/json.ts';
import { openHouse, type TestHouse } from '../support/house.ts';

const folder = fileURLToPath(new URL('../../mappings/', import.meta.url));
const samplesOf = (mapping: string) =>
  readdirSync(join(folder, mapping, 'samples')).map((file) => {
    const { text } = readJson(readFileSync(join(folder, mapping, 'samples', file)));
    return {
      mapping,
      name: file.replace('.json', ''),
      payload: textOf(text, ['payload'])!,
      expected: parseExact(text).observations as any[],
    };
  });
// Other folders below mappings/ are read by other rooms.
const samples = ['iot-vitals'].flatMap(samplesOf);

let house: TestHouse;
let key: string;
beforeAll(async () => {
  house = await openHouse();
  const device = { resourceType: 'Device', id: 'dev001', identifier: [{ system: 'urn:device', value: 'DEV001' }] };
  await house.update({ ...device, patient: { reference: 'Patient/p123' } });
  key = await house.deviceKey('DEV001');
});
afterAll(() => house.stop());

/** Without what the server alone knows: versions, the time of receipt, the number of the reading. */
function comparable(text: string): string {
  const { meta, issued: _issued, ...observation } = parseExact(text);
  const { versionId: _version, lastUpdated: _updated, ...said } = meta;
  const identifier = observation.identifier.filter((i: any) => !i.system.endsWith('/sid/vital-sign'));
  return writeExact({ ...observation, meta: said, identifier });
}

const post = (payload: string) => house.ask('POST', '/api/iot/vitals/', payload, { authorization: `Bearer ${key}` });

describe.each(samples)('$mapping, sample $name', ({ payload, expected }) => {
  it('becomes the Observations that stand beside it, digit for digit, and twice is once', async () => {
    const first = await post(payload);
    expect([first.status, first.body.error]).toEqual([201, undefined]);
    for (const observation of expected) {
      const stored = await house.read(`Observation/${observation.id}`);
      expect(comparable(stored.text)).toBe(comparable(writeExact(observation)));
    }
    const again = await post(payload);
    expect([again.status, again.body.vital_sign_id]).toEqual([200, first.body.vital_sign_id]);
    for (const { id } of expected) expect((await house.read(`Observation/${id}`)).headers.get('etag')).toBe('W/"1"');
  });
});
