/** What modifiers find: parsed, extracted and held together in memory. https://hl7.org/fhir/R4/search.html#modifiers */
import { describe, expect, it } from '@jest/globals';
import type { Problem } from '../../src/fhir/outcome.ts';
import type { Resource } from '../../src/fhir/references.ts';
import { criterionOf } from '../../src/search/criterion.ts';
import { extract } from '../../src/search/extract.ts';
import { looksElsewhere, matches, surelyMatches } from '../../src/search/match.ts';
import type { Criterion } from '../../src/search/query.ts';
import type { Setting } from '../../src/search/setting.ts';
import { quickest } from '../support/quickest.ts';
import { refused } from './refused.ts';

const finds = (resource: Resource, query: string, setting: Setting = {}): boolean => {
  const at = query.indexOf('=');
  const criterion = criterionOf(resource.resourceType, query.slice(0, at), query.slice(at + 1), setting);
  if (criterion === undefined) throw new Error(`no parameter: ${query}`);
  return matches(criterion, extract(resource), { type: resource.resourceType, id: resource.id ?? '1' });
};
const refusal = (type: string, query: string, setting: Setting = {}): Problem => {
  const at = query.indexOf('=');
  return refused(() => criterionOf(type, query.slice(0, at), query.slice(at + 1), setting));
};

const observation = (more: object): Resource => ({
  resourceType: 'Observation',
  id: '1',
  status: 'final',
  code: {
    text: 'Puls, in Ruhe',
    coding: [{ system: 'http://loinc.org', code: '8867-4', display: 'Heart rate' }, null, { code: 'local' }],
  },
  subject: { reference: 'Patient/1' },
  ...more,
});

describe(':text of a token', () => {
  it.each([
    ['code:text=heart', true],
    ['code:text=HEART R', true],
    ['code:text=rate', false],
    ['code:text=puls\\, in', true],
    ['code:text=x,púls', true],
    ['code:text=8867', false],
    ['combo-code:text=heart', true],
    ['category:text=heart', false],
  ])('%s: %s', (query, expected) => {
    expect(finds(observation({}), query)).toBe(expected);
  });

  it('reads the display of a Coding and the type of an Identifier', () => {
    const patient: Resource = {
      resourceType: 'Patient',
      identifier: [{ value: 'A1', type: { text: 'Medical record number' } }],
      meta: { tag: [{ code: 'x', display: 'For review' }] },
    };
    expect(finds(patient, 'identifier:text=medical')).toBe(true);
    expect(finds(patient, 'identifier:text=a1')).toBe(false);
    expect(finds(patient, '_tag:text=for rev')).toBe(true);
  });

  it('is refused where a code has no text', () => {
    expect(refusal('Patient', 'gender:text=male')).toMatchObject({ status: 400, code: 'not-supported' });
  });
});

describe(':of-type of an identifier', () => {
  const patient: Resource = {
    resourceType: 'Patient',
    identifier: [
      { type: { coding: [{ system: 'http://t', code: 'MR' }, { code: 'XX' }] }, system: 'urn:mrn', value: 'A|1' },
      { type: { coding: [{ system: 'http://t', code: 'SS' }] }, value: '99' },
    ],
  };

  it.each([
    ['identifier:of-type=http://t|MR|A\\|1', true],
    ['identifier:of-type=http://t|SS|99', true],
    ['identifier:of-type=http://t|MR|99', false],
    ['identifier:of-type=http://u|SS|99', false],
    ['identifier:of-type=http://t|SS|1,http://t|SS|99', true],
  ])('%s: %s', (query, expected) => {
    expect(finds(patient, query)).toBe(expected);
  });

  it.each([
    ['Patient', 'identifier:of-type=http://t|MR', 'value'],
    ['Patient', 'identifier:of-type=|MR|1', 'value'],
    ['Patient', 'identifier:of-type=a|b|c|d', 'value'],
    ['Observation', 'code:of-type=a|b|c', 'not-supported'],
  ])('refuses %s?%s', (type, query, code) => {
    expect(refusal(type, query)).toMatchObject({ status: 400, code });
  });
});

describe(':in, :not-in, :above and :below of a token', () => {
  const loinc = { system: 'http://loinc.org', code: '8867-4' };
  const expansions = new Map([
    ['in http://vs', [{ system: 'http://x', code: '1' }, loinc]],
    ['not-in http://vs', [{ system: 'http://x', code: '1' }, loinc]],
    ['in http://empty', []],
    ['not-in http://empty', []],
    ['above http://loinc.org|1', [loinc]],
    ['below http://loinc.org|2', [{ system: 'http://loinc.org', code: '3' }]],
    ['in http://genders', [{ system: 'http://hl7.org/fhir/administrative-gender', code: 'male' }]],
    ['in http://others', [{ system: 'http://other', code: 'male' }]],
    ['in http://orders', [{ system: 'http://hl7.org/fhir/request-intent', code: 'order' }]],
    ['in http://no-orders', [{ system: 'http://hl7.org/fhir/task-intent', code: 'order' }]],
  ]);

  it.each([
    ['code:in=http://vs', true],
    ['code:not-in=http://vs', false],
    ['code:in=http://empty', false],
    ['code:not-in=http://empty', true],
    ['code:in=http://empty,http://vs', true],
    ['code:above=http://loinc.org|1', true],
    ['code:below=http://loinc.org|2', false],
  ])('%s: %s', (query, expected) => {
    expect(finds(observation({}), query, { expansions })).toBe(expected);
  });

  it('compares the system that a code implies', () => {
    const patient: Resource = { resourceType: 'Patient', gender: 'male' };
    expect(finds(patient, 'gender:in=http://genders', { expansions })).toBe(true);
    expect(finds(patient, 'gender:in=http://others', { expansions })).toBe(false);
    const task: Resource = { resourceType: 'Task', intent: 'order' };
    expect(finds(task, 'intent:in=http://orders', { expansions })).toBe(true);
    expect(finds(task, 'intent:in=http://no-orders', { expansions })).toBe(false);
  });

  it('is refused where the terminology says nothing', () => {
    for (const query of ['code:in=http://unknown', 'code:below=http://loinc.org|1', 'code:above=x']) {
      expect(refusal('Observation', query, { expansions })).toMatchObject({ status: 400, code: 'not-supported' });
      expect(refusal('Observation', query)).toMatchObject({ status: 400, code: 'not-supported' });
    }
  });
});

describe('references', () => {
  const identifier = { system: 'urn:mrn', value: 'A1' };
  const logical = observation({ subject: { identifier } });
  const typed = observation({ subject: { type: 'Patient', identifier } });
  const both = observation({ subject: { reference: 'Group/1', identifier } });

  it.each([
    ['subject:identifier=urn:mrn|A1', true, true, true],
    ['subject:identifier=A1', true, true, true],
    ['subject:identifier=urn:mrn|', true, true, true],
    ['subject:identifier=|A1', false, false, false],
    ['subject:identifier=urn:x|A1', false, false, false],
    ['patient:identifier=urn:mrn|A1', false, true, false], // only what says that it is a Patient
    ['subject:missing=false', true, true, true],
    ['patient:missing=false', false, true, false],
    ['subject=Group/1', false, false, true],
  ])('%s: alone %s, with a type %s, beside a literal %s', (query, alone, withType, besides) => {
    expect([logical, typed, both].map((one) => finds(one, query))).toEqual([alone, withType, besides]);
  });

  it('refuses an identifier of what is a canonical', () => {
    expect(refusal('QuestionnaireResponse', 'questionnaire:identifier=x')).toMatchObject({ code: 'not-supported' });
  });

  it('finds a canonical with its version and without, a literal whatever its version', () => {
    const response: Resource = { resourceType: 'QuestionnaireResponse', questionnaire: 'http://q.example/1|1.0' };
    expect(finds(response, 'questionnaire=http://q.example/1|1.0')).toBe(true);
    expect(finds(response, 'questionnaire=http://q.example/1')).toBe(true);
    expect(finds(response, 'questionnaire=http://q.example/1|2.0')).toBe(false);
    expect(finds(observation({ subject: { reference: 'Patient/1/_history/2' } }), 'subject=Patient/1')).toBe(true);
  });
});

describe('uris', () => {
  const valueSet = (url: string): Resource => ({ resourceType: 'ValueSet', url });

  it.each([
    ['http://acme.org/fhir/ValueSet/x', 'url:below=http://acme.org/fhir', true],
    ['http://acme.org/fhir/ValueSet/x', 'url:below=http://acme.org/fhir/', true],
    ['http://acme.org/fhir/ValueSet/x', 'url:below=http://acme.org/fhir/ValueSet/x', true],
    ['http://acme.org/fhir/ValueSet/x', 'url:below=http://acme.org/fhir/Value', false],
    ['http://acme.org/fhir', 'url:below=http://acme.org/fhir', true],
    ['http://acme.org/fhir2', 'url:below=http://acme.org/fhir', false],
    ['http://acme.org/FHIR/x', 'url:below=http://acme.org/fhir', false],
    ['http://acme.org/fhir', 'url:below=http://acme.org/fhir/x', false],
    ['http://acme.org/x', 'url:below=http://acme.org', true],
    ['urn:oid:1.2.3', 'url:below=urn:oid:1.2.3', true],
    ['urn:oid:1.2.3', 'url:below=urn:oid:1.2', false],
    ['http://acme.org/fhir', 'url:above=http://acme.org/fhir/ValueSet/x', true],
    ['http://acme.org/fhir/', 'url:above=http://acme.org/fhir/ValueSet/x', true],
    ['http://acme.org/fhir/ValueSet/x', 'url:above=http://acme.org/fhir/ValueSet/x', true],
    ['http://acme.org', 'url:above=http://acme.org/fhir/ValueSet/x', true],
    ['http://acme.org/fhir/Value', 'url:above=http://acme.org/fhir/ValueSet/x', false],
    ['http://acme.org/fhir/ValueSet/x/y', 'url:above=http://acme.org/fhir/ValueSet/x', false],
    ['http:', 'url:above=http://acme.org/fhir', false],
    ['urn:oid:1.2', 'url:above=urn:oid:1.2.3', false],
    ['urn:oid:1.2.3', 'url:above=urn:oid:1.2.3', true],
    ['urn:oid:1.2.3', 'url:missing=false', true],
    ['urn:oid:1.2.3', 'url:missing=true', false],
  ])('%s, %s: %s', (url, query, expected) => {
    expect(finds(valueSet(url), query)).toBe(expected);
  });

  it('has profiles below a folder, with a version too', () => {
    const patient: Resource = { resourceType: 'Patient', meta: { profile: ['http://p.example/sd/a|1.0'] } };
    expect(finds(patient, '_profile:below=http://p.example/sd')).toBe(true);
    expect(finds(patient, '_profile:below=http://p.example/other')).toBe(false);
  });
});

describe('case, accents and forms of letters', () => {
  const text = (...given: string[]): Resource => ({ resourceType: 'Patient', name: [{ given }] });

  it.each([
    ['Straße', 'STRASSE'],
    ['STRASSE', 'straße'],
    ['GROẞ', 'gross'],
    ['ﬁnn', 'Finn'],
    ['ＡＢＣ', 'abc'],
    ['ΟΔΟΣ', 'οδος'],
    ['Ὀδός', 'ΟΔΟΣ Α'.slice(0, 4)],
    ['A\u030Angstro\u0308m', 'ÅNGSTRÖM'],
    ['İzmir', 'izmir'],
  ])('%s is found by %s', (held, asked) => {
    expect(finds(text(held), `given=${asked}`)).toBe(true);
    expect(finds(text(`x${held}`), `given:contains=${asked}`)).toBe(true);
    expect(finds({ resourceType: 'Patient', text: { div: `<div>${held}</div>` } }, `_text=${asked}`)).toBe(true);
  });

  it('count with :exact', () => {
    expect(finds(text('Straße'), 'given:exact=Straße')).toBe(true);
    expect(finds(text('Straße'), 'given:exact=Strasse')).toBe(false);
  });
});

describe('words', () => {
  const patient: Resource = {
    resourceType: 'Patient',
    text: {
      status: 'generated',
      div: '<div xmlns="x" title="a > b hidden"><!-- secret > --><p>M&uuml;ller&#44; the <b>strong</b> &amp; brave&nbsp;one</p></div>',
    },
    name: [{ family: 'Meier', given: ['Zoë'] }],
    gender: 'female',
    contact: [{ name: { text: 'Aunt Polly' } }],
    extension: [{ url: 'http://x/hidden', valueString: 'Allergic to nuts' }],
    _birthDate: { extension: [{ url: 'http://x', valueMarkdown: 'about midsummer' }] },
    contained: [{ resourceType: 'Organization', id: 'o', name: 'Hospital' }],
    link: [{ other: { reference: 'Patient/unseen', display: 'Her twin' }, type: 'seealso' }],
  };

  it.each([
    ['_text=muller', true],
    ['_text=Müller strong', true],
    ['_text=strong brave one', true],
    ['_text=strong coward', false],
    ['_text=coward,brave', true],
    ['_text=stron', false],
    ['_text=secret', false],
    ['_text=hidden', false],
    ['_text=div', false],
    ['_text=meier', false],
    ['_content=meier', true],
    ['_content=ZOE', true],
    ['_content=polly aunt', true],
    ['_content=brave', true],
    ['_content=nuts', true],
    ['_content=midsummer', true],
    ['_content=hospital', true],
    ['_content=twin', true],
    ['_content=female', false],
    ['_content=unseen', false],
    ['_content=hidden', false],
    ['_content=generated', false],
  ])('%s: %s', (query, expected) => {
    expect(finds(patient, query)).toBe(expected);
  });

  it.each([
    ['(bone OR liver) and metastases', true],
    ['(bone or spleen) AND metastases', true],
    ['(spleen or lung) and metastases', false],
    ['bone or lung and spleen', true],
    ['(bone or lung) and spleen', false],
    ['not spleen', true],
    ['not bone', false],
    ['NOT not bone', true],
    ['not bone or liver', true],
    ['not (bone or liver)', false],
    ['not (bone spleen)', true],
    ['bone not spleen', true],
    ['bone and not liver', false],
    ['not wide-spread', false],
    ['not wide-open', true],
    ['bone liver', true],
    ['bone spleen', false],
    ['((bone)) - (liver)', true],
    ['not bone,not liver', false],
    ['not bone,liver', true],
    ['android', false],
  ])('_text=%s: %s', (value, expected) => {
    const text = { div: '<div>Metastases in <b>bone</b>, liver; wide-spread. And or not.</div>' };
    expect(finds({ resourceType: 'Patient', text }, `_text=${value}`)).toBe(expected);
    expect(finds({ resourceType: 'Patient', text }, `_content=${value}`)).toBe(expected);
  });

  it('go on through markup that stands inside a line, and end at blocks, breaks and cells', () => {
    const text = {
      div: '<div>H<sub>2</sub>O <b class="x>y">Wörld</b><I>Fe</I><!-- not -->st<br/>one<p>two</p>three<td>four</td><bold>five</bold><b:x>six</b:x></div>',
    };
    const { words } = extract({ resourceType: 'Patient', text });
    const found = words.filter(({ name }) => name === 'Patient._text').map(({ word }) => word);
    expect(found).toEqual(['h2o', 'worldfest', 'one', 'two', 'three', 'four', 'five', 'six']);
  });

  it('are counted once, and a thousand under each name', () => {
    const many = Array.from({ length: 5000 }, (_, i) => `w${i}`).join(' ');
    const { words } = extract({ resourceType: 'Patient', text: { div: `<div>${many} ${many}</div>` } });
    expect(words).toHaveLength(2000);
    expect(new Set(words.map(({ name, word }) => `${name} ${word}`)).size).toBe(2000);
    expect(extract({ resourceType: 'Patient', text: { div: 'x x X' } }).words).toHaveLength(2);
  });

  it('need no more than one pass over a narrative that is broken', async () => {
    for (const piece of ['<', '<"', "<a '", '<!--', '&', '&#']) {
      const time = async () => {
        const before = performance.now();
        extract({ resourceType: 'Patient', text: { div: piece.repeat(200_000) } });
        return performance.now() - before;
      };
      expect(await quickest(1_500, time)).toBeLessThan(1_500);
    }
  });

  it.each([
    ['Patient', '_text=...', 'value'],
    ['Patient', `_text=${'x'.repeat(65)}`, 'value'],
    ['Patient', '_text:exact=x', 'not-supported'],
    ['Patient', '_text:missing=true', 'not-supported'],
    ['AuditEvent', '_text=x', 'not-supported'],
    ['Patient', '_text=bon*', 'not-supported'],
    ['Patient', '_content="bone liver"', 'not-supported'],
    ['Patient', '_text=(bone', 'value'],
    ['Patient', '_text=bone)', 'value'],
    ['Patient', '_text=(bone,liver)', 'value'],
    ['Patient', '_text=()', 'value'],
    ['Patient', '_text=bone or', 'value'],
    ['Patient', '_text=and bone', 'value'],
    ['Patient', '_text=bone and or liver', 'value'],
    ['Patient', '_text=not', 'value'],
    ['Patient', '_text=bone ()', 'value'],
    ['Patient', `_text=${'('.repeat(1000)}x${')'.repeat(1000)}`, 'too-costly'],
    ['Patient', `_text=${'x '.repeat(51)}`, 'too-costly'],
  ])('refuses %s?%s', (type, query, code) => {
    expect(refusal(type, query)).toMatchObject({ status: 400, code });
  });
});

describe('composites', () => {
  const component = (code: string, value: number) => ({
    code: { coding: [{ system: 'http://loinc.org', code }] },
    valueQuantity: { value, system: 'http://unitsofmeasure.org', code: 'mm[Hg]' },
  });
  const pressure = observation({ component: [component('8480-6', 140), component('8462-4', 80)] });

  it.each([
    ['component-code-value-quantity=http://loinc.org|8480-6$140', true],
    ['component-code-value-quantity=http://loinc.org|8480-6$80', false],
    ['component-code-value-quantity=8480-6$gt130', true],
    ['component-code-value-quantity=8462-4$gt130', false],
    ['component-code-value-quantity=8462-4$gt130,8480-6$gt130', true],
    ['combo-code-value-quantity=8480-6$140', true],
    ['combo-code-value-quantity=8480-6$80', false],
    ['code-value-quantity=8867-4$140', false],
    ['component-code-value-quantity:missing=true', false],
    ['component-code-value-quantity:missing=false', true],
    ['component-code-value-concept:missing=true', true],
    ['code-value-quantity:missing=true', true],
  ])('%s: %s', (query, expected) => {
    expect(finds(pressure, query)).toBe(expected);
  });

  it('cost nothing where there are no components', () => {
    expect(extract(observation({})).groups).toEqual([]);
    expect(extract(pressure).groups.map(({ name }) => name)).toEqual([
      'Observation.component-code-value-quantity',
      'Observation.component-code-value-quantity',
    ]);
  });
});

describe(':missing', () => {
  it.each<[Resource, string, boolean]>([
    [{ resourceType: 'Patient', name: [{ use: 'official' }] }, 'name:missing=true', false],
    [{ resourceType: 'Patient', name: [{ use: 'official' }] }, 'phonetic:missing=true', false],
    [{ resourceType: 'Patient', name: [{ use: 'official' }] }, 'family:missing=true', true],
    [{ resourceType: 'Patient', name: [{ family: 'x' }] }, 'name:missing=true', false],
    [{ resourceType: 'Patient' }, 'name:missing=true', true],
    [{ resourceType: 'Patient' }, 'phonetic:missing=true', true],
    [observation({ effectiveTiming: { code: { text: 'daily' } } }), 'date:missing=true', false],
    [observation({ effectiveTiming: { code: { text: 'daily' } } }), 'date:missing=false', true],
    [observation({}), 'date:missing=true', true],
    [observation({ valueQuantity: { unit: 'kg' } }), 'value-quantity:missing=true', false],
    [observation({ valueString: 'x' }), 'value-quantity:missing=true', true],
    [observation({ valueQuantity: { unit: 'kg' } }), 'combo-value-quantity:missing=true', false],
    [observation({ subject: { display: 'somebody' } }), 'subject:missing=true', false],
    [observation({ subject: { display: 'somebody' } }), 'patient:missing=true', true],
    [observation({ subject: { type: 'Patient', display: 'somebody' } }), 'patient:missing=true', false],
    [observation({ subject: { reference: 'http://x.example/Patient/1' } }), 'patient:missing=true', false],
    [observation({ subject: { reference: 'Group/1' } }), 'patient:missing=true', true],
    [observation({ subject: { reference: '#p', type: 'Patient' } }), 'patient:missing=true', false],
    [observation({ meta: { tag: [{ code: 'x' }] } }), '_tag:missing=false', true],
    [observation({}), '_tag:missing=true', true],
    [observation({ meta: { profile: ['http://x'] } }), '_profile:missing=true', false],
    [observation({}), '_profile:missing=true', true],
    [observation({ meta: { source: 'urn:x' } }), '_source:missing=true', false],
    [observation({}), '_security:missing=true', true],
    [observation({}), '_id:missing=true', false],
    [observation({}), '_lastUpdated:missing=false', true],
    [{ resourceType: 'RiskAssessment', prediction: [{}] }, 'probability:missing=true', true],
    [{ resourceType: 'RiskAssessment', prediction: [{ probabilityDecimal: 0 }] }, 'probability:missing=true', false],
  ])('%j, %s: %s', (resource, query, expected) => {
    expect(finds(resource, query)).toBe(expected);
  });
});

describe('what one resource cannot tell', () => {
  const key = { type: 'Observation', id: '1' };
  const entries = extract(observation({}));
  const open: Criterion = { is: 'refers', name: 'Observation.subject', type: 'Patient', where: { is: 'all', of: [] } };
  const holds: Criterion = { is: 'all', of: [] };
  const fails: Criterion = { is: 'any', of: [] };
  const both = (criterion: Criterion) => [matches(criterion, entries, key), surelyMatches(criterion, entries, key)];

  it.each<[string, Criterion, boolean, boolean]>([
    ['alone', open, true, false],
    ['not', { is: 'not', of: open }, true, false],
    ['all with what holds', { is: 'all', of: [holds, open] }, true, false],
    ['all with what fails', { is: 'all', of: [open, fails] }, false, false],
    ['any with what holds', { is: 'any', of: [open, holds] }, true, true],
    ['any with what fails', { is: 'any', of: [fails, open] }, true, false],
    ['not all with what fails', { is: 'not', of: { is: 'all', of: [open, fails] } }, true, true],
    ['not any with what holds', { is: 'not', of: { is: 'any', of: [open, holds] } }, false, false],
    ['from the other side', { ...open, is: 'referred', type: 'Provenance' }, true, false],
  ])('%s', (_, criterion, may, must) => {
    expect(both(criterion)).toEqual([may, must]);
    expect(looksElsewhere(criterion)).toBe(true);
  });

  it('is told from what it can', () => {
    expect(both(holds)).toEqual([true, true]);
    expect(both(fails)).toEqual([false, false]);
    expect(looksElsewhere({ is: 'all', of: [holds, { is: 'not', of: fails }] })).toBe(false);
  });
});
