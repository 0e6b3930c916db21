/** Where a refusal says that the fault stands: the parameter of the request, however deep in it. https://hl7.org/fhir/R4/search.html#errors */
import { expect, it } from '@jest/globals';
import { criterionOf } from '../../src/search/criterion.ts';
import { refused } from './refused.ts';

const { stringify } = JSON;

it.each([
  ['Observation', 'date', 'xx', 'value'],
  ['Observation', 'subject:Patient.birthdate', 'xx', 'value'],
  ['Observation', 'subject.birthdate', 'xx', 'value'],
  ['Observation', 'encounter.subject:Patient.birthdate', 'xx', 'value'],
  ['Observation', 'subject:Patient.birthdate:exact', '1980', 'not-supported'],
  ['Observation', 'subject:Patient.name:contains:exact', 'x', 'not-supported'],
  ['Patient', '_has:Observation:patient:date', 'xx', 'value'],
  ['Patient', '_has:Observation:patient:encounter.date', 'xx', 'value'],
  ['Encounter', '_has:Observation:encounter:subject:Patient.birthdate', 'xx', 'value'],
])('%s: %s is named as a whole', (type, name, value, code) => {
  const problem = refused(() => criterionOf(type, name, value, {}));
  expect(problem).toMatchObject({ code, issues: [{ expression: `http.${name}` }] });
  expect(problem.message).toContain(`'${name}'`);
  expect(stringify(problem.issues)).not.toContain('xx');
});

it.each([
  ['birthdate ge 1980-99', 'value', 'birthdate'],
  ['link:Patient.birthdate ge 1980-99', 'value', 'birthdate'],
  ['link:Patient[birthdate ge 1980-99].name eq x', 'value', 'birthdate'],
  ['link:Patient[name eq x].birthdate ge 1980-99', 'value', 'birthdate'],
  ['gender ss http://a|x', 'not-supported', 'gender'],
])('_filter is named for what stands in it, with the parameter that it compares: %s', (filter, code, compared) => {
  const problem = refused(() => criterionOf('Patient', '_filter', filter, {}));
  expect(problem).toMatchObject({ code, issues: [{ expression: 'http._filter' }] });
  expect(problem.message).toContain(`'_filter' compares '${compared}', which`);
  expect(stringify(problem.issues)).not.toContain('1980');
});

it.each(['_text', '_content'])('an AuditEvent has no %s, and is said not to', (name) => {
  const problem = refused(() => criterionOf('AuditEvent', name, 'x', {}));
  expect(problem).toMatchObject({ status: 400, code: 'not-supported', issues: [{ expression: `http.${name}` }] });
  expect(problem.message).toBe(`Search parameter '${name}' is not supported on AuditEvent`);
});
