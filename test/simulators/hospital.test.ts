/** The simulated hospital: its messages are HL7 v2 that our own parser reads, and they are sent one after another. domain.md 2.6, 6.1 */
import { type AddressInfo, createServer } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { createFrames, frame } from '../../src/ingest/hl7v2/wire/frames.ts';
import { parseMessage } from '../../src/ingest/hl7v2/wire/message.ts';
import { hospital, sendHospital } from '../../src/simulators/hl7v2.ts';
import { heldClock, visit } from './maker-client.ts';

const at = Date.UTC(2026, 2, 10, 12);
const parsed = (text: string) => parseMessage(Buffer.from(text));

describe('The simulated hospital', () => {
  const messages = [...hospital({ seed: 3, at, messages: 24 })];

  it('admits, changes, measures and follows up, patient after patient', () => {
    const told = messages.map(parsed);
    expect(told.slice(0, 4).map(({ type, event }) => `${type}^${event}`)).toEqual([
      'ADT^A01',
      'ADT^A08',
      'ORU^R01',
      'ORU^R01',
    ]);
    expect(new Set(told.map(({ controlId }) => controlId)).size).toBe(24);
    expect(told.flatMap(({ warnings }) => warnings)).toEqual([]);
    expect(told[2]!.all('OBX').map((segment) => segment.get(3, 1))).toContain('147842');
    expect(told[0]!.first('PID')!.get(3)).toBe('SH001');
  });

  it('sends the report of a follow-up as a PDF that ends as it should', () => {
    const report = parsed(messages[3]!)
      .all('OBX')
      .find((segment) => segment.get(2) === 'ED')!;
    const pdf = Buffer.from(report.get(5, 5)!, 'base64').toString('latin1');
    expect(pdf).toMatch(/^%PDF-1\.4\n[\s\S]*%%EOF\n$/);
    expect(pdf.slice(Number(/startxref\n(\d+)/.exec(pdf)![1]), -1)).toMatch(/^xref\n/);
    const identified = parsed(messages[3]!).first('PID')!;
    expect([identified.get(3, 1, 1, 2), identified.get(3, 4, 1, 2)]).toEqual(['SH001', 'SIMHOSP']);
    expect(identified.get(3)).toMatch(/^model:D\d+\/serial:\d+$/);
  });

  it('is the same text for the same seed at the same time, and another for another', () => {
    expect([...hospital({ seed: 3, at, messages: 24 })]).toEqual(messages);
    expect([...hospital({ seed: 4, at, messages: 24 })]).not.toEqual(messages);
  });

  it('waits for each answer, and counts them', async () => {
    const got: string[] = [];
    const server = createServer((socket) => {
      const frames = createFrames();
      socket.on('data', (chunk) => {
        for (const one of frames.push(chunk)) {
          if (one.is !== 'message') continue;
          const { controlId } = parseMessage(one.bytes);
          got.push(controlId);
          socket.write(
            frame(`MSH|^~\\&|A|B|C|D|20260310||ACK|1|P|2.6\rMSA|${got.length % 3 ? 'AA' : 'AE'}|${controlId}\r`),
          );
        }
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = server.address() as AddressInfo;
      const lines: string[] = [];
      const target = { host: '127.0.0.1', port, seed: 3, messages: 6, every: 0 };
      const answers = await sendHospital(
        target,
        heldClock(at),
        (line) => lines.push(line),
        AbortSignal.timeout(30_000),
      );
      expect(answers).toEqual({ AA: 4, AE: 2, AR: 0 });
      expect(got).toEqual(messages.slice(0, 6).map((one) => parsed(one).controlId));
      expect(lines.at(-1)).toBe('6 messages, 4 taken in, 2 kept aside, 0 refused');
    } finally {
      server.close();
    }
  });
});

describe('A transmission of a simulated maker', () => {
  it('is an IDCO message with the values that its readings have, and its report', async () => {
    const { all, get, simulator } = await visit();
    try {
      const { readings } = simulator.truth();
      const battery = readings.findLast(
        ({ device, quantity }) => device === 'BSX-000011' && quantity === 'battery_voltage',
      )!;
      const message = await get(`/transmissions/${battery.transmission}`);
      expect(message.headers.get('content-type')).toContain('application/hl7-v2');
      const told = parsed(message.text);
      expect(told.first('OBR')!.get(3)).toBe(battery.transmission);
      const volts = told.all('OBX').find((segment) => segment.get(3, 1) === '721344')!;
      expect([volts.get(5), volts.get(6)]).toEqual([battery.value, 'V']);
      const pdf = await get(`/transmissions/${battery.transmission}?format=pdf`);
      expect([pdf.headers.get('content-type'), pdf.text.slice(0, 8)]).toEqual(['application/pdf', '%PDF-1.4']);
      expect((await get('/transmissions/TX-BSX-000011-1')).status).toBe(404);
      expect((await all('/patients')).length).toBe(8);
    } finally {
      await simulator.stop();
    }
  });
});
