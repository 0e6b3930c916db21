import { describe, expect, it } from '@jest/globals';
import { primitives } from '../../src/fhir/primitives.ts';
import { validate } from '../../src/validation/validate.ts';

const size = 1024 * 1024;

/** Strings of 1 MiB that make careless scanners slow. */
const bombs: readonly string[] = [
  'a',
  ' ',
  '\t',
  '\n',
  '0',
  '1',
  '9',
  '-',
  '+',
  '.',
  ':',
  '/',
  '#',
  '=',
  '&',
  '<',
  '%',
  '?',
  '"',
  '\\',
  '\u0000',
  '\u00a0',
  '\ud800',
  '😀',
  'aA',
  'a ',
  ' a',
  '1.',
  '.1',
  '0.',
  '==',
  'A=',
  'TQ==',
  '\r\n',
  'a/',
  '//',
  '%20',
  '2024-01-01T',
  'urn:oid:1.',
  'T00:00:00',
].map((unit) => unit.repeat(Math.floor(size / unit.length)));

const prefixes = ['', '2024-01-01T00:00:00.', 'urn:oid:1.2.', 'urn:uuid:', 'Patient/', 'http://a/', 'TQ'];

/** Of processor time, the best of three: the machine has other things to do. */
function milliseconds(work: () => void): number {
  const times = [1, 2, 3].map(() => {
    const before = process.cpuUsage();
    work();
    return process.cpuUsage(before).user / 1000;
  });
  return Math.min(...times);
}

describe('strings of a megabyte', () => {
  it('are judged at once by every primitive type', () => {
    const slow: string[] = [];
    for (const [type, { json, accepts }] of primitives) {
      if (json !== 'string') continue;
      for (const bomb of bombs) {
        const prefix = prefixes[bomb.length % prefixes.length]!;
        const took = milliseconds(() => accepts(prefix + bomb));
        // What is in proportion takes a few milliseconds, what is not takes minutes; a busy machine lies between.
        if (took > 1_000) slow.push(`${type} ${JSON.stringify(bomb.slice(0, 4))} ${took}`);
      }
    }
    expect(slow).toEqual([]);
  });

  const places: Readonly<Record<string, (text: string) => any>> = {
    code: (text) => ({ resourceType: 'Observation', status: text, code: { text: 'a' } }),
    coding: (text) => ({
      resourceType: 'Condition',
      clinicalStatus: { coding: [{ code: text }] },
      subject: { display: 'a' },
    }),
    reference: (text) => ({
      resourceType: 'Observation',
      status: 'final',
      code: { text: 'a' },
      subject: { reference: text },
    }),
    narrative: (text) => ({
      resourceType: 'Patient',
      text: { status: 'generated', div: `<div xmlns="http://www.w3.org/1999/xhtml">${text}` },
    }),
    name: (text) => ({ resourceType: 'Patient', [text]: 1 }),
    profile: (text) => ({ resourceType: 'Patient', meta: { profile: [text] } }),
    extension: (text) => ({ resourceType: 'Patient', extension: [{ url: text, valueString: 'a' }] }),
    'media type': (text) => ({ resourceType: 'Binary', contentType: text }),
    currency: (text) => ({ resourceType: 'Patient', extension: [{ url: 'http://a', valueMoney: { currency: text } }] }),
    period: (text) => ({ resourceType: 'Patient', name: [{ text: 'a', period: { start: text, end: text } }] }),
    'path of a definition': (text) => ({
      resourceType: 'StructureDefinition',
      url: 'http://a',
      name: 'A',
      status: 'draft',
      kind: 'resource',
      abstract: false,
      type: 'A',
      differential: { element: [{ id: 'a', path: text, sliceName: text }] },
    }),
  };

  for (const [place, make] of Object.entries(places)) {
    it(`are judged in under 50 ms as a ${place}`, () => {
      const slow: string[] = [];
      for (const [i, bomb] of bombs.entries()) {
        const resource = make(prefixes[i % prefixes.length]! + bomb);
        const took = milliseconds(() => validate(resource));
        if (took > 50) slow.push(`${JSON.stringify(bomb.slice(0, 20))} ${took}`);
      }
      expect(slow).toEqual([]);
    });
  }

  it('never come back in an answer', () => {
    const secret = `secret${'x'.repeat(100)}`;
    const issues = validate({
      resourceType: 'Patient',
      gender: secret,
      [secret]: 1,
      birthDate: secret,
      name: [{ use: secret }],
      managingOrganization: { reference: secret },
    } as never);
    expect(issues.length).toBeGreaterThan(4);
    expect(JSON.stringify(issues)).not.toContain('secret');
  });
});

describe('many elements', () => {
  const list = (length: number, make: (i: number) => unknown) => Array.from({ length }, (_, i) => make(i));
  const count = 100_000;
  const heavy: Readonly<Record<string, () => any>> = {
    names: () => ({ resourceType: 'Patient', name: list(count, (i) => ({ family: `${i}`, given: ['a'] })) }),
    'wrong names': () => ({ resourceType: 'Patient', name: list(count, () => ({ foo: 1 })) }),
    'halves of primitives': () => ({
      resourceType: 'Patient',
      name: [{ given: list(count, () => null), _given: list(count, () => ({ id: 'a' })) }],
    }),
    components: () => ({
      resourceType: 'Observation',
      status: 'final',
      code: { coding: list(count / 10, (i) => ({ code: `${i}` })) },
      valueString: 'a',
      component: list(count / 10, (i) => ({ code: { coding: [{ code: `x${i}` }] } })),
    }),
    'components of a profile': () => ({
      resourceType: 'Observation',
      meta: { profile: ['http://hl7.org/fhir/StructureDefinition/bp'] },
      status: 'final',
      code: { coding: list(count / 10, (i) => ({ code: `${i}` })) },
      component: list(count / 10, (i) => ({ code: { coding: [{ code: `x${i}` }] } })),
    }),
    profiles: () => ({
      resourceType: 'Observation',
      meta: { profile: list(count, (i) => `http://a/${i}`) },
      status: 'final',
      code: { text: 'a' },
    }),
    'contained resources': () => ({
      resourceType: 'List',
      status: 'current',
      mode: 'working',
      contained: list(count / 10, (i) => ({ resourceType: 'Patient', id: `${i}` })),
      entry: list(count / 10, (i) => ({ item: { reference: `#${i}` } })),
    }),
    'entries of a Bundle': () => ({
      resourceType: 'Bundle',
      type: 'collection',
      entry: list(count / 10, (i) => ({
        fullUrl: `http://a/Patient/${i}`,
        resource: { resourceType: 'Patient', id: `${i}` },
      })),
    }),
    'concepts of a CodeSystem': () => ({
      resourceType: 'CodeSystem',
      status: 'draft',
      content: 'complete',
      concept: list(count / 10, (i) => ({ code: `${i}` })),
    }),
    'elements of a StructureDefinition': () => ({
      resourceType: 'StructureDefinition',
      url: 'http://a',
      name: 'A',
      status: 'draft',
      kind: 'logical',
      abstract: false,
      type: 'http://a',
      snapshot: {
        element: list(count / 10, (i) => ({
          id: `a.${i}`,
          path: i === 0 ? 'a' : `a.b${i}`,
          definition: 'a',
          min: 0,
          max: '1',
          base: { path: 'a', min: 0, max: '1' },
        })),
      },
    }),
    'parameters of an operation': () => ({
      resourceType: 'Parameters',
      parameter: list(count, (i) => ({ name: `${i}`, valueInteger: i })),
    }),
    extensions: () => ({
      resourceType: 'Patient',
      extension: list(count, (i) => ({ url: `http://a/${i}`, valueInteger: i })),
    }),
  };

  for (const [name, make] of Object.entries(heavy)) {
    it(`(${name}) are judged in under a second`, () => {
      const resource = make();
      expect(milliseconds(() => validate(resource))).toBeLessThan(1000);
    });
  }

  it('may stand 50 deep, and deeper than the guard lets through', () => {
    const nested = (depth: number, wrap: (inner: any) => any, inner: any): any =>
      depth === 0 ? inner : nested(depth - 1, wrap, wrap(inner));
    // No more: how deep the stack reaches depends on what has been compiled by then, a third of what it holds at least.
    for (const depth of [50, 200]) {
      const bundle = nested(
        depth,
        (resource) => ({ resourceType: 'Bundle', type: 'collection', entry: [{ resource }] }),
        { resourceType: 'Patient' },
      );
      expect(validate(bundle)).toEqual([]);
      const part = nested(depth, (inner) => ({ name: 'a', part: [inner] }), { name: 'a', valueString: 'b' });
      expect(validate({ resourceType: 'Parameters', parameter: [part] })).toEqual([]);
      const extension = nested(depth, (inner) => ({ url: 'http://a', extension: [inner] }), {
        url: 'http://a',
        valueString: 'b',
      });
      expect(validate({ resourceType: 'Patient', extension: [extension] })).toEqual([]);
    }
  });

  it('of contained in contained are refused (dom-2)', () => {
    let resource: any = { resourceType: 'Patient', id: 'a' };
    for (let i = 0; i < 20; i++)
      resource = {
        resourceType: 'Patient',
        id: 'a',
        contained: [resource],
        link: [{ other: { reference: '#a' }, type: 'seealso' }],
      };
    const issues = validate(resource);
    expect(issues[0]).toMatchObject({ code: 'invariant' });
    expect(issues.length).toBeLessThanOrEqual(101);
  });
});
