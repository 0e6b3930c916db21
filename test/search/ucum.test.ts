/** The UCUM functional cases against our canonical units, and quantities across units over REST. https://ucum.org/ucum */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { canonical } from '../../src/fhir/units.ts';
import { openHouse, type TestHouse } from '../support/house.ts';
import { sharedData, without } from '../support/shared-data.ts';

const cases = sharedData('ucum/UcumFunctionalTests.xml');
const skipped = without(cases, 'the UCUM cases');
const onlyWithCases = skipped ? it.skip : it;

/** The `case` elements of one section of the file, each with its attributes. */
function casesOf(section: string): readonly Readonly<Record<string, string>>[] {
  const xml = readFileSync(cases!, 'utf8').replace(/<!--.*?-->/gs, '');
  const within = xml.slice(xml.indexOf(`<${section}>`), xml.indexOf(`</${section}>`));
  return [...within.matchAll(/<case\s([^>]*?)\/?>/g)].map(([, attributes]) =>
    Object.fromEntries(
      [...attributes!.matchAll(/(\w+)\s*=\s*"([^"]*)"/g)].map(([, name, value]) => [name, text(value!)]),
    ),
  );
}

const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };
const text = (escaped: string): string =>
  escaped.replace(/&(?:#x([\da-f]+)|#(\d+)|(\w+));/gi, (_, hex, decimal, name) =>
    name ? entities[name]! : String.fromCodePoint(hex ? Number.parseInt(hex, 16) : Number(decimal)),
  );

/** More digits than this of a value the cases do not ask for themselves: pi is written longer than numbers are. */
const digits = 1e-11;

/** What one step in the last digit of a decimal amounts to. */
function lastDigit(decimal: string): number {
  const [digits, exponent = '0'] = decimal.toLowerCase().split('e');
  return 10 ** (Number(exponent) - (digits!.split('.')[1] ?? '').length);
}

describe('the UCUM cases', () => {
  onlyWithCases('tell units from what is none', () => {
    const all = casesOf('validation');
    expect(all.length).toBeGreaterThan(450);
    const wrong = all
      .filter(({ unit, valid }) => (canonical(1, unit!) !== undefined) !== (valid === 'true'))
      .map(({ id, unit, valid }) => `${id} ${unit} ${valid}`);
    expect(wrong).toEqual([]);
  });

  onlyWithCases('convert: both amounts are one', () => {
    const all = casesOf('conversion');
    expect(all.length).toBeGreaterThanOrEqual(30);
    const wrong = all.flatMap(({ id, value, srcUnit, dstUnit, outcome }) => {
      const [from, to] = [canonical(Number(value), srcUnit!), canonical(Number(outcome), dstUnit!)];
      const edge = canonical(Number(outcome) + lastDigit(outcome!) / 2, dstUnit!); // outcomes are rounded as they are written
      const near =
        from &&
        to &&
        edge &&
        Math.abs(from.value - to.value) <= Math.max(Math.abs(edge.value - to.value), digits * Math.abs(to.value));
      return near && from.code === to.code ? [] : [`${id} ${value} ${srcUnit} = ${outcome} ${dstUnit}`];
    });
    expect(wrong).toEqual([]);
  });
});

describe('a quantity over REST', () => {
  const ucum = 'http://unitsofmeasure.org';
  const stored: readonly (readonly [id: string, value: number, code: string, system?: string])[] = [
    ['mg-5.4', 5.4, 'mg'],
    ['g-0.0054', 0.0054, 'g'],
    ['ug-5400', 5400, 'ug'],
    ['mg-5.35', 5.35, 'mg'],
    ['mg-5.449', 5.449, 'mg'],
    ['mg-5.45', 5.45, 'mg'],
    ['mg-5.34', 5.34, 'mg'],
    ['mmol-5.4', 5.4, 'mmol'],
    ['mg-other', 5.4, 'mg', 'urn:other'],
    ['degF-98.6', 98.6, '[degF]'],
    ['Cel-37', 37, 'Cel'],
  ];

  let house: TestHouse;
  beforeAll(async () => {
    house = await openHouse();
    for (const [id, value, code, system = ucum] of stored) {
      const { status } = await house.update({
        resourceType: 'Observation',
        id,
        status: 'final',
        code: { text: 'amount' },
        valueQuantity: { value, unit: code, system, code },
      });
      expect(status).toBe(201);
    }
  });
  afterAll(() => house.stop());

  const found = async (value: string) =>
    (await house.search(`Observation?value-quantity=${encodeURIComponent(value)}`)).map(({ id }) => id).sort();

  it.each([
    [`5.4|${ucum}|mg`, ['g-0.0054', 'mg-5.35', 'mg-5.4', 'mg-5.449', 'ug-5400']],
    [`0.0054|${ucum}|g`, ['g-0.0054', 'mg-5.35', 'mg-5.4', 'mg-5.449', 'ug-5400']],
    [`5.40|${ucum}|mg`, ['g-0.0054', 'mg-5.4', 'ug-5400']],
    [`gt5.4|${ucum}|mg`, ['mg-5.449', 'mg-5.45']],
    [`lt0.0054|${ucum}|g`, ['mg-5.34', 'mg-5.35']],
    ['5.4|urn:other|mg', ['mg-other']],
    ['5.4||mg', ['mg-5.35', 'mg-5.4', 'mg-5.449', 'mg-other']],
    ['5.4', ['mg-5.35', 'mg-5.4', 'mg-5.449', 'mg-other', 'mmol-5.4']],
    [`37.0|${ucum}|Cel`, ['Cel-37', 'degF-98.6']],
    [`98.6|${ucum}|[degF]`, ['Cel-37', 'degF-98.6']],
  ])('%s finds what is the same amount', async (value, ids) => {
    expect(await found(value)).toEqual([...ids].sort());
  });
});
