/** A parameter that older resources are not indexed with yet answers nothing, wherever it stands. https://hl7.org/fhir/R4/searchparameter.html */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Problem } from '../../src/fhir/outcome.ts';
import { type Definition, setCustomDefinitions } from '../../src/search/knowledge.ts';
import { parseSearch } from '../../src/search/parse.ts';

const parse = (type: string, query: string) => parseSearch(type, [...new URLSearchParams(query)], { strict: false });

const definition = (code: string, type: string, expression: string): Definition => ({
  id: code,
  code,
  base: ['Patient'],
  type,
  expression,
  url: `https://example.org/${code}`,
});
const custom = [
  definition('alias', 'string', 'Patient.name.text'),
  definition('home', 'reference', 'Patient.managingOrganization'),
];

describe('a custom parameter', () => {
  beforeAll(() => setCustomDefinitions(custom.map((one) => ({ ...one, indexing: 'job-1' }))));
  afterAll(() => setCustomDefinitions([]));

  const uses = [
    ['Patient', 'alias=a'],
    ['Patient', 'alias:missing=true'],
    ['Patient', '_sort=alias'],
    ['Observation', 'patient.alias=a'],
    ['Observation', 'subject.alias=a'],
    ['Patient', 'home:Organization.name=a'],
    ['Organization', '_has:Patient:home:active=true'],
    ['Patient', '_include=Patient:home'],
    ['Organization', '_revinclude=Patient:home'],
    ['Organization', '_revinclude=Patient:*'],
  ] as const;

  it.each(uses)('in %s?%s waits for its index', (type, query) => {
    let refusal: unknown;
    try {
      parse(type, query);
    } catch (error) {
      refusal = error;
    }
    expect(refusal).toBeInstanceOf(Problem);
    expect(refusal).toMatchObject({ status: 503, code: 'transient', headers: { 'Retry-After': '60' } });
    expect((refusal as Problem).message).toContain('job-1');
  });

  it('is answered once that is done', () => {
    setCustomDefinitions(custom);
    for (const [type, query] of uses) expect(parse(type, query).ignored).toEqual([]);
  });
});
