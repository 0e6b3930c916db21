/** Each page of a maker beside its document becomes what stands with it, by the one reader; and is taken in as resources that validate, once. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parseExact, readJson, textOf } from '../../src/fhir/json.ts';
import { loadMakers } from '../../src/ingest/feeds/folders.ts';
import { pageIn } from '../../src/ingest/feeds/pages.ts';
import type { Reader } from '../../src/ingest/feeds/reader.ts';
import { readReport } from '../../src/ingest/feeds/report.ts';
import { readerOf } from '../../src/ingest/feeds/room.ts';
import type { Implant, Told } from '../../src/ingest/implants/told.ts';
import { canonical, mappings } from '../support/feeds-house.ts';
import { type ImplantsHouse, openImplantsHouse } from '../support/implants-house.ts';

/** A folder need not have any. */
const samplesOf = (maker: string): readonly string[] => {
  const folder = join(mappings, maker, 'samples');
  return existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith('.json')) : [];
};
const makers = await loadMakers(mappings);
const samples = [...makers].flatMap(([maker, { document }]) =>
  samplesOf(maker).map((file) => {
    const bytes = readFileSync(join(mappings, maker, 'samples', file));
    const { text } = readJson(bytes);
    const { endpoint, of = '', serial, now } = JSON.parse(text);
    const told: readonly any[] = JSON.parse(textOf(text, ['told'])!);
    const body = Buffer.from(textOf(text, ['body'])!);
    return {
      maker,
      document,
      name: file.replace('.json', ''),
      endpoint: endpoint as string,
      of,
      serial: serial as string,
      now: Date.parse(now),
      body,
      told,
    };
  }),
);
type Sample = (typeof samples)[number];

function readSample({ document, endpoint, of, serial, now, body }: Sample): readonly any[] {
  if (endpoint === 'report') {
    // A document itself stands in a sample as base64.
    const bytes = document.report ? body : Buffer.from(JSON.parse(body.toString()), 'base64');
    return [readReport(document, { body: bytes }, { device: of, implant: { serial } as Implant })];
  }
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

const pagesOf = (maker: string, endpoint: string): readonly Sample[] =>
  samples.filter((one) => one.maker === maker && one.endpoint === endpoint);
/** Somebody has to have the device whose readings they are. */
const told = [...makers.keys()].filter((maker) =>
  ['patients', 'devices', 'readings'].every((endpoint) => pagesOf(maker, endpoint).length > 0),
);

describe.each(told)('What %s tells', (maker) => {
  let house: ImplantsHouse;
  beforeAll(async () => {
    house = await openImplantsHouse();
  });
  afterAll(() => house.stop());

  it('is stored as resources that validate, and told twice is stored once (0-004, 0-116)', async () => {
    const of = (endpoint: string) => pagesOf(maker, endpoint).flatMap(readSample);
    const [patient] = of('patients');
    const [device] = of('devices').filter(({ implant }) => implant !== undefined);
    const readings = of('readings');
    const told: Told = {
      implant: device.implant,
      patient: patient.told,
      interrogations: [],
      readings: readings.flatMap(({ reading }) => reading ?? []),
      alerts: pagesOf(maker, 'alerts')
        .flatMap(readSample)
        .flatMap(({ alert }) => alert ?? []),
    };
    const first = await house.tell(told);
    expect(first.quarantined).toEqual([]);
    expect(first.new).toBeGreaterThan(0);
    const count = async () => (await house.search('Observation')).length;
    const stored = await count();
    const again = await house.tell(told);
    expect([again.new, again.corrected, again.quarantined.length]).toEqual([0, 0, 0]);
    expect(await count()).toBe(stored);
  });
});

describe('The documents of the four makers', () => {
  it('need no code of their own, and have samples of every page that is stored', () => {
    const four = ['abbott', 'biotronik', 'boston-scientific', 'medtronic'];
    expect(told).toEqual(expect.arrayContaining(four));
    expect(four.filter((maker) => makers.get(maker)!.adapt !== undefined)).toEqual([]);
  });

  it('speak of samples that no digit is lost from', () => {
    const text = samples.map(({ body }) => body.toString()).join('');
    expect(text).toContain('98.0');
    expect(parseExact(readJson(Buffer.from('{"value":98.0}')).text).value.text).toBe('98.0');
  });
});
