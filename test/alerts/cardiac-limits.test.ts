import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { judge } from '../../src/alerts/interpret.ts';
import { loadLimits } from '../../src/alerts/thresholds.ts';

const profiles = fileURLToPath(new URL('../../profiles', import.meta.url));
const terms = JSON.parse(readFileSync(new URL('../../mappings/idc/terms.json', import.meta.url), 'utf8')).terms;
const limits = loadLimits(profiles)['cardiac-limit'];
const MDC = 'urn:iso:std:iso:11073:10101';
const now = Date.parse('2026-11-24T12:00:00Z');
const pacemaker = { kinds: ['753665', 'pacemaker'] };

function said(code: string, value: number | string, unit?: string, person: object = pacemaker): string {
  const coding = [{ system: MDC, code }];
  const measured =
    typeof value === 'string' ? { coding, value: Number.NaN, coded: [value] } : { coding, value, unit: unit! };
  const verdict = judge(measured, person, now, limits);
  return verdict === undefined
    ? 'none'
    : [verdict.severity, verdict.alert].filter((one) => one !== undefined).join(' ');
}

const table: readonly (readonly [row: string, what: string, code: string, unit: string, Record<string, string>])[] = [
  [
    '0-052, 0-109',
    'heart rate',
    '147842',
    '{beats}/min',
    {
      0: 'abnormal heart-rate-low',
      '29.9': 'abnormal heart-rate-low',
      30: 'normal',
      200: 'normal',
      '200.1': 'abnormal heart-rate-high',
    },
  ],
  [
    '0-053',
    'battery voltage of a pacemaker',
    '721344',
    'V',
    { '2.59': 'abnormal battery-low', '2.6': 'normal', '3.5': 'normal' },
  ],
  [
    '0-054',
    'pacing impedance',
    '722433',
    'Ohm',
    {
      '199.9': 'critical lead-impedance-low',
      200: 'normal',
      2000: 'normal',
      '2000.1': 'critical lead-impedance-high',
    },
  ],
  ['0-054', 'pacing impedance in kOhm', '722432', 'kOhm', { 2: 'normal', '2.1': 'critical lead-impedance-high' }],
  [
    '0-054',
    'shock impedance',
    '722624',
    'Ohm',
    { 19: 'critical lead-impedance-low', 20: 'normal', 200: 'normal', 201: 'critical lead-impedance-high' },
  ],
  ['0-055', 'sensing in the atrium', '722048', 'mV', { '0.49': 'abnormal sensing-low', '0.5': 'normal', 12: 'normal' }],
  ['0-055', 'sensing in the ventricle', '722054', 'mV', { '1.9': 'abnormal sensing-low', 2: 'normal', 25: 'normal' }],
  [
    '0-056',
    'pacing threshold',
    '722177',
    'V',
    {
      '0.25': 'normal',
      '2.5': 'normal',
      '2.6': 'abnormal threshold-high',
      5: 'abnormal threshold-high',
      '5.1': 'critical threshold-high',
    },
  ],
  [
    '0-110',
    'battery left',
    '721536',
    '%',
    {
      21: 'normal',
      20: 'abnormal battery-low',
      '10.1': 'abnormal battery-low',
      10: 'critical battery-low',
      0: 'critical battery-low',
    },
  ],
  ['2.9', 'charge time', '721728', 's', { 15: 'normal', '15.1': 'abnormal charge-time-long' }],
  ['2.9', 'burden', '737696', '%', { 10: 'normal', 11: 'abnormal at-af-burden' }],
  ['0-048', 'shocks since the last session', '737824', '{shocks}', { 0: 'normal', 1: 'critical shock-delivered' }],
];

describe('The limits of implants', () => {
  for (const [row, what, code, unit, values] of table)
    it(`judge ${what} (${row})`, () => {
      const found = Object.keys(values).map((value) => [value, said(code, Number(value), unit)]);
      expect(Object.fromEntries(found)).toEqual(values);
    });

  it('take the battery status for the truth: RRT is a warning, EOS is critical', () => {
    expect(['754113', '754114', '754115', '754116'].map((code) => said('721280', code))).toEqual([
      'normal',
      'normal',
      'abnormal battery-rrt',
      'critical battery-eos',
    ]);
  });

  it('cry where therapy is off', () => {
    expect([said('731520', 'Off'), said('731520', 'On')]).toEqual(['critical therapy-off', 'normal']);
  });

  it('hold no voltage of a defibrillator against those of a pacemaker, and none of an unknown device', () => {
    expect(said('721344', 2.2, 'V', { kinds: ['753666'] })).toBe('none');
    expect(said('721344', 2.2, 'V', {})).toBe('none');
  });

  it('are what is put aside when it comes in, where they say what can be at all', () => {
    const files = readdirSync(profiles).filter((name) => name.startsWith('ObservationDefinition-implant-'));
    const said = files.flatMap((name) => {
      const { code, qualifiedInterval = [] } = JSON.parse(readFileSync(`${profiles}/${name}`, 'utf8'));
      const absolute = qualifiedInterval.find(({ category }: any) => category === 'absolute');
      return absolute
        ? // Feeds of implants speak MDC.
          code.coding.flatMap(({ system, code: term }: any) =>
            system === 'urn:iso:std:iso:11073:10101'
              ? [[term, [absolute.range.low.value, absolute.range.high.value]]]
              : [],
          )
        : [];
    });

    expect(said.length).toBeGreaterThan(25);
    for (const [code, reject] of said)
      expect([code, terms.find((one: any) => one.code === code).reject]).toEqual([code, reject]);
  });

  it('call alerts by names that the code system has', () => {
    const kinds = JSON.parse(readFileSync(`${profiles}/CodeSystem-alert-type.json`, 'utf8')).concept.map(
      (c: any) => c.code,
    );
    const alerts = [...limits.values()]
      .flat()
      .flatMap(({ intervals, coded }) => [
        ...intervals.flatMap(({ low, high }) => [low?.alert, high?.alert]),
        ...[...(coded?.values() ?? [])].map(({ alert }) => alert),
      ])
      .filter((alert) => alert !== undefined);

    expect(new Set(alerts).size).toBeGreaterThan(12);
    expect(alerts.filter((alert) => !kinds.includes(alert))).toEqual([]);
  });
});
