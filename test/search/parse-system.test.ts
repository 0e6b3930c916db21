/** A search on several types becomes one query. https://hl7.org/fhir/R4/http.html#search */
import { describe, expect, it } from '@jest/globals';
import { resourceTypes } from '../../src/fhir/definitions.ts';
import type { Problem } from '../../src/fhir/outcome.ts';
import type { SearchOptions } from '../../src/search/parse.ts';
import { parseSystemSearch } from '../../src/search/parse-system.ts';
import { refused } from './refused.ts';

const parse = (query: string, types?: readonly string[], options: SearchOptions = { strict: true }) =>
  parseSystemSearch(types, [...new URLSearchParams(query)], options);
const refusal = (query: string, types?: readonly string[]): Problem => refused(() => parse(query, types));

describe('a search on several types', () => {
  it('asks each for its own entries, in an order of the same kind', () => {
    const { query, used } = parse('_type=Observation,Flag&patient=1&_sort=-date,_id&_count=5&_total=accurate');
    const patient = (name: string) => ({ is: 'reference', name, target: 'Patient/1' });
    const sort = (name: string) => [
      { by: 'range', name, descending: true },
      { by: 'id', descending: false },
    ];
    expect(query).toEqual({
      type: 'Observation',
      where: patient('Observation.subject'),
      sort: sort('Observation.date'),
      also: [{ type: 'Flag', where: patient('Flag.subject'), sort: sort('Flag.date') }],
      count: 5,
      total: 'accurate',
      includes: [],
    });
    expect(used.map(([name]) => name)).toEqual(['_type', 'patient', '_sort', '_count', '_total']);
  });

  it('covers all types of R4 where nothing else is said, and knows what all of them have', () => {
    const { query } = parse('_lastUpdated=ge2026&_tag=a');
    expect([query.type, ...query.also!.map(({ type }) => type)]).toEqual([...resourceTypes]);
    expect(query.also!.at(-1)!.where).toMatchObject({ is: 'all', of: [{ is: 'range' }, { is: 'key' }] });
    expect(parse('', ['Flag', 'Patient']).query).toMatchObject({ type: 'Flag', also: [{ type: 'Patient' }] });
  });

  it('of one type is a search on that type', () => {
    expect(parse('_type=Flag&status=active').query).not.toHaveProperty('also');
    expect(parse('_type=Flag,Flag').query).not.toHaveProperty('also');
  });

  it('leaves the fast lane aside', () => {
    const query = 'patient=1&code=http://loinc.org|1';
    expect(JSON.stringify(parse(query, ['Observation', 'DiagnosticReport']).query)).not.toContain('patient+code');
    expect(JSON.stringify(parse(query, ['Observation']).query)).toContain('patient+code');
  });

  it('passes over or refuses what one of the types does not know', () => {
    const { ignored, issues, query } = parse('birthdate=2000&_id=1', ['Patient', 'Flag'], { strict: false });
    expect(ignored).toEqual(['birthdate']);
    expect(issues[0]!.diagnostics).toContain('birthdate');
    expect(query.where).toEqual({ is: 'id', ids: ['1'] });
    expect(refusal('birthdate=2000', ['Patient', 'Flag'])).toMatchObject({ status: 400, code: 'not-supported' });
  });

  it.each([
    ['_type=Colour', 'invalid'],
    ['_type=', 'invalid'],
    ['_type=Patient,', 'invalid'],
    ['_type=Flag&_type=Patient', 'invalid'],
    ['_type=Medication', 'not-supported'],
    ['_type:not=Flag', 'not-supported'],
    ['_sort=birthdate', 'not-supported'],
    ['_has:Observation:encounter:code=a', 'invalid'],
    ['_include=Observation:subject', 'invalid'],
    ['_elements=colour', 'value'],
  ])('%s is refused: %s', (query, code) => {
    expect(refusal(query, ['Patient', 'Flag'])).toMatchObject({ status: 400, code });
  });
});
