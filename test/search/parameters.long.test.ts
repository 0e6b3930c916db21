/** Every SearchParameter of R4 against the official examples, by nothing but its definition. https://hl7.org/fhir/R4/searchparameter-registry.html */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Asked } from './by-definition.ts';
import { check, closeExamples, openExamples, skipped } from './official-examples.ts';
import { withoutExample } from './without-example.ts';

/** Without an expression there is nothing to find. */
const noExpression = ['Patient.age', 'Patient.birthOrderBoolean'];

let all: readonly Asked[] = [];
beforeAll(async () => {
  if (!skipped) all = await openExamples();
}, 600_000);
afterAll(closeExamples);

describe('each search parameter of R4', () => {
  (skipped ? it.skip : it)(
    'finds the official examples that have its value, and no others',
    async () => {
      const empty = all.filter(({ expression }) => expression === undefined);
      expect(empty.map(({ type, code }) => `${type}.${code}`)).toEqual(noExpression);
      const { faults, unseen, searched } = await check(all.filter((one) => !empty.includes(one)));
      const listed: Record<string, string> = {};
      for (const type of [...new Set(unseen.map((one) => one.type))].sort()) {
        const codes = unseen.filter((one) => one.type === type && !one.code.startsWith('_')).map(({ code }) => code);
        if (codes.length > 0) listed[type] = codes.sort().join(' ');
      }
      process.stderr.write(`${all.length} parameters of types, ${searched} with a value in an example\n`);
      expect(faults).toEqual([]);
      expect(listed).toEqual(withoutExample);
      expect(searched).toBeGreaterThan(1_400);
    },
    900_000,
  );
});
