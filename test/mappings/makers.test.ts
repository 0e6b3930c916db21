/** Each page of a maker beside its document becomes what stands with it, by the one reader; and is taken in as resources that validate, once. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parseExact, readJson, textOf } from '../../src/fhir/json.ts';
import { loadMakers } from '../../src/ingest/feeds/folders.ts';
import { pageIn } from '../../src/ingest/feeds/pages.ts';
import type { Reader } from '../../src/ingest/feeds/reader.ts';
import { readerOf } from '../../src/ingest/feeds/room.ts';
import type { Told } from '../../src/ingest/implants/told.ts';
import { canonical, mappings } from '../support/feeds-house.ts';
import { type ImplantsHouse, openImplantsHouse } from '../support/implants-house.ts';

const makers = await loadMakers(mappings);
const samples = [...makers].flatMap(([maker, { document }]) =>
  readdirSync(join(mappings, maker, 'samples')).map((file) => {
    const bytes = readFileSync(join(mappings, maker, 'samples', file));
    const { text } = readJson(bytes);
    const { endpoint, of = '', now } = JSON.parse(text);
    const told: readonly any[] = JSON.parse(textOf(text, ['told'])!);
    const body = Buffer.from(textOf(text, ['body'])!);
    return {
      maker,
      document,
      name: file.replace('.json', ''),
      endpoint: endpoint as string,
      of,
      now: Date.parse(now),
      body,
      told,
    };
  }),
);
type Sample = (typeof samples)[number];

function readSample({ document, endpoint, of, now, body }: Sample): readonly any[] {
  const reader: Reader = readerOf(document, canonical);
  const page = pageIn(
    document.endpoints[endpoint as 'readings'],
    { body, headers: {} },
    undefined,
    'https://maker.example',
  );
  if (endpoint === 'status') return [reader.status(page.body)];
  return page.rows.map((row) => {
    if (endpoint === 'patients') return reader.patient(row);
    if (endpoint === 'devices') return reader.device(row);
    return endpoint === 'alerts' ? reader.alert(row, of, now) : reader.reading(row, of, now);
  });
}

/** Without the row itself, which stands in the page. */
const plain = (read: object): unknown => JSON.parse(JSON.stringify({ ...read, row: undefined }));

describe.each(samples)('$maker, page $name', (sample) => {
  it('is read as it stands beside it, digit for digit', () => {
    expect(readSample(sample).map(plain)).toEqual(sample.told);
  });
});

describe.each([...makers.keys()])('What %s tells', (maker) => {
  let house: ImplantsHouse;
  beforeAll(async () => {
    house = await openImplantsHouse();
  });
  afterAll(() => house.stop());

  it('is stored as resources that validate, and told twice is stored once (0-004, 0-116)', async () => {
    const of = (name: string) => readSample(samples.find((one) => one.maker === maker && one.name === name)!);
    const [patient] = of('patients');
    const [device] = of('devices-icd');
    const readings = samples.filter((one) => one.maker === maker && one.endpoint === 'readings').flatMap(readSample);
    const told: Told = {
      implant: device.implant,
      patient: patient.told,
      interrogations: [],
      readings: readings.flatMap(({ reading }) => reading ?? []),
      alerts: of('alerts').map(({ alert }) => alert),
    };
    const first = await house.tell(told);
    expect(first.quarantined).toEqual([]);
    expect(first.new).toBeGreaterThan(5);
    const count = async () => (await house.search('Observation')).length;
    const stored = await count();
    const again = await house.tell(told);
    expect([again.new, again.corrected, again.quarantined.length]).toEqual([0, 0, 0]);
    expect(await count()).toBe(stored);
  });
});

describe('The documents of the four makers', () => {
  it('need no code of their own', () => {
    expect([...makers.keys()]).toEqual(['abbott', 'biotronik', 'boston-scientific', 'medtronic']);
    expect([...makers.values()].filter(({ adapt }) => adapt !== undefined)).toEqual([]);
  });

  it('speak of samples that no digit is lost from', () => {
    const text = samples.map(({ body }) => body.toString()).join('');
    expect(text).toContain('98.0');
    expect(parseExact(readJson(Buffer.from('{"value":98.0}')).text).value.text).toBe('98.0');
  });
});
