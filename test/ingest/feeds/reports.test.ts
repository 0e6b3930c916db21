/** Reports of transmissions: fetched once when readings name them, kept with what came, beside the polls. docs/feeds.md */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readReport } from '../../../src/ingest/feeds/report.ts';
import { reportsWaiting } from '../../../src/ingest/feeds/report-line.ts';
import {
  expectedReport,
  type HandDriven,
  openHandDriven,
  steppedClock,
  storedReports,
} from '../../support/feeds-house.ts';

const MINUTE = 60_000;
const maker = 'boston-scientific';
const sorted = (all: readonly string[]) => [...all].sort();

describe('The reports of a maker', () => {
  let house: HandDriven;
  let clock: ReturnType<typeof steppedClock>;
  const waiting = () => reportsWaiting(house.store, maker);
  const stored = async () => sorted(await storedReports(house));
  const wanted = () =>
    sorted(
      house.sim
        .truth()
        .reports.filter(({ fault }) => !fault)
        .map(expectedReport),
    );

  beforeAll(async () => {
    clock = steppedClock();
    house = await openHandDriven({ clock, sim: { maker, history: 24 } });
  });
  afterAll(() => house.stop());

  it('are put in line with the readings that name them, and a poll does not wait for them', async () => {
    const { counts } = await house.poll();

    expect(counts.new).toBe(house.sim.truth().readings.length);
    expect(await waiting()).toBe(wanted().length);
    expect(await stored()).toEqual([]);
  });

  it('become DiagnosticReports with the PDF, of the IDCO Observation of their readings (0-043)', async () => {
    // What was put in line is there after a restart.
    house.forget();
    const { counts } = await house.poll();
    expect(await house.reports()).toBeUndefined();

    expect(wanted().length).toBeGreaterThan(4);
    expect(await stored()).toEqual(wanted());
    expect(await waiting()).toBe(0);
    expect((await house.poll()).counts).toEqual(counts);
    const reports = await house.search('DiagnosticReport');
    const observations = await house.search('Observation', 'code=IDCO');
    for (const { status, result, presentedForm, subject, effectiveDateTime } of reports) {
      const panel = observations.find(({ id }) => result[0].reference === `Observation/${id}`);
      expect(panel).toMatchObject({ subject, effectiveDateTime });
      expect(panel.component.length).toBeGreaterThan(1);
      expect([status, result.length, presentedForm.length]).toEqual(['final', 1, 1]);
      expect(Buffer.from(presentedForm[0].data, 'base64').toString('latin1')).toMatch(/^%PDF-1.4[\s\S]*%%EOF\n$/);
    }
  });

  it('are kept as they came, and Provenance names that', async () => {
    const [report] = await house.search('DiagnosticReport');
    const told = await house.search('Provenance', `target=DiagnosticReport/${report.id}`);
    expect(told).toHaveLength(1);
    const source = told[0].entity[0].what.reference.split('/')[1];
    const [document] = await house.search('DocumentReference', `_id=${source}`);
    const transmission = report.identifier[0].value;
    expect(document.content[0].attachment.title).toContain(transmission);
    const [binary] = await house.search('Binary', `_id=${document.content[0].attachment.url.split('/')[1]}`);
    const bytes = Buffer.from(binary.data, 'base64');
    expect(JSON.parse(bytes.toString()).hl7).toMatch(/^MSH\|/);
  });

  it('are fetched once, though the overlap names them at every poll', async () => {
    clock.forward(60 * MINUTE);
    await house.poll();
    await house.reports();
    expect(await stored()).toEqual(wanted());
    clock.forward(60 * MINUTE);
    await house.poll();
    const { requests } = house.sim.counts();
    const due = await waiting();
    await house.reports();
    expect(house.sim.counts().requests).toBe(requests + due);
    expect(await stored()).toEqual(wanted());
  });
});

describe('A report that is none', () => {
  const of = { device: 'D-1', implant: { serial: '123456' } as never };
  const document = { report: { pdf: 'pdf', hl7: 'hl7', device: 'device' } };
  const pdf = Buffer.from('%PDF-1.4\n%%EOF\n');
  const read = (body: unknown, by: Parameters<typeof readReport>[0] = document) =>
    readReport(by, { body: Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body)) }, of);
  const hl7 = (serial: string) =>
    `MSH|^~\\&|A|B|C|D|20251117||ORU^R01|1|P|2.6\rPID|1||model:D233/serial:${serial}^^^BSX^U`;

  it.each([
    ['cut off', Buffer.from('%PDF-1.4 and then'), {}, 'unreadable'],
    ['a page', Buffer.from('<!doctype html> %%EOF'), {}, 'unreadable'],
    ['too large', Buffer.alloc(20 * 1024 * 1024 + 1), {}, 'refused'],
    ['too large in base64', { pdf: 'A'.repeat(28_000_000) }, document, 'refused'],
    ['no base64', { pdf: 'JVBERi0*' }, document, 'unreadable'],
    ['missing', { pdf: null }, document, 'unreadable'],
    ['no JSON', Buffer.from('{"pdf":"JVB'), document, 'unreadable'],
    ["another device's", { pdf: pdf.toString('base64'), device: 'D-2' }, document, 'conflict'],
    ["another device's by its message", { pdf: pdf.toString('base64'), hl7: hl7('654321') }, document, 'conflict'],
  ])('%s says why', (_, body, by, code) => {
    expect(read(body, by)).toMatchObject({ code, reason: expect.stringMatching(/^\S+ .+/) });
  });

  it('is told from one that is sound', () => {
    const data = pdf.toString('base64');
    const sound = { contentType: 'application/pdf', data };
    expect(read({ pdf: data, device: 'D-1', hl7: hl7('123456') })).toMatchObject(sound);
    expect(read({ pdf: `${data.slice(0, 8)}\r\n${data.slice(8)}` })).toMatchObject(sound);
    expect(read(pdf, {})).toMatchObject(sound);
  });
});
