/** Which search parameters a query relies on. docs/search-parameters.md */
import { describe, expect, it } from '@jest/globals';
import { parseSearch } from '../../src/search/parse.ts';
import { reliedOn } from '../../src/search/relied-on.ts';

const namesIn = (type: string, query: string): readonly string[] => [
  ...reliedOn(parseSearch(type, [...new URLSearchParams(query)], { strict: true }).query),
];

describe('A query relies on the parameter', () => {
  it.each([
    ['Observation', 'value-quantity=5', 'Observation.value-quantity'],
    ['Observation', 'value-quantity=5||mg', 'Observation.value-quantity'],
    ['Observation', 'value-quantity=5|http://unitsofmeasure.org|mg', 'Observation.value-quantity'],
    ['Observation', 'value-quantity=5|https://units.example|drop', 'Observation.value-quantity'],
    ['Observation', 'code:text=heart', 'Observation.code'],
    ['Observation', 'value-date:missing=true', 'Observation.value-date'],
    ['Observation', 'method:missing=true', 'Observation.method'],
    ['Observation', 'method:not=a', 'Observation.method'],
    ['Observation', 'subject:identifier=a|b', 'Observation.subject'],
    ['Observation', 'subject:Patient.name=ada', 'Patient.name'],
    ['Observation', 'subject:Patient.name=ada', 'Observation.subject'],
    ['Patient', '_has:Observation:patient:method=a', 'Observation.method'],
    ['Patient', '_sort=-birthdate', 'Patient.birthdate'],
    ['Observation', '_include=Observation:encounter', 'Observation.encounter'],
    ['Location', 'near=1|2|3', 'Location.near'],
  ])('of its condition, order or include: %s?%s', (type, query, name) => {
    expect(namesIn(type, query)).toContain(name);
  });
});
