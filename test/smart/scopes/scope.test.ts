/** Scopes of SMART 1 and 2 are read strictly: what is not understood is no scope (O19). https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { canonicalText, parseScope } from '../../../src/smart/scopes/scope.ts';
import { isSeedClient, kindOf, scopesOf } from '../../../src/smart/scopes/words.ts';

describe('A scope for resources', () => {
  it.each([
    ['patient/Observation.read', 'patient/Observation.rs'],
    ['patient/Observation.write', 'patient/Observation.cud'],
    ['patient/Observation.*', 'patient/Observation.cruds'],
    ['patient/*.read', 'patient/*.rs'],
    ['user/*.*', 'user/*.cruds'],
    ['system/Patient.cruds', 'system/Patient.cruds'],
    ['user/Patient.c', 'user/Patient.c'],
    [
      'patient/Observation.rs?code=http://loinc.org|8480-6&category=vital-signs',
      'patient/Observation.rs?category=vital-signs&code=http://loinc.org|8480-6',
    ],
    ['patient/Observation.rs?category=a&category=a', 'patient/Observation.rs?category=a'],
    ['patient/Observation.rs?code=%61%2Cb', 'patient/Observation.rs?code=a,b'],
    ['patient/Observation.rs?code=a%5C,b', 'patient/Observation.rs?code=a%5C,b'],
    ['patient/Observation.rs?code:text=two%20words', 'patient/Observation.rs?code:text=two%20words'],
    [
      'patient/Observation.rs?date=ge2026-01-01T00:00:00+01:00',
      'patient/Observation.rs?date=ge2026-01-01T00:00:00%2B01:00',
    ],
    ['patient/Observation.rs?status:not=entered-in-error', 'patient/Observation.rs?status:not=entered-in-error'],
    ['patient/Patient.r?_security:not=R,V', 'patient/Patient.r?_security:not=R,V'],
  ])('%s means %s', (text, meant) => {
    const scope = parseScope(text)!;
    expect(canonicalText(scope)).toBe(meant);
    expect(scope.text).toBe(text);
    expect(parseScope(meant)).toEqual({ ...scope, text: meant });
  });

  it.each([
    ['rights out of order', 'patient/Observation.sr'],
    ['rights twice', 'patient/Observation.rr'],
    ['no rights', 'patient/Observation.'],
    ['a right of neither version', 'patient/Observation.x'],
    ['words of both versions', 'patient/Observation.reads'],
    ['a type that R4 does not have', 'patient/Nothing.rs'],
    ['a name of every object', 'patient/constructor.rs'],
    ['an abstract type', 'patient/DomainResource.rs'],
    ['part of a wildcard', 'patient/Obs*.rs'],
    ['another context', 'device/Observation.rs'],
    ['a context in capitals', 'Patient/Observation.rs'],
    ['a query in the words of SMART 1', 'patient/Observation.read?category=x'],
    ['a query on every type', 'patient/*.rs?_tag=x'],
    ['an empty query', 'patient/Observation.rs?'],
    ['a parameter without a value', 'patient/Observation.rs?category'],
    ['a parameter with an empty value', 'patient/Observation.rs?category='],
    ['a parameter that the type does not have', 'patient/Observation.rs?gender=male'],
    ['an unknown parameter beside a known one', 'patient/Observation.rs?category=x&nothing=y'],
    ['a modifier that is not supported', 'patient/Observation.rs?category=x&code:in=http://a.example/vs'],
    ['a modifier that does not exist', 'patient/Observation.rs?category:like=x'],
    ['a value that cannot be', 'patient/Observation.rs?date=yesterday'],
    ['a time that moves', 'patient/Observation.rs?date=ap2026'],
    ['an order', 'patient/Observation.rs?category=x&_sort=date'],
    ['a page', 'patient/Observation.rs?_count=1'],
    ['a format', 'patient/Observation.rs?category=x&_format=json'],
    ['what comes along', 'patient/Observation.rs?category=x&_include=Observation:subject'],
    ['a chain', 'patient/Observation.rs?subject:Patient.name=x'],
    ['a reversed chain', 'patient/Patient.rs?_has:Observation:patient:code=x'],
    ['a list', 'patient/Observation.rs?_list=42'],
    ['a filter', 'patient/Observation.rs?_filter=status%20eq%20final'],
    ['a broken escape', 'patient/Observation.rs?category=%'],
    ['a space', 'patient/Observation.rs?code:text=two words'],
    ['a backslash', 'patient/Observation.rs?code=a\\,b'],
    ['a line break', 'patient/Observation.rs\n'],
    ['no end', `patient/Observation.rs?code=${'x'.repeat(2048)}`],
  ])('is none with %s', (_what, text) => {
    expect(parseScope(text)).toBeUndefined();
    expect(scopesOf(text).filter((scope) => scope.text === text)).toEqual([]);
  });
});

describe('Any text', () => {
  const bits = [
    'patient/',
    'user/',
    '*',
    'Observation',
    'Patient',
    '.',
    'rs',
    'cruds',
    'read',
    '?',
    '&',
    '=',
    '%',
    '%2',
    '%26',
    ',',
    '|',
    '\\',
    ':',
    ':in',
    ':not',
    'category',
    'code',
    '_tag',
    '_has:',
    '_filter',
    'ap2026',
    'x',
    ' ',
    '\u0000',
    'ö',
    '__proto__',
  ];
  const text = fc.oneof(
    fc.string(),
    fc.array(fc.constantFrom(...bits), { maxLength: 12 }).map((parts) => parts.join('')),
    fc
      .array(
        fc.tuple(fc.constantFrom('category', 'code', '_tag', 'category:not', 'date'), fc.constantFrom(...bits, '')),
        {
          minLength: 1,
          maxLength: 3,
        },
      )
      .map((parts) => `patient/Observation.rs?${parts.map((part) => part.join('=')).join('&')}`),
  );

  it('is no scope, or one whose one form means the same', () => {
    let read = 0;
    fc.assert(
      fc.property(text, (one) => {
        const scope = parseScope(one);
        if (scope === undefined) return;
        read++;
        const form = canonicalText(scope);
        expect(parseScope(form)).toEqual({ ...scope, text: form });
      }),
      { numRuns: 3_000 },
    );
    expect(read).toBeGreaterThan(50);
  });
});

describe('The scopes of a token', () => {
  it('are those that open resources, and what the words of the seed mean', () => {
    const scopes = scopesOf('openid  launch/patient patient/Patient.read alerts patient/Nothing.rs');
    expect(scopes.map((scope) => [scope.text, canonicalText(scope)])).toEqual([
      ['patient/Patient.read', 'patient/Patient.rs'],
      ['alerts', 'system/DetectedIssue.rs'],
      ['alerts', 'system/Flag.rs'],
    ]);
    expect(scopesOf('')).toEqual([]);
  });

  it('write nothing in the words of the seed, and read Observations', () => {
    const scopes = scopesOf('device_data patient_data alerts');
    expect(scopes.filter(({ rights }) => rights !== 'rs')).toEqual([]);
    expect(scopes.map(({ type }) => type)).toContain('Observation');
  });

  it('are known by their kind', () => {
    expect(['openid', 'launch', 'patient/Observation.sr', 'device_data', 'toString', 'admin'].map(kindOf)).toEqual([
      'identity',
      'launch',
      'fhir',
      'seed',
      'unknown',
      'unknown',
    ]);
  });

  it('tell a device client of the seed from others', () => {
    expect(isSeedClient('device_data patient_data alerts')).toBe(true);
    expect(isSeedClient('device_data system/Device.rs')).toBe(false);
    expect(isSeedClient('')).toBe(false);
  });
});
