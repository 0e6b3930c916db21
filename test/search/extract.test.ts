/** Index entries: the expressions of all search parameters over the official examples, and the entries of each value type. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { evalFhirPathTyped, type FhirPathAtom, parseFhirPath } from '@medplum/core';
import { branchesFor, compile } from '../../src/search/expression.ts';
import { extract } from '../../src/search/extract.ts';
import { definitionsOf, isResourceType, ownSearchParameters } from '../../src/search/knowledge.ts';
import { parametersOf } from '../../src/search/parameters.ts';

const examplesFile = new URL('../../../shared/data/r4-examples/instances.ndjson.gz', import.meta.url);
const officialFolder = new URL('../../../shared/data/r4-core/', import.meta.url);
const withExamples = existsSync(examplesFile) ? it : it.skip;
const examples = (): any[] =>
  gunzipSync(readFileSync(examplesFile))
    .toString()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));

const vital = {
  resourceType: 'Observation',
  id: 'hr',
  identifier: [{ system: 'https://example.org/fhir/sid/vital', value: '17' }],
  status: 'final',
  category: [
    { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'vital-signs' }] },
  ],
  code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }] },
  subject: { reference: 'Patient/1' },
  device: { reference: 'Device/d1' },
  performer: [{ reference: 'Practitioner/1/_history/3' }],
  effectiveDateTime: '2026-11-24T10:00:00Z',
  valueQuantity: { value: 72, unit: '/min', system: 'http://unitsofmeasure.org', code: '/min' },
};
const keysOf = (resource: any, code: string): string[] =>
  extract(resource)
    .keys.filter((entry) => entry.name === `${resource.resourceType}.${code}`)
    .map(({ first, second }) => `${first} ${second}`.trim());
const rangesOf = (resource: any, name: string): number[][] =>
  extract(resource)
    .ranges.filter((entry) => entry.name === name)
    .map(({ low, high }) => [low, high]);

describe('the expressions of search parameters', () => {
  withExamples(
    'find in all official examples what the evaluator of @medplum/core finds (skipped without ../shared/data)',
    () => {
      const compared = new Map<string, number>();
      const different: string[] = [];
      for (const example of examples().map(relative)) {
        const type = example.resourceType;
        if (!isResourceType(type)) continue;
        for (const { code, expression } of [...definitionsOf(type), ...definitionsOf('Resource')]) {
          if (expression === undefined || code === '_id' || code === '_lastUpdated') continue;
          for (const branch of branchesFor(type, expression)) {
            const found = new Set<string>();
            compile(branch, type, () => (value) => found.add(JSON.stringify(value)))(example);
            const known = branch
              .replace(/^Resource\./, `${type}.`)
              .replace(/hasExtension\(('[^']+')\)/g, 'extension($1).exists()');
            const ast = parseFhirPath(known) as unknown as FhirPathAtom;
            const wanted = new Set(
              evalFhirPathTyped(ast, [{ type, value: example }]).map(({ value }) => JSON.stringify(value)),
            );
            if (found.size !== wanted.size || [...found].some((one) => !wanted.has(one))) {
              different.push(`${type}/${example.id} ${branch}`);
            }
            compared.set(`${type}.${code}`, (compared.get(`${type}.${code}`) ?? 0) + wanted.size);
          }
        }
      }
      expect(different).toEqual([]);
      expect(compared.size).toBeGreaterThan(1400);
      expect([...compared.values()].filter((values) => values > 0).length).toBeGreaterThan(1000);
    },
    120_000,
  );

  withExamples('give entries for all official examples without an error (skipped without ../shared/data)', () => {
    let entries = 0;
    for (const example of examples()) {
      const { keys, references, ranges, texts } = extract(example);
      entries += keys.length + references.length + ranges.length + texts.length;
    }
    expect(entries).toBeGreaterThan(10_000);
  });

  (existsSync(officialFolder) ? it : it.skip)(
    'are those of official R4 for every base, but for the extension samples (skipped without ../shared/data)',
    async () => {
      const official = await officialParameters();
      const same = (expression: string) =>
        expression.replace(/\.as\((\w+)\)/g, '.ofType($1)').replace(/\(([\w.]+) as (\w+)\)/g, '($1.ofType($2))');
      const different: string[] = [];
      for (const { id, code, base, type, expression } of official) {
        if (/extension|genetic|^example/.test(id) || code === '_filter') continue;
        for (const one of base) {
          const ours = definitionsOf(one).find((definition) => definition.code === code);
          if (ours?.type !== type || same(ours?.expression ?? '') !== same(expression ?? ''))
            different.push(`${one}.${code}`);
        }
      }
      // Their descriptions speak of documents and messages, their expressions of the first resource of any Bundle.
      expect(different).toEqual(['Bundle.composition', 'Bundle.message']);
      expect(official.length).toBeGreaterThan(1380);
    },
  );
});

/** The evaluator's resolve() knows relative references only. */
const relative = (example: any): any =>
  JSON.parse(
    JSON.stringify(example).replace(/"reference":"https?:[^"]*?\/([A-Z][A-Za-z]+\/[^"/]+)"/g, '"reference":"$1"'),
  );

/** The tgz, read by hand: names and sizes of a tar are in its 512-byte headers. */
async function officialParameters(): Promise<any[]> {
  const file = readdirSync(officialFolder).find((name) => name.endsWith('.tgz'))!;
  const tar = gunzipSync(readFileSync(new URL(file, officialFolder)));
  const found: any[] = [];
  for (let at = 0; at + 512 <= tar.length; ) {
    const name = tar.toString('utf8', at, at + 100).replace(/\0.*$/s, '');
    const size = Number.parseInt(tar.toString('utf8', at + 124, at + 136), 8) || 0;
    if (/^package\/SearchParameter-.*\.json$/.test(name)) {
      const resource = JSON.parse(tar.toString('utf8', at + 512, at + 512 + size));
      if (Array.isArray(resource.base)) found.push(resource);
    }
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return found;
}

describe('parameters that hold the same values share their entries', () => {
  const parameter = (type: string, code: string) => parametersOf(type).get(code)!;

  it('takes the patient of an Observation from its subject', () => {
    expect(parameter('Observation', 'patient')).toMatchObject({ name: 'Observation.subject', only: 'Patient' });
    expect(parameter('Appointment', 'location')).toMatchObject({ name: 'Appointment.actor', only: 'Location' });
    expect(parameter('AllergyIntolerance', 'patient')).toMatchObject({
      name: 'AllergyIntolerance.patient',
      targets: ['Patient'],
    });
  });

  it('answers a combination by its parts', () => {
    const parts = (code: string) => parameter('Observation', code).anyOf?.map((part) => part.code);
    expect(parts('combo-code')?.sort()).toEqual(['code', 'component-code']);
    expect(parts('combo-value-quantity')?.sort()).toEqual(['component-value-quantity', 'value-quantity']);
    expect(extract(vital).keys.some((entry) => entry.name === 'Observation.combo-code')).toBe(false);
  });

  it('has the parameters of our own, with expressions that find values', () => {
    const flag = {
      resourceType: 'Flag',
      status: 'active',
      category: [{ coding: [{ system: 's', code: 'clinical' }] }],
      code: { coding: [{ system: 's', code: 'vital-high' }] },
      extension: [
        {
          url: 'http://hl7.org/fhir/StructureDefinition/flag-priority',
          valueCodeableConcept: { coding: [{ system: 'p', code: 'PH' }] },
        },
        { url: 'http://example.org/other', valueCodeableConcept: { coding: [{ code: 'other' }] } },
      ],
    };
    expect(keysOf(flag, 'status')).toEqual(['active']);
    expect(keysOf(flag, 'category')).toEqual(['s| clinical', 'clinical']);
    expect(keysOf(flag, 'code')).toEqual(['s| vital-high', 'vital-high']);
    expect(keysOf(flag, 'priority')).toEqual(['p| PH', 'PH']);
    const device = { resourceType: 'Device', parent: { reference: 'Device/2' }, serialNumber: 'SN 1' };
    expect(extract(device).references).toContainEqual({ name: 'Device.parent', target: 'Device/2' });
    expect(keysOf(device, 'serial-number')).toEqual(['SN 1']);
    for (const own of ownSearchParameters('https://a.example/fhir')) {
      expect(own.url).toBe(`https://a.example/fhir/SearchParameter/${own.id}`);
      expect(parametersOf(own.base[0]).get(own.code)?.branches).toEqual([own.expression]);
    }
  });
});

describe('the entries of a vital sign', () => {
  it('are few: every one costs disk and time', () => {
    const { keys, references, ranges, texts } = extract(vital);
    expect(texts).toEqual([]);
    expect(keys).toHaveLength(8); // one of them for the version of the performer
    expect(references).toHaveLength(3);
    expect(ranges).toHaveLength(6);
  });

  it('hold the patient, code and time in one range, and the patient and time in another', () => {
    const low = Date.UTC(2026, 10, 24, 10);
    expect(rangesOf(vital, 'Observation.patient+code=Patient/1 http://loinc.org|8867-4')).toEqual([[low, low + 999]]);
    expect(rangesOf(vital, 'Observation.patient=Patient/1')).toEqual([[low, low + 999]]);
    const { effectiveDateTime, ...undated } = vital;
    expect(rangesOf(undated, 'Observation.patient=Patient/1')).toEqual([]);
    expect(rangesOf(undated, 'Observation.patient+code=Patient/1 http://loinc.org|8867-4')).toEqual([]);
    expect(rangesOf(undated, 'Observation.patient+code=Patient/1 http://loinc.org|8867-4\0')).toEqual([[0, 0]]);
  });
});

describe('values become entries', () => {
  it('gives a token with its system, and without; each once', () => {
    const code = {
      coding: [{ system: 'a', code: 'x' }, { code: 'y' }, { system: 'a', code: 'x' }, { system: 'b' }, null],
    };
    expect(keysOf({ resourceType: 'Condition', code, subject: {} }, 'code')).toEqual(['a| x', 'x', '| y', 'y', 'b|']);
    expect(keysOf({ resourceType: 'Patient', active: false }, 'active')).toEqual(['false']);
    expect(keysOf({ resourceType: 'Patient', gender: 'male' }, 'gender')).toEqual(['male']);
    const telecom = [
      { system: 'phone', value: '555' },
      { system: 'email', value: 'a@b' },
    ];
    expect(keysOf({ resourceType: 'Patient', telecom }, 'phone')).toEqual(['555']);
    expect(keysOf({ resourceType: 'Patient', telecom }, 'telecom')).toEqual(['555', 'a@b']);
    expect(keysOf({ resourceType: 'Patient', deceasedDateTime: '2020' }, 'deceased')).toEqual(['true']);
  });

  it('gives references without versions, those with one whole too, and canonicals with and without', () => {
    const observation = {
      ...vital,
      hasMember: [{ reference: '#x' }, { reference: 'http://a.example/Observation/1/_history/2' }],
    };
    expect(extract(observation).references).toEqual([
      { name: 'Observation.device', target: 'Device/d1' },
      { name: 'Observation.has-member', target: 'http://a.example/Observation/1' },
      { name: 'Observation.performer', target: 'Practitioner/1' },
      { name: 'Observation.subject', target: 'Patient/1' },
    ]);
    expect(extract(observation).keys.filter(({ name }) => name.endsWith(':version'))).toEqual([
      { name: 'Observation.has-member:version', first: 'http://a.example/Observation/1/_history/2', second: '' },
      { name: 'Observation.performer:version', first: 'Practitioner/1/_history/3', second: '' },
    ]);
    const response = { resourceType: 'QuestionnaireResponse', questionnaire: 'http://q.example/1|2.0' };
    expect(extract(response).references.map((entry) => entry.target)).toEqual([
      'http://q.example/1|2.0',
      'http://q.example/1',
    ]);
  });

  it('folds strings and takes names and addresses apart', () => {
    const patient = {
      resourceType: 'Patient',
      name: [{ family: 'Müller', given: ['Änne', 'Zoë'] }],
      address: [{ city: 'Zürich', line: ['Weg 1'] }],
    };
    const of = (code: string) =>
      extract(patient)
        .texts.filter((entry) => entry.name === `Patient.${code}`)
        .map((entry) => `${entry.folded}=${entry.original}`);
    expect(of('family')).toEqual(['muller=Müller']);
    expect(of('name')).toEqual(['muller=Müller', 'anne=Änne', 'zoe=Zoë']);
    expect(of('address')).toEqual(['weg 1=Weg 1', 'zurich=Zürich']);
  });

  it('gives a date the time that its precision implies', () => {
    const from = (birthDate: string) => rangesOf({ resourceType: 'Patient', birthDate }, 'Patient.birthdate');
    const at = (effectiveDateTime: string) => rangesOf({ ...vital, effectiveDateTime }, 'Observation.date');
    const utc = Date.UTC;
    expect(from('2026')).toEqual([[utc(2026, 0, 1), utc(2027, 0, 1) - 1]]);
    expect(from('2026-12')).toEqual([[utc(2026, 11, 1), utc(2027, 0, 1) - 1]]);
    expect(from('2024-02-29')).toEqual([[utc(2024, 1, 29), utc(2024, 2, 1) - 1]]);
    expect(from('2026-02-29')).toEqual([]);
    expect(from('0044-03-15')).toHaveLength(1);
    expect(at('2026-11-24T10:00:00+02:00')).toEqual([[utc(2026, 10, 24, 8), utc(2026, 10, 24, 8, 0, 0, 999)]]);
    expect(at('2026-11-24T10:00:00.5-05:00')).toEqual([
      [utc(2026, 10, 24, 15, 0, 0, 500), utc(2026, 10, 24, 15, 0, 0, 599)],
    ]);
    expect(at('2026-11-24T10:00:00.1234Z')).toEqual([
      [utc(2026, 10, 24, 10, 0, 0, 123), utc(2026, 10, 24, 10, 0, 0, 123)],
    ]);
    const { effectiveDateTime, ...undated } = vital;
    const during = (effective: object) => rangesOf({ ...undated, ...effective }, 'Observation.date');
    expect(effectiveDateTime).toBeDefined();
    expect(during({ effectivePeriod: { start: '2026' } })).toEqual([[utc(2026, 0, 1), 8.64e15]]);
    expect(during({ effectivePeriod: { end: '2026' } })).toEqual([[-8.64e15, utc(2027, 0, 1) - 1]]);
    expect(during({ effectiveTiming: { event: ['2026-03', '2026-01'] } })).toEqual([
      [utc(2026, 0, 1), utc(2026, 3, 1) - 1],
    ]);
    expect(during({ effectivePeriod: {} })).toEqual([]);
  });

  it('gives a quantity one entry for each form that it is asked in', () => {
    const names = (valueQuantity: object) =>
      extract({ ...vital, valueQuantity })
        .ranges.filter((entry) => entry.name.startsWith('Observation.value-quantity'))
        .map(({ name, low, high }) => [name.slice('Observation.value-quantity'.length), low, high]);
    expect(names({ value: 98.6, unit: 'F', system: 'http://unitsofmeasure.org', code: '[degF]' })).toEqual([
      ['', 98.6, 98.6],
      ['||[degF]', 98.6, 98.6],
      ['~K', 310.15, 310.15],
      ['||F', 98.6, 98.6],
    ]);
    expect(names({ value: 3, system: 'http://a.example', code: 'tablet' })).toEqual([
      ['', 3, 3],
      ['||tablet', 3, 3],
      ['|http://a.example|tablet', 3, 3],
    ]);
    expect(names({ value: 5, comparator: '<=' })).toEqual([['', -Number.MAX_VALUE, 5]]);
    // The nearest double below, as 5 itself is left out.
    expect(names({ value: 5, comparator: '<' })).toEqual([['', -Number.MAX_VALUE, 4.999999999999999]]);
    expect(names({ value: -1, comparator: '>' })).toEqual([['', -0.9999999999999999, Number.MAX_VALUE]]);
    expect(names({ value: 0, comparator: '<' })).toEqual([['', -Number.MAX_VALUE, -5e-324]]);
    expect(names({ unit: 'kg' })).toEqual([]);
    const invoice = { resourceType: 'Invoice', totalGross: { value: 9.5, currency: 'EUR' } };
    expect(rangesOf(invoice, 'Invoice.totalgross|urn:iso:std:iso:4217|EUR')).toEqual([[9.5, 9.5]]);
    const condition = {
      resourceType: 'Condition',
      onsetRange: { low: { value: 1, system: 'http://unitsofmeasure.org', code: 'min' } },
    };
    expect(rangesOf(condition, 'Condition.onset-age~s')).toEqual([[60, Number.MAX_VALUE]]);
  });

  it('marks where canonicals lead, beside what they are found by, and names what has a url', () => {
    const referencesOf = (questionnaire: string) =>
      extract({ resourceType: 'QuestionnaireResponse', questionnaire }).references.map(({ target, canonical }) =>
        canonical ? [target, 'leads'] : [target],
      );
    expect(referencesOf('http://q')).toEqual([['http://q|', 'leads'], ['http://q']]);
    expect(referencesOf('http://q|1')).toEqual([['http://q|1', 'leads'], ['http://q']]);
    expect(referencesOf('http://q|1#a')).toEqual([['http://q|1', 'leads'], ['http://q|1#a'], ['http://q']]);
    expect(referencesOf('http://q#a')).toEqual([['http://q|', 'leads'], ['http://q#a'], ['http://q']]);
    expect(referencesOf('http://q|')).toEqual([['http://q|', 'leads'], ['http://q']]);
    expect(referencesOf('#a')).toEqual([['#a']]);
    const canonicalsOf = (resourceType: string, more: object) => extract({ resourceType, ...more }).canonicals ?? [];
    expect(canonicalsOf('ValueSet', { url: 'http://v' })).toEqual(['http://v|']);
    expect(canonicalsOf('ValueSet', { url: 'http://v', version: '1' })).toEqual(['http://v|', 'http://v|1']);
    expect(canonicalsOf('ValueSet', { version: '1' })).toEqual([]);
    expect(canonicalsOf('Device', { url: 'http://d' })).toEqual([]);
    const contained = [{ resourceType: 'ValueSet', id: 'v', url: 'http://v' }];
    expect(canonicalsOf('Questionnaire', { url: 'http://q', contained })).toEqual(['http://q|']);
  });

  it('gives nothing for words where a date could be, and the first resource of a Bundle by its type', () => {
    const procedure = { resourceType: 'Procedure', performedString: '2026' };
    expect(rangesOf(procedure, 'Procedure.date')).toEqual([]);
    const entry = [{ resource: { resourceType: 'MessageHeader', id: 'm' } }];
    const bundle = { resourceType: 'Bundle', type: 'message', entry };
    expect(extract({ ...bundle, type: 'collection' }).keys.filter(({ name }) => name === 'Bundle.message')).toEqual([]);
    expect(extract(bundle).references).toEqual([]);
    expect(extract(bundle).keys).toContainEqual({ name: 'Bundle.message', first: 'MessageHeader/m', second: '' });
    const risk = {
      resourceType: 'RiskAssessment',
      prediction: [{ probabilityRange: { low: { value: 0.1 }, high: { value: 0.3 } } }],
    };
    expect(rangesOf(risk, 'RiskAssessment.probability')).toEqual([[0.1, 0.3]]);
  });

  it('gives uris, tags, profiles and sources as they stand', () => {
    const meta = { profile: ['http://p.example/a|1'], tag: [{ system: 't', code: 'x' }], source: 'urn:a' };
    expect(keysOf({ resourceType: 'Patient', meta }, '_profile')).toEqual([
      'http://p.example/a|1',
      'http://p.example/a',
    ]);
    expect(keysOf({ resourceType: 'Patient', meta }, '_tag')).toEqual(['t| x', 'x']);
    expect(keysOf({ resourceType: 'Patient', meta }, '_source')).toEqual(['urn:a']);
    expect(keysOf({ resourceType: 'ValueSet', url: 'http://v.example' }, 'url')).toEqual(['http://v.example']);
  });

  it('survives elements of any shape, and gives only strings and numbers', () => {
    const junk: unknown[] = [
      null,
      1,
      'x',
      {},
      [null],
      [[1]],
      true,
      { reference: 5 },
      { coding: {} },
      { coding: [5, { code: 5 }] },
    ];
    junk.push({ start: 5 }, { event: 5 }, { value: 'x', code: 5 }, { value: 1, code: {} }, { low: 5 }, { given: {} });
    const whole: any = { ...vital, effectiveTiming: {}, component: [], effectivePeriod: {}, meta: {}, hasMember: [] };
    const patient: any = {
      resourceType: 'Patient',
      name: [],
      telecom: [],
      address: [],
      birthDate: '',
      deceasedBoolean: true,
    };
    const condition: any = { resourceType: 'Condition', onsetAge: {}, onsetRange: {}, code: {}, abatementPeriod: {} };
    for (const resource of [whole, patient, condition]) {
      for (const element of Object.keys(resource).filter((name) => name !== 'resourceType')) {
        for (const shape of junk.flatMap((one) => [one, [one]])) {
          const { keys, references, ranges, texts } = extract({ ...resource, [element]: shape });
          expect(keys.every(({ first, second }) => typeof first === 'string' && typeof second === 'string')).toBe(true);
          expect(references.every(({ target }) => typeof target === 'string')).toBe(true);
          expect(ranges.every(({ low, high }) => Number.isFinite(low) && Number.isFinite(high))).toBe(true);
          expect(texts.every(({ original }) => typeof original === 'string')).toBe(true);
        }
      }
    }
  });

  it('gives nothing for a type that R4 does not know', () => {
    expect(extract({ resourceType: 'Starship', id: '1' }).keys).toEqual([]);
    expect(parametersOf('constructor').size).toBe(0);
  });
});
