import { describe, expect, it } from '@jest/globals';
import { structureNames, structureOf } from '../../src/fhir/definitions.ts';
import { Problem } from '../../src/fhir/outcome.ts';
import { ruleOf } from '../../src/validation/invariants.ts';
import { shapeOf } from '../../src/validation/resources.ts';
import { assertValid, validate } from '../../src/validation/validate.ts';

/** `code expression` of each fault, from JSON text so that `__proto__` is a member like any other. */
const faults = (text: string | object): string[] => {
  const json = typeof text === 'string' ? text : JSON.stringify(text);
  return validate(JSON.parse(json), json).map(({ code, expression }) => `${code} ${expression}`);
};

const patient = (more: object = {}) => ({ resourceType: 'Patient', ...more });
const observation = (more: object = {}) => ({
  resourceType: 'Observation',
  status: 'final',
  code: { text: 'a' },
  ...more,
});
const narrative = { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml">a</div>' };

/** Each row: what it shows, the resource, the faults. */
function table(rows: readonly (readonly [string, string | object, ...string[]])[]): void {
  for (const [name, resource, ...expected] of rows) {
    it(name, () => {
      expect(faults(resource)).toEqual(expected);
    });
  }
}

describe('the type of a resource', () => {
  table([
    ['is needed', {}, 'structure resourceType'],
    ['must be a string', { resourceType: ['Patient'] }, 'structure resourceType'],
    ['must be one of R4', { resourceType: 'SubscriptionStatus' }, 'not-supported resourceType'],
    ['must be concrete', { resourceType: 'DomainResource' }, 'not-supported resourceType'],
    ['is no property of objects', { resourceType: '__proto__' }, 'not-supported resourceType'],
    ['is all that a Patient needs', patient()],
  ]);

  it('is looked at whatever the value is', () => {
    for (const value of [null, undefined, 1, 'a', [], true]) expect(validate(value as never)).toHaveLength(1);
  });
});

describe('elements', () => {
  table([
    [
      'that R4 has are taken',
      patient({ id: 'a', active: true, name: [{ family: 'a', given: ['b', 'c'] }], text: narrative }),
    ],
    ['that R4 has not are refused', patient({ foo: 1 }), 'structure Patient.foo'],
    ['of R5 are refused', { resourceType: 'Binary', contentType: 'a/b', url: 'a' }, 'structure Binary.url'],
    ['are refused deep inside', patient({ contact: [{ name: { foo: 1 } }] }), 'structure Patient.contact[0].name.foo'],
    [
      'named like properties of objects are unknown',
      '{"resourceType":"Patient","__proto__":{"a":1},"constructor":1,"toString":1,"hasOwnProperty":1}',
      'structure Patient.__proto__',
      'structure Patient.constructor',
      'structure Patient.toString',
      'structure Patient.hasOwnProperty',
    ],
    ['with names that are no words are told without them', { ...patient(), 'a b"c': 1 }, 'structure Patient'],
    [
      'hold no resourceType inside a datatype',
      patient({ maritalStatus: { resourceType: 'Patient', text: 'a' } }),
      'structure Patient.maritalStatus.resourceType',
    ],
    ['that repeat are arrays', patient({ name: { family: 'a' } }), 'structure Patient.name'],
    ['that do not repeat are no arrays', patient({ birthDate: ['2000'] }), 'structure Patient.birthDate'],
    [
      'that repeat do so inside datatypes too',
      patient({ name: [{ given: 'a', family: ['b'] }] }),
      'structure Patient.name[0].given',
      'structure Patient.name[0].family',
    ],
    [
      'that are required must be there',
      { resourceType: 'Observation' },
      'required Observation.status',
      'required Observation.code',
    ],
    [
      'that are required count when only their extension is there',
      observation({ status: undefined, _status: { extension: [{ url: 'http://a', valueCode: 'unknown' }] } }),
    ],
    [
      'are objects where R4 says so',
      patient({ name: ['a', 1, [{}]], maritalStatus: 'a' }),
      'structure Patient.name[0]',
      'structure Patient.name[1]',
      'structure Patient.name[2]',
      'structure Patient.maritalStatus',
    ],
    [
      'are primitive where R4 says so',
      patient({ birthDate: { a: 1 }, active: {} }),
      'structure Patient.birthDate',
      'structure Patient.active',
    ],
    [
      'have the JSON kind of their type',
      patient({ active: 'true', birthDate: 2000, multipleBirthInteger: '1' }),
      'value Patient.active',
      'value Patient.birthDate',
      'value Patient.multipleBirth.ofType(integer)',
    ],
    [
      'refer to the content of others where R4 does',
      {
        resourceType: 'Questionnaire',
        status: 'draft',
        item: [{ linkId: 'a', type: 'group', item: [{ linkId: 'b', type: 'string', foo: 1 }] }],
      },
      'structure Questionnaire.item[0].item[0].foo',
    ],
  ]);
});

describe('nothing (ele-1)', () => {
  table([
    ['is no object', patient({ maritalStatus: {} }), 'invariant Patient.maritalStatus'],
    ['is no object with an id only', patient({ maritalStatus: { id: 'a' } }), 'invariant Patient.maritalStatus'],
    ['is no array', patient({ name: [] }), 'invariant Patient.name'],
    [
      'is no string',
      patient({ gender: '', name: [{ family: '' }] }),
      'invariant Patient.gender',
      'invariant Patient.name[0].family',
    ],
    [
      'is no null',
      patient({ gender: null, name: null, contact: [null] }),
      'invariant Patient.gender',
      'invariant Patient.name',
      'invariant Patient.contact[0]',
    ],
    [
      'is a null beside an extension',
      patient({
        name: [{ given: ['a', null], _given: [null, { extension: [{ url: 'http://a', valueString: 'b' }] }] }],
      }),
    ],
    [
      'is no null on both sides',
      patient({ name: [{ given: ['a', null], _given: [{ id: 'b' }, null] }] }),
      'invariant Patient.name[0].given[1]',
      'invariant Patient.name[0].given[0]',
    ],
    [
      'is no null without the other side',
      patient({ name: [{ given: ['a', null] }] }),
      'invariant Patient.name[0].given[1]',
    ],
  ]);
});

describe('primitive extensions', () => {
  const extension = [{ url: 'http://a', valueString: 'b' }];
  table([
    ['stand beside the value', patient({ birthDate: '2000', _birthDate: { id: 'a', extension } })],
    ['stand for the value', patient({ _birthDate: { extension } })],
    [
      'are elements',
      patient({ _birthDate: { foo: 1 }, _gender: 'a', _active: [{ extension }] }),
      'structure Patient.birthDate.foo',
      'structure Patient.gender',
      'structure Patient.active',
    ],
    [
      'are as many as the values',
      patient({ name: [{ given: ['a'], _given: [{ extension }, { extension }] }] }),
      'structure Patient.name[0].given',
    ],
    ['do not stand beside objects', patient({ _name: [{ extension }] }), 'structure Patient._name'],
    ['do not stand beside ids', patient({ id: 'a', _id: { extension } }), 'structure Patient._id'],
  ]);
});

describe('a choice of types', () => {
  table([
    ['takes one', observation({ valueQuantity: { value: 1 } })],
    [
      'takes one that is half an extension',
      observation({ valueString: 'a', _valueString: { extension: [{ url: 'http://a', valueCode: 'b' }] } }),
    ],
    ['takes no two', observation({ valueString: 'a', valueInteger: 1 }), 'invariant Observation.value'],
    [
      'takes no three, told once',
      observation({ valueString: 'a', valueInteger: 1, valueBoolean: true }),
      'invariant Observation.value',
    ],
    [
      'takes no half of another',
      observation({ valueString: 'a', _valueInteger: { extension: [{ url: 'http://a', valueCode: 'b' }] } }),
      'invariant Observation.value',
    ],
    [
      'takes no type that R4 does not list',
      observation({ valueAddress: { text: 'a' }, value: 1 }),
      'structure Observation.valueAddress',
      'structure Observation.value',
    ],
    ['is required as one', { resourceType: 'Extension' }, 'not-supported resourceType'],
    [
      'names the simple quantity a quantity',
      {
        resourceType: 'SpecimenDefinition',
        typeTested: [{ preference: 'preferred', container: { minimumVolumeQuantity: { value: 1, comparator: '<' } } }],
      },
      'structure SpecimenDefinition.typeTested[0].container.minimumVolume.ofType(Quantity).comparator',
      'invariant SpecimenDefinition.typeTested[0].container.minimumVolume.ofType(Quantity)',
    ],
  ]);
});

describe('formats', () => {
  table([
    [
      'are those of the types',
      patient({
        birthDate: '2023-02-29',
        deceasedDateTime: '2020-01-01T00:00:00',
        gender: 'male ',
        telecom: [{ rank: 0 }],
        link: [{ other: { reference: 'Patient/1' }, type: 'a  b' }],
        implicitRules: 'a b',
      }),
      'value Patient.birthDate',
      'value Patient.deceased.ofType(dateTime)',
      'value Patient.gender',
      'code-invalid Patient.gender',
      'value Patient.telecom[0].rank',
      'value Patient.link[0].type',
      'code-invalid Patient.link[0].type',
      'value Patient.implicitRules',
    ],
    ['are those of ids', patient({ id: 'a/b', contained: [] }), 'value Patient.id', 'invariant Patient.contained'],
    ['allow 64 characters in an id', patient({ id: 'a'.repeat(64) })],
    ['allow no 65', patient({ id: 'a'.repeat(65) }), 'value Patient.id'],
    [
      'tell 1 from 1.0 in integers',
      '{"resourceType":"Patient","multipleBirthInteger":1.0}',
      'value Patient.multipleBirth.ofType(integer)',
    ],
    [
      'tell 1 from 1e0 in integers',
      '{"resourceType":"Patient","multipleBirthInteger":1e0}',
      'value Patient.multipleBirth.ofType(integer)',
    ],
    [
      'tell 1.5 once',
      '{"resourceType":"Patient","multipleBirthInteger":1.5,"telecom":[{"rank":1.0}]}',
      'value Patient.multipleBirth.ofType(integer)',
      'value Patient.telecom[0].rank',
    ],
    [
      'take 1.0 in decimals beside integers',
      '{"resourceType":"Observation","status":"final","code":{"text":"a"},"valueSampledData":{"origin":{"value":1.0},"period":1e1,"dimensions":1,"data":"E"}}',
    ],
  ]);
});

describe('required bindings', () => {
  table([
    ['hold for codes', observation({ status: 'banana' }), 'code-invalid Observation.status'],
    ['hold for codes inside datatypes', patient({ name: [{ use: 'nope' }] }), 'code-invalid Patient.name[0].use'],
    [
      'hold for concepts',
      {
        resourceType: 'Condition',
        subject: { reference: 'Patient/1' },
        clinicalStatus: {
          coding: [{ system: 'http://terminology.hl7.org/CodeSystem/condition-clinical', code: 'nope' }],
        },
      },
      'code-invalid Condition.clinicalStatus',
    ],
    [
      'need the system',
      {
        resourceType: 'Condition',
        subject: { reference: 'Patient/1' },
        clinicalStatus: { coding: [{ code: 'active' }] },
      },
      'code-invalid Condition.clinicalStatus',
    ],
    [
      'are not met by text',
      { resourceType: 'Condition', subject: { reference: 'Patient/1' }, clinicalStatus: { text: 'active' } },
      'code-invalid Condition.clinicalStatus',
    ],
    [
      'are met by one of several codings',
      {
        resourceType: 'Condition',
        subject: { reference: 'Patient/1' },
        clinicalStatus: {
          coding: [
            { system: 'urn:x', code: 'y' },
            { system: 'http://terminology.hl7.org/CodeSystem/condition-clinical', code: 'active' },
          ],
        },
      },
    ],
    ['are official R4 where the package is not', { resourceType: 'DetectedIssue', status: 'registered' }],
    [
      'refuse what only R5 has',
      { resourceType: 'DetectedIssue', status: 'mitigated' },
      'code-invalid DetectedIssue.status',
    ],
    ['are no properties of objects', observation({ status: 'constructor' }), 'code-invalid Observation.status'],
    ['know media types by their form', { resourceType: 'Binary', contentType: 'application/fhir+json; charset=utf-8' }],
    ['refuse what is no media type', { resourceType: 'Binary', contentType: 'a b' }, 'code-invalid Binary.contentType'],
    [
      'know currencies',
      {
        resourceType: 'Account',
        status: 'active',
        contained: undefined,
        extension: [{ url: 'http://a', valueMoney: { value: 1, currency: 'EUR' } }],
      },
    ],
    [
      'refuse what is no currency',
      {
        resourceType: 'Account',
        status: 'active',
        extension: [{ url: 'http://a', valueMoney: { value: 1, currency: 'EUX' } }],
      },
      'code-invalid Account.extension[0].value.ofType(Money).currency',
    ],
  ]);
});

describe('references', () => {
  const subject = (reference: string, more: object = {}) => observation({ subject: { reference, ...more } });
  table([
    ['point to what R4 allows', subject('Patient/1')],
    ['point to versions', subject('Patient/1/_history/2')],
    ['point nowhere else', subject('Medication/1'), 'value Observation.subject.reference'],
    [
      'point nowhere else on other servers',
      subject('https://a.example/fhir/Medication/1/_history/2'),
      'value Observation.subject.reference',
    ],
    ['point to other servers', subject('https://a.example/fhir/Patient/1')],
    ['point to what cannot be told', subject('https://a.example/people?id=1')],
    ['are URNs', subject('urn:uuid:c757873d-ec9a-4326-a141-556f43239520')],
    [
      'are well-formed',
      observation({
        performer: [
          '',
          '1',
          'Patient',
          'Patient/',
          '/Patient/1',
          'Patient/a b',
          'patient/1',
          'Patient/1/x',
          '../Patient/1',
          'Patient/1#a',
          'http://a b',
        ]
          .slice(1)
          .map((reference) => ({ reference })),
      }),
      ...Array.from({ length: 10 }, (_, i) => `value Observation.performer[${i}].reference`),
    ],
    ['name types of R4', subject('Bot/1'), 'value Observation.subject.reference'],
    ['are no searches', subject('Patient?identifier=a'), 'value Observation.subject.reference'],
    [
      'are searches inside a transaction',
      {
        resourceType: 'Bundle',
        type: 'transaction',
        entry: [{ resource: subject('Patient?identifier=a'), request: { method: 'POST', url: 'Observation' } }],
      },
    ],
    [
      'have a type that R4 allows',
      observation({ subject: { type: 'Medication', display: 'a' } }),
      'value Observation.subject.type',
    ],
    ['have the type that they point to', subject('Patient/1', { type: 'Group' }), 'value Observation.subject.type'],
    ['may have the type of a logical model', observation({ subject: { type: 'http://a/b', display: 'a' } })],
    ['may be identifiers', observation({ subject: { identifier: { value: 'a' } } })],
    [
      'point to contained resources that are there',
      observation({ subject: { reference: '#p' }, contained: [patient({ id: 'p' })] }),
    ],
    [
      'point to no contained resource that is missing',
      observation({ subject: { reference: '#q' } }),
      'invariant Observation.subject.reference',
    ],
    [
      'point to contained resources of the right type',
      observation({ subject: { reference: '#m' }, contained: [{ resourceType: 'Medication', id: 'm' }] }),
      'value Observation.subject.reference',
    ],
    [
      'cannot be # outside contained resources',
      {
        resourceType: 'Provenance',
        target: [{ reference: '#' }],
        recorded: '2020-01-01T00:00:00Z',
        agent: [{ who: { display: 'a' } }],
      },
    ],
  ]);
});

describe('contained resources', () => {
  const holding = (contained: object[], references: string[]) => ({
    resourceType: 'List',
    status: 'current',
    mode: 'working',
    contained,
    entry: references.map((reference) => ({ item: { reference } })),
  });
  table([
    [
      'are checked like others',
      holding([{ resourceType: 'Patient', id: 'a', foo: 1 }], ['#a']),
      'structure List.contained[0].foo',
    ],
    [
      'are resources of R4',
      holding([{ id: 'a' }, { resourceType: 'Foo', id: 'b' }], ['#a', '#b']),
      'structure List.contained[0].resourceType',
      'not-supported List.contained[1].resourceType',
    ],
    [
      'contain none (dom-2)',
      holding(
        [{ ...patient({ id: 'a' }), contained: [patient({ id: 'b' })], generalPractitioner: [{ reference: '#b' }] }],
        ['#a'],
      ),
      'invariant List.contained[0]',
      'invariant List.contained[0].generalPractitioner[0].reference',
    ],
    [
      'are referred to (dom-3)',
      holding([patient({ id: 'a' }), patient({ id: 'b' })], ['#a']),
      'invariant List.contained[1]',
    ],
    [
      'may refer to the outside instead',
      holding(
        [{ resourceType: 'Observation', status: 'final', code: { text: 'a' }, focus: [{ reference: '#' }] }],
        ['Patient/1'],
      ),
    ],
    [
      'have no version (dom-4)',
      holding([patient({ id: 'a', meta: { versionId: '1' } })], ['#a']),
      'invariant List.contained[0]',
    ],
    [
      'have no security labels (dom-5)',
      holding([patient({ id: 'a', meta: { security: [{ code: 'a' }] } })], ['#a']),
      'invariant List.contained[0]',
    ],
    [
      'refer to each other',
      holding(
        [
          patient({ id: 'a', managingOrganization: { reference: '#b' } }),
          { resourceType: 'Organization', id: 'b', name: 'b' },
        ],
        ['#a'],
      ),
    ],
    [
      'may be in a resource in a Bundle',
      {
        resourceType: 'Bundle',
        type: 'collection',
        entry: [{ resource: holding([patient({ id: 'a', foo: 1 })], ['#a']) }],
      },
      'structure Bundle.entry[0].resource.contained[0].foo',
    ],
  ]);
});

describe('extensions', () => {
  const extended = (...extension: object[]) => patient({ extension });
  table([
    ['have a value', extended({ url: 'http://a', valueString: 'b' })],
    ['have extensions', extended({ url: 'http://a', extension: [{ url: 'b', valueCode: 'c' }] })],
    ['need a url', extended({ valueString: 'b' }), 'required Patient.extension[0].url'],
    [
      'have not both (ext-1)',
      extended({ url: 'http://a', valueString: 'b', extension: [{ url: 'b', valueCode: 'c' }] }),
      'invariant Patient.extension[0]',
    ],
    ['have not nothing (ext-1)', extended({ url: 'http://a' }), 'invariant Patient.extension[0]'],
    [
      'have one value',
      extended({ url: 'http://a', valueString: 'b', valueCode: 'c' }),
      'invariant Patient.extension[0].value',
    ],
    [
      'have values of their type',
      extended({ url: 'http://a', valueDate: 'b' }, { url: 'http://a', valueReference: { reference: 'x' } }),
      'value Patient.extension[0].value.ofType(date)',
      'value Patient.extension[1].value.ofType(Reference).reference',
    ],
    [
      'that change the meaning must be known',
      patient({ modifierExtension: [{ url: 'http://a', valueBoolean: true }] }),
      'extension Patient.modifierExtension[0]',
    ],
    [
      'that change the meaning of an element must be known',
      patient({ contact: [{ name: { text: 'a' }, modifierExtension: [{ url: 'http://a', valueBoolean: true }] }] }),
      'extension Patient.contact[0].modifierExtension[0]',
    ],
    [
      'of R4 that change the meaning are known',
      observation({
        modifierExtension: [
          { url: 'http://hl7.org/fhir/StructureDefinition/request-doNotPerform', valueBoolean: true },
        ],
      }),
    ],
    [
      'of ours are what their definition says',
      observation({
        extension: [
          {
            url: 'https://example.org/fhir/StructureDefinition/signal-quality',
            valueQuantity: { value: 80, unit: '%', system: 'http://unitsofmeasure.org', code: '%' },
          },
        ],
      }),
    ],
    [
      'of ours are not something else',
      observation({
        extension: [{ url: 'https://example.org/fhir/StructureDefinition/signal-quality', valueString: 'a' }],
      }),
      'structure Observation.extension[0].value.ofType(string)',
    ],
  ]);
});

describe('constraints', () => {
  const inPatient = (more: object) => patient(more);
  const period = (start: string, end: string) => patient({ name: [{ text: 'a', period: { start, end } }] });
  const quantity = (value: object) => observation({ valueQuantity: value });
  const timing = (repeat: object) => ({
    resourceType: 'Observation',
    status: 'final',
    code: { text: 'a' },
    effectiveTiming: { repeat },
  });
  const bundle = (type: string, entry: object[], more: object = {}) => ({
    resourceType: 'Bundle',
    type,
    entry,
    ...more,
  });
  const request = { method: 'POST', url: 'Patient' };
  const question = (more: object) => ({
    resourceType: 'Questionnaire',
    status: 'draft',
    item: [{ linkId: 'a', type: 'string', ...more }],
  });
  table([
    ['qty-3', quantity({ value: 1, code: 'mg' }), 'invariant Observation.value.ofType(Quantity)'],
    ['per-1', period('2020-02', '2020-01'), 'invariant Patient.name[0].period'],
    [
      'per-1 over time zones',
      period('2020-01-01T10:00:00+02:00', '2020-01-01T07:59:59Z'),
      'invariant Patient.name[0].period',
    ],
    ['per-1 holds for the same instant', period('2020-01-01T10:00:00+02:00', '2020-01-01T08:00:00Z')],
    ['per-1 holds where it cannot be told', period('2020-01-02', '2020-01')],
    ['cpt-2', inPatient({ telecom: [{ value: '1' }] }), 'invariant Patient.telecom[0]'],
    ['att-1', inPatient({ photo: [{ data: 'TQ==' }] }), 'invariant Patient.photo[0]'],
    ['pat-1', inPatient({ contact: [{ gender: 'male' }] }), 'invariant Patient.contact[0]'],
    [
      'rng-2',
      observation({ valueRange: { low: { value: 2 }, high: { value: 1 } } }),
      'invariant Observation.value.ofType(Range)',
    ],
    [
      'rng-2 holds for other units',
      observation({ valueRange: { low: { value: 2, unit: 'g' }, high: { value: 1, unit: 'kg' } } }),
    ],
    ['rat-1', observation({ valueRatio: { numerator: { value: 1 } } }), 'invariant Observation.value.ofType(Ratio)'],
    ['tim-1', timing({ duration: 1 }), 'invariant Observation.effective.ofType(Timing).repeat'],
    ['tim-2', timing({ period: 1 }), 'invariant Observation.effective.ofType(Timing).repeat'],
    ['tim-4', timing({ duration: -1, durationUnit: 'h' }), 'invariant Observation.effective.ofType(Timing).repeat'],
    ['tim-5', timing({ period: -1, periodUnit: 'h' }), 'invariant Observation.effective.ofType(Timing).repeat'],
    ['tim-6', timing({ periodMax: 1, periodUnit: 'h' }), 'invariant Observation.effective.ofType(Timing).repeat'],
    ['tim-7', timing({ durationMax: 1, durationUnit: 'h' }), 'invariant Observation.effective.ofType(Timing).repeat'],
    ['tim-8', timing({ countMax: 1 }), 'invariant Observation.effective.ofType(Timing).repeat'],
    ['tim-9', timing({ offset: 1, when: ['CM'] }), 'invariant Observation.effective.ofType(Timing).repeat'],
    [
      'tim-10',
      timing({ timeOfDay: ['10:00:00'], when: ['AC'] }),
      'invariant Observation.effective.ofType(Timing).repeat',
    ],
    [
      'age-1',
      {
        resourceType: 'Condition',
        subject: { reference: 'Patient/1' },
        onsetAge: { value: -1, code: 'a', system: 'http://unitsofmeasure.org' },
      },
      'invariant Condition.onset.ofType(Age)',
    ],
    [
      'obs-3',
      observation({ referenceRange: [{ appliesTo: [{ text: 'a' }] }] }),
      'invariant Observation.referenceRange[0]',
    ],
    [
      'obs-3 in components',
      observation({ component: [{ code: { text: 'a' }, referenceRange: [{ appliesTo: [{ text: 'a' }] }] }] }),
      'invariant Observation.component[0].referenceRange[0]',
    ],
    ['obs-6', observation({ valueString: 'a', dataAbsentReason: { text: 'b' } }), 'invariant Observation'],
    [
      'obs-7',
      observation({
        code: { coding: [{ code: 'a' }] },
        valueString: 'a',
        component: [{ code: { coding: [{ code: 'a' }] } }],
      }),
      'invariant Observation',
    ],
    ['org-1', { resourceType: 'Organization', active: true }, 'invariant Organization'],
    [
      'org-2 and org-3',
      {
        resourceType: 'Organization',
        name: 'a',
        address: [
          { use: 'work', text: 'a' },
          { use: 'home', text: 'a' },
        ],
        telecom: [{ use: 'home', system: 'phone', value: '1' }],
      },
      'invariant Organization.address[1]',
      'invariant Organization.telecom[0]',
    ],
    ['con-3 is only a warning', { resourceType: 'Condition', subject: { reference: 'Patient/1' } }],
    [
      'con-4',
      {
        resourceType: 'Condition',
        subject: { reference: 'Patient/1' },
        abatementString: 'a',
        clinicalStatus: {
          coding: [{ system: 'http://terminology.hl7.org/CodeSystem/condition-clinical', code: 'active' }],
        },
      },
      'invariant Condition',
    ],
    [
      'con-5',
      {
        resourceType: 'Condition',
        subject: { reference: 'Patient/1' },
        clinicalStatus: {
          coding: [{ system: 'http://terminology.hl7.org/CodeSystem/condition-clinical', code: 'active' }],
        },
        verificationStatus: {
          coding: [{ system: 'http://terminology.hl7.org/CodeSystem/condition-ver-status', code: 'entered-in-error' }],
        },
      },
      'invariant Condition',
    ],
    [
      'ait-1',
      { resourceType: 'AllergyIntolerance', patient: { reference: 'Patient/1' } },
      'invariant AllergyIntolerance',
    ],
    [
      'app-2 and app-3',
      {
        resourceType: 'Appointment',
        status: 'booked',
        start: '2020-01-01T00:00:00Z',
        participant: [{ status: 'accepted', actor: { display: 'a' } }],
      },
      'invariant Appointment',
      'invariant Appointment',
    ],
    [
      'app-1',
      { resourceType: 'Appointment', status: 'proposed', participant: [{ status: 'accepted' }] },
      'invariant Appointment.participant[0]',
    ],
    ['bdl-1', bundle('collection', [{ resource: patient() }], { total: 1 }), 'invariant Bundle'],
    ['bdl-2', bundle('collection', [{ resource: patient(), search: { mode: 'match' } }]), 'invariant Bundle'],
    ['bdl-3', bundle('transaction', [{ resource: patient() }]), 'invariant Bundle'],
    ['bdl-3 the other way', bundle('collection', [{ resource: patient(), request }]), 'invariant Bundle'],
    ['bdl-4', bundle('searchset', [{ response: { status: '200' } }]), 'invariant Bundle'],
    ['bdl-5', bundle('collection', [{ fullUrl: 'urn:x:y' }]), 'invariant Bundle.entry[0]'],
    [
      'bdl-7',
      bundle('collection', [
        { fullUrl: 'http://a/Patient/1', resource: patient() },
        { fullUrl: 'http://a/Patient/1', resource: patient() },
      ]),
      'invariant Bundle',
    ],
    [
      'bdl-7 holds for versions',
      bundle(
        'collection',
        ['1', '2'].map((versionId) => ({ fullUrl: 'http://a/Patient/1', resource: patient({ meta: { versionId } }) })),
      ),
    ],
    [
      'bdl-8',
      bundle('collection', [{ fullUrl: 'http://a/Patient/1/_history/1', resource: patient() }]),
      'invariant Bundle.entry[0]',
    ],
    [
      'bdl-9, bdl-10 and bdl-11',
      bundle('document', [{ resource: patient() }]),
      'invariant Bundle',
      'invariant Bundle',
      'invariant Bundle',
    ],
    ['bdl-12', bundle('message', [{ resource: patient() }]), 'invariant Bundle'],
    [
      'inv-1 of Parameters',
      {
        resourceType: 'Parameters',
        parameter: [
          { name: 'a', valueString: 'b', resource: patient() },
          { name: 'b' },
          { name: 'c', part: [{ name: 'd' }] },
        ],
      },
      'invariant Parameters.parameter[0]',
      'invariant Parameters.parameter[1]',
      'invariant Parameters.parameter[2].part[0]',
    ],
    [
      'inv-1 of Task',
      { resourceType: 'Task', status: 'draft', intent: 'order', authoredOn: '2020-02-01', lastModified: '2020-01-01' },
      'invariant Task',
    ],
    ['que-1', question({ type: 'group' }), 'invariant Questionnaire.item[0]'],
    [
      'que-2',
      {
        resourceType: 'Questionnaire',
        status: 'draft',
        item: [{ linkId: 'a', type: 'group', item: [{ linkId: 'a', type: 'string' }] }],
      },
      'invariant Questionnaire',
    ],
    [
      'que-4 and que-11',
      question({
        type: 'choice',
        answerValueSet: 'http://a',
        answerOption: [{ valueString: 'a' }],
        initial: [{ valueString: 'a' }],
      }),
      'invariant Questionnaire.item[0]',
      'invariant Questionnaire.item[0]',
    ],
    [
      'que-7',
      question({ enableWhen: [{ question: 'a', operator: 'exists', answerString: 'b' }] }),
      'invariant Questionnaire.item[0].enableWhen[0]',
    ],
    [
      'que-12',
      question({ enableWhen: [1, 2, 3].map((n) => ({ question: `${n}`, operator: '=', answerString: 'b' })) }),
      'invariant Questionnaire.item[0]',
    ],
    [
      'qrs-1',
      {
        resourceType: 'QuestionnaireResponse',
        status: 'completed',
        item: [{ linkId: 'a', answer: [{ valueString: 'a' }], item: [{ linkId: 'b' }] }],
      },
      'invariant QuestionnaireResponse.item[0]',
    ],
    [
      'ras-1 and ras-2',
      {
        resourceType: 'RiskAssessment',
        status: 'final',
        subject: { reference: 'Patient/1' },
        prediction: [{ probabilityDecimal: 101 }, { probabilityRange: { low: { value: 1 } } }],
      },
      'invariant RiskAssessment.prediction[0]',
      'invariant RiskAssessment.prediction[1].probability.ofType(Range)',
    ],
    [
      'csd-1',
      {
        resourceType: 'CodeSystem',
        status: 'draft',
        content: 'complete',
        concept: [{ code: 'a', concept: [{ code: 'a' }] }],
      },
      'invariant CodeSystem',
    ],
    [
      'vsd-2',
      {
        resourceType: 'ValueSet',
        status: 'draft',
        compose: { include: [{ valueSet: ['http://a'], concept: [{ code: 'a' }] }] },
      },
      'invariant ValueSet.compose.include[0]',
    ],
    [
      'lst-1 and lst-3',
      {
        resourceType: 'List',
        status: 'current',
        mode: 'changes',
        emptyReason: { text: 'a' },
        entry: [{ item: { reference: 'Patient/1' }, date: '2020' }],
      },
      'invariant List',
      'invariant List',
    ],
    [
      'grp-1',
      { resourceType: 'Group', type: 'person', actual: false, member: [{ entity: { reference: 'Patient/1' } }] },
      'invariant Group',
    ],
    [
      'spd-1',
      {
        resourceType: 'SearchParameter',
        url: 'http://a',
        name: 'A',
        status: 'draft',
        description: 'a',
        code: 'a',
        base: ['Patient'],
        type: 'token',
        xpath: 'a',
      },
      'invariant SearchParameter',
    ],
    [
      'txt-1',
      patient({ text: { ...narrative, div: '<div xmlns="http://www.w3.org/1999/xhtml"><script>a</script></div>' } }),
      'invariant Patient.text.div',
    ],
    [
      'txt-2',
      patient({ text: { ...narrative, div: '<div xmlns="http://www.w3.org/1999/xhtml"> </div>' } }),
      'invariant Patient.text.div',
    ],
  ]);

  it('of severity error are all told, but for five that R4 misspelt or that need other resources', () => {
    const untold = new Set<string>();
    for (const name of structureNames) {
      const { type, elements } = structureOf(name)!;
      for (const { constraints } of elements)
        for (const constraint of constraints ?? []) if (!ruleOf(constraint, type)) untold.add(constraint[0]);
    }
    expect([...untold].sort()).toEqual(['ctm-1', 'ig-1', 'ig-2', 'ref-1', 'sdf-19']);
  });
});

describe('an answer', () => {
  it('names all faults at once, with sentences that hold no value', () => {
    const issues = validate({
      resourceType: 'Patient',
      gender: 'Zaphod',
      birthDate: 'Zaphod',
      name: [{ use: 'Zaphod' }],
      link: [{ other: { reference: 'Zaphod' } }],
    });
    expect(issues.map(({ expression }) => expression)).toEqual([
      'Patient.gender',
      'Patient.birthDate',
      'Patient.name[0].use',
      'Patient.link[0].other.reference',
      'Patient.link[0].type',
    ]);
    expect(JSON.stringify(issues)).not.toContain('Zaphod');
    expect(issues.every(({ severity }) => severity === 'error')).toBe(true);
  });

  it('takes what is undefined for absent', () => {
    expect(validate({ resourceType: 'Patient', birthDate: undefined, foo: undefined, name: undefined })).toEqual([]);
    expect(validate({ resourceType: 'Patient', maritalStatus: { text: undefined } })).toHaveLength(1);
  });

  it('stops at 100 faults and says so', () => {
    const issues = validate({ resourceType: 'Patient', name: Array.from({ length: 1000 }, () => ({ foo: 1 })) });
    expect(issues).toHaveLength(101);
    expect(issues[100]).toMatchObject({ severity: 'information', code: 'informational' });
  });

  it('is a Problem with status 422', () => {
    expect(() => assertValid({ resourceType: 'Patient' })).not.toThrow();
    let thrown: unknown;
    try {
      assertValid({ resourceType: 'Patient', foo: 1, bar: 2 });
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(Problem);
    expect(thrown).toMatchObject({ status: 422, code: 'structure', issues: [{}, {}] });
  });
});

describe('every structure of R4', () => {
  it('compiles', () => {
    for (const name of structureNames) {
      const { kind, elements } = structureOf(name)!;
      if (kind === 'primitive-type') continue;
      for (const { id, types } of elements)
        if (!id.includes(':') && types?.some(({ code }) => code === 'BackboneElement' || code === 'Element'))
          shapeOf(id);
      if (name === elements[0]!.id || name.endsWith('Quantity')) shapeOf(name);
    }
  });
});
