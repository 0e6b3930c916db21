import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parseExact, readJson, writeExact } from '../../../../src/fhir/json.ts';
import { type Maps, message, openMaps } from './map-room.ts';

const folder = fileURLToPath(new URL('../../../../mappings/hl7v2/samples/', import.meta.url));
const samples = readdirSync(folder).map((file) => {
  const sample = parseExact(readJson(readFileSync(folder + file)).text);
  return { name: file.replace('.json', ''), ...sample } as {
    name: string;
    message: string[];
    unmapped: any[];
    bundle: any;
  };
});

describe('mappings/hl7v2', () => {
  let maps: Maps;
  beforeAll(async () => {
    maps = await openMaps();
  });
  afterAll(() => maps.close());

  it.each(samples)('sample $name becomes the Bundle that stands beside it, digit for digit', async (sample) => {
    const { entries, unmapped, quarantine } = await maps.map(message(...sample.message));

    expect([quarantine, unmapped]).toEqual([undefined, sample.unmapped]);
    const made = entries.map(({ fullUrl, method, url, conditions, body }) => {
      const { ifNoneExist } = conditions;
      const request = { method, url, ...(ifNoneExist === undefined ? {} : { ifNoneExist }) };
      return writeExact({ fullUrl, resource: parseExact(body!.text), request });
    });
    expect(made).toEqual(sample.bundle.entry.map(writeExact));
  });
});
