/** Pages of a search: whole and once while others write, forth and back, opaque, bound to query and caller, with an age. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { systemRuntime } from '../../src/runtime.ts';
import { type Answer, openHouse, type TestHouse } from '../support/house.ts';

let house: TestHouse;
/** Milliseconds by which the server's clock is ahead. */
let ahead = 0;

const observation = (id: string, day: number) => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: { text: 'x' },
  subject: { reference: 'Patient/ada' },
  effectiveDateTime: `2026-01-${String(day).padStart(2, '0')}T10:00:00Z`,
});
const resources: readonly any[] = [
  { resourceType: 'Patient', id: 'ada', name: [{ family: 'A' }] },
  { resourceType: 'Patient', id: 'bob', name: [{ family: 'B' }] },
  ...[1, 2, 3, 4, 5, 6, 7].map((day) => observation(`o${day}`, day)),
];

beforeAll(async () => {
  house = await openHouse({ runtime: { ...systemRuntime, now: () => systemRuntime.now() + ahead } });
  for (const resource of resources)
    expect([resource.id, (await house.update(resource)).status]).toEqual([resource.id, 201]);
});
afterAll(() => house.stop());

const get = (query: string, headers?: Record<string, string>) => house.read(query, headers);
const follow = (link: string | undefined) => house.ask('GET', link!);
const idsOf = ({ body }: Answer, mode = 'match'): string[] =>
  (body.entry ?? []).filter(({ search }: any) => search.mode === mode).map(({ resource }: any) => resource.id);
const linkOf = ({ body }: Answer, relation: string): string | undefined =>
  body.link.find((link: any) => link.relation === relation)?.url;
const relationsOf = ({ body }: Answer): string[] => body.link.map(({ relation }: any) => relation);
const parametersOf = (link: string | undefined) =>
  [...new URL(link!).searchParams].filter(([name]) => name !== '_page');

describe('The links of a page', () => {
  it.each(['', '&_sort=date', '&_sort=-date', '&_sort=_id', '&_sort=-_lastUpdated', '&_sort=_lastUpdated,-date'])(
    'lead on and back again to the same pages: _count=3%s',
    async (sort) => {
      const first = await get(`Observation?_count=3${sort}`);
      const second = await follow(linkOf(first, 'next'));
      const third = await follow(linkOf(second, 'next'));
      expect([first, second, third].map(relationsOf)).toEqual([
        ['self', 'next'],
        ['self', 'next', 'previous'],
        ['self', 'previous'],
      ]);
      const pages = [first, second, third].map((page) => idsOf(page));
      expect(pages.flat().sort()).toEqual(['o1', 'o2', 'o3', 'o4', 'o5', 'o6', 'o7']);
      const back = await follow(linkOf(third, 'previous'));
      const start = await follow(linkOf(back, 'previous'));
      expect([idsOf(start), idsOf(back)]).toEqual(pages.slice(0, 2));
      expect(relationsOf(start)).toEqual(['self', 'next']);
      expect(idsOf(await follow(linkOf(start, 'next')))).toEqual(pages[1]);
      expect(idsOf(await follow(linkOf(second, 'self')))).toEqual(pages[1]);
    },
  );

  it('have exactly the parameters that were used, by GET and by POST', async () => {
    const query = 'colour=red&status=final&_count=2&_sort=date&subject=Patient%2Fada&code.x=1';
    const used = [
      ['status', 'final'],
      ['_count', '2'],
      ['_sort', 'date'],
      ['subject', 'Patient/ada'],
    ];
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    const lenient = query.replace('&code.x=1', '');
    for (const first of [
      await get(`Observation?${lenient}`),
      await house.ask('POST', '/fhir/Observation/_search', lenient, form),
      await house.ask('POST', '/fhir/Observation/_search?colour=red&status=final', lenient.slice(24), form),
    ]) {
      const second = await follow(linkOf(first, 'next'));
      expect(idsOf(second)).toEqual(['o3', 'o4']);
      for (const link of [
        linkOf(first, 'self'),
        linkOf(first, 'next'),
        ...['self', 'next', 'previous'].map((relation) => linkOf(second, relation)),
      ]) {
        expect(link).toMatch(new RegExp(`^${house.url}/fhir/Observation\\?`));
        expect(parametersOf(link).sort()).toEqual([...used].sort());
      }
    }
  });

  it('give the pages of a form to those who post the form again', async () => {
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    const first = await house.ask('POST', '/fhir/Observation/_search', '_count=3&_sort=date', form);
    const page = new URL(linkOf(first, 'next')!).searchParams.get('_page');
    const second = await house.ask('POST', '/fhir/Observation/_search', `_count=3&_sort=date&_page=${page}`, form);
    expect(idsOf(second)).toEqual(['o4', 'o5', 'o6']);
  });

  it('give what is included with each page, and the same total on all', async () => {
    const first = await get('Observation?_count=3&_sort=date&_include=Observation:subject&_total=accurate');
    const second = await follow(linkOf(first, 'next'));
    for (const page of [first, second]) expect([idsOf(page, 'include'), page.body.total]).toEqual([['ada'], 7]);
  });

  it('back are bound to query and caller as those forth are', async () => {
    const second = await follow(linkOf(await get('Observation?_count=3&_sort=date'), 'next'));
    const token = new URL(linkOf(second, 'previous')!).searchParams.get('_page')!;
    expect(Buffer.from(token, 'base64url').toString('latin1')).not.toMatch(/o[1-7]|2026|Observation/);
    for (const query of ['_count=3&_sort=-date', '_count=2&_sort=date', '_count=3&_sort=date&status=final'])
      expect([query, (await get(`Observation?${query}&_page=${token}`)).status]).toEqual([query, 400]);
    expect((await get(`Patient?_count=3&_sort=date&_page=${token}`)).status).toBe(400);
  });

  it('back show what stayed once and in order while others write and delete', async () => {
    for (let i = 10; i < 30; i++) await house.update({ resourceType: 'Basic', id: `b${i}`, code: { text: 'x' } });
    let page = await get('Basic?_count=4&_sort=_id');
    while (linkOf(page, 'next')) page = await follow(linkOf(page, 'next'));
    const seen = [idsOf(page)];
    for (let n = 0; linkOf(page, 'previous'); n++) {
      await house.update({ resourceType: 'Basic', id: `b${28 - 3 * n}x`, code: { text: 'x' } });
      await house.remove(`Basic/b${11 + n}`);
      page = await follow(linkOf(page, 'previous'));
      seen.unshift(idsOf(page));
    }
    const walked = seen.flat();
    expect(walked).toEqual([...new Set(walked)].sort());
    for (let i = 16; i < 30; i++) expect(walked).toContain(`b${i}`);
    for (const { id } of await house.search('Basic')) await house.remove(`Basic/${id}`);
  });
});

describe('A page', () => {
  const pagesOf = async (first: string, meanwhile: (page: number) => Promise<unknown>) => {
    const pages: string[][] = [];
    for (let next: string | undefined = `/fhir/${first}`; next; ) {
      const answer: Answer = await house.ask('GET', next);
      expect(answer.status).toBe(200);
      pages.push(idsOf(answer));
      next = linkOf(answer, 'next');
      await meanwhile(pages.length);
    }
    return pages;
  };
  const basic = (id: string, day = 5) => ({
    resourceType: 'Basic',
    id,
    code: { text: 'x' },
    created: `2026-01-${String(day).padStart(2, '0')}`,
  });

  it.each(['_count=4', '_count=4&_sort=created', '_count=4&_sort=-created', '_count=4&_sort=_id'])(
    'shows each match once and in order while others write and delete: %s',
    async (query) => {
      const run = query.replace(/\W/g, '');
      const all = Array.from({ length: 18 }, (_, i) => `${run}-${String(i).padStart(2, '0')}`.replaceAll('_', ''));
      for (const [i, id] of all.entries()) await house.update(basic(id, (i % 9) + 1));
      const steady = new Set(all.filter((_, i) => i !== 9 && i !== 10));
      const pages = await pagesOf(`Basic?${query}`, async (page) => {
        await house.create({ ...basic(''), id: undefined, created: `2026-01-${10 + page}` });
        if (page === 1) for (const i of [9, 10]) await house.remove(`Basic/${all[i]}`);
        if (page === 2) await house.update({ ...basic(all[3]!, 4), author: { reference: 'Patient/ada' } });
      });
      const seen = pages.flat();
      expect(pages.every((page) => page.length <= 4)).toBe(true);
      expect(seen.filter((id) => steady.has(id)).sort()).toEqual([...steady].sort());
      for (const { id } of await house.search('Basic')) await house.remove(`Basic/${id}`);
    },
  );

  it('is opaque, and for the search and the caller that it was made for', async () => {
    const first = await get('Observation?_count=1&_sort=date');
    const next = linkOf(first, 'next')!;
    const token = new URL(next).searchParams.get('_page')!;
    expect(Buffer.from(token, 'base64url').toString('latin1')).not.toMatch(/o1|2026|Observation/);
    expect(idsOf(await house.ask('GET', next))).toEqual(['o2']);
    const edited = `${token.slice(0, 8)}${token[8] === 'A' ? 'B' : 'A'}${token.slice(9)}`;
    for (const query of [
      `Observation?_count=1&_sort=date&_page=${edited}`,
      'Observation?_count=1&_sort=date&_page=x',
      'Observation?_count=1&_sort=date&_page=',
      `Observation?_count=2&_sort=date&_page=${token}`,
      `Observation?_count=1&_sort=-date&_page=${token}`,
      `Observation?_count=1&_sort=date&status=final&_page=${token}`,
      `Patient?_count=1&_page=${token}`,
      `Observation?_count=1&_sort=date&_page=${token}&_page=${token}`,
    ]) {
      const { status, body } = await get(query);
      expect([query, status, body.issue[0].diagnostics]).toEqual([query, 400, expect.stringContaining('_page')]);
    }
    await house.update({
      resourceType: 'Device',
      id: 'd1',
      identifier: [{ system: 'urn:d', value: 'D1' }],
      patient: { reference: 'Patient/ada' },
    });
    const permissions = ['can_read_patient'];
    const key = { authorization: `Bearer ${await house.deviceKey('D1', { permissions })}` };
    const ofAdmin = linkOf(await get('Patient?_count=1'), 'next')!;
    expect((await house.ask('GET', ofAdmin, undefined, key)).status).toBe(400);
  });

  it('outlives a restart, and ends with 410 a day later', async () => {
    const next = linkOf(await get('Observation?_count=1&_sort=date'), 'next')!;
    const path = next.slice(house.url.length);
    await house.restart();
    expect(idsOf(await house.ask('GET', path))).toEqual(['o2']);
    ahead = 24 * 3_600_000 + 1_000;
    const { status, body } = await house.ask('GET', path);
    ahead = 0;
    expect([status, body.issue[0].diagnostics]).toEqual([410, expect.stringContaining('_page')]);
  });
});
