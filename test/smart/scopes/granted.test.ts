/** What is granted is what both the request and the registration permit, and the answer says it (O19, O21, O23). https://www.rfc-editor.org/rfc/rfc6749#section-3.3 */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Resource } from '../../../src/fhir/references.ts';
import { extract } from '../../../src/search/extract.ts';
import { matches } from '../../../src/search/match.ts';
import { type Right, scopeCriterion } from '../../../src/smart/scopes/criterion.ts';
import { type Circumstances, granted, isWithin } from '../../../src/smart/scopes/granted.ts';
import { scopesOf } from '../../../src/smart/scopes/words.ts';

const user: Circumstances = { by: 'user', isConfidential: false };
const service: Circumstances = { by: 'client', isConfidential: true };

describe('Granted', () => {
  it.each([
    ['what is registered', 'patient/Patient.rs openid', 'openid patient/Patient.rs', 'patient/Patient.rs openid'],
    ['nothing to who registered nothing', 'openid patient/*.rs', '', ''],
    ['nothing to who asks for nothing', '', 'patient/*.rs', ''],
    ['less of a wider request', 'patient/Observation.cruds', 'patient/Observation.rs', 'patient/Observation.rs'],
    ['a part of a wider registration', 'patient/Observation.r', 'patient/*.cruds', 'patient/Observation.r'],
    [
      'the registered types of a wildcard',
      'patient/*.rs',
      'patient/Patient.r patient/Flag.cr',
      'patient/Flag.r patient/Patient.r',
    ],
    ['a wildcard of a wildcard', 'patient/*.cruds', 'patient/*.rs', 'patient/*.rs'],
    ['no other context', 'user/Observation.rs', 'patient/Observation.rs system/*.rs', ''],
    ['SMART 1 as it is asked', 'patient/Observation.read', 'patient/Observation.rs', 'patient/Observation.read'],
    [
      'SMART 1 where it can say it',
      'patient/Observation.* patient/*.*',
      'patient/Observation.rs',
      'patient/Observation.read',
    ],
    [
      'SMART 2 where SMART 1 cannot say it',
      'patient/Observation.read',
      'patient/Observation.r',
      'patient/Observation.r',
    ],
    ['SMART 2 to who registered SMART 1', 'patient/Observation.rs', 'patient/*.read', 'patient/Observation.rs'],
    [
      'a query within no query',
      'patient/Observation.rs?category=a',
      'patient/Observation.rs',
      'patient/Observation.rs?category=a',
    ],
    [
      'no query within a query',
      'patient/Observation.read',
      'patient/Observation.rs?category=a',
      'patient/Observation.rs?category=a',
    ],
    [
      'both of two queries',
      'patient/Observation.rs?code=b',
      'patient/Observation.r?category=a',
      'patient/Observation.r?category=a&code=b',
    ],
    [
      'rights from several registrations',
      'patient/Observation.rs',
      'patient/*.r patient/Observation.s',
      'patient/Observation.rs',
    ],
    ["the seed's words to nobody who signs in", 'device_data openid', 'device_data openid', 'openid'],
    [
      'nothing that is not understood, registered or not',
      'patient/Nothing.rs patient/Patient.sr admin',
      'patient/Nothing.rs patient/Patient.sr admin',
      '',
    ],
    ['a word once', 'openid openid', 'openid', 'openid'],
  ])('is %s', (_what, asked, allowed, expected) => {
    expect(granted(asked, allowed, user)).toBe(expected);
  });

  it('is a scope of the system only to a confidential client by itself, which gets nothing else', () => {
    const all = 'system/Patient.rs user/Patient.rs patient/Patient.rs openid launch offline_access device_data';
    expect(granted(all, all, service)).toBe('system/Patient.rs device_data');
    expect(granted(all, all, { ...service, isConfidential: false })).toBe('');
    expect(granted(all, all, { by: 'user', isConfidential: true })).toBe(
      'user/Patient.rs patient/Patient.rs openid launch offline_access',
    );
  });

  it('is no scope for a patient where there is no patient', () => {
    const asked = 'patient/Patient.rs user/Patient.rs';
    expect(granted(asked, asked, { ...user, hasPatient: false })).toBe('user/Patient.rs');
    expect(granted(asked, asked, { ...user, hasPatient: true })).toBe(asked);
  });

  it("is of the seed's words what is registered, in its words or in those of SMART", () => {
    const seed = 'device_data patient_data alerts';
    expect(granted(seed, seed, service)).toBe(seed);
    expect(granted('alerts', seed, service)).toBe('alerts');
    expect(granted(seed, 'alerts', service)).toBe('alerts');
    expect(granted('alerts', 'system/*.cruds', service)).toBe('alerts');
    expect(granted('alerts', 'system/Flag.r', service)).toBe('system/Flag.r');
    expect(granted('system/Flag.cruds', seed, service)).toBe('system/Flag.rs');
  });
});

describe('However much is asked', () => {
  it('is answered in time, in a scope that fits into a token, and never widened', () => {
    const many = (n: number, name: string) =>
      Array.from({ length: n }, (_, i) => `patient/Observation.rs?${name}=${name}${i}`).join(' ');
    granted(many(50, 'code'), many(50, 'category'), user); // what is compiled for the first time takes longer
    const started = performance.now();
    const text = granted(many(2_000, 'code'), many(200, 'category'), user);
    expect(performance.now() - started).toBeLessThan(2_000);
    expect(text.length).toBeLessThanOrEqual(16_000);
    expect(text).toMatch(/^(?:patient\/Observation\.rs\?category=category\d+&code=code\d+ ?)+$/);
    const long = (name: string) =>
      `patient/Observation.rs?${Array.from({ length: 40 }, (_, i) => `${name}=${i}`).join('&')}`;
    expect(granted(long('code'), long('category'), user)).toBe('');
  });
});

describe('Within what was granted', () => {
  it.each([
    ['patient/Observation.r', 'patient/*.read', true],
    ['openid patient/Observation.rs?category=a', 'patient/Observation.read openid', true],
    ['patient/Observation.rs', 'patient/Observation.r patient/Observation.s', true],
    ['patient/Observation.rs', 'patient/Observation.rs?category=a', false],
    ['patient/Observation.cr', 'patient/Observation.r', false],
    ['patient/*.r', 'patient/Observation.r patient/Patient.r', false],
    ['offline_access', 'openid', false],
    ['patient/Nothing.r', 'patient/*.r', false],
    ['', 'openid', true],
  ])('%s of %s: %s', (asked, wide, expected) => {
    expect(isWithin(asked, wide)).toBe(expected);
  });
});

describe('For any request and registration', () => {
  // Few words, so that they meet; each means one thing in this test's own eyes (`permits`), without the code under test.
  const types = ['Observation', 'Condition', '*'];
  const categories = ['a', 'b'];
  const rights = ['r', 's', 'rs', 'c', 'cud', 'cruds', 'read', 'write', '*'];
  const letters: Readonly<Record<string, string>> = { read: 'rs', write: 'cud', '*': 'cruds' };
  const scope = fc
    .record({
      context: fc.constantFrom('patient', 'user'),
      type: fc.constantFrom(...types),
      rights: fc.constantFrom(...rights),
      query: fc.subarray(['category=a', 'category=b', 'category=a,b', 'code=x']),
    })
    .map(({ context, type, rights: word, query }) => {
      const isPlain = type === '*' || Object.hasOwn(letters, word) || query.length === 0;
      return `${context}/${type}.${word}${isPlain ? '' : `?${query.join('&')}`}`;
    });
  const scopes = fc.array(scope, { maxLength: 6 });
  const resource = fc.record({
    type: fc.constantFrom('Observation', 'Condition'),
    patient: fc.constantFrom('1', '2'),
    categories: fc.subarray(categories),
    code: fc.constantFrom('x', 'y'),
  });
  type Drawn = typeof resource extends fc.Arbitrary<infer T> ? T : never;

  const fhir = ({ type, patient, categories: of, code }: Drawn): Resource => ({
    resourceType: type,
    id: '7',
    subject: { reference: `Patient/${patient}` },
    category: of.map((one) => ({ coding: [{ code: one }] })),
    code: { coding: [{ code }] },
  });

  const permits = (text: string, context: string, right: string, one: Drawn): boolean =>
    text.split(' ').some((word) => {
      const [, whose, type, word2, query = ''] = /^(\w+)\/([^.]+)\.([^?]+)(?:\?(.*))?$/.exec(word) ?? [];
      if (whose !== context || (type !== '*' && type !== one.type)) return false;
      if (!(letters[word2!] ?? word2!).includes(right)) return false;
      if (whose === 'patient' && one.patient !== '1') return false;
      return query
        .split('&')
        .filter((part) => part !== '')
        .every((part) => {
          const [name, value] = part.split('=') as [string, string];
          const has = name === 'code' ? [one.code] : one.categories;
          return value.split(',').some((any) => has.includes(any));
        });
    });

  const opens = (text: string, context: string, right: string, one: Drawn): boolean => {
    const held = scopesOf(text).filter((parsed) => parsed.context === context);
    const criterion = scopeCriterion(held, one.type, right as Right, { patient: '1' });
    return criterion === undefined || matches(criterion, extract(fhir(one)), { type: one.type, id: '7' });
  };

  it('what is granted opens exactly what both open, and never more', () => {
    let opened = 0;
    fc.assert(
      fc.property(scopes, scopes, resource, (asked, allowed, one) => {
        const text = granted(asked.join(' '), allowed.join(' '), user);
        for (const context of ['patient', 'user']) {
          for (const right of 'cruds') {
            const both =
              permits(asked.join(' '), context, right, one) && permits(allowed.join(' '), context, right, one);
            if (both) opened++;
            expect([context, right, opens(text, context, right, one)]).toEqual([context, right, both]);
            expect(permits(text, context, right, one)).toBe(both);
          }
        }
        expect(isWithin(text, asked.join(' ')) && isWithin(text, allowed.join(' '))).toBe(true);
      }),
      { numRuns: 2000 },
    );
    expect(opened).toBeGreaterThan(500);
  });

  it('the order of scopes does not matter', () => {
    const set = (text: string) => text.split(' ').sort();
    fc.assert(
      fc.property(scopes, scopes, (asked, allowed) => {
        const there = granted(asked.join(' '), allowed.join(' '), user);
        const back = granted(asked.toReversed().join(' '), allowed.toReversed().join(' '), user);
        expect(set(back)).toEqual(set(there));
        expect(granted(there, allowed.join(' '), user)).toBe(there);
      }),
      { numRuns: 500 },
    );
  });
});
