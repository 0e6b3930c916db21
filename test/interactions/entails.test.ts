/** What a search asks already is not asked again: never where a resource could fulfil the one and not the other. */
import { describe, expect, it } from '@jest/globals';
import { entails, leftOf } from '../../src/interactions/entails.ts';
import { compartmentCriterion } from '../../src/search/compartment.ts';
import { extract } from '../../src/search/extract.ts';
import { matches } from '../../src/search/match.ts';
import { parseSearch } from '../../src/search/parse.ts';
import { type Criterion, none } from '../../src/search/query.ts';
import { targetsOf } from '../../src/search/targets.ts';
import { diceOf } from '../search/oracle/dice.ts';

const searched = (query: string): Criterion => {
  const pairs = query
    .split('&')
    .map((pair): [string, string] => [pair.split('=')[0]!, pair.split('=').slice(1).join('=')]);
  return parseSearch('Observation', pairs, { strict: true }).query.where;
};
const ownOf = (patient: string) => compartmentCriterion('Patient', patient, 'Observation')!;

const queries = [
  'patient=1',
  'patient=2',
  'patient=1,2',
  'patient=1&code=http://loinc.org|8867-4',
  'patient=1&code=http://loinc.org|8867-4,http://loinc.org|8480-6',
  'patient=2&code=8867-4&date=ge2026-01-01',
  'patient=1&date=ge2026-01-01',
  'patient=1&_sort=-date',
  'subject=Patient/1',
  'performer=Patient/1',
  'status:not=final',
  'code=8867-4',
  'code=http://loinc.org|8867-4',
  'status=final',
  'status=final&patient=1',
  '_id=a',
  '_id=a,b',
  '_id=a,b,c',
];
const criteria: readonly Criterion[] = [
  ...queries.map(searched),
  ownOf('1'),
  ownOf('2'),
  none,
  { is: 'all', of: [] },
  { is: 'not', of: searched('patient=1') },
  { is: 'points', name: 'Observation.subject', targets: targetsOf(['Patient/1', 'Patient/2']) },
  { is: 'points', name: 'Observation.subject', targets: targetsOf(['Patient/1']) },
  { is: 'points', name: 'Observation.performer', targets: targetsOf(['Patient/1', 'Patient/2']) },
  { is: 'points', name: 'Observation.subject', targets: [] },
  { is: 'any', of: [searched('patient=1'), searched('patient=2')] },
  { is: 'all', of: [ownOf('1'), searched('status=final')] },
  { is: 'any', of: [{ is: 'all', of: [searched('patient=1'), searched('code=8867-4')] }, searched('_id=a')] },
];

const roll = diceOf(7);
const resources = Array.from({ length: 400 }, (_, n) => ({
  resourceType: 'Observation',
  id: roll.of(['a', 'b', 'c', `o${n}`]),
  status: roll.of(['final', 'amended']),
  code: { coding: [{ system: 'http://loinc.org', code: roll.of(['8867-4', '8480-6', '29463-7']) }] },
  ...(roll.chance(0.8) && { subject: { reference: `Patient/${roll.of(['1', '2', '11'])}` } }),
  ...(roll.chance(0.4) && { performer: [{ reference: `Patient/${roll.of(['1', '2'])}` }] }),
  ...(roll.chance(0.8) && { effectiveDateTime: roll.of(['2025-05-01', '2026-05-01']) }),
}));

describe('A condition that is entailed', () => {
  it('is fulfilled by whatever fulfils what is asked', () => {
    const entries = resources.map((resource) => [extract(resource), { type: 'Observation', id: resource.id }] as const);
    let entailed = 0;
    for (const where of criteria) {
      for (const condition of criteria) {
        if (where === condition || !entails(where, condition)) continue;
        entailed++;
        const wrong = entries.filter(([found, key]) => matches(where, found, key) && !matches(condition, found, key));
        expect([JSON.stringify(where), JSON.stringify(condition), wrong.length]).toEqual([
          JSON.stringify(where),
          JSON.stringify(condition),
          0,
        ]);
      }
    }
    expect(entailed).toBeGreaterThan(30);
  });

  it('leaves so much to be asked that the same is found', () => {
    const entries = resources.map((resource) => [extract(resource), { type: 'Observation', id: resource.id }] as const);
    let shorter = 0;
    for (const where of criteria) {
      for (const condition of criteria) {
        const left = leftOf(where, condition);
        if (left !== condition) shorter++;
        const wrong = entries.filter(
          ([found, key]) =>
            matches(where, found, key) &&
            (left === undefined || matches(left, found, key)) !== matches(condition, found, key),
        );
        expect([JSON.stringify(where), JSON.stringify(condition), wrong.length].join('\n')).toMatch(/\n0$/);
      }
    }
    expect(shorter).toBeGreaterThan(60);
  });

  it('of a chain is so for the references that were looked up alone', () => {
    const chain: Criterion = {
      is: 'refers',
      name: 'Observation.subject',
      type: 'Patient',
      where: { is: 'all', of: [] },
    };
    const told = new Map([[chain, targetsOf(['Patient/1'])]]);
    expect(entails(searched('patient=1'), chain, told)).toBe(true);
    expect(entails(searched('patient=1&code=http://loinc.org|8867-4&_sort=-date'), chain, told)).toBe(true);
    expect(entails(searched('patient=1,2'), chain, told)).toBe(false);
    expect(entails(searched('performer=Patient/1'), chain, told)).toBe(false);
    expect(entails(searched('code=8867-4'), chain, told)).toBe(false);
    expect(entails(searched('patient=1'), { ...chain, name: 'Observation.performer' }, told)).toBe(false);
  });

  it.each(['patient=1', 'patient=1&code=http://loinc.org|8867-4&_sort=-date', 'patient=1&date=ge2026-01-01'])(
    'is the compartment of the patient for %s, and not that of another',
    (query) => {
      expect(entails(searched(query), ownOf('1'))).toBe(true);
      expect(entails(searched(query), ownOf('2'))).toBe(false);
      expect(entails(searched(query.replace('patient=1', 'patient=11')), ownOf('1'))).toBe(false);
    },
  );

  it('is not where one alternative misses it', () => {
    expect(entails(searched('patient=1,2'), ownOf('1'))).toBe(false);
    expect(entails({ is: 'not', of: searched('patient=1') }, ownOf('1'))).toBe(false);
    expect(entails({ is: 'any', of: [] }, ownOf('1'))).toBe(false);
  });
});
