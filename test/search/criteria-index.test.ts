/** Subscriptions' criteria, held against the entries of a resource. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { criteriaIndex, type ListedCriterion } from '../../src/search/criteria-index.ts';
import { extract } from '../../src/search/extract.ts';
import { matches } from '../../src/search/match.ts';
import { parseSearch } from '../../src/search/parse.ts';

const listed = (id: string, type: string, query: string): ListedCriterion => ({
  id,
  type,
  where: parseSearch(type, [...new URLSearchParams(query)], { strict: true }).query.where,
});
const observation = (patient: string, code: string, value: number) => ({
  resourceType: 'Observation',
  id: 'o1',
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code }], text: 'Puls' },
  component: [{ code: { coding: [{ code: 'c' }] }, valueQuantity: { value } }],
  subject: { reference: `Patient/${patient}` },
  effectiveDateTime: '2026-11-24T10:00:00Z',
  valueQuantity: { value, system: 'http://unitsofmeasure.org', code: '/min' },
});

describe('the index of criteria', () => {
  it('names those that hold, and no others', () => {
    const index = criteriaIndex([
      listed('all', 'Observation', ''),
      listed('code', 'Observation', 'code=http://loinc.org|8867-4'),
      listed('system', 'Observation', 'code=http://loinc.org|'),
      listed('high', 'Observation', 'code=8867-4&value-quantity=gt120'),
      listed('not', 'Observation', 'status:not=final'),
      listed('either', 'Observation', 'code=x,8867-4'),
      listed('lane', 'Observation', 'patient=1&code=http://loinc.org|8867-4&date=ge2026'),
      listed('id', 'Observation', '_id=o1'),
      listed('updated', 'Observation', '_lastUpdated=gt2026'),
      listed('flag', 'Flag', 'status=active'),
    ]);
    const candidates = (value: number) =>
      index.candidates(
        extract(observation('1', '8867-4', value)),
        { type: 'Observation', id: 'o1' },
        Date.UTC(2027, 1),
      );
    expect(candidates(121)).toEqual(['all', 'code', 'system', 'high', 'either', 'lane', 'id', 'updated']);
    expect(candidates(120)).not.toContain('high');
    const flag = { resourceType: 'Flag', status: 'active', code: {}, subject: { reference: 'Patient/1' } };
    expect(index.candidates(extract(flag), { type: 'Flag', id: 'f' })).toEqual(['flag']);
    expect(index.candidates(extract(flag), { type: 'constructor', id: 'f' })).toEqual([]);
  });

  it('finds the same as trying each', () => {
    const of = <T>(...values: T[]) => fc.constantFrom(...values);
    const part = of(
      'patient=1',
      'patient=2',
      'code=http://loinc.org|a',
      'code=b',
      'code=http://loinc.org|',
      'code=a,b',
      'status:not=final',
      'status=final',
      'date=ge2026',
      'date=lt2026',
      'value-quantity=gt5',
      'performer:missing=true',
      '_id=o1,o2',
      'value-string=x',
      'code:text=pul',
      '_content=puls',
      '_content=other',
      'component-code-value-quantity=c$gt5',
      'component-code-value-quantity=c$gt7',
    );
    const query = fc.array(part, { maxLength: 4 }).map((parts) => parts.join('&'));
    fc.assert(
      fc.property(
        fc.array(query, { maxLength: 12 }),
        of('1', '2', '3'),
        of('a', 'b', 'c'),
        of(4, 6),
        (queries, patient, code, value) => {
          const list = queries.map((one, i) => listed(String(i), 'Observation', one));
          const entries = extract(observation(patient, code, value));
          const key = { type: 'Observation', id: 'o1' };
          const wanted = list.filter((one) => matches(one.where, entries, key)).map((one) => one.id);
          expect(criteriaIndex(list).candidates(entries, key)).toEqual(wanted);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('leads to a place by its cells', () => {
    const index = criteriaIndex([
      listed('here', 'Location', 'near=52.52|13.4|5'),
      listed('there', 'Location', 'near=48.85|2.35|5'),
    ]);
    const location = { resourceType: 'Location', position: { latitude: 52.51, longitude: 13.41 } };
    expect(index.candidates(extract(location), { type: 'Location', id: 'l' })).toEqual(['here']);
  });

  it('names none that one resource cannot tell', () => {
    const index = criteriaIndex([listed('chain', 'Observation', 'subject:Patient.name=x')]);
    expect(index.candidates(extract(observation('1', 'a', 1)), { type: 'Observation', id: 'o1' })).toEqual([]);
  });

  it('holds one of 10,000 subscriptions against a resource that only one can be about', () => {
    let tried = 0;
    const index = criteriaIndex(
      Array.from({ length: 10_000 }, (_, i) => {
        const { where, ...rest } = listed(
          `s${i}`,
          'Observation',
          `patient=p${i}&code=http://loinc.org|8867-4&status=final`,
        );
        return {
          ...rest,
          get where() {
            tried++;
            return where;
          },
        };
      }),
    );
    tried = 0;
    const entries = extract(observation('p77', '8867-4', 70));
    expect(index.candidates(entries, { type: 'Observation', id: 'o1' })).toEqual(['s77']);
    expect(tried).toBe(1);
  });
});
