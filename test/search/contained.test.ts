/** Contained resources: what they are found by, and what searches and chains ask of them. https://hl7.org/fhir/R4/search.html#contained */
import { afterEach, describe, expect, it } from '@jest/globals';
import { resourceTypes } from '../../src/fhir/definitions.ts';
import type { Resource } from '../../src/fhir/references.ts';
import { extract } from '../../src/search/extract.ts';
import { setCustomDefinitions } from '../../src/search/knowledge.ts';
import { surelyMatches } from '../../src/search/match.ts';
import { parseSearch } from '../../src/search/parse.ts';

afterEach(() => setCustomDefinitions([]));

const containers = [...resourceTypes];
const parse = (type: string, query: string) =>
  parseSearch(type, [...new URLSearchParams(query)], { strict: true, containers });

const patients: readonly any[] = [
  { id: 'a', name: [{ family: 'Byron', given: ['Ada'] }], gender: 'female', birthDate: '1815-12-10' },
  { id: 'b', name: [{ family: 'Byron', given: ['George'] }], gender: 'male', active: true },
  { id: 'c', name: [{ family: 'Baker' }], birthDate: '1900', generalPractitioner: [{ reference: 'Practitioner/1' }] },
  { id: 'd', identifier: [{ system: 'urn:mrn', value: '1' }], gender: 'male', deceasedBoolean: false },
  { id: 'e' },
].map((one) => ({ resourceType: 'Patient', ...one }));

const holding = (contained: readonly any[], pointed = contained): Resource => ({
  resourceType: 'Encounter',
  id: 'holds',
  contained,
  status: 'finished',
  class: { code: 'AMB' },
  participant: contained.map(({ id }) => ({ individual: { reference: `#${id}` } })),
  ...(pointed.length > 0 && { subject: { reference: `#${pointed[0].id}` } }),
});
const key = { type: 'Encounter', id: 'holds' };

const conditions = [
  'name=byron',
  'family:exact=Baker',
  'name:contains=yro',
  'gender=male',
  'gender:not=male',
  'gender:missing=true',
  'active:missing=false',
  'birthdate=1815',
  'birthdate=ge1850',
  'birthdate=ne1900',
  'birthdate:missing=true',
  'identifier=urn:mrn|1',
  'identifier=urn:mrn|',
  'general-practitioner=Practitioner/1',
  'general-practitioner=Practitioner/2,Practitioner/1',
  'deceased=false',
  'name=nobody,baker',
  '_filter=not (family eq byron) and gender pr true',
];

describe('what a contained resource is found by', () => {
  it('are entries under names of its own: none of a resource that contains nothing', () => {
    const plain = extract(holding([]));
    expect(extract({ ...holding([]), contained: undefined })).toEqual(plain);
    expect([plain.groups, JSON.stringify(plain).includes('#')]).toEqual([[], false]);
    const { keys, texts, references } = extract(holding([patients[0]]));
    expect(texts).toContainEqual(expect.objectContaining({ name: 'Encounter#Patient.family', folded: 'byron' }));
    expect(texts).toContainEqual(expect.objectContaining({ name: 'Encounter.subject#Patient.family' }));
    expect(keys).toContainEqual({ name: 'Encounter#', first: 'Patient', second: '' });
    const names = [...keys, ...texts].map(({ name }) => name);
    expect(names.filter((name) => name.startsWith('Patient.'))).toEqual([]);
    expect(references).toEqual(plain.references);
  });

  it('is kept together for each, also for one of the same type as what contains it', () => {
    const whole = { ...patients[0], contained: [patients[1]], link: [{ other: { reference: '#b' }, type: 'seealso' }] };
    const { texts, groups } = extract(whole);
    const familyNames = (list: typeof texts) => list.filter(({ name }) => name === 'Patient.given');
    expect(familyNames(texts)).toEqual([{ name: 'Patient.given', folded: 'ada', original: 'Ada' }]);
    expect(groups.map(({ name, entries }) => [name, familyNames([...entries.texts])])).toEqual([
      ['#Patient', [{ name: 'Patient.given', folded: 'george', original: 'George' }]],
    ]);
  });

  it('passes by what is no resource', () => {
    const odd = {
      ...holding([]),
      contained: [null, 'x', {}, { resourceType: 7 }, { resourceType: 'Colour', id: 'x' }],
    };
    expect(() => extract(odd as unknown as Resource)).not.toThrow();
  });
});

describe('a search for contained resources', () => {
  it('finds a container whenever one of those in it would be found alone', () => {
    const told = { yes: 0, no: 0 };
    const standing = patients.map((one) => ({ entries: extract(one), key: { type: 'Patient', id: one.id } }));
    const pairs = patients.flatMap((_, i) => patients.map((_, j) => [i, j] as const));
    const held = pairs.map(([i, j]) => extract(holding([patients[i], patients[j]])));
    for (const one of conditions) {
      for (const other of ['', ...conditions]) {
        const query = other === '' || other === one ? one : `${one}&${other}`;
        const outside = parse('Patient', query).query;
        const inside = parse('Patient', `${query}&_contained=true`).query;
        const alone = standing.map(({ entries, key }) => surelyMatches(outside, entries, key));
        for (const [at, [i, j]] of pairs.entries()) {
          const wanted = alone[i]! || alone[j]!;
          expect([query, i, j, surelyMatches(inside, held[at]!, key)]).toEqual([query, i, j, wanted]);
          told[wanted ? 'yes' : 'no']++;
        }
      }
    }
    expect(Math.min(told.yes, told.no)).toBeGreaterThan(1000);
  });

  it('asks every container, and those alone that the caller may search', () => {
    const all = parse('Patient', 'name=a&_contained=true').query;
    expect([all.type, ...all.also!.map(({ type }) => type)].sort()).toEqual(
      containers.filter((type) => !['Bundle', 'Binary', 'Parameters'].includes(type)).sort(),
    );
    const few = parseSearch('Patient', [['_contained', 'true']], { strict: true, containers: ['Observation'] }).query;
    expect(few.where).toEqual({ is: 'any', of: [] });
    expect(few.also!.map(({ type }) => type)).toEqual(['Observation']);
  });

  it('stays small however much is asked', () => {
    const values = Array.from({ length: 450 }, (_, i) => `v${i}`).join();
    expect(JSON.stringify(parse('Patient', `name=${values}&_contained=true`).query.also![0]).length).toBeLessThan(
      50_000,
    );
    const parts = JSON.stringify(parse('Patient', `name=${values}&gender=male&_contained=true`).query.also![0]!.where);
    expect(parts.match(/#Patient\.gender/g)).toHaveLength(1);
    expect(parts).not.toContain('#Patient.name');
  });

  it('does not ask for a parameter that came later, with which only its own type is surely indexed', () => {
    const marital = { id: 'm', code: 'marital', base: ['Patient'], type: 'token', expression: 'Patient.maritalStatus' };
    setCustomDefinitions([marital]);
    for (const query of ['marital=M', 'marital:missing=true', 'marital:text=x']) {
      expect(() => parse('Patient', `${query}&_contained=true`)).toThrow('not answered of contained');
      expect(parse('Encounter', `subject:Patient.${query}`).query.where).toMatchObject({ is: 'refers' });
    }
    expect(() => parse('Patient', 'name=a&_contained=true')).not.toThrow();
  });
});

describe('a chain', () => {
  const chain = (query: string) => parse('Encounter', `subject:Patient.${query}`).query;

  it('holds for the contained resource that its reference leads to, and for no other', () => {
    for (const query of conditions.filter((one) => !one.startsWith('_filter'))) {
      for (const subject of patients) {
        const others = patients.filter((one) => one !== subject);
        const held = surelyMatches(chain(query), extract(holding([...others, subject], [subject])), key);
        const wanted = surelyMatches(parse('Patient', query).query, extract(subject), { type: 'Patient', id: 'x' });
        expect([query, subject.id, held]).toEqual([query, subject.id, wanted]);
      }
    }
  });

  it('of several steps looks inside at its last one', () => {
    const { where } = parse('Encounter', 'subject:Patient.organization.name=a').query;
    expect(where).toMatchObject({ is: 'refers', name: 'Encounter.subject', where: { is: 'any' } });
    expect(JSON.stringify(where).match(/#\w+\.name/g)).toEqual(['#Organization.name']);
  });

  it.each(['_id=a', '_id:not=a', '_lastUpdated=2026', '_text=a'])('does not look inside for %s', (query) => {
    expect(JSON.stringify(chain(query).where)).not.toContain('#');
  });
});
