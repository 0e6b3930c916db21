/** Composites as they are defined and as they are read. https://hl7.org/fhir/R4/search.html#composite */
import { describe, expect, it } from '@jest/globals';
import { resourceTypes } from '../../src/fhir/definitions.ts';
import { Problem } from '../../src/fhir/outcome.ts';
import { extract } from '../../src/search/extract.ts';
import { undated } from '../../src/search/fast-lane.ts';
import { matches } from '../../src/search/match.ts';
import type { Parameter } from '../../src/search/parameter.ts';
import { parametersOf } from '../../src/search/parameters.ts';
import { parseSearch } from '../../src/search/parse.ts';

const where = (type: string, query: string) =>
  parseSearch(type, [...new URLSearchParams(query)], { strict: true }).query.where;
const parameter = (type: string, code: string): Parameter => parametersOf(type).get(code)!;
const partsOf = (one: Parameter) =>
  one.composite?.components.map(({ parameter, expression, ofResource }) => [parameter.code, expression, ofResource]);

const code = (name: string, first: string) => ({ is: 'key', name, first, second: '' });
const amount = (name: string) => ({ is: 'range', name, low: { atLeast: 4.5 }, high: { below: 5.5 } });

describe('definitions of composites', () => {
  it('all of R4 are understood', () => {
    const all = [...resourceTypes].flatMap((type) => [...parametersOf(type).values()]);
    const composites = all.filter(({ type }) => type === 'composite');
    expect(composites).toHaveLength(72);
    for (const { name, composite, anyOf } of composites) {
      expect([name, composite !== undefined || anyOf !== undefined]).toEqual([name, true]);
    }
  });

  it('say what one value of the resource needs no group for', () => {
    expect(parameter('Observation', 'code-value-quantity').composite).toMatchObject({ elements: [], atRoot: true });
    expect(parameter('Observation', 'code-value-date').composite).toMatchObject({ elements: [], atRoot: true });
    // value-string also holds the text of a concept, which the composite does not mean.
    expect(parameter('Observation', 'code-value-string').composite).toMatchObject({
      elements: ['Observation'],
      atRoot: false,
    });
  });

  it('put right the names and parts that R4 has wrong', () => {
    expect(partsOf(parameter('Observation', 'code-value-date'))![1]).toEqual([
      'value-date',
      'value.ofType(dateTime) | value.ofType(Period)',
      false,
    ]);
    expect(partsOf(parameter('DocumentReference', 'relationship'))).toEqual([
      ['relation', 'code', false],
      ['relatesto', 'target', false],
    ]);
  });

  it('know parts of the resource beside those of the element', () => {
    expect(partsOf(parameter('MolecularSequence', 'chromosome-variant-coordinate'))).toEqual([
      ['chromosome', '%resource.referenceSeq.chromosome', true],
      ['variant-start', 'start', false],
      ['variant-end', 'end', false],
    ]);
  });
});

describe('composites', () => {
  it('of the resource are all of their parts', () => {
    expect(where('Observation', 'code-value-quantity=a$5')).toEqual({
      is: 'all',
      of: [code('Observation.code', 'a'), amount('Observation.value-quantity')],
    });
  });

  it('of an element ask the resource for each part and one group for all', () => {
    const parts = [code('Observation.component-code', 'a'), amount('Observation.component-value-quantity')];
    expect(where('Observation', 'component-code-value-quantity=a$5')).toEqual({
      is: 'all',
      of: [...parts, { is: 'together', name: 'Observation.component-code-value-quantity', of: parts }],
    });
  });

  it('of both are any of both', () => {
    expect(where('Observation', 'combo-code-value-quantity=a$5')).toEqual({
      is: 'any',
      of: [where('Observation', 'code-value-quantity=a$5'), where('Observation', 'component-code-value-quantity=a$5')],
    });
  });

  it('leave parts of the resource out of the group', () => {
    const criterion = where('MolecularSequence', 'chromosome-variant-coordinate=1$gt5$lt9');
    expect(criterion).toMatchObject({
      is: 'all',
      of: [
        { name: 'MolecularSequence.chromosome' },
        { name: 'MolecularSequence.variant-start' },
        { name: 'MolecularSequence.variant-end' },
        {
          is: 'together',
          name: 'MolecularSequence.chromosome-variant-coordinate',
          of: [{ name: 'MolecularSequence.variant-start' }, { name: 'MolecularSequence.variant-end' }],
        },
      ],
    });
  });

  it('keep what is escaped and take several values', () => {
    expect(where('Observation', 'code-value-string=a\\$b$c\\,d,e$f')).toMatchObject({
      is: 'any',
      of: [
        {
          of: [code('Observation.code', 'a$b'), { name: 'Observation.value-string', value: 'c,d' }, { is: 'together' }],
        },
        { of: [code('Observation.code', 'e'), { value: 'f' }, { is: 'together' }] },
      ],
    });
  });

  it('join the fast lane with their code', () => {
    const lane = 'Observation.patient+code=Patient/1 http://l|a';

    expect(where('Observation', 'patient=1&code-value-quantity=http://l|a$5')).toEqual({
      is: 'all',
      of: [
        {
          is: 'any',
          of: [
            { is: 'range', name: lane, of: 'Patient/1' },
            { is: 'range', name: `${lane}${undated}`, of: 'Patient/1' },
          ],
        },
        amount('Observation.value-quantity'),
      ],
    });
  });

  it('stand at the end of a chain', () => {
    expect(where('DiagnosticReport', 'result.component-code-value-concept=a$b')).toMatchObject({
      is: 'refers',
      type: 'Observation',
      where: { is: 'all' },
    });
  });

  it.each([
    ['code-value-quantity=a', 'value'],
    ['code-value-quantity=a$5$6', 'value'],
    ['code-value-quantity=a$', 'value'],
    ['code-value-quantity=$5', 'value'],
    ['code-value-quantity=a$tall', 'value'],
    ['code-value-quantity=a$5,', 'value'],
    ['combo-code-value-quantity=a', 'value'],
    ['code-value-quantity:missing=maybe', 'value'],
    ['code-value-quantity:exact=a$5', 'not-supported'],
    ['code-value-quantity=', 'invalid'],
  ])('%s is refused: %s', (query, issue) => {
    let refusal: unknown;
    try {
      where('Observation', query);
    } catch (error) {
      refusal = error;
    }
    expect(refusal).toBeInstanceOf(Problem);
    expect(refusal).toMatchObject({ status: 400, code: issue });
    expect((refusal as Problem).message).not.toContain('tall');
  });
});

describe('what composites find', () => {
  const coded = (code: string) => ({ coding: [{ system: 'http://loinc.org', code }] });
  const pressure = (value: number) => ({ value, system: 'http://unitsofmeasure.org', code: 'mm[Hg]' });
  const resources = {
    Observation: {
      code: coded('85354-9'),
      component: [
        { code: coded('8480-6'), valueQuantity: pressure(120) },
        { code: coded('8462-4'), valueQuantity: pressure(80) },
      ],
    },
    DocumentReference: {
      relatesTo: [
        { code: 'replaces', target: { reference: 'DocumentReference/9' } },
        { code: 'signs', target: { reference: 'DocumentReference/8' } },
      ],
    },
    MolecularSequence: {
      referenceSeq: { chromosome: coded('1'), windowStart: 1, windowEnd: 10 },
      variant: [
        { start: 1, end: 2 },
        { start: 7, end: 9 },
      ],
    },
    Measure: {
      useContext: [
        { code: { code: 'age' }, valueRange: { low: { value: 1 }, high: { value: 5 } } },
        { code: { code: 'focus' }, valueCodeableConcept: coded('x') },
      ],
    },
    Group: {
      characteristic: [
        { code: coded('a'), valueBoolean: true },
        { code: coded('b'), valueCodeableConcept: coded('x') },
      ],
    },
  };

  it.each([
    ['Observation', 'component-code-value-quantity=8480-6$120', true],
    ['Observation', 'component-code-value-quantity=8480-6$80', false],
    ['Observation', 'component-code-value-quantity=8480-6$80,8462-4$80', true],
    ['Observation', 'component-code-value-quantity=8462-4$lt90|http://unitsofmeasure.org|mm[Hg]', true],
    ['Observation', 'combo-code-value-quantity=8462-4$lt90||mm[Hg]', true],
    ['Observation', 'combo-code-value-quantity=85354-9$80', false],
    ['Observation', 'code-value-quantity=8462-4$80', false],
    ['DocumentReference', 'relationship=replaces$DocumentReference/9', true],
    ['DocumentReference', 'relationship=signs$DocumentReference/9', false],
    ['MolecularSequence', 'chromosome-variant-coordinate=1$7$9', true],
    ['MolecularSequence', 'chromosome-variant-coordinate=1$1$9', false],
    ['MolecularSequence', 'chromosome-variant-coordinate=2$7$9', false],
    ['MolecularSequence', 'chromosome-window-coordinate=1$1$10', true],
    ['Measure', 'context-type-quantity=age$le3', true],
    ['Measure', 'context-type-quantity=focus$le3', false],
    ['Measure', 'context-type-value=focus$x', true],
    ['Measure', 'context-type-value=age$x', false],
    ['Group', 'characteristic-value=a$true', true],
    ['Group', 'characteristic-value=b$true', false],
  ] as const)('%s?%s finds values of one element: %s', (type, query, found) => {
    const resource = { resourceType: type, id: '1', ...resources[type] };
    expect(matches(where(type, query), extract(resource), { type, id: '1' })).toBe(found);
  });

  it('keeps to the value that the composite means', () => {
    const finds = (value: object): boolean => {
      const resource = { resourceType: 'Observation', id: '1', code: coded('a'), ...value };
      const key = { type: 'Observation', id: '1' };
      return matches(where('Observation', 'code-value-string=a$hel'), extract(resource), key);
    };
    expect(finds({ valueString: 'Hello' })).toBe(true);
    expect(finds({ valueCodeableConcept: { text: 'Hello' } })).toBe(false);
  });
});
