import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Fhir } from 'fhir';
import { parseExact, readJson, writeExact } from '../../../../src/fhir/json.ts';
import { sharedData, without } from '../../../support/shared-data.ts';
import { type MapRoom, type Maps, message, openMapRoom, openMaps } from './map-room.ts';

const folder = sharedData('hl7v2');
const skipped = without(folder, 'published HL7 v2 messages');
const examples = sharedData('../reference/domain-examples');
const files = skipped
  ? []
  : [
      ...['oru', 'pcd01'].flatMap((name) =>
        readdirSync(`${folder}/${name}`).map((file) => `${folder}/${name}/${file}`),
      ),
      ...(examples ? ['adt-a01.hl7', 'idco-oru-r01.hl7'].map((file) => `${examples}/${file}`) : []),
    ];

/** Why one is refused, and rightly so. */
const refused: Readonly<Record<string, string>> = {
  'camel-pcd01-response.hl7': 'it is an acknowledgement, and no message to take in',
};

const devices = sharedData('devices');
const isMissing = without(devices, 'published device resources');
const fhir = new Fhir();
const resources = isMissing
  ? []
  : readdirSync(devices!).flatMap((name) =>
      readdirSync(`${devices}/${name}`).map((file) => `${devices}/${name}/${file}`),
    );

/** The text that would be sent; XML as JSON, since the server speaks JSON. */
const jsonOf = (file: string): string => {
  const bytes = readFileSync(file);
  return file.endsWith('.xml') ? fhir.xmlToJson(bytes.toString('utf8')) : readJson(bytes).text;
};

const sampleFolder = fileURLToPath(new URL('../../../../mappings/hl7v2/samples/', import.meta.url));
const samples = readdirSync(sampleFolder).map((file) => {
  const sample = parseExact(readJson(readFileSync(sampleFolder + file)).text);
  return { name: file.replace('.json', ''), ...sample } as {
    name: string;
    message: string[];
    unmapped: any[];
    bundle: any;
  };
});

let room: MapRoom;
let maps: Maps;
beforeAll(async () => {
  [room, maps] = await Promise.all([openMapRoom(), openMaps()]);
});
afterAll(() => Promise.all([room.stop(), maps.close()]));

describe('Every published message', () => {
  it('is taken in, or refused for a reason that is right; at most a tenth of the populated fields has no place', async () => {
    if (skipped) return;
    const sums = { populated: 0, mapped: 0 };
    for (const file of files) {
      const name = file.slice(file.lastIndexOf('/') + 1);
      const bytes = readFileSync(file);
      const { quarantine, fields, unmapped } = await maps.map(bytes);
      const { status, verdict, remarks } = await room.send(bytes);
      if (refused[name]) {
        expect([name, quarantine?.reason, verdict, status]).toEqual([name, refused[name], 'AE', 422]);
      } else {
        expect([name, quarantine?.reason, verdict, status, verdict === 'AA' ? [] : remarks]).toEqual([
          name,
          undefined,
          'AA',
          200,
          [],
        ]);
        sums.populated += fields.populated;
        sums.mapped += fields.mapped;
        process.stderr.write(
          `${name}: ${fields.populated - fields.mapped} of ${fields.populated} fields have no place\n`,
        );
      }
      for (const { path, reason } of unmapped) expect([path, reason.length > 10]).toEqual([path, true]);
    }
    const share = 1 - sums.mapped / sums.populated;
    process.stderr.write(`all: ${sums.populated - sums.mapped} of ${sums.populated} (${(share * 100).toFixed(1)} %)\n`);
    expect(share).toBeLessThanOrEqual(0.1);
  });
});

describe('Every published resource of a device', () => {
  it('is stored, or refused for a reason that is right', async () => {
    if (isMissing) return;
    const said: Record<string, string> = {};
    let count = 0;
    for (const file of resources) {
      const name = file.slice(file.lastIndexOf('/') + 1);
      const text = jsonOf(file);
      const { resourceType, id, type } = JSON.parse(text);
      const isBundle = resourceType === 'Bundle' && (type === 'transaction' || type === 'batch');
      const { status, body } = isBundle
        ? await room.ask('POST', '/fhir', text)
        : await room.ask('PUT', `/fhir/${resourceType}/${id}`, text);
      if (status === 200 || status === 201) count++;
      else {
        const issues = body.issue.map((i: any) => `${i.expression?.[0] ?? ''} ${i.details?.text ?? i.diagnostics}`);
        said[name] = `${status} ${issues.join('; ')}`;
      }
    }
    // None is: what is refused one day gets its reason here.
    expect(said).toEqual({});
    expect(count).toBe(resources.length);
    process.stderr.write(`${count} published resources of devices are stored\n`);
  });
});

describe('mappings/hl7v2', () => {
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
