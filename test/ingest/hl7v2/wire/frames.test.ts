import { describe, expect, it } from '@jest/globals';
import { createFrames, type Framed, frame } from '../../../../src/ingest/hl7v2/wire/frames.ts';

const told = (framed: readonly Framed[]) => framed.map((one) => (one.is === 'message' ? String(one.bytes) : one.fault));
const read = (sent: string, most?: number) => {
  const frames = createFrames(most);
  return told(frames.push(Buffer.from(sent, 'latin1')));
};

describe('Frames of MLLP', () => {
  it.each<[string, string, readonly string[]]>([
    ['one', '\x0bA\x1c\r', ['A']],
    ['several in one piece', '\x0bA\x1c\r\x0bB\x1c\r', ['A', 'B']],
    ['line ends between them', '\r\n\x0bA\x1c\r\r\n\n\x0bB\x1c\r', ['A', 'B']],
    ['segments that end with a line feed', '\x0bA\nB\n\x1c\r', ['A\nB\n']],
    ['no start at all', 'MSH|garbage\x1c\r', ['no start']],
    ['garbage before one', 'xyz\x0bA\x1c\r', ['no start', 'A']],
    ['garbage between two', '\x0bA\x1c\rxyz\x0bB\x1c\r', ['A', 'no start', 'B']],
    ['two starts', '\x0b\x0bA\x1c\r', ['A']],
    ['a start within one', '\x0bA\x0bB\x1c\r', ['no end', 'B']],
    ['no CR before the next', '\x0bA\x1c\x0bB\x1c\r', ['A', 'B']],
    ['an end within one', '\x0bA\x1cB\x1c\r\x0bC\x1c\r', ['no end', 'C']],
    ['an empty one', '\x0b\x1c\r\x0bA\x1c\r', ['no end', 'A']],
    ['too long a one', '\x0b12345678901\x1c\r\x0bA\x1c\r', ['too long', 'A']],
    ['too long a one without an end', '\x0b12345678901234567890\x0bA\x1c\r', ['too long', 'A']],
  ])('are read with %s, whole and byte by byte', (_with, sent, expected) => {
    expect(read(sent, 10)).toEqual(expected);
    const frames = createFrames(10);
    const bytes = [...Buffer.from(sent, 'latin1')];
    expect(bytes.flatMap((byte) => told(frames.push(Buffer.from([byte]))))).toEqual(expected);
  });

  it('are whole without the last byte once nothing more comes', () => {
    const frames = createFrames();
    expect(told(frames.push(Buffer.from('\x0bA\x1c')))).toEqual([]);
    expect(frames.isEnding()).toBe(true);
    expect(told(frames.settle())).toEqual(['A']);
    expect(told(frames.push(Buffer.from('\r')))).toEqual([]);
  });

  it('keep how a message begins that is too long, and nothing of the rest', () => {
    const frames = createFrames(1_000);
    const [fault] = frames.push(Buffer.from(`\x0bMSH|^~\\&|A${'x'.repeat(5_000)}`));
    expect(fault).toMatchObject({ is: 'fault', fault: 'too long' });
    expect(String((fault as any).head)).toMatch(/^MSH\|/);
    for (let i = 0; i < 100; i++) expect(frames.push(Buffer.alloc(1_000_000, 'x'))).toEqual([]);
    expect(frames.waiting()).toBe(0);
    expect(frames.dropped()).toBeGreaterThanOrEqual(100_000_000);
  });

  it('count garbage without an end as one fault in each MiB', () => {
    const frames = createFrames();
    const faults = Array.from({ length: 64 }, () => frames.push(Buffer.alloc(65_536, 'x'))).flat();
    expect(faults.length).toBe(4);
  });

  it('are written as they are read', () => {
    expect(frame('A')).toEqual(Buffer.from([0x0b, 0x41, 0x1c, 0x0d]));
  });
});
