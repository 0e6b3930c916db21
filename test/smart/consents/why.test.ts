/** $why names the Consents that keep a caller out. docs/consents.md */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { actor, type ConsentHouse, consent, label, openConsentHouse } from './consent-house.ts';

let house: ConsentHouse;
beforeAll(async () => {
  house = await openConsentHouse();
});
afterAll(() => house.stop());

/** Of reading it; undefined where Consents are not among the reasons. */
async function byConsents(who: string, reference: string): Promise<{ opens: boolean; named: string[] } | undefined> {
  const { body } = await house.ask('GET', `/$why?reference=${reference}&${who}`, { as: 'admin' });
  const partOf = ({ part }: any, name: string) => part.find((one: any) => one.name === name);
  const read = body.parameter.find((one: any) => one.name === 'right' && partOf(one, 'right').valueCode === 'read');
  const reason = read.part.find((one: any) => one.name === 'reason' && partOf(one, 'by').valueString === 'consents');
  return (
    reason && {
      opens: partOf(reason, 'opens').valueBoolean,
      named: reason.part.flatMap(({ name, valueReference }: any) =>
        name === 'consent' ? [valueReference.reference] : [],
      ),
    }
  );
}

describe('$why', () => {
  const nurse = 'who=Practitioner/nurse&roles=nurse';
  const toNurse = { type: 'deny', actor: [actor('Practitioner/nurse')] };

  it('names each Consent that keeps the caller out, and no other', async () => {
    await house.put(consent('to-nurse', toNurse));
    await house.put(consent('to-nurse-too', toNurse));
    await house.put(consent('to-physician', { type: 'deny', actor: [actor('Practitioner/physician')] }));
    await house.put(
      consent('of-conditions', {
        ...toNurse,
        class: [{ system: 'http://hl7.org/fhir/resource-types', code: 'Condition' }],
      }),
    );
    await house.put(consent('of-labelled', { ...toNurse, securityLabel: [label('R')] }));
    await house.put({ ...consent('of-b', toNurse), patient: { reference: 'Patient/b' } });
    const keptOut = await byConsents(nurse, 'Observation/lab-a');
    expect({ ...keptOut, named: keptOut?.named.sort() }).toEqual({
      opens: false,
      named: ['Consent/to-nurse', 'Consent/to-nurse-too'],
    });
    expect(await byConsents(nurse, 'Patient/b')).toEqual({ opens: false, named: ['Consent/of-b'] });

    for (const id of ['to-nurse', 'to-nurse-too']) await house.remove(`Consent/${id}`);
    expect(await byConsents(nurse, 'Observation/lab-a')).toMatchObject({ opens: true, named: [] });
    expect(await byConsents(nurse, 'Condition/condition-a')).toEqual({
      opens: false,
      named: ['Consent/of-conditions'],
    });
  });
});
