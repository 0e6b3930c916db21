/** Dates: every precision, every prefix, both sides of every boundary. https://hl7.org/fhir/R4/search.html#prefix */
import { describe, expect, it } from '@jest/globals';
import type { Resource } from '../../src/fhir/references.ts';
import { criterionOf } from '../../src/search/criterion.ts';
import { extract } from '../../src/search/extract.ts';
import { matches } from '../../src/search/match.ts';

const finds = (resource: Resource, name: string, value: string): boolean =>
  matches(criterionOf(resource.resourceType, name, value, {})!, extract(resource), {
    type: resource.resourceType,
    id: '1',
  });
const at = (time: number): Resource => ({
  resourceType: 'Observation',
  effectiveDateTime: new Date(time).toISOString(),
});
const during = (from: number, to: number): Resource => ({
  resourceType: 'Observation',
  effectivePeriod: { start: new Date(from).toISOString(), end: new Date(to).toISOString() },
});
const prefixes = ['eq', 'ne', 'gt', 'lt', 'ge', 'le', 'sa', 'eb', 'ap'];
const held = (resource: Resource, value: string): string =>
  prefixes.filter((prefix) => finds(resource, 'date', prefix + value)).join(' ');

// What each form covers, first and last millisecond, written by hand.
const utc = Date.UTC;
const forms: [value: string, first: number, last: number][] = [
  ['2026', utc(2026, 0, 1), utc(2026, 11, 31, 23, 59, 59, 999)],
  ['2024-02', utc(2024, 1, 1), utc(2024, 1, 29, 23, 59, 59, 999)],
  ['2026-02', utc(2026, 1, 1), utc(2026, 1, 28, 23, 59, 59, 999)],
  ['2026-12-31', utc(2026, 11, 31), utc(2026, 11, 31, 23, 59, 59, 999)],
  ['2026-03-14T09:26Z', utc(2026, 2, 14, 9, 26), utc(2026, 2, 14, 9, 26, 59, 999)],
  ['2026-03-14T09:26', utc(2026, 2, 14, 9, 26), utc(2026, 2, 14, 9, 26, 59, 999)],
  ['2026-03-14T09:26:53Z', utc(2026, 2, 14, 9, 26, 53), utc(2026, 2, 14, 9, 26, 53, 999)],
  ['2026-03-14T09:26:53+05:30', utc(2026, 2, 14, 3, 56, 53), utc(2026, 2, 14, 3, 56, 53, 999)],
  ['2026-01-01T00:30:00+14:00', utc(2025, 11, 31, 10, 30), utc(2025, 11, 31, 10, 30, 0, 999)],
  ['2026-03-14T09:26:53.5Z', utc(2026, 2, 14, 9, 26, 53, 500), utc(2026, 2, 14, 9, 26, 53, 599)],
  ['2026-03-14T09:26:53.589Z', utc(2026, 2, 14, 9, 26, 53, 589), utc(2026, 2, 14, 9, 26, 53, 589)],
];

describe.each(forms)('%s', (value, first, last) => {
  it.each([
    ['the millisecond before', at(first - 1), 'ne lt le eb'],
    ['its first', at(first), 'eq ge le ap'],
    ['its last', at(last), 'eq ge le ap'],
    ['the millisecond after', at(last + 1), 'ne gt ge sa'],
    ['a time that is it', during(first, last), 'eq ge le ap'],
    ['a time that begins before', during(first - 1, last), 'ne lt le ap'],
    ['a time that ends after', during(first, last + 1), 'ne gt ge ap'],
    ['a time around', during(first - 1, last + 1), 'ne gt lt ge le ap'],
    ['a time up to it', during(first - 10, first - 1), 'ne lt le eb'],
    ['a time from it on', during(last + 1, last + 10), 'ne gt ge sa'],
  ])('against %s', (_, target, expected) => {
    expect(held(target, value)).toBe(expected);
  });
});

// What lies where to 14 March; the names are what the specification says of each prefix.
const day = utc(2026, 2, 14);
const next = day + 86_400_000;
const places: Readonly<Record<string, Resource>> = {
  before: during(day - 100, day - 1),
  'begins before and ends in it': during(day - 100, day + 100),
  'begins before and ends with it': during(day - 100, next - 1),
  'is it': during(day, next - 1),
  within: during(day + 100, day + 200),
  'begins with it and ends after': during(day, next + 100),
  'begins in it and ends after': during(next - 100, next + 100),
  around: during(day - 100, next + 100),
  after: during(next, next + 100),
};
const beginning = ['begins before and ends in it', 'begins before and ends with it'];
const contained = ['is it', 'within'];
const ending = ['begins with it and ends after', 'begins in it and ends after'];

describe('a range of time', () => {
  it.each([
    ['eq', 'the range of the search value fully contains the range of the target value', contained],
    [
      'ne',
      'the range of the search value does not fully contain the range of the target value',
      ['before', ...beginning, ...ending, 'around', 'after'],
    ],
    [
      'gt',
      'the range above the search value intersects with the range of the target value',
      [...ending, 'around', 'after'],
    ],
    [
      'lt',
      'the range below the search value intersects with the range of the target value',
      ['before', ...beginning, 'around'],
    ],
    [
      'ge',
      'the range above the search value intersects, or the range of the search value fully contains the target',
      [...contained, ...ending, 'around', 'after'],
    ],
    [
      'le',
      'the range below the search value intersects, or the range of the search value fully contains the target',
      ['before', ...beginning, ...contained, 'around'],
    ],
    [
      'sa',
      'the ranges do not overlap, and the range above the search value contains the range of the target value',
      ['after'],
    ],
    [
      'eb',
      'the ranges do not overlap, and the range below the search value contains the range of the target value',
      ['before'],
    ],
    [
      'ap',
      'the range of the search value overlaps with the range of the target value',
      [...beginning, ...contained, ...ending, 'around'],
    ],
  ])('fulfils %s where %s', (prefix, _, expected) => {
    const found = Object.keys(places).filter((place) => finds(places[place]!, 'date', `${prefix}2026-03-14`));
    expect(found).toEqual(expected);
  });

  it('fulfils ge and le with one and the same of several', () => {
    const several = (...periods: Resource[]): Resource => ({
      resourceType: 'CarePlan',
      activity: periods.map(({ effectivePeriod }: any) => ({ detail: { scheduledPeriod: effectivePeriod } })),
    });
    const early = places['begins before and ends in it']!;
    const late = places['begins in it and ends after']!;
    const [ge, le] = ['ge2026-03-14', 'le2026-03-14'];
    expect(finds(several(early, places['before']!), 'activity-date', ge)).toBe(false);
    expect(finds(several(early, places['within']!), 'activity-date', ge)).toBe(true);
    expect(finds(several(early, late), 'activity-date', ge)).toBe(true);
    expect(finds(several(late, places['after']!), 'activity-date', le)).toBe(false);
    expect(finds(several(late, early), 'activity-date', le)).toBe(true);
  });
});

describe('what a resource says', () => {
  it.each([
    // The precision of a resource is an interval too.
    ['2026', '2026', 'eq ge le ap'],
    ['2026', '2026-01', 'ne gt ge ap'],
    ['2026', '2026-06-15', 'ne gt lt ge le ap'],
    ['2026-12', '2026', 'eq ge le ap'],
    ['2026-12-31', '2027', 'ne lt le eb'],
    ['2027-01-01', '2026-12-31', 'ne gt ge sa'],
    ['2026-03-14T23:30:00-01:00', '2026-03-15', 'eq ge le ap'],
    ['2026-03-14T23:30:00-01:00', '2026-03-14', 'ne gt ge sa'],
  ])('%s against %s', (effectiveDateTime, value, expected) => {
    expect(held({ resourceType: 'Observation', effectiveDateTime }, value)).toBe(expected);
  });

  it('covers all its events, and its bounds', () => {
    const timing = (effectiveTiming: object): Resource => ({ resourceType: 'Observation', effectiveTiming });
    expect(held(timing({ event: ['2026-03-20', '2026-03-10'] }), '2026-03-15')).toBe('ne gt lt ge le ap');
    expect(held(timing({ event: ['2026-03-20', '2026-03-10'] }), '2026-03')).toBe('eq ge le ap');
    const bounds = { start: '2026-03-10', end: '2026-03-12' };
    expect(held(timing({ repeat: { boundsPeriod: bounds } }), '2026-03-13')).toBe('ne lt le eb');
  });

  it('has no end where a Period has none', () => {
    const open = (effectivePeriod: object): Resource => ({ resourceType: 'Observation', effectivePeriod });
    expect(held(open({ start: '2026-03-14' }), '2099')).toBe('ne gt lt ge le ap');
    expect(held(open({ end: '2026-03-14' }), '1900')).toBe('ne gt lt ge le ap');
    expect(held(open({ start: '2026-03-14' }), '2026-03-14')).toBe('ne gt ge ap');
  });
});
