import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { parseExact } from '../../src/fhir/json.ts';
import { compileMapping, difference, instantOf, loadMapping, mergeSent } from '../../src/ingest/mapping.ts';
import { observationId } from '../../src/ingest/observe.ts';
import { decide, keptAfter } from '../../src/ingest/reading.ts';
import type { Version } from '../../src/store/store.ts';

const folder = fileURLToPath(new URL('../../mappings/iot-vitals', import.meta.url));
const now = Date.parse('2026-11-24T12:00:00Z');

const version = (versionId: number, method: Version['method'] = 'PUT'): Version => ({
  key: { type: 'Observation', id: 'x' },
  versionId,
  lastUpdated: 0,
  method,
  text: method === 'DELETE' ? '' : '{}',
});

describe('what a post does to an Observation', () => {
  const sent = { values: { heart_rate: '70' } };
  const other = { values: { heart_rate: '71' } };
  const kept = { sent, versionId: 2 };

  it.each([
    ['create', undefined, sent, undefined],
    ['repeat', kept, sent, version(2)],
    ['correct', kept, other, version(2)],
    ['repeat', kept, { values: { heart_rate: '70.0' } }, version(2)],
    ['amend', kept, { values: { heart_rate: '7e1' }, quality: '90' }, version(2)],
    ['repeat', { ...kept, sent: { ...sent, quality: '90' } }, { ...sent, quality: '90.0' }, version(2)],
    ['amend', kept, { ...sent, notes: 'x' }, version(2)],
    ['stand', kept, other, version(3)],
    ['stand', kept, sent, version(3)],
    ['stand', kept, sent, version(3, 'DELETE')],
    ['stand', undefined, sent, version(1)],
    ['repeat', { ...kept, standing: 3 }, sent, version(3)],
    ['stand', { ...kept, standing: 3 }, other, version(3)],
    ['stand', { ...kept, standing: 3 }, sent, version(4)],
  ] as const)('%s', (does, was, then, newest) => {
    expect(decide(was, then, newest).does).toBe(does);
  });

  it('leaves what it says nothing about as it was sent before', () => {
    const was = { values: { systolic: '120' }, notes: 'x', quality: '90' };

    expect(mergeSent(was, { values: { diastolic: '80' } })).toEqual({
      values: { systolic: '120', diastolic: '80' },
      notes: 'x',
      quality: '90',
    });
    expect(mergeSent(was, { values: { systolic: '120.0' }, quality: '90.00' })).toEqual(was);
    expect(difference(was, mergeSent(was, { values: { systolic: '120' } }))).toBe('none');
  });

  it('tells the same number in another unit from a repeat', () => {
    const was = { values: { weight: '70' }, units: { weight: 'kg' } };

    expect(difference(was, { values: { weight: '70' }, units: { weight: 'lbs' } })).toBe('changed');
  });

  it('is kept with the version that it makes', () => {
    const decisions = new Map([
      ['a', decide(undefined, sent, undefined)],
      ['b', decide(kept, other, version(2))],
      ['c', decide(kept, other, version(5))],
    ]);

    expect(keptAfter({ vitalSignId: 7, fields: { b: kept, c: kept, d: kept } }, decisions, 7)).toEqual({
      vitalSignId: 7,
      fields: {
        a: { sent, versionId: 1 },
        b: { sent: other, versionId: 3 },
        c: { sent: other, versionId: 2, standing: 5 },
        d: kept,
      },
    });
  });
});

describe('a timestamp', () => {
  it('is an instant with seconds and a zone, to whatever precision', () => {
    expect(instantOf('2025-11-17T10:30:00Z', 't')).toBe(Date.UTC(2025, 10, 17, 10, 30));
    expect(instantOf('2025-11-17T10:30:00.123456Z', 't')).toBe(Date.UTC(2025, 10, 17, 10, 30, 0, 123));
    expect(instantOf('2025-11-17T10:30:00+05:30', 't')).toBe(Date.UTC(2025, 10, 17, 5));
    expect(instantOf('2024-02-29T00:00:00Z', 't')).toBe(Date.UTC(2024, 1, 29));
  });

  it.each([
    '2025-11-17T10:30Z',
    '2025-11-17T10:30:60Z',
    '2025-13-01T00:00:00Z',
    '2025-11-17T10:30:00+0530',
    '0000-01-01T00:00:00Z',
  ])('is not %s', (text) => {
    expect(() => instantOf(text, 't')).toThrow();
  });
});

it('gives a reading the same id for ever: its time in front, the rest from device, instant and field', () => {
  const id = observationId('dev001', now, 'heart_rate');

  expect(id).toBe(observationId('dev001', now, 'heart_rate'));
  expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16)).toBe(now);
  const others = [observationId('dev002', now, 'heart_rate'), observationId('dev001', now, 'glucose')];
  expect(new Set([id, ...others, observationId('dev001', now + 1, 'heart_rate')]).size).toBe(4);
});

describe('the mapping of IoT vital signs', () => {
  const mapping = loadMapping(folder);
  const parse = (payload: string) => mapping.parse(parseExact(`{"timestamp":"2026-11-24T11:00:00Z",${payload}}`), now);
  const document = JSON.parse(readFileSync(`${folder}/mapping.json`, 'utf8'));
  const limits: [string, string, number, number][] = document.observations.flatMap((observation: any) =>
    [observation, ...(observation.components ?? [])].flatMap(({ value }: any) => {
      if (!value) return [];
      const units = value.unit ? [['', value.unit]] : Object.entries(value.units);
      return units.map(([unit, { plausible }]: any) => [value.field, unit, ...plausible]);
    }),
  );

  it.each(limits)(
    'takes %s %s from its lower to its upper limit and refuses what lies beyond',
    (field, unit, low, high) => {
      const isInteger = /heart|pressure|respiratory/.test(field);
      const step = isInteger ? 1 : 0.01;
      const accepts = (value: number) => {
        const vital = field === 'battery_level' ? '"heart_rate":70,' : '';
        const { sent } = parse(`${vital}"${field}":${value}${unit ? `,"${field}_unit":"${unit}"` : ''}`);
        try {
          for (const [name, one] of sent) mapping.demandPlausible(name, one);
          return true;
        } catch {
          return false;
        }
      };

      expect([low - step, low, high, high + step].map(accepts)).toEqual([false, true, true, false]);
    },
  );

  it('keeps the digits as they were written', () => {
    expect(parse('"oxygen_saturation":98.0').sent.get('oxygen_saturation')).toEqual({
      values: { oxygen_saturation: '98.0' },
    });
  });

  it('strips control characters from notes and drops notes that say nothing', () => {
    expect(parse('"heart_rate":70,"notes":"a\\u0007b\\nc"').sent.get('heart_rate')?.notes).toBe('ab\nc');
    expect(parse('"heart_rate":70,"notes":"  "').sent.get('heart_rate')).toEqual({ values: { heart_rate: '70' } });
    expect(() => parse(`"heart_rate":70,"notes":"${'x'.repeat(4_097)}"`)).toThrow('4096');
  });

  it('is nothing but its document: another document maps other fields', () => {
    const own = compileMapping({
      ...document,
      timestamp: 'at',
      observations: [
        { ...document.observations[0], name: 'pulse', value: { ...document.observations[0].value, field: 'bpm' } },
      ],
    });
    const { sent, ignored } = own.parse(parseExact('{"at":"2026-11-24T11:00:00Z","bpm":70,"heart_rate":1}'), now);

    expect([[...sent.keys()], ignored]).toEqual([['pulse'], ['heart_rate']]);
  });
});
