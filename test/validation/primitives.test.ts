import { describe, expect, it } from '@jest/globals';
import { primitives } from '../../src/fhir/primitives.ts';

/** Type: what it takes, what it refuses. */
const cases: Readonly<Record<string, readonly [readonly unknown[], readonly unknown[]]>> = {
  base64Binary: [
    ['TQ==', 'TWE=', 'TWFu', 'TW Fu\r\nTWFu', 'a+/='],
    ['T', 'TQ=', 'TQ===', '=TQ=', 'TQ==TQ==', 'T-_A', 'TWFuT', '===='],
  ],
  boolean: [[true, false], []],
  canonical: [
    ['http://a/b|1.0#x', '#local', 'urn:oid:1.2'],
    ['http://a b', 'a\tb', 'a\u00a0b', 'a\u2003b'],
  ],
  code: [
    ['a', 'a b', 'a-b.c', 'é'],
    [' a', 'a ', 'a  b', 'a\tb', 'a\nb', '\u00a0a'],
  ],
  date: [
    ['2024', '2024-02', '2024-02-29', '0001-01-01', '2000-02-29', '9999-12-31'],
    [
      '0000',
      '24',
      '2024-13',
      '2024-00',
      '2024-2-1',
      '2023-02-29',
      '1900-02-29',
      '2024-04-31',
      '2024-01-00',
      '2024-01-01T',
      '2024-01-01T00:00:00Z',
      '2024-',
      '20240101',
      '-2024',
    ],
  ],
  dateTime: [
    [
      '2024',
      '2024-02',
      '2024-02-29',
      '2024-02-29T23:59:59Z',
      '2024-02-29T23:59:60Z',
      '2024-01-01T00:00:00.123456789+14:00',
      '2024-01-01T00:00:00-00:00',
    ],
    [
      '2024-01-01T00:00:00',
      '2024-01-01T00:00Z',
      '2024-01-01T24:00:00Z',
      '2024-01-01T00:60:00Z',
      '2024-01-01T00:00:61Z',
      '2024-01-01T00:00:00+14:01',
      '2024-01-01T00:00:00+15:00',
      '2024-01-01T00:00:00.Z',
      '2024-01-01T00:00:00z',
      '2024-01-01 00:00:00Z',
      '2023-02-29T00:00:00Z',
      '2024-01T00:00:00Z',
      '2024-01-01T00:00:00Z ',
      '2024-01-01T00:00:00ZZ',
    ],
  ],
  decimal: [[0, -1.5, 1e21, 98.0], [Number.POSITIVE_INFINITY]],
  id: [
    ['a', 'A-1.b', 'x'.repeat(64)],
    ['x'.repeat(65), 'a/b', 'a b', 'a_b', 'é', '../a b', 'a\n'],
  ],
  instant: [
    ['2024-01-01T00:00:00Z', '2024-01-01T00:00:00.1+02:00'],
    ['2024-01-01', '2024-01-01T00:00:00', '2024'],
  ],
  integer: [
    [0, -2147483648, 2147483647],
    [1.5, 2147483648, -2147483649, Number.NaN],
  ],
  markdown: [
    ['# a\n* b', ' '],
    ['a\u0000b', 'x'.repeat(1024 * 1024 + 1)],
  ],
  oid: [
    ['urn:oid:1.2.3', 'urn:oid:0.0', 'urn:oid:2.999.10'],
    ['1.2.3', 'urn:oid:3.1', 'urn:oid:1', 'urn:oid:1.02', 'urn:oid:1..2', 'urn:oid:1.2.', 'urn:oid:1.a', 'urn:oid:'],
  ],
  positiveInt: [
    [1, 2147483647],
    [0, -1, 1.5, 2147483648],
  ],
  string: [
    ['a', ' a ', 'a\tb\r\nc', '😀', 'x'.repeat(1024 * 1024)],
    ['a\u0001', '\u001b', 'x'.repeat(1024 * 1024 + 1)],
  ],
  time: [
    ['00:00:00', '23:59:59.999', '12:00:60'],
    ['12:00', '24:00:00', '12:60:00', '12:00:00Z', '12:00:00.', '1:00:00'],
  ],
  unsignedInt: [
    [0, 2147483647],
    [-1, 0.5, 2147483648],
  ],
  uri: [
    ['http://a', 'urn:uuid:x', 'a/b?c=d#e'],
    ['a b', '\n', 'a\u3000b'],
  ],
  url: [['http://a', 'mailto:a@b'], ['http://a b']],
  uuid: [
    ['urn:uuid:c757873d-ec9a-4326-a141-556f43239520', 'urn:uuid:C757873D-EC9A-4326-A141-556F43239520'],
    [
      'c757873d-ec9a-4326-a141-556f43239520',
      'urn:uuid:c757873d-ec9a-4326-a141-556f4323952',
      'urn:uuid:c757873dec9a-4326-a141-556f43239520-',
      'urn:uuid:g757873d-ec9a-4326-a141-556f43239520',
    ],
  ],
};

describe('primitive types', () => {
  it('are those of R4', () => {
    expect([...primitives.keys()].sort()).toEqual(Object.keys(cases).sort());
  });

  for (const [type, [right, wrong]] of Object.entries(cases)) {
    it(`${type} takes what R4 allows and refuses the rest`, () => {
      const { accepts } = primitives.get(type)!;
      expect(right.filter((value) => !accepts(value))).toEqual([]);
      expect(wrong.filter((value) => accepts(value))).toEqual([]);
    });
  }
});
