/** What a Subscription may watch for. https://hl7.org/fhir/R4/subscription-definitions.html#Subscription.criteria */
import { describe, expect, it } from '@jest/globals';
import { Problem } from '../../src/fhir/outcome.ts';
import { parseCriteria } from '../../src/subscriptions/criteria.ts';

const refusal = (criteria: string): Problem => {
  try {
    parseCriteria(criteria, undefined);
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
  throw new Error(`accepted: ${criteria}`);
};

describe('criteria', () => {
  it.each([
    'Observation?subject:Patient.name=x',
    'Observation?patient.birthdate=ge2000',
    'Patient?_has:Observation:patient:code=x',
    'Patient?_list=42',
    'Observation?_filter=status%20eq%20final%20or%20subject:Patient.name%20co%20x',
  ])('%s is refused: other resources would have to be watched too', (criteria) => {
    expect(refusal(criteria)).toMatchObject({
      status: 422,
      code: 'not-supported',
      issues: [{ expression: 'Subscription.criteria' }],
    });
  });

  it.each([
    'Observation?code:text=heart',
    'Observation?component-code-value-quantity=8480-6$gt140',
    'Location?near=52.5|13.4|5',
    'Patient?_content=nuts',
    'Patient?identifier:of-type=http://t|MR|1',
    'Patient?_filter=name%20co%20x%20and%20not%20(gender%20eq%20male)',
  ])('%s is watched', (criteria) => {
    expect(parseCriteria(criteria, undefined).type).toBe(criteria.split('?')[0]);
  });
});
