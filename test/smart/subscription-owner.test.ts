/** The owner of a Subscription in its text: everything else keeps its bytes. profiles/StructureDefinition-subscription-owner.json */
import { describe, expect, it } from '@jest/globals';
import { ownerExtension, ownerIn, withOwner, writeOwner } from '../../src/smart/subscription-owner.ts';

const canonical = 'https://house.example.org/fhir';
const owner = ownerExtension('Practitioner/7', canonical);
const own = JSON.stringify(owner);
const weight = '{"url":"urn:weight","valueDecimal":98.00}';
const lie = '{"valueString":"Client\\/admin","url":"https://elsewhere.example/StructureDefinition/subscription-owner"}';

describe('The owner of a Subscription', () => {
  it.each([
    ['nothing', '{"a":1.0}', `{"a":1.0,"extension":[${own}]}`],
    ['others', `{"extension":[${weight}],"a":1.0}`, `{"extension":[${weight},${own}],"a":1.0}`],
    ['a lie', `{"extension":[${lie},${weight}]}`, `{"extension":[${own},${weight}]}`],
    ['several', `{"extension":[${weight},${lie},${own},${lie}]}`, `{"extension":[${weight},${own}]}`],
    ['itself', `{"extension":[${weight},${own}],"b":[]}`, `{"extension":[${weight},${own}],"b":[]}`],
  ])('is written where there was %s', (_what, sent, stored) => {
    expect(writeOwner(sent, owner)).toBe(stored);
    expect(ownerIn(withOwner(JSON.parse(sent), owner))).toEqual(ownerIn(JSON.parse(stored)));
  });

  it('is taken out where nobody is known', () => {
    expect(writeOwner(`{"a":1,"extension":[${lie}]}`, undefined)).toBe('{"a":1}');
    expect(writeOwner(`{"extension":[${lie},${weight}]}`, undefined)).toBe(`{"extension":[${weight}]}`);
  });

  it('is a reference to a user, and an identifier of what is no resource', () => {
    expect(owner.valueReference).toEqual({ reference: 'Practitioner/7' });
    for (const who of ['Client/abc', 'Client/admin', 'System/feed', '']) {
      expect(ownerExtension(who, canonical).valueReference).toEqual({
        identifier: { system: `${canonical}/sid/client`, value: who },
      });
    }
  });
});
