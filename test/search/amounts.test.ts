/** Numbers, quantities and strings by the specification's own examples. https://hl7.org/fhir/R4/search.html#quantity */
import { describe, expect, it } from '@jest/globals';
import type { Resource } from '../../src/fhir/references.ts';
import { criterionOf } from '../../src/search/criterion.ts';
import { extract } from '../../src/search/extract.ts';
import { matches } from '../../src/search/match.ts';

const finds = (resource: Resource, name: string, value: string): boolean =>
  matches(criterionOf(resource.resourceType, name, value, {})!, extract(resource), {
    type: resource.resourceType,
    id: '1',
  });
const ucum = 'http://unitsofmeasure.org';
const amount = (value: number, code: string, more: object = {}): Resource => ({
  resourceType: 'Observation',
  valueQuantity: { value, unit: code, system: ucum, code, ...more },
});
const risk = (probabilityDecimal: number): Resource => ({
  resourceType: 'RiskAssessment',
  prediction: [{ probabilityDecimal }],
});

describe('the digits of a number are its precision', () => {
  it.each([
    ['100', 99.5, 100.5],
    ['100.00', 99.995, 100.005],
    ['1e2', 95, 105], // as the specification says, though its one digit leaves more open
    ['10e1', 95, 105],
    ['1.0e2', 95, 105],
    ['1.00e2', 99.5, 100.5],
    ['5.40', 5.395, 5.405],
    ['5.40e-3', 0.005395, 0.005405],
    ['5.4e-3', 0.00535, 0.00545],
    ['-7', -7.5, -6.5],
    ['0.0', -0.05, 0.05],
  ])('%s reaches from %d up to %d', (value, from, to) => {
    const little = (to - from) / 1000;
    expect(finds(risk(from + little), 'probability', value)).toBe(true);
    expect(finds(risk(to - little), 'probability', value)).toBe(true);
    expect(finds(risk(from - little), 'probability', value)).toBe(false);
    expect(finds(risk(to + little), 'probability', value)).toBe(false);
    expect(finds(risk(from - little), 'probability', `ne${value}`)).toBe(true);
    expect(finds(risk(from + little), 'probability', `ne${value}`)).toBe(false);
  });

  it('does not widen the other prefixes', () => {
    expect(finds(risk(100.2), 'probability', 'gt100')).toBe(true);
    expect(finds(risk(100), 'probability', 'gt100')).toBe(false);
    expect(finds(risk(99.8), 'probability', 'lt100')).toBe(true);
    expect(finds(risk(99.8), 'probability', 'ge100')).toBe(false);
    expect(finds(risk(100), 'probability', 'ge100')).toBe(true);
    expect(finds(risk(100.2), 'probability', 'le100')).toBe(false);
  });
});

describe('amounts are compared across units', () => {
  it.each([
    [amount(0.0054, 'g'), `5.4|${ucum}|mg`, true],
    [amount(5.4, 'mg'), `5.4|${ucum}|mg`, true],
    [amount(5.45, 'mg'), `5.4|${ucum}|mg`, false],
    [amount(5.35, 'mg'), `5.4|${ucum}|mg`, true],
    [amount(5400, 'ug'), `5.4|${ucum}|mg`, true],
    [amount(5.4, 'mL'), `5.4|${ucum}|mg`, false],
    [amount(5.4, 'g'), `5.4|${ucum}|mg`, false],
    [amount(0.0054, 'g'), `gt5.3|${ucum}|mg`, true],
    [amount(0.0054, 'g'), `gt5.4|${ucum}|mg`, false],
    [amount(0.0054, 'g'), `le5.4|${ucum}|mg`, true],
    [amount(0.0054, 'g'), `ne5.4|${ucum}|mg`, false],
    [amount(0.006, 'g'), `ne5.4|${ucum}|mg`, true],
    [amount(0.0058, 'g'), `ap5.4|${ucum}|mg`, true],
    [amount(0.0065, 'g'), `ap5.4|${ucum}|mg`, false],
    [amount(5.4, 'mg'), '5.4', true],
    [amount(0.0054, 'g'), '5.4', false],
    [amount(5.4, 'mg'), '5.4||mg', true],
    [amount(0.0054, 'g'), '5.4||mg', false],
    [amount(5.4, 'mg', { unit: 'milligram' }), '5.4||milligram', true],
    [amount(5.4, 'mg', { system: 'http://a.example' }), `5.4|${ucum}|mg`, false],
    [amount(5.4, 'mg', { system: 'http://a.example' }), '5.4|http://a.example|mg', true],
    [amount(37, 'Cel'), `98.6|${ucum}|[degF]`, true],
  ])('%j by %s: %s', (resource, value, expected) => {
    expect(finds(resource, 'value-quantity', value)).toBe(expected);
  });

  it.each([
    ['<', 'ne lt le eb ap'],
    ['<=', 'ne lt le ap'],
    ['>', 'ne gt ge sa ap'],
    ['>=', 'ne gt ge ap'],
    [undefined, 'eq ge le ap'],
  ])('%s 5 against 5: %s', (comparator, expected) => {
    const held = ['eq', 'ne', 'gt', 'lt', 'ge', 'le', 'sa', 'eb', 'ap'].filter((prefix) =>
      ['5', `5|${ucum}|mg`, '5||mg'].every((value) =>
        finds(amount(5, 'mg', { comparator }), 'value-quantity', prefix + value),
      ),
    );
    expect(held.join(' ')).toBe(expected);
  });

  it('has one open end under a comparator', () => {
    const below = amount(5, 'mg', { comparator: '<' });
    expect(finds(below, 'value-quantity', `lt1|${ucum}|mg`)).toBe(true);
    expect(finds(below, 'value-quantity', `gt5|${ucum}|mg`)).toBe(false);
    expect(finds(below, 'value-quantity', `5|${ucum}|mg`)).toBe(false);
  });
});

describe('strings are compared without case and accents', () => {
  const named = (family: string): Resource => ({ resourceType: 'Patient', name: [{ family }] });

  it.each([
    ['Eve', 'eve', true],
    ['Evelyn', 'eve', true],
    ['Severine', 'eve', false],
    ['Éve', 'EVE', true],
    ['eve', 'Évé', true],
    ['Ångström', 'angstrom', true],
    ['Nguyễn', 'nguyen', true],
    ['İstanbul', 'istanbul', true],
    ['O\u0308zil', 'özil', true],
    ['Łukasz', 'lukasz', false], // a letter of its own, not an accent
    ['Ελένη', 'ελενη', true],
  ])('%s by %s: %s', (family, value, expected) => {
    expect(finds(named(family), 'family', value)).toBe(expected);
    expect(finds(named(`x${family}`), 'family:contains', value)).toBe(expected || family === 'Severine');
  });

  it('but exactly where that is asked', () => {
    expect(finds(named('Éve'), 'family:exact', 'Éve')).toBe(true);
    expect(finds(named('Éve'), 'family:exact', 'Eve')).toBe(false);
    expect(finds(named('Éve'), 'family:exact', 'éve')).toBe(false);
    expect(finds(named('Évelyn'), 'family:exact', 'Éve')).toBe(false);
  });
});
