import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Fhir } from 'fhir';
import { readJson } from '../../../../src/fhir/json.ts';
import { openHouse, type TestHouse } from '../../../support/house.ts';
import { sharedData, without } from '../../../support/shared-data.ts';

const folder = sharedData('devices');
const skipped = without(folder, 'published device resources');
const fhir = new Fhir();
const files = skipped
  ? []
  : readdirSync(folder!).flatMap((name) => readdirSync(`${folder}/${name}`).map((file) => `${folder}/${name}/${file}`));

/** The text that would be sent; XML as JSON, since the server speaks JSON. */
const jsonOf = (file: string): string => {
  const bytes = readFileSync(file);
  return file.endsWith('.xml') ? fhir.xmlToJson(bytes.toString('utf8')) : readJson(bytes).text;
};

describe('Every published resource of a device', () => {
  let house: TestHouse;
  beforeAll(async () => {
    house = await openHouse();
  });
  afterAll(() => house.stop());

  it('is stored, or refused for a reason that is right', async () => {
    if (skipped) return;
    const said: Record<string, string> = {};
    let count = 0;
    for (const file of files) {
      const name = file.slice(file.lastIndexOf('/') + 1);
      const text = jsonOf(file);
      const { resourceType, id, type } = JSON.parse(text);
      const isBundle = resourceType === 'Bundle' && (type === 'transaction' || type === 'batch');
      const { status, body } = isBundle
        ? await house.ask('POST', '/fhir', text)
        : await house.ask('PUT', `/fhir/${resourceType}/${id}`, text);
      if (status === 200 || status === 201) count++;
      else {
        const issues = body.issue.map((i: any) => `${i.expression?.[0] ?? ''} ${i.details?.text ?? i.diagnostics}`);
        said[name] = `${status} ${issues.join('; ')}`;
      }
    }
    // None is: what is refused one day gets its reason here.
    expect(said).toEqual({});
    expect(count).toBe(files.length);
    process.stderr.write(`${count} published resources of devices are stored\n`);
  });
});
