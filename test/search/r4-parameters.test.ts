/** Which search parameters of R4 there are here, and those whose values stand in extensions. https://hl7.org/fhir/R4/searchparameter-registry.html */
import { describe, expect, it } from '@jest/globals';
import { extract } from '../../src/search/extract.ts';
import { definitionsOf, isResourceType } from '../../src/search/knowledge.ts';
import { parametersOf } from '../../src/search/parameters.ts';
import { parseSearch } from '../../src/search/parse.ts';
import { sharedData, without } from '../support/shared-data.ts';
import { filesOf } from '../support/tgz.ts';

const core = sharedData('r4-core/hl7.fhir.r4.core-4.0.1.tgz');
const skipped = without(core, 'the R4 definitions');

/** Examples of SearchParameters that the package holds among the others. */
const examples = new Set(['example', 'example-extension', 'example-reference']);
const genetics = 'http://hl7.org/fhir/StructureDefinition/observation-genetics';
const ofExtensions = [
  'Device.din',
  'DiagnosticReport.assessed-condition',
  'Observation.amino-acid-change',
  'Observation.dna-variant',
  'Observation.gene-amino-acid-change',
  'Observation.gene-dnavariant',
  'Observation.gene-identifier',
  'Patient.mothersMaidenName',
  'QuestionnaireResponse.item-subject',
];

describe('The search parameters of R4', () => {
  // Of 1,400 in the package 3 are examples, 10 name no type, and `_filter` is a grammar. The remaining 1,386 are here: 1,375
  // of base elements, 9 that look into extensions, and 2 without an expression. The often named 1,378 are those of base
  // elements, the 2, and `_filter`.
  (skipped ? it.skip : it)('are all here but for what can be no parameter of a type', () => {
    const packaged = filesOf(core!, (name) => /^package\/SearchParameter-.*\.json$/.test(name)).map(([, text]) =>
      JSON.parse(text),
    );
    expect(packaged).toHaveLength(1_400);
    const noType = packaged.filter(({ base = [] }) => base.length === 0);
    expect(noType).toHaveLength(10);
    const wanted = packaged.filter((one) => !noType.includes(one) && !examples.has(one.id) && one.code !== '_filter');
    const here = new Set(
      wanted.flatMap(({ base }) => base.flatMap(definitionsOf)).flatMap((one) => (one.url === undefined ? one.id : [])),
    );
    expect([...here].sort()).toEqual(wanted.map(({ id }) => id).sort());
    expect(here.size).toBe(1_386);
    const unexplained = wanted.filter(({ base, code }) =>
      base.some((type: string) => isResourceType(type) && !parametersOf(type).has(code)),
    );
    expect(unexplained.map(({ id }) => id).sort()).toEqual([
      'patient-extensions-Patient-age',
      'patient-extensions-Patient-birthOrderBoolean',
    ]);
  });

  it('without an expression are refused, wherever they stand, and never passed over', () => {
    for (const code of ['age', 'birthOrderBoolean']) {
      for (const [type, query] of [
        ['Patient', `${code}=1`],
        ['Patient', `${code}:missing=true`],
        ['Patient', `_sort=${code}`],
        ['Observation', `patient.${code}=1`],
        ['Organization', `_has:Patient:organization:${code}=1`],
        ['Patient', `_filter=${code} eq 1`],
      ] as const) {
        const parse = () => parseSearch(type, [...new URLSearchParams(query)], { strict: false });
        expect(parse).toThrow(expect.objectContaining({ status: 400, code: 'not-supported' }));
      }
    }
  });
});

describe('Search parameters of extensions', () => {
  const entriesOf = (resource: any) => extract(resource);
  const extended = (resourceType: string, extension: object) => entriesOf({ resourceType, extension: [extension] });

  it.each(ofExtensions)('%s is read along its path, without an evaluation', (name) => {
    const [type, code] = name.split('.');
    const shared = [...parametersOf(type!).values()].find((one) => one.name === parametersOf(type!).get(code!)?.name);
    expect(shared?.branches.length).toBeGreaterThan(0);
  });

  it('find the value, of the datatypes that fit', () => {
    const din = { url: 'http://hl7.org/fhir/SearchParameter/device-extensions-Device-din', valueString: 'A1' };
    expect(extended('Device', din).keys).toContainEqual({ name: 'Device.din', first: 'A1', second: '' });
    const gene = { url: `${genetics}Gene`, valueCodeableConcept: { coding: [{ system: 'urn:hgnc', code: 'BRCA1' }] } };
    expect(extended('Observation', gene).keys).toContainEqual({
      name: 'Observation.gene-identifier',
      first: 'urn:hgnc|',
      second: 'BRCA1',
    });
    const change = {
      url: `${genetics}AminoAcidChangeName`,
      valueCodeableConcept: { coding: [{ display: 'p.Gly12' }] },
    };
    expect(extended('Observation', change).texts).toContainEqual({
      name: 'Observation.amino-acid-change',
      folded: 'p.gly12',
      original: 'p.Gly12',
    });
    const condition = {
      url: 'http://hl7.org/fhir/StructureDefinition/DiagnosticReport-geneticsAssessedCondition',
      valueReference: { reference: 'Condition/1' },
    };
    expect(extended('DiagnosticReport', condition).references).toContainEqual({
      name: 'DiagnosticReport.assessed-condition',
      target: 'Condition/1',
    });
    expect(extended('DiagnosticReport', { ...condition, url: 'urn:other' }).references).toEqual([]);
  });

  it('find the name of a mother in the extension that the definition names, and in no other', () => {
    const named = (name: string) =>
      extended('Patient', { url: `http://hl7.org/fhir/StructureDefinition/${name}`, valueString: 'Öhm' }).texts;
    const name = 'Patient.mothersMaidenName';
    const entry = { name, folded: 'ohm', original: 'Öhm' };
    expect(named('patient-extensions-Patient-mothersMaidenName')).toContainEqual(entry);
    expect(named('patient-mothersMaidenName')).not.toContainEqual(entry);
  });

  it('find answers of the items that have an extension, and of no others', () => {
    const url = 'http://hl7.org/fhir/StructureDefinition/questionnaireresponse-isSubject';
    const item = (id: string, more: object = {}) => ({ ...more, answer: [{ valueReference: { reference: id } }] });
    const { references } = entriesOf({
      resourceType: 'QuestionnaireResponse',
      item: [
        item('Patient/1', { extension: [{ url, valueBoolean: true }] }),
        item('Patient/2', { extension: [{ url: 'urn:other', valueBoolean: true }] }),
        item('Patient/3'),
      ],
    });
    expect(references).toEqual([{ name: 'QuestionnaireResponse.item-subject', target: 'Patient/1' }]);
  });
});
