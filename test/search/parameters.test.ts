/** Every tenth SearchParameter of R4 against the official examples; all of them in parameters.long.test.ts. https://hl7.org/fhir/R4/searchparameter-registry.html */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Asked } from './by-definition.ts';
import { check, closeExamples, openExamples, skipped } from './official-examples.ts';

let all: readonly Asked[] = [];
beforeAll(async () => {
  if (!skipped) all = await openExamples();
}, 120_000);
afterAll(closeExamples);

describe('every tenth search parameter of R4', () => {
  (skipped ? it.skip : it)(
    'finds the official examples that have its value, and no others',
    async () => {
      const sample = all.filter(({ expression }, i) => i % 10 === 0 && expression !== undefined);
      const { faults, searched } = await check(sample);
      expect(faults).toEqual([]);
      expect(searched).toBeGreaterThan(100);
    },
    60_000,
  );
});
