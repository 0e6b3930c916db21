import { describe, expect, it } from '@jest/globals';
import type { Resource } from '../../src/fhir/references.ts';
import { builtInValueSet } from '../../src/terminology/built-in.ts';
import { canonicalParts, type Find, NotExpandable, pick } from '../../src/terminology/codes.ts';
import { expandValueSet } from '../../src/terminology/expand.ts';

const SYSTEM = 'urn:animals';
const animals: Resource = {
  resourceType: 'CodeSystem',
  url: SYSTEM,
  status: 'active',
  content: 'complete',
  property: [
    { code: 'legs', type: 'integer' },
    { code: 'gone', type: 'boolean', uri: 'http://hl7.org/fhir/concept-properties#inactive' },
    { code: 'parent', type: 'code' },
    { code: 'near', type: 'Coding' },
    { code: 'sound', type: 'string' },
    { code: 'weight', type: 'decimal' },
  ],
  concept: [
    {
      code: 'animal',
      concept: [
        {
          code: 'bird',
          property: [{ code: 'legs', valueInteger: 2 }],
          concept: [
            { code: 'duck', property: [{ code: 'sound', valueString: 'quack' }] },
            {
              code: 'dodo',
              property: [
                { code: 'gone', valueBoolean: true },
                { code: 'weight', valueDecimal: 10.5 },
              ],
            },
          ],
        },
        {
          code: 'dog',
          property: [
            { code: 'legs', valueInteger: 4 },
            { code: 'sound', valueString: 'woof' },
          ],
        },
      ],
    },
    {
      code: 'pet',
      property: [{ code: 'near', valueCoding: { code: 'house' } }],
    },
    { code: 'cat', property: ['animal', 'pet'].map((valueCode) => ({ code: 'parent', valueCode })) },
  ],
};
const everything = ['animal', 'bird', 'duck', 'dodo', 'dog', 'pet', 'cat'];

/** Looks among these, with the versions that they say. */
const among =
  (...held: Resource[]): Find =>
  async (type, canonical) => {
    const { url, version } = canonicalParts(canonical);
    return pick(
      held.filter((one) => one.resourceType === type && one.url === url),
      version,
    );
  };
const setOf = (compose: object | undefined, more: object = {}): Resource => ({
  resourceType: 'ValueSet',
  url: 'urn:vs',
  ...(compose && { compose }),
  ...more,
});
const including = (...include: object[]): Resource => setOf({ include });
const filtered = (...filter: (readonly [string, string, string])[]): Resource =>
  including({ system: SYSTEM, filter: filter.map(([property, op, value]) => ({ property, op, value })) });
const codes = async (valueSet: Resource, find: Find = among(animals)): Promise<string[]> =>
  (await expandValueSet(valueSet, find)).map(({ code }) => code).sort();
const without = (...left: string[]): string[] => everything.filter((code) => !left.includes(code)).sort();
const refusal = async (valueSet: Resource, find: Find = among(animals)): Promise<string> => {
  const error: unknown = await expandValueSet(valueSet, find).then(
    (found) => found,
    (thrown) => thrown,
  );
  if (!(error instanceof NotExpandable)) throw new Error(`not refused: ${JSON.stringify(error)}`);
  return `${error.code}: ${error.message}`;
};

describe('The codes of a value set', () => {
  it.each<[string, Resource, string[]]>([
    ['concepts that it lists', including({ system: 'urn:x', concept: [{ code: 'a' }, { code: 'b' }] }), ['a', 'b']],
    ['a whole code system', including({ system: SYSTEM }), without()],
    ['is-a', filtered(['concept', 'is-a', 'bird']), ['bird', 'dodo', 'duck']],
    ['is-a over a parent property', filtered(['concept', 'is-a', 'pet']), ['cat', 'pet']],
    ['descendent-of', filtered(['concept', 'descendent-of', 'bird']), ['dodo', 'duck']],
    ['is-not-a', filtered(['concept', 'is-not-a', 'bird']), without('bird', 'duck', 'dodo')],
    ['generalizes', filtered(['concept', 'generalizes', 'cat']), ['animal', 'cat', 'pet']],
    ['= of an integer', filtered(['legs', '=', '4']), ['dog']],
    ['= of a string', filtered(['sound', '=', 'quack']), ['duck']],
    ['= of a decimal, whatever its digits', filtered(['weight', '=', '10.50']), ['dodo']],
    ['= of a decimal that no concept has', filtered(['weight', '=', '10.4']), []],
    ['= of a code', filtered(['code', '=', 'dog']), ['dog']],
    ['= of the parent', filtered(['parent', '=', 'pet']), ['cat']],
    ['= of a child', filtered(['child', '=', 'duck']), ['bird']],
    ['= of a boolean that is false where it is absent', filtered(['gone', '=', 'false']), without('dodo')],
    ['in', filtered(['code', 'in', 'dog, cat,none']), ['cat', 'dog']],
    ['not-in', filtered(['sound', 'not-in', 'woof,quack']), without('dog', 'duck')],
    ['exists', filtered(['legs', 'exists', 'true']), ['bird', 'dog']],
    ['exists false', filtered(['legs', 'exists', 'false']), without('bird', 'dog')],
    [
      'several filters, which must all hold',
      filtered(['concept', 'is-a', 'animal'], ['sound', 'exists', 'true']),
      ['dog', 'duck'],
    ],
    [
      'the union of its includes',
      including({ system: SYSTEM, concept: [{ code: 'dog' }] }, { system: 'urn:x', concept: [{ code: 'a' }] }),
      ['a', 'dog'],
    ],
    [
      'includes without what it excludes',
      setOf({
        include: [{ system: SYSTEM }],
        exclude: [{ system: SYSTEM, filter: [{ property: 'concept', op: 'is-a', value: 'animal' }] }],
      }),
      ['pet'],
    ],
    [
      'active concepts alone where it says so',
      setOf({ inactive: false, include: [{ system: SYSTEM }] }),
      without('dodo'),
    ],
    ['inactive concepts where it says so', setOf({ inactive: true, include: [{ system: SYSTEM }] }), without()],
  ])('are %s', async (_, valueSet, expected) => {
    expect(await codes(valueSet)).toEqual(expected);
  });

  it('tell apart equal codes of different systems', async () => {
    const set = setOf({
      include: [
        { system: 'urn:x', concept: [{ code: 'a' }] },
        { system: 'urn:y', concept: [{ code: 'a' }] },
      ],
      exclude: [{ system: 'urn:y', concept: [{ code: 'a' }] }],
    });
    expect(await expandValueSet(set, among())).toEqual([{ system: 'urn:x', code: 'a' }]);
  });

  it('are those that R4 lists for its own value sets, in its version alone', async () => {
    const gender = 'http://hl7.org/fhir/ValueSet/administrative-gender';
    for (const canonical of [gender, `${gender}|4.0.1`]) {
      expect(await codes(builtInValueSet(canonical)!)).toEqual(['female', 'male', 'other', 'unknown']);
    }
    expect(builtInValueSet(`${gender}|5.0.0`)).toBeUndefined();
    expect(builtInValueSet('http://hl7.org/fhir/ValueSet/none')).toBeUndefined();
  });
});

describe('Value sets that import others', () => {
  const birds = { ...filtered(['concept', 'is-a', 'bird']), url: 'urn:birds' };
  const loud = { ...filtered(['sound', 'exists', 'true']), url: 'urn:loud' };
  const find = among(animals, birds, loud);

  it.each<[string, Resource, string[]]>([
    ['take over the codes of one', including({ valueSet: ['urn:birds'] }), ['bird', 'dodo', 'duck']],
    ['intersect those of one include', including({ valueSet: ['urn:birds', 'urn:loud'] }), ['duck']],
    [
      'unite those of several includes',
      including({ valueSet: ['urn:birds'] }, { valueSet: ['urn:loud'] }),
      ['bird', 'dodo', 'dog', 'duck'],
    ],
    [
      'intersect them with a code system',
      including({ system: SYSTEM, concept: [{ code: 'dog' }, { code: 'pet' }], valueSet: ['urn:loud'] }),
      ['dog'],
    ],
    [
      'exclude them',
      setOf({ include: [{ system: SYSTEM }], exclude: [{ valueSet: ['urn:birds'] }] }),
      without('bird', 'duck', 'dodo'),
    ],
  ])('%s', async (_, valueSet, expected) => {
    expect(await codes(valueSet, find)).toEqual(expected);
  });

  it('may come to the same one twice, but not to themselves', async () => {
    const middle = { ...including({ valueSet: ['urn:birds'] }), url: 'urn:middle' };
    const outer = including({ valueSet: ['urn:middle'] }, { valueSet: ['urn:birds'] });
    expect(await codes(outer, among(animals, birds, middle))).toEqual(['bird', 'dodo', 'duck']);

    const [a, b] = ['a', 'b'].map((name) => ({
      ...including({ valueSet: [name === 'a' ? 'urn:b' : 'urn:a'] }),
      url: `urn:${name}`,
    }));
    expect(await refusal(a!, among(a!, b!))).toBe('not-supported: imports itself');
  });

  it('take the version that they name, and without one the newest', async () => {
    const versions = ['1.9', '1.10', '1.2'].map((version) => ({
      ...including({ system: 'urn:x', concept: [{ code: version }] }),
      url: 'urn:many',
      version,
    }));
    expect(await codes(including({ valueSet: ['urn:many'] }), among(...versions))).toEqual(['1.10']);
    expect(await codes(including({ valueSet: ['urn:many|1.2'] }), among(...versions))).toEqual(['1.2']);
    expect(await refusal(including({ valueSet: ['urn:many|3'] }), among(...versions))).toMatch(/not known here/);
    const inWords = versions.map((one) => ({ ...one, version: `v${one.version}` }));
    expect(await refusal(including({ valueSet: ['urn:many'] }), among(...inWords))).toMatch(/held several times/);
    const twice = [versions[0]!, { ...versions[0]!, version: '1.9.0' }];
    expect(await refusal(including({ valueSet: ['urn:many'] }), among(...twice))).toMatch(/held several times/);
  });

  it('take the version of a code system that they name', async () => {
    const versions = ['1', '2'].map((version) => ({
      ...animals,
      version,
      property: undefined,
      concept: [{ code: `of-${version}` }],
    }));
    expect(await codes(including({ system: SYSTEM, version: '1' }), among(...versions))).toEqual(['of-1']);
    expect(await codes(including({ system: SYSTEM }), among(...versions))).toEqual(['of-2']);
    expect(await refusal(including({ system: SYSTEM, version: '*' }), among(...versions))).toMatch(/all versions/);
  });

  it('end where they go through too many', async () => {
    const chain = Array.from({ length: 101 }, (_, at) => ({
      ...including(at === 100 ? { system: 'urn:x', concept: [{ code: 'a' }] } : { valueSet: [`urn:${at + 1}`] }),
      url: `urn:${at}`,
    }));
    expect(await codes(chain[1]!, among(...chain))).toEqual(['a']);
    expect(await refusal(chain[0]!, among(...chain))).toMatch(/^too-costly: imports more/);
  });
});

describe('A value set is refused', () => {
  const wide = (size: number) =>
    including({ system: 'urn:x', concept: Array.from({ length: size }, (_, at) => ({ code: `c${at}` })) });

  it('beyond 5,000 codes', async () => {
    expect(await codes(wide(5000))).toHaveLength(5000);
    expect(await refusal(wide(5001))).toMatch(/^too-costly: has more than 5000 codes/);
  });

  it.each<[string, Resource, RegExp]>([
    ['a regex', filtered(['code', 'regex', '.*']), /include\[0\]\.filter\[0\]\.op/],
    ['an operator that R4 does not have', filtered(['code', 'child-of', 'dog']), /filter\[0\]\.op/],
    ['a hierarchy of a property', filtered(['legs', 'is-a', '2']), /applies is-a to a property/],
    ['a property that is not declared', filtered(['colour', '=', 'red']), /does not declare/],
    ['a property that is a Coding', filtered(['near', '=', 'house']), /type is not supported/],
    ['exists without a boolean', filtered(['legs', 'exists', 'yes']), /neither true nor false/],
    ['a code that is not there', filtered(['concept', 'is-a', 'unicorn']), /does not hold/],
    [
      'a code system that is not known',
      including({ system: 'urn:none' }),
      /CodeSystem that is not known here at ValueSet\.compose\.include\[0\]/,
    ],
    [
      'an import that is not known',
      including({ valueSet: ['urn:none'] }),
      /not known here at ValueSet\.compose\.include\[0\]\.valueSet\[0\]/,
    ],
    [
      'an exclude that cannot be told',
      setOf({ include: [{ system: SYSTEM }], exclude: [{ system: 'urn:none' }] }),
      /exclude\[0\]/,
    ],
    [
      'inactive codes of a code system that is not known',
      setOf({ inactive: false, include: [{ system: 'urn:x', concept: [{ code: 'a' }] }] }),
      /not known here/,
    ],
    [
      'a lockedDate with a code system of any version',
      setOf({ lockedDate: '2020-01-01', include: [{ system: SYSTEM }] }),
      /lockedDate/,
    ],
    ['concepts without a system', including({ concept: [{ code: 'a' }] }), /no system/],
    [
      'concepts and filters at once',
      including({ system: SYSTEM, concept: [{ code: 'dog' }], filter: [{ property: 'code', op: '=', value: 'dog' }] }),
      /both/,
    ],
    [
      'a modifierExtension',
      setOf({ include: [{ system: SYSTEM, modifierExtension: [{ url: 'urn:e' }] }] }),
      /modifierExtension/,
    ],
    ['neither definition nor expansion', setOf(undefined), /neither/],
  ])('for %s', async (_, valueSet, reason) => {
    expect(await refusal(valueSet)).toMatch(reason);
  });

  it.each(['fragment', 'example', 'not-present', 'supplement'])('over a code system of content %s', async (content) => {
    expect(await refusal(including({ system: SYSTEM }), among({ ...animals, content }))).toMatch(/not complete/);
    expect(
      await codes(including({ system: SYSTEM, concept: [{ code: 'dog' }] }), among({ ...animals, content })),
    ).toEqual(['dog']);
  });
});

describe('A stored expansion', () => {
  const contains = [
    { system: 'urn:x', code: 'a', contains: [{ system: 'urn:x', code: 'b' }] },
    { abstract: true, contains: [{ system: 'urn:y', code: 'a' }] },
    { system: 'urn:x', code: 'heading', abstract: true },
  ];
  const stored = (expansion: object) => setOf(undefined, { expansion: { contains, ...expansion } });

  it('is used where there is no definition, nested codes included, headings not', async () => {
    expect(await expandValueSet(stored({}), among())).toEqual([
      { system: 'urn:x', code: 'a' },
      { system: 'urn:x', code: 'b' },
      { system: 'urn:y', code: 'a' },
    ]);
    expect(await codes(stored({ total: 4, parameter: [{ name: 'count', valueInteger: 10 }] }))).toHaveLength(3);
    const both = { ...including({ system: 'urn:z', concept: [{ code: 'z' }] }), expansion: { contains } };
    expect(await codes(both)).toEqual(['z']);
  });

  it.each<[string, object]>([
    ['has a total of more codes', { total: 10 }],
    ['begins later', { offset: 2 }],
    ['is a page of unknown length', { parameter: [{ name: 'count', valueInteger: 4 }] }],
    ['was filtered', { parameter: [{ name: 'filter', valueString: 'x' }] }],
    ['holds active codes alone', { parameter: [{ name: 'activeOnly', valueBoolean: true }] }],
    [
      'says that it is not closed',
      { extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/valueset-unclosed', valueBoolean: true }] },
    ],
  ])('is refused where it %s', async (_, expansion) => {
    expect(await refusal(stored(expansion))).toMatch(/may not be the whole/);
  });

  it('is refused where a code has no system', async () => {
    expect(await refusal(setOf(undefined, { expansion: { contains: [{ code: 'a' }] } }))).toMatch(/without a system/);
  });
});
