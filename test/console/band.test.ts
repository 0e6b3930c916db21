/** The band behind a chart is what alerts take for normal, by limits of which each says what the one before leaves open. */
import { fileURLToPath } from 'node:url';
import { expect, it } from '@jest/globals';
import { limitsFrom, loadLimits } from '../../src/alerts/thresholds.ts';
import { normalFor } from '../../src/console/cardiac/band.ts';
import { parseExact } from '../../src/fhir/json.ts';

const canonical = 'https://example.org/fhir';
const unit = { system: 'http://unitsofmeasure.org', code: '/min' };
const code = { coding: [{ system: 'http://loinc.org', code: '8867-4' }] };

it('A band has its lower end from the shipped limits where the stored ones name the upper end alone', () => {
  const shipped = loadLimits(fileURLToPath(new URL('../../profiles', import.meta.url)));
  const bandBy = (range: object) => {
    const stored = limitsFrom([
      {
        identifier: [{ system: `${canonical}/sid/vital`, value: 'heart-rate' }],
        code,
        quantitativeDetails: { unit: { coding: [unit] } },
        qualifiedInterval: [{ category: 'reference', range }],
      },
    ]);
    const { bandOf } = normalFor([stored, shipped], { person: {}, kindsOf: new Map(), canonical, now: Date.now() });
    return bandOf(parseExact(JSON.stringify({ code, valueQuantity: { value: 70, unit: '/min', ...unit } })));
  };

  expect(bandBy({ high: { value: 110, ...unit } })).toEqual({ low: 60, high: 110 });
  expect(bandBy({ low: { value: 50, ...unit }, high: { value: 110, ...unit } })).toEqual({ low: 50, high: 110 });
});

it('A band is of the table in the unit of what was measured, as alerts are: published limits in degF and Cel are no conversions of each other', () => {
  const shipped = loadLimits(fileURLToPath(new URL('../../profiles', import.meta.url)));
  const { bandOf } = normalFor([shipped], { person: {}, kindsOf: new Map(), canonical, now: Date.now() });
  const temperature = (value: number, code: string) =>
    bandOf(
      parseExact(
        JSON.stringify({
          code: { coding: [{ system: 'http://loinc.org', code: '8310-5' }] },
          valueQuantity: { value, system: 'http://unitsofmeasure.org', code },
        }),
      ),
    );

  const [celsius, fahrenheit] = [temperature(37, 'Cel'), temperature(98.6, '[degF]')];
  expect(fahrenheit).toEqual({ low: 97, high: 99 });
  expect(celsius!.high).toBeLessThan(40);
});
