/** What older stores may hold and this server would not take: what nobody can tell denies and does not permit. docs/consents.md */
import { describe, expect, it } from '@jest/globals';
import type { Known } from '../../../src/smart/consents/caller.ts';
import { leftOf } from '../../../src/smart/consents/left.ts';
import { narrowed } from '../../../src/smart/consents/narrowing.ts';
import { paperOf } from '../../../src/smart/consents/provision.ts';
import { consent } from './consent-house.ts';

const nobody: Known = { sure: new Set(), possible: new Set(), identifiers: new Set() };
const modifierExtension = [{ url: 'urn:x', valueBoolean: true }];

/** What a single Consent leaves of the Conditions of Patient/a: all, none, or some. */
function leaves(resource: any): 'all' | 'none' | 'some' {
  const mode = resource.provision?.type === 'permit' ? 'opt-in' : 'deny-list';
  const paper = paperOf(resource)!;
  const left = leftOf(paper.rule, nobody, 0);
  const criterion = narrowed({ mode, shapes: left ? [{ left, patients: ['Patient/a'] }] : [] }, 'Condition', 'r');
  if (criterion === undefined) return 'all';
  return JSON.stringify(criterion).includes('Patient/a') ? 'some' : 'none';
}

describe('A Consent that is not understood', () => {
  it.each([
    ['a modifier in a provision', { modifierExtension }],
    ['a period that is no date', { period: { start: 'soon' } }],
    ['a time of data that is no date', { dataPeriod: { end: 'whenever' } }],
    ['an empty list of actors that are nobody', { actor: [{}] }],
    ['a class without a code', { class: [{ display: 'secrets' }] }],
    ['a label without a code', { securityLabel: [{ display: 'secret' }] }],
  ])('has %s: denies, and does not permit', (_what, more) => {
    expect(leaves(consent('one', { type: 'deny', ...more }))).toBe('some');
    expect(leaves(consent('one', { type: 'permit', ...more }))).toBe('none');
  });

  it('has a modifier itself', () => {
    expect(leaves(consent('one', { type: 'deny' }, { modifierExtension }))).toBe('some');
    expect(leaves(consent('one', { type: 'permit' }, { modifierExtension }))).toBe('none');
    expect(leaves(consent('one', { type: 'permit' }, { implicitRules: 'urn:x' }))).toBe('none');
  });
});

describe('A Consent that is understood', () => {
  it('permits', () => expect(leaves(consent('one', { type: 'permit' }))).toBe('some'));
});
