import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readJson } from '../../src/fhir/json.ts';
import { openHouse, type TestHouse, together } from '../support/house.ts';
import { refusedExamples as refused } from '../support/refused-examples.ts';
import { sameContent } from '../support/same-content.ts';
import { sharedData, without } from '../support/shared-data.ts';

const examples = sharedData('r4-examples/instances.ndjson.gz');
const synthea = sharedData('synthea/smart-synthea-r4-dev.tar.xz');

let house: TestHouse;
beforeAll(async () => {
  house = await openHouse();
});
afterAll(() => house.stop());

describe('the official examples', () => {
  (without(examples, 'the official examples') ? it.skip : it)(
    'are accepted and come back as they were sent',
    async () => {
      const lines = gunzipSync(readFileSync(examples!)).toString('utf8').split('\n').filter(Boolean);
      const unexpected: string[] = [];
      await together(8, async (lane) => {
        for (let i = lane; i < lines.length; i += 8) {
          const sent = lines[i]!;
          const { resourceType, id } = JSON.parse(sent);
          const name = `${resourceType}/${id}`;
          const stored =
            id === undefined || resourceType === 'AuditEvent' // created, never updated
              ? await house.ask('POST', `/fhir/${resourceType}`, sent)
              : await house.ask('PUT', `/fhir/${name}`, sent);
          if (stored.status >= 300) {
            if (!refused[name])
              unexpected.push(`${name}: ${stored.status} ${JSON.stringify(stored.body?.issue?.slice(0, 2))}`);
            continue;
          }
          if (refused[name]) unexpected.push(`${name} was expected to be refused`);
          const read = await house.read(`${resourceType}/${stored.body.id}`);
          const own = resourceType === 'Subscription' ? ['status', 'error', 'channel.header', 'extension'] : [];
          if (!sameContent(readJson(Buffer.from(sent)).text, read.text, own))
            unexpected.push(`${name} came back changed`);
        }
      });
      expect(unexpected).toEqual([]);
    },
    120_000,
  );
});

describe('the Synthea bundles', () => {
  (without(synthea, 'the Synthea bundles') ? it.skip : it)(
    'load as transactions',
    async () => {
      const folder = mkdtempSync(join(tmpdir(), 'watchfire-synthea-'));
      try {
        execFileSync('tar', ['-xJf', synthea!, '-C', folder]);
        const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
          name.endsWith('.json'),
        );
        expect(files).toHaveLength(48);
        const faults: string[] = [];
        for (const file of files) {
          const text = readFileSync(join(folder, file), 'utf8');
          const answer = await house.ask('POST', '/fhir', text);
          if (answer.status !== 200)
            faults.push(`${file}: ${answer.status} ${JSON.stringify(answer.body?.issue?.slice(0, 2))}`);
          else if (answer.body.entry.length !== JSON.parse(text).entry.length)
            faults.push(`${file}: entries are missing`);
        }
        expect(faults).toEqual([]);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
    180_000,
  );
});
