import { describe, expect, it } from '@jest/globals';
import type { Resource } from '../../src/fhir/references.ts';
import { NotExpandable } from '../../src/terminology/codes.ts';
import { related } from '../../src/terminology/hierarchy.ts';

const codeSystem = (concept: readonly object[], more: object = {}): Resource => ({
  resourceType: 'CodeSystem',
  url: 'urn:s',
  content: 'complete',
  concept,
  ...more,
});
const property = (code: string, ...values: string[]) => values.map((valueCode) => ({ code, valueCode }));
const codes = (system: Resource, modifier: 'above' | 'below', code: string): string[] =>
  related(system, modifier, code)
    .map((one) => one.code)
    .sort();

/** a over b over c and d; e is below d by each of the ways to say so. */
const ways: readonly [string, Resource][] = [
  [
    'nested concepts',
    codeSystem([
      { code: 'a', concept: [{ code: 'b', concept: [{ code: 'c' }, { code: 'd', concept: [{ code: 'e' }] }] }] },
    ]),
  ],
  [
    'parents',
    codeSystem([
      { code: 'a' },
      { code: 'b', property: property('parent', 'a') },
      { code: 'c', property: property('parent', 'b') },
      { code: 'd', property: property('parent', 'b') },
      { code: 'e', property: property('parent', 'd') },
    ]),
  ],
  [
    'children',
    codeSystem([
      { code: 'a', property: property('child', 'b') },
      { code: 'b', property: property('child', 'c', 'd') },
      { code: 'c' },
      { code: 'd', property: property('child', 'e') },
      { code: 'e' },
    ]),
  ],
  [
    'properties of other names that say what they are',
    codeSystem(
      [
        { code: 'a', property: property('under', 'b') },
        { code: 'b', concept: [{ code: 'c' }, { code: 'd' }] },
        { code: 'e', property: property('over', 'd') },
      ],
      {
        hierarchyMeaning: 'is-a',
        property: [
          { code: 'over', uri: 'http://hl7.org/fhir/concept-properties#parent', type: 'code' },
          { code: 'under', uri: 'http://hl7.org/fhir/concept-properties#child', type: 'code' },
        ],
      },
    ),
  ],
  [
    'nesting and the further parents of v3 code systems',
    codeSystem([
      { code: 'a', concept: [{ code: 'b', concept: [{ code: 'c' }, { code: 'd' }] }] },
      { code: 'e', property: property('subsumedBy', 'd') },
    ]),
  ],
];

describe('A hierarchy told by', () => {
  it.each(ways)('%s leads down and up, the code itself among what is found', (_, system) => {
    expect(codes(system, 'below', 'a')).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(codes(system, 'below', 'd')).toEqual(['d', 'e']);
    expect(codes(system, 'below', 'c')).toEqual(['c']);
    expect(codes(system, 'above', 'e')).toEqual(['a', 'b', 'd', 'e']);
    expect(codes(system, 'above', 'a')).toEqual(['a']);
  });
});

describe('A code with two parents', () => {
  it('is below both', () => {
    const system = codeSystem([{ code: 'a' }, { code: 'b' }, { code: 'c', property: property('parent', 'a', 'b') }]);
    expect(codes(system, 'above', 'c')).toEqual(['a', 'b', 'c']);
    expect(codes(system, 'below', 'b')).toEqual(['b', 'c']);
    expect(related(system, 'below', 'b')).toContainEqual({ system: 'urn:s', code: 'c' });
  });
});

describe('A hierarchy is refused', () => {
  const nested = [{ code: 'a', concept: [{ code: 'b' }] }];

  it.each<[string, Resource, RegExp]>([
    ['where the code is not there', codeSystem([{ code: 'z' }]), /does not hold/],
    ['of parts', codeSystem(nested, { hierarchyMeaning: 'part-of' }), /hierarchyMeaning/],
    ['of groups', codeSystem(nested, { hierarchyMeaning: 'grouped-by' }), /hierarchyMeaning/],
    ['of classes', codeSystem(nested, { hierarchyMeaning: 'classified-with' }), /hierarchyMeaning/],
    ['that is a fragment', codeSystem(nested, { content: 'fragment' }), /not complete/],
    ['whose codes can be composed', codeSystem(nested, { compositional: true }), /composed/],
    ['with a code twice', codeSystem([...nested, { code: 'b' }]), /twice/],
    [
      'with a parent that is not there',
      codeSystem([{ code: 'a', property: property('parent', 'z') }]),
      /does not hold/,
    ],
    [
      'that goes round',
      codeSystem([
        { code: 'a', property: property('parent', 'b') },
        { code: 'b', property: property('parent', 'a') },
      ]),
      /cycle/,
    ],
    [
      'of more than 5,000 codes',
      codeSystem([{ code: 'a', concept: Array.from({ length: 5000 }, (_, at) => ({ code: `c${at}` })) }]),
      /more than 5000/,
    ],
  ])('%s', (_, system, reason) => {
    let thrown: unknown;
    try {
      related(system, 'below', 'a');
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(NotExpandable);
    expect((thrown as NotExpandable).message).toMatch(reason);
  });
});
