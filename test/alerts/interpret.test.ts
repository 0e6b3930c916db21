import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { ageAt, interpretationOf, judge, measuredIn, type Person } from '../../src/alerts/interpret.ts';
import { loadThresholds, thresholdsFrom } from '../../src/alerts/thresholds.ts';

const thresholds = loadThresholds(fileURLToPath(new URL('../../profiles', import.meta.url)));
const now = Date.parse('2026-11-24T12:00:00Z');
const loinc = 'http://loinc.org';

const verdict = (code: string, value: number, unit: string, person: Person = {}, system = loinc) =>
  judge({ coding: [{ system, code }], value, unit }, person, now, thresholds);
const interpretation = (code: string, value: number, unit: string, person?: Person) => {
  const found = verdict(code, value, unit, person);
  return found && interpretationOf(found);
};

// Every limit: just inside, on it, just outside.
const boundaries: readonly (readonly [
  name: string,
  code: string,
  unit: string,
  values: Readonly<Record<string, string>>,
])[] = [
  [
    'heart rate',
    '8867-4',
    '/min',
    {
      39: 'LL',
      40: 'LL',
      41: 'L',
      59: 'L',
      60: 'N',
      61: 'N',
      99: 'N',
      100: 'N',
      101: 'H',
      130: 'H',
      131: 'HH',
      132: 'HH',
    },
  ],
  [
    'systolic pressure',
    '8480-6',
    'mm[Hg]',
    {
      89: 'LL',
      90: 'LL',
      91: 'N',
      119: 'N',
      120: 'N',
      121: 'H',
      179: 'H',
      180: 'H',
      '180.1': 'HH',
      181: 'HH',
      220: 'HH',
    },
  ],
  ['diastolic pressure', '8462-4', 'mm[Hg]', { 30: 'N', 79: 'N', 80: 'N', 81: 'H', 119: 'H', 120: 'H', 121: 'HH' }],
  [
    'temperature in Celsius',
    '8310-5',
    'Cel',
    {
      34.9: 'LL',
      '35.0': 'LL',
      35.1: 'L',
      '36.0': 'L',
      36.1: 'N',
      36.2: 'N',
      37.1: 'N',
      37.2: 'N',
      37.3: 'H',
      '39.0': 'H',
      39.1: 'HH',
      39.2: 'HH',
    },
  ],
  [
    'temperature in Fahrenheit',
    '8310-5',
    '[degF]',
    {
      94.9: 'LL',
      '95.0': 'LL',
      95.1: 'L',
      96.9: 'L',
      '97.0': 'N',
      97.1: 'N',
      98.9: 'N',
      '99.0': 'N',
      99.1: 'H',
      102.3: 'H',
      102.4: 'HH',
      102.5: 'HH',
    },
  ],
  [
    'respiratory rate',
    '9279-1',
    '/min',
    { 7: 'LL', 8: 'LL', 9: 'L', 11: 'L', 12: 'N', 13: 'N', 19: 'N', 20: 'N', 21: 'H', 24: 'H', 25: 'HH', 26: 'HH' },
  ],
  [
    'oxygen saturation',
    '59408-5',
    '%',
    { '90.9': 'LL', 91: 'LL', '91.1': 'L', 94: 'L', '94.9': 'L', 95: 'N', 96: 'N', 100: 'N' },
  ],
  [
    'glucose in mg/dL',
    '41653-7',
    'mg/dL',
    {
      53: 'LL',
      '53.9': 'LL',
      54: 'L',
      69: 'L',
      '69.9': 'L',
      70: 'N',
      180: 'N',
      '180.1': 'H',
      250: 'H',
      '250.1': 'HH',
      251: 'HH',
    },
  ],
  [
    'glucose in mmol/L',
    '15074-8',
    'mmol/L',
    { 2.9: 'LL', '3.0': 'L', 3.8: 'L', 3.9: 'N', '10.0': 'N', 10.1: 'H', 13.9: 'H', '14.0': 'HH' },
  ],
];

describe('limits for adults', () => {
  for (const [name, code, unit, values] of boundaries) {
    it(`hold at every boundary of ${name} (2-065, 2-069 to 2-074)`, () => {
      const found = Object.keys(values).map((value) => [value, interpretation(code, Number(value), unit)]);

      expect(Object.fromEntries(found)).toEqual(values);
    });
  }

  it('know no limit for weight', () => {
    expect(verdict('29463-7', 150, '[lb_av]')).toBeUndefined();
  });

  it('are converted where a value comes in another unit (2-071)', () => {
    expect(interpretation('8480-6', 15.99, 'kPa')).toBe('N'); // 119.9 mm[Hg]
    expect(interpretation('8480-6', 16.2, 'kPa')).toBe('H'); // 121.5 mm[Hg]
    expect(interpretation('8310-5', 310.35, 'K')).toBe('N'); // 37.2 Cel
    expect(interpretation('8867-4', 2.5, '/s')).toBe('HH'); // 150 /min
  });

  it('do not judge a value whose unit does not fit, and say so', () => {
    for (const unit of ['mm[Hg]', 'bpm'])
      expect(verdict('8867-4', 150, unit)).toEqual({ vital: 'heart-rate', name: 'Heart rate', severity: 'no-unit' });
    expect(interpretation('8867-4', 150, 'bpm')).toBeUndefined();
  });

  it('are found by the MDC code of a device too', () => {
    expect(verdict('147842', 150, '/min', {}, 'urn:iso:std:iso:11073:10101')?.severity).toBe('critical');
  });
});

describe('whom limits are for', () => {
  it('takes the adult table from the sixteenth birthday on and where the birth date is unknown', () => {
    expect(verdict('8867-4', 150, '/min', { birthDate: '2010-11-24' })?.severity).toBe('critical');
    expect(verdict('8867-4', 150, '/min', {})?.severity).toBe('critical');
    expect(verdict('8867-4', 150, '/min', { birthDate: '2010' })?.severity).toBe('critical');
  });

  it('knows no table of glucose in the first month, whatever the value', () => {
    expect(verdict('2339-0', 400, 'mg/dL', { birthDate: '2026-10-25' })?.severity).toBe('no-table');
    expect(interpretation('2339-0', 100, 'mg/dL', { birthDate: '2026-11-01' })).toBeUndefined();
    expect(interpretation('2339-0', 400, 'mg/dL', { birthDate: '2026-10-24' })).toBe('HH');
  });

  it('changes from table to table with the month', () => {
    const at = (birthDate: string) => interpretation('8867-4', 170, '/min', { birthDate });
    // 3 to 5 months: up to 175; 6 to 8 months: up to 168.
    expect([at('2026-05-25'), at('2026-05-24')]).toEqual(['N', 'H']);
  });

  it('goes from the children’s to the adults’ on the sixteenth birthday', () => {
    const at = (birthDate: string) => interpretation('8867-4', 102, '/min', { birthDate });
    expect([at('2010-11-25'), at('2010-11-24')]).toEqual(['N', 'H']);
  });

  // Just inside and just outside of each, at the age of so many years and days.
  const children: readonly (readonly [
    what: string,
    code: string,
    unit: string,
    born: string,
    Record<string, string>,
  ])[] = [
    [
      'heart rate at 2 months',
      '8867-4',
      '/min',
      '2026-09-20',
      { 59: 'LL', 60: 'L', 107: 'N', 181: 'N', 182: 'H', 220: 'HH' },
    ],
    [
      'heart rate at 10 years',
      '8867-4',
      '/min',
      '2016-06-01',
      { 40: 'LL', 51: 'L', 52: 'N', 115: 'N', 116: 'H', 180: 'HH' },
    ],
    [
      'respiratory rate at 1 year',
      '9279-1',
      '/min',
      '2025-10-01',
      { 9: 'LL', 10: 'L', 21: 'N', 53: 'N', 54: 'H', 60: 'H', 61: 'HH' },
    ],
    [
      'systolic pressure at 4 years',
      '8480-6',
      'mm[Hg]',
      '2022-06-01',
      { 77: 'LL', 78: 'L', 89: 'N', 112: 'N', 113: 'H' },
    ],
    [
      'systolic pressure at 12 years',
      '8480-6',
      'mm[Hg]',
      '2014-06-01',
      { 89: 'LL', 90: 'L', 110: 'N', 131: 'N', 132: 'H' },
    ],
    ['oxygen saturation at 5 years', '59408-5', '%', '2021-06-01', { '89.9': 'LL', 90: 'L', 95: 'N' }],
    ['temperature at 1 month', '8310-5', 'Cel', '2026-10-10', { 35: 'LL', 36: 'L', '37.9': 'N', 38: 'HH' }],
    [
      'temperature at 4 years, in Fahrenheit',
      '8310-5',
      '[degF]',
      '2022-06-01',
      { 100: 'N', '100.4': 'H', 105: 'H', 106: 'HH' },
    ],
    [
      'glucose at 8 years',
      '15074-8',
      'mmol/L',
      '2018-06-01',
      { '2.9': 'LL', 3: 'L', '3.9': 'N', 10: 'N', '13.9': 'H', 14: 'HH' },
    ],
  ];
  for (const [what, code, unit, birthDate, values] of children)
    it(`knows ${what}`, () => {
      const found = Object.keys(values).map((value) => [
        value,
        interpretation(code, Number(value), unit, { birthDate }),
      ]);
      expect(Object.fromEntries(found)).toEqual(values);
    });

  it('counts completed years', () => {
    expect(ageAt('2000-02-29', Date.parse('2016-02-28T23:59:59Z'))).toBe(15);
    expect(ageAt('2000-02-29', Date.parse('2016-02-29T00:00:00Z'))).toBe(16);
    expect(ageAt('2000-03', Date.parse('2016-02-29T00:00:00Z'))).toBe(15);
  });

  it('leaves to the next layer what one does not say: each side, critical or not, by itself', () => {
    const table = (code: string, ...intervals: any[]) =>
      thresholdsFrom([
        {
          identifier: [{ system: 'x/sid/vital', value: 'x' }],
          code: { coding: [{ system: 's', code: 'c' }] },
          quantitativeDetails: { unit: { coding: [{ code }] } },
          qualifiedInterval: intervals.map(([category, low, high]) => ({
            category,
            range: { ...(low && { low: { value: low, code } }), ...(high && { high: { value: high, code } }) },
          })),
        },
      ]);
    const house = table('/min', ['reference', 60, 100], ['critical', 0, 40], ['critical', 131, 0]);
    const judged = (own: ReturnType<typeof table>, ...values: number[]) =>
      values
        .map((value) => judge({ coding: [{ system: 's', code: 'c' }], value, unit: '/min' }, {}, now, own, house)!)
        .map((verdict) => interpretationOf(verdict))
        .join(' ');

    expect(judged(table('/min', ['reference', 0, 110]), 40, 59, 60, 110, 111, 131)).toBe('LL L N N H HH');
    expect(judged(table('/min', ['critical', 95, 0]), 40, 59, 94, 95, 110)).toBe('LL L N HH HH');
    expect(judged(table('/min', ['critical', 0, 30]), 30, 35, 41, 60, 131)).toBe('LL L L N HH');
    // Who calls a value normal is not contradicted by what it does not say.
    expect(judged(table('/min', ['reference', 35, 150]), 34, 35, 150, 151)).toBe('LL N N HH');
    // One a second is sixty a minute.
    expect(judged(table('/s', ['reference', 0.5, 2]), 29, 30, 120, 121, 132)).toBe('LL N N H HH');
  });

  it('prefers an interval for the sex where there is one', () => {
    const interval = (gender: string, high: number) => ({
      category: 'reference',
      gender,
      range: { high: { value: high, code: '/min' } },
    });
    const own = thresholdsFrom([
      {
        identifier: [{ system: 'x/sid/vital', value: 'x' }],
        code: { coding: [{ system: 's', code: 'c' }] },
        quantitativeDetails: { unit: { coding: [{ code: '/min' }] } },
        qualifiedInterval: [interval('female', 10), interval('male', 20)],
      },
    ]);
    const judged = (gender?: string) =>
      judge({ coding: [{ system: 's', code: 'c' }], value: 15, unit: '/min' }, { gender }, now, own)?.severity;

    expect([judged('female'), judged('male'), judged()]).toEqual(['abnormal', 'normal', 'no-table']);
  });
});

it('finds the numbers of an Observation and of its components, with the unit that is meant where that is certain', () => {
  const coding = [{ system: loinc, code: '8480-6' }];
  const unitsOf = (value: object) => measuredIn({ code: { coding }, ...value }).map(({ unit }) => unit);
  const written = (unit: string) => unitsOf({ valueQuantity: { value: 1, unit } })[0];

  expect(
    measuredIn({
      code: { coding },
      valueString: 'x',
      component: [{ code: { coding }, valueQuantity: { value: 1, code: 'mm[Hg]' } }],
    }),
  ).toEqual([{ coding, value: 1, unit: 'mm[Hg]' }]);
  expect(measuredIn({ code: { text: 'x' }, valueQuantity: { value: 1, code: 'mm[Hg]' } })).toEqual([]);
  expect(unitsOf({ valueQuantity: { unit: 'mmHg' } })).toEqual([]);
  expect(['bpm', 'beats/minute', 'breaths/minute', '/min'].map(written)).toEqual(Array(4).fill('/min'));
  expect(['mmHg', '%', 'mg/dL', 'mmol/L'].map(written)).toEqual(['mm[Hg]', '%', 'mg/dL', 'mmol/L']);
  expect(['degF', 'F', 'degC', 'C', 'Cel'].map(written)).toEqual(['[degF]', '[degF]', 'Cel', 'Cel', 'Cel']);
  expect(['BPM', ' bpm', 'mm', 'constructor'].map(written)).toEqual(Array(4).fill(undefined));
  expect(unitsOf({ valueQuantity: { value: 1, unit: 'mmHg', code: 'kPa' } })).toEqual(['kPa']);
  expect(unitsOf({ valueInteger: 150 })).toEqual([undefined]);
});
