import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import type { Structure } from '../../src/fhir/definitions.ts';
import { cut } from '../../src/fhir/structure.ts';
import { compileProfile } from '../../src/validation/overlay.ts';
import { runOn } from '../../src/validation/run.ts';
import { validate } from '../../src/validation/validate.ts';
import { without } from '../support/shared-data.ts';

const faults = (resource: any): string[] => validate(resource).map(({ code, expression }) => `${code} ${expression}`);

const r4 = (id: string): string => `http://hl7.org/fhir/StructureDefinition/${id}`;
const loinc = (code: string) => ({ coding: [{ system: 'http://loinc.org', code }] });
const quantity = (value: number, code: string) => ({ value, unit: code, system: 'http://unitsofmeasure.org', code });
const category = [
  { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'vital-signs' }] },
];

const vital = (profile: string, code: string, more: object) => ({
  resourceType: 'Observation',
  meta: { profile: [r4(profile)] },
  status: 'final',
  category,
  code: loinc(code),
  subject: { reference: 'Patient/1' },
  effectiveDateTime: '2024-01-01T10:00:00Z',
  ...more,
});

const heartRate = (more: object = {}) => vital('heartrate', '8867-4', { valueQuantity: quantity(60, '/min'), ...more });
const systolic = { code: loinc('8480-6'), valueQuantity: quantity(120, 'mm[Hg]') };
const diastolic = { code: loinc('8462-4'), valueQuantity: quantity(80, 'mm[Hg]') };
const bloodPressure = (component: readonly object[], more: object = {}) =>
  vital('bp', '85354-9', { component, ...more });

describe('the vital signs profiles of R4', () => {
  const right: Readonly<Record<string, object>> = {
    vitalsigns: vital('vitalsigns', '8867-4', { valueQuantity: quantity(60, '/min') }),
    heartrate: heartRate(),
    bp: bloodPressure([systolic, diastolic]),
    bodytemp: vital('bodytemp', '8310-5', { valueQuantity: quantity(98.6, '[degF]') }),
    oxygensat: vital('oxygensat', '2708-6', { valueQuantity: quantity(97, '%') }),
    resprate: vital('resprate', '9279-1', { valueQuantity: quantity(16, '/min') }),
    bodyweight: vital('bodyweight', '29463-7', { valueQuantity: quantity(150, '[lb_av]') }),
    bodyheight: vital('bodyheight', '8302-2', { valueQuantity: quantity(180, 'cm') }),
    headcircum: vital('headcircum', '9843-4', { valueQuantity: quantity(50, 'cm') }),
    bmi: vital('bmi', '39156-5', { valueQuantity: quantity(22, 'kg/m2') }),
    vitalspanel: vital('vitalspanel', '85353-1', { hasMember: [{ reference: 'Observation/1' }] }),
  };

  for (const [profile, resource] of Object.entries(right)) {
    it(`${profile} takes a right one`, () => {
      expect(faults(resource)).toEqual([]);
    });

    it(`${profile} refuses one without category, patient and time`, () => {
      const bare = { ...resource, category: undefined, subject: undefined, effectiveDateTime: undefined };
      expect(faults(JSON.parse(JSON.stringify(bare)))).toEqual(
        expect.arrayContaining([
          'required Observation.category',
          'required Observation.subject',
          'required Observation.effective',
        ]),
      );
    });

    if (profile !== 'vitalsigns' && profile !== 'vitalspanel') {
      it(`${profile} refuses another code`, () => {
        expect(faults({ ...resource, code: loinc('1234-5') })).toEqual(['required Observation.code.coding']);
      });
    }
  }

  const rows: readonly (readonly [string, object, ...string[]])[] = [
    [
      'a second coding is welcome',
      heartRate({
        code: { coding: [...loinc('8867-4').coding, { system: 'urn:iso:std:iso:11073:10101', code: '147842' }] },
      }),
    ],
    [
      'the system of the code matters',
      heartRate({ code: { coding: [{ system: 'urn:x', code: '8867-4' }] } }),
      'required Observation.code.coding',
    ],
    [
      'the unit of a heart rate is /min',
      heartRate({ valueQuantity: quantity(60, '{beats}/min') }),
      'value Observation.value.ofType(Quantity).code',
    ],
    [
      'the system of a unit is UCUM',
      heartRate({ valueQuantity: { ...quantity(60, '/min'), system: 'urn:x' } }),
      'value Observation.value.ofType(Quantity).system',
    ],
    [
      'value, unit, system and code are needed',
      heartRate({ valueQuantity: { comparator: '<' } }),
      ...['value', 'unit', 'system', 'code'].map((name) => `required Observation.value.ofType(Quantity).${name}`),
    ],
    [
      'a temperature is in Cel or [degF]',
      vital('bodytemp', '8310-5', { valueQuantity: quantity(310, 'K') }),
      'code-invalid Observation.value.ofType(Quantity).code',
    ],
    [
      'a heart rate is a quantity',
      heartRate({ valueQuantity: undefined, valueString: 'fast' }),
      'structure Observation.value.ofType(string)',
    ],
    ['a value may be absent with a reason', heartRate({ valueQuantity: undefined, dataAbsentReason: { text: 'a' } })],
    ['a value may not be absent without (vs-2)', heartRate({ valueQuantity: undefined }), 'invariant Observation'],
    [
      'a component needs a value or a reason (vs-3)',
      bloodPressure([systolic, diastolic, { code: { text: 'a' } }]),
      'invariant Observation.component[2]',
    ],
    [
      'a time has a day (vs-1)',
      heartRate({ effectiveDateTime: '2024-01' }),
      'invariant Observation.effective.ofType(dateTime)',
    ],
    ['a period is a time', heartRate({ effectiveDateTime: undefined, effectivePeriod: { start: '2024-01-01' } })],
    [
      'a timing is no time',
      heartRate({ effectiveDateTime: undefined, effectiveTiming: { event: ['2024-01-01'] } }),
      'structure Observation.effective.ofType(Timing)',
    ],
    [
      'the subject is a patient',
      heartRate({ subject: { reference: 'Device/1' } }),
      'value Observation.subject.reference',
    ],
    [
      'the category is there once',
      heartRate({ category: [...category, ...category] }),
      'structure Observation.category',
    ],
    ['other categories are welcome', heartRate({ category: [...category, { text: 'a' }] })],
    [
      'a blood pressure has a diastolic component',
      bloodPressure([systolic, { ...diastolic, code: loinc('8478-0') }]),
      'required Observation.component',
    ],
    [
      'a blood pressure has two components',
      bloodPressure([systolic]),
      'required Observation.component',
      'required Observation.component',
    ],
    [
      'a blood pressure has each once',
      bloodPressure([systolic, systolic, diastolic]),
      'structure Observation.component',
    ],
    [
      'a blood pressure may have a mean',
      bloodPressure([systolic, diastolic, { code: loinc('8478-0'), valueQuantity: quantity(93, 'mm[Hg]') }]),
    ],
    [
      'a missing half has a reason',
      bloodPressure([systolic, { code: loinc('8462-4'), dataAbsentReason: { text: 'a' } }]),
    ],
    [
      'a blood pressure has no value of its own',
      bloodPressure([systolic, diastolic], { valueQuantity: quantity(120, 'mm[Hg]') }),
      'structure Observation.value',
    ],
    [
      'the units of a blood pressure are mm[Hg]',
      bloodPressure([{ ...systolic, valueQuantity: quantity(16, 'kPa') }, diastolic]),
      'code-invalid Observation.component[0].value.ofType(Quantity)',
      'value Observation.component[0].value.ofType(Quantity).code',
    ],
  ];
  for (const [name, resource, ...expected] of rows) {
    it(name, () => {
      expect(faults(JSON.parse(JSON.stringify(resource)))).toEqual(expected);
    });
  }

  it('are known with a version', () => {
    const wrong = heartRate({ valueQuantity: quantity(60, 'bpm'), meta: { profile: [`${r4('heartrate')}|4.0.1`] } });
    expect(faults(wrong)).toHaveLength(1);
  });

  it('are checked inside a Bundle', () => {
    const bundle = { resourceType: 'Bundle', type: 'collection', entry: [{ resource: bloodPressure([systolic]) }] };
    expect(faults(bundle)[0]).toBe('required Bundle.entry[0].resource.component');
  });

  it('fit no other type', () => {
    expect(faults({ resourceType: 'Patient', meta: { profile: [r4('bp')] } })).toEqual([
      'structure Patient.meta.profile[0]',
    ]);
  });
});

describe('a profile that nobody here knows', () => {
  it('is not looked at', () => {
    for (const url of [
      'http://example.org/x',
      'http://hl7.org/fhir/StructureDefinition/Patient',
      '__proto__',
      'constructor',
    ])
      expect(faults({ resourceType: 'Patient', meta: { profile: [url] } })).toEqual([]);
  });
});

describe('slices', () => {
  /** A profile from a differential; the faults that it finds. */
  function against(element: readonly object[], resource: any, type = 'Observation'): string[] {
    const structure: Structure = cut({ url: 'http://a', type, kind: 'resource', differential: { element } });
    const run = runOn(resource);
    run.path[run.depth++] = type;
    compileProfile(structure)(resource, run);
    return run.issues.map(({ code, expression }) => `${code} ${expression}`);
  }
  const sliced = (discriminator: object, rules = 'open') => ({
    id: 'Observation.component',
    slicing: { discriminator: [discriminator], rules },
  });
  const component = (...component: object[]) => ({ component });

  it('are told by a pattern', () => {
    const profile = [
      sliced({ type: 'pattern', path: 'code' }),
      { id: 'Observation.component:a', min: 1, max: '1' },
      { id: 'Observation.component:a.code', patternCodeableConcept: loinc('1') },
    ];
    expect(against(profile, component({ code: loinc('2') }, { code: { ...loinc('1'), text: 'a' } }))).toEqual([]);
    expect(against(profile, component({ code: loinc('2') }))).toEqual(['required Observation.component']);
  });

  it('are told by a pattern above the path of the discriminator', () => {
    const profile = [
      sliced({ type: 'value', path: 'code.coding.code' }),
      { id: 'Observation.component:a', max: '1' },
      { id: 'Observation.component:a.code', patternCodeableConcept: loinc('1') },
    ];
    expect(against(profile, component({ code: loinc('1') }, { code: loinc('2') }))).toEqual([]);
    expect(against(profile, component({ code: loinc('1') }, { code: loinc('1') }))).toEqual([
      'structure Observation.component',
    ]);
  });

  it('are told by a required binding', () => {
    const profile = [
      sliced({ type: 'value', path: 'value' }, 'closed'),
      { id: 'Observation.component:a', max: '*' },
      {
        id: 'Observation.component:a.value[x]',
        binding: { strength: 'required', valueSet: 'http://hl7.org/fhir/ValueSet/administrative-gender' },
      },
    ];
    const gender = (code: string) => ({
      valueCodeableConcept: { coding: [{ system: 'http://hl7.org/fhir/administrative-gender', code }] },
    });
    expect(against(profile, component(gender('male')))).toEqual([]);
    expect(against(profile, component(gender('nope')))).toEqual(['structure Observation.component[0]']);
  });

  it('are told by a type', () => {
    const profile = [
      sliced({ type: 'type', path: 'value' }),
      { id: 'Observation.component:a', max: '1' },
      { id: 'Observation.component:a.value[x]', type: [{ code: 'Quantity' }] },
    ];
    const text = { valueString: 'a' };
    const number = { valueQuantity: { value: 1 } };
    expect(against(profile, component(text, text, number))).toEqual([]);
    expect(against(profile, component(number, number))).toEqual(['structure Observation.component']);
  });

  it('are told by the type of a resource', () => {
    const profile = [
      { id: 'Bundle.entry', slicing: { discriminator: [{ type: 'type', path: 'resource' }], rules: 'closed' } },
      { id: 'Bundle.entry:patient', min: 1, max: '1' },
      { id: 'Bundle.entry:patient.resource', type: [{ code: 'Patient' }] },
    ];
    const entry = (resourceType: string) => ({ resource: { resourceType } });
    expect(against(profile, { entry: [entry('Patient')] }, 'Bundle')).toEqual([]);
    expect(against(profile, { entry: [entry('Device')] }, 'Bundle')).toEqual([
      'structure Bundle.entry[0]',
      'required Bundle.entry',
    ]);
  });

  it('are told by what exists', () => {
    const profile = [
      sliced({ type: 'exists', path: 'dataAbsentReason' }),
      { id: 'Observation.component:a', max: '1' },
      { id: 'Observation.component:a.dataAbsentReason', min: 1 },
      { id: 'Observation.component:b', max: '0' },
      { id: 'Observation.component:b.dataAbsentReason', max: '0' },
    ];
    const absent = { dataAbsentReason: { text: 'a' } };
    expect(against(profile, component(absent))).toEqual([]);
    expect(against(profile, component(absent, absent, {}))).toEqual([
      'structure Observation.component',
      'structure Observation.component',
    ]);
  });

  it('that cannot be told are not looked at', () => {
    const profile = [sliced({ type: 'profile', path: '$this' }, 'closed'), { id: 'Observation.component:a', min: 1 }];
    expect(against(profile, component({}))).toEqual([]);
  });

  it('hold fixed values in every member and patterns in those they name', () => {
    const code = { coding: [{ code: 'a' }] };
    const fixed = [{ id: 'Observation.code', fixedCodeableConcept: code }];
    const pattern = [{ id: 'Observation.code', patternCodeableConcept: code }];
    const more = { code: { ...code, text: 'b' } };
    expect(against(fixed, { code })).toEqual([]);
    expect(against(fixed, more)).toEqual(['value Observation.code']);
    expect(against(pattern, more)).toEqual([]);
    expect(against(pattern, { code: { coding: [{ code: 'b' }] } })).toEqual(['value Observation.code']);
  });
});

const examples = new URL('../../../shared/reference/domain-examples/', import.meta.url);
const isThere = existsSync(examples);

describe('the examples of the domain', () => {
  (without(isThere ? 'there' : undefined, 'the domain examples') ? it.skip : it)('are valid', () => {
    const found: string[] = [];
    for (const file of readdirSync(examples).filter((name) => name.endsWith('.json'))) {
      const text = readFileSync(new URL(file, examples), 'utf8');
      const resource = JSON.parse(text);
      if (typeof resource.resourceType !== 'string') continue;
      found.push(...validate(resource, text).map(({ expression }) => `${file}: ${expression}`));
    }
    expect(found).toEqual([]);
  });
});
