/** /admin/users and `watchfire users`: who may sign in, made and changed by administrators. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openHouse, type TestHouse, together } from '../../support/house.ts';

let house: TestHouse;
beforeAll(async () => {
  house = await openHouse();
  for (const [resourceType, id] of [
    ['Practitioner', '7'],
    ['Practitioner', '8'],
    ['Patient', '1'],
    ['RelatedPerson', '2'],
    ['PractitionerRole', '3'],
    ['Device', '4'],
  ])
    await house.update({
      resourceType,
      id,
      ...(resourceType === 'RelatedPerson' && { patient: { reference: 'Patient/1' } }),
    });
});
afterAll(() => house.stop());

const password = 'four otters at dusk';
const body = (login: string, more: object = {}) => ({
  login,
  password,
  fhirUser: 'Practitioner/7',
  roles: ['nurse'],
  ...more,
});
const make = (login: string, more: object = {}) => house.ask('POST', '/admin/users', body(login, more));
const trail = async () => (await house.search('AuditEvent?_count=5&_sort=-date')).map(({ subtype }) => subtype[0].code);

describe('A user', () => {
  it('is made by POST /admin/users and shown without anything secret', async () => {
    const { status, body: made, headers } = await make('Nurse.Jackie');
    expect(status).toBe(201);
    expect(headers.get('location')).toBe('/admin/users/nurse.jackie');
    expect(made).toMatchObject({
      login: 'nurse.jackie',
      fhirUser: 'Practitioner/7',
      roles: ['nurse'],
      factors: { password: true, totp: false, passkeys: 0, recovery_codes: 0 },
      outside_issuer: null,
      disabled_at: null,
    });
    const read = await house.ask('GET', '/admin/users/nurse.jackie');
    expect(read.body).toEqual(made);
    expect(read.text).not.toMatch(/otters|argon|salt|hash|handle|epoch/);
    expect(await trail()).toEqual(expect.arrayContaining(['admin-user-read', 'admin-user-create']));
  });

  it.each([
    ['Practitioner/8', ['physician', 'privacy-officer']],
    ['PractitionerRole/3', ['nurse']],
    ['Patient/1', ['patient']],
    ['RelatedPerson/2', ['patient']],
    ['Practitioner/7', []],
  ])('may be %s with %j', async (fhirUser, roles) => {
    const login = `may-${fhirUser}-${roles.length}`.toLowerCase().replace('/', '-');
    expect((await make(login, { fhirUser, roles })).body).toMatchObject({ fhirUser, roles });
  });

  it.each([
    ['no login', { login: undefined }, /login/],
    ['an empty login', { login: '' }, /login/],
    ['a login with a blank', { login: 'a b' }, /login/],
    ['a login of no letters', { login: '../x' }, /login/],
    ['a login that is too long', { login: 'a'.repeat(101) }, /login/],
    ['no password', { password: undefined }, /password/],
    ['a password of numbers', { password: 12345678 }, /password/],
    ['a short password', { password: 'zk3!x' }, /8 to 128/],
    ['a common password', { password: 'Password1!' }, /guessed first/],
    ['nobody', { fhirUser: undefined }, /fhirUser/],
    ['a Device', { fhirUser: 'Device/4' }, /fhirUser/],
    ['somebody who is not there', { fhirUser: 'Practitioner/99' }, /does not exist/],
    ['somebody elsewhere', { fhirUser: 'https://other.example/fhir/Practitioner/7' }, /fhirUser/],
    ['a version of somebody', { fhirUser: 'Practitioner/7/_history/1' }, /fhirUser/],
    ['no roles', { roles: undefined }, /roles/],
    ['one role that is no list', { roles: 'nurse' }, /roles/],
    ['an unknown role', { roles: ['emperor'] }, /roles/],
    ['a role out of the prototype', { roles: ['constructor'] }, /roles/],
    ['a Patient who would be a nurse', { fhirUser: 'Patient/1', roles: ['patient', 'nurse'] }, /patient only/],
    [
      'a RelatedPerson who would be administrator',
      { fhirUser: 'RelatedPerson/2', roles: ['administrator'] },
      /patient only/,
    ],
    ['a member that is misspelt', { role: ['nurse'] }, /the body may have/],
  ])('is not made for %s', async (_words, more, sentence) => {
    const { status, body: refusal, text } = await make('refused', more);
    expect(status).toBe(400);
    expect(refusal.issue[0].diagnostics).toMatch(sentence);
    expect(text).not.toMatch(/otters|Password1|zk3/);
    expect((await house.ask('GET', '/admin/users/refused')).status).toBe(404);
  });

  it('is there once, however many make it at the same time', async () => {
    const statuses = (await together(8, () => make('crowd'))).map(({ status }) => status).sort();
    expect(statuses).toEqual([201, 409, 409, 409, 409, 409, 409, 409]);
  });

  it('is listed by login, page by page', async () => {
    for (const login of ['z-1', 'z-2', 'z-3']) await make(login);
    const pages: string[][] = [];
    for (let next = '/admin/users?count=2&after=z-'; next; ) {
      const { body: page } = await house.ask('GET', next);
      pages.push(page.users.map((user: any) => user.login));
      next = page.next;
    }
    expect(pages).toEqual([['z-1', 'z-2'], ['z-3']]);
    expect((await house.ask('GET', '/admin/users?count=0')).status).toBe(400);
  });

  it('is changed member by member, and not at all where one is wrong', async () => {
    await make('change');
    const patch = (asked: object) => house.ask('PATCH', '/admin/users/change', asked);
    expect((await patch({ roles: ['physician'] })).body).toMatchObject({
      roles: ['physician'],
      fhirUser: 'Practitioner/7',
    });
    expect((await patch({ fhirUser: 'Practitioner/8' })).body).toMatchObject({ fhirUser: 'Practitioner/8' });
    expect((await patch({ disabled: true })).body.disabled_at).toMatch(/^20/);
    expect((await patch({ disabled: false })).body.disabled_at).toBeNull();
    for (const wrong of [
      { roles: ['emperor'] },
      { fhirUser: 'Patient/1' },
      { disabled: 'yes' },
      { password: 'short' },
      { reset_factors: 1 },
      { disable: true },
    ])
      expect((await patch({ roles: ['nurse'], ...wrong })).status).toBe(400);
    expect((await house.ask('GET', '/admin/users/change')).body).toMatchObject({ roles: ['physician'] });
    expect((await house.ask('PATCH', '/admin/users/nobody-at-all', { disabled: true })).status).toBe(404);
    expect(await trail()).toContain('admin-user-change');
  });

  it('is deleted, while the person stays', async () => {
    await make('leaving');
    expect((await house.ask('DELETE', '/admin/users/leaving')).body).toEqual({ login: 'leaving', deleted: true });
    expect((await house.ask('GET', '/admin/users/leaving')).status).toBe(404);
    expect((await house.read('Practitioner/7')).status).toBe(200);
    expect((await house.ask('DELETE', '/admin/users/leaving')).status).toBe(404);
  });

  it('is signed out by administrators', async () => {
    await make('signed');
    expect((await house.ask('GET', '/admin/users/signed/sessions')).body).toEqual({ sessions: [] });
    expect((await house.ask('DELETE', '/admin/users/signed/sessions')).body).toEqual({
      login: 'signed',
      signed_out: true,
    });
    const [event] = await house.search('AuditEvent?subtype=sign-out-everywhere');
    expect(event.agent[0].name).toBe('Client/admin');
    expect((await house.ask('DELETE', '/admin/users/signed/sessions/none')).status).toBe(404);
    expect((await house.ask('GET', '/admin/users/nobody-at-all/sessions')).status).toBe(404);
  });

  it('is nobody else’s business than the administrator’s', async () => {
    await house.update({ resourceType: 'Device', id: '4', identifier: [{ value: 'DEV4' }] });
    const key = await house.deviceKey('DEV4');
    for (const [method, path] of [
      ['POST', '/admin/users'],
      ['GET', '/admin/users'],
      ['GET', '/admin/users/nurse.jackie'],
      ['PATCH', '/admin/users/nurse.jackie'],
      ['DELETE', '/admin/users/nurse.jackie'],
      ['GET', '/admin/users/nurse.jackie/sessions'],
      ['DELETE', '/admin/users/nurse.jackie/sessions'],
    ] as const) {
      const sent = method === 'GET' || method === 'DELETE' ? undefined : {};
      expect((await house.ask(method, path, sent, { authorization: '' })).status).toBe(401);
      expect((await house.ask(method, path, sent, { authorization: `Bearer ${key}` })).status).toBe(403);
    }
    expect((await house.ask('GET', '/admin/users/nurse.jackie')).status).toBe(200);
  });

  it('is out of reach of FHIR', async () => {
    for (const path of ['/fhir/user/nurse.jackie', '/fhir/User', '/fhir/user-session'])
      expect((await house.ask('GET', path)).status).toBe(404);
  });
});
