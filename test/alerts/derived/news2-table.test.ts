/** NEWS2 as the Royal College of Physicians published it in 2017: every edge of every band, and whole cases (3-012). */
import { describe, expect, it } from '@jest/globals';
import { type Inputs, news2Of, type Parameter, type Scale } from '../../../src/alerts/derived/news2-table.ts';

const well: Inputs = {
  'respiratory-rate': 16,
  'oxygen-saturation': 98,
  oxygen: false,
  'systolic-pressure': 120,
  pulse: 75,
  consciousness: 'A',
  temperature: 37,
};
const scoreOf = (parameter: Parameter, value: unknown, more: Partial<Inputs> = {}, scale: Scale = 1) =>
  news2Of({ ...well, ...more, [parameter]: value }, scale).scores[parameter];

describe('the table of NEWS2', () => {
  it.each<[Parameter, readonly (readonly [number, number])[]]>([
    [
      'respiratory-rate',
      [
        [8, 3],
        [9, 1],
        [11, 1],
        [12, 0],
        [20, 0],
        [21, 2],
        [24, 2],
        [25, 3],
      ],
    ],
    [
      'oxygen-saturation',
      [
        [91, 3],
        [92, 2],
        [93, 2],
        [94, 1],
        [95, 1],
        [96, 0],
      ],
    ],
    [
      'systolic-pressure',
      [
        [90, 3],
        [91, 2],
        [100, 2],
        [101, 1],
        [110, 1],
        [111, 0],
        [219, 0],
        [220, 3],
      ],
    ],
    [
      'pulse',
      [
        [40, 3],
        [41, 1],
        [50, 1],
        [51, 0],
        [90, 0],
        [91, 1],
        [110, 1],
        [111, 2],
        [130, 2],
        [131, 3],
      ],
    ],
    [
      'temperature',
      [
        [35, 3],
        [35.1, 1],
        [36, 1],
        [36.1, 0],
        [38, 0],
        [38.1, 1],
        [39, 1],
        [39.1, 2],
      ],
    ],
  ])('scores %s at both sides of every edge (3-012)', (parameter, edges) => {
    expect(edges.map(([value]) => [value, scoreOf(parameter, value)])).toEqual(edges);
  });

  it('scores oxygen saturation by scale 2 with oxygen and without (3-012)', () => {
    const by = (oxygen: boolean) => (value: number) => scoreOf('oxygen-saturation', value, { oxygen }, 2);
    expect([83, 84, 85, 86, 87, 88, 92, 93, 97].map(by(false))).toEqual([3, 2, 2, 1, 1, 0, 0, 0, 0]);
    expect([83, 84, 86, 88, 92, 93, 94, 95, 96, 97].map(by(true))).toEqual([3, 2, 1, 0, 0, 1, 1, 2, 2, 3]);
  });

  it('scores whatever is not alert with three, and oxygen with two (3-012)', () => {
    expect(['A', 'C', 'V', 'P', 'U'].map((state) => scoreOf('consciousness', state))).toEqual([0, 3, 3, 3, 3]);
    expect([false, true].map((oxygen) => scoreOf('oxygen', oxygen))).toEqual([0, 2]);
  });

  it('rounds before it looks, since the bands have gaps (3-012)', () => {
    expect([scoreOf('temperature', 35.04), scoreOf('temperature', 35.06)]).toEqual([3, 1]);
    expect([scoreOf('pulse', 90.4), scoreOf('pulse', 90.6)]).toEqual([0, 1]);
  });

  it.each<[Partial<Inputs>, Scale, number, number]>([
    [{}, 1, 0, 0],
    [
      { 'respiratory-rate': 22, 'oxygen-saturation': 94, 'systolic-pressure': 105, pulse: 95, temperature: 38.2 },
      1,
      6,
      2,
    ],
    [{ 'respiratory-rate': 8 }, 1, 3, 3],
    [
      {
        'respiratory-rate': 26,
        'oxygen-saturation': 90,
        oxygen: true,
        'systolic-pressure': 88,
        pulse: 135,
        consciousness: 'V',
        temperature: 34.9,
      },
      1,
      20,
      3,
    ],
    [{ 'respiratory-rate': 18, 'oxygen-saturation': 97, oxygen: true, pulse: 80 }, 2, 5, 3],
    [{ 'respiratory-rate': 18, 'oxygen-saturation': 97, pulse: 80 }, 2, 0, 0],
  ])('adds up to the total of a whole case: %j by scale %i is %i (3-012)', (inputs, scale, total, highest) => {
    expect(news2Of({ ...well, ...inputs }, scale)).toMatchObject({ total, highest });
  });
});
