/** The file of outside providers, and a whole server with one: from the button on its page to a session. docs/outside-sign-in.md */
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readProviders } from '../../../src/smart/users/outside/settings.ts';
import { codeAt, stepAt } from '../../../src/smart/users/totp.ts';
import { openHouse } from '../../support/house.ts';
import { actionIn, openBrowser, openSignInHouse } from '../pages/sign-in-house.ts';
import { openOutsideProvider } from './outside-provider.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'watchfire-outside-'));
  writeFileSync(join(folder, 'secret'), 'a secret\n');
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' });
  writeFileSync(join(folder, 'key.pem'), privateKey.export({ format: 'pem', type: 'pkcs8' }));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const least = { name: 'hospital', issuer: 'https://id.example', client_id: 'watchfire', client_secret_file: 'secret' };
function written(document: unknown): string {
  const file = join(folder, 'providers.json');
  writeFileSync(file, typeof document === 'string' ? document : JSON.stringify(document));
  return file;
}
const read = (...providers: object[]) => readProviders(written({ providers }));

describe('The file of outside providers', () => {
  it('says little for the common case', () => {
    expect(read(least)).toEqual([
      {
        name: 'hospital',
        title: 'hospital',
        issuer: 'https://id.example',
        clientId: 'watchfire',
        secret: 'a secret',
        secretIn: 'client_secret_basic',
        scopes: ['openid', 'profile'],
        algorithms: ['RS256'],
        userinfo: false,
        login: 'preferred_username',
        fhirUser: { claim: 'fhirUser' },
        creates: false,
        links: false,
        secondFactor: [],
      },
    ]);
  });

  it('may name a private key, an identifier, roles by value', () => {
    const { client_secret_file: _none, ...keyed } = least;
    const [provider] = read({
      ...keyed,
      private_key_file: 'key.pem',
      private_key_alg: 'ES384',
      private_key_id: 'k1',
      fhirUser: { type: 'Practitioner', system: 'urn:staff', claim: 'employee' },
      roles: { claim: 'groups', values: { wards: ['nurse'] } },
    });
    expect(provider).toMatchObject({ key: { alg: 'ES384', kid: 'k1' }, fhirUser: { system: 'urn:staff' } });
    expect(provider!.secret).toBeUndefined();
    expect(provider!.roles!.values.constructor).toBeUndefined();
  });

  it.each<[string, object[], RegExp]>([
    ['a name in capitals', [{ ...least, name: 'Hospital' }], /providers\[0\] must have a name/],
    ['no issuer', [{ ...least, issuer: undefined }], /issuer/],
    ['an issuer with a query', [{ ...least, issuer: 'https://id.example?x' }], /issuer/],
    ['no client', [{ ...least, client_id: 7 }], /client_id/],
    ['no secret and no key', [{ ...least, client_secret_file: undefined }], /one of client_secret_file/],
    ['both', [{ ...least, private_key_file: 'key.pem' }], /one of client_secret_file/],
    ['a secret that is not there', [{ ...least, client_secret_file: 'nowhere' }], /cannot be read/],
    ['a key that is none', [{ ...least, client_secret_file: undefined, private_key_file: 'secret' }], /no private key/],
    ['no openid', [{ ...least, scopes: ['profile'] }], /openid/],
    ['an unsigned token', [{ ...least, id_token_algorithms: ['none'] }], /id_token_algorithms/],
    ['a token signed with the secret', [{ ...least, id_token_algorithms: ['HS256'] }], /id_token_algorithms/],
    ['a secret in the wrong place', [{ ...least, client_secret: 'hunter2' }], /not known/],
    ['an identifier without a type', [{ ...least, fhirUser: { claim: 'x', system: 'y' } }], /fhirUser/],
    ['an identifier of a Device', [{ ...least, fhirUser: { claim: 'x', system: 'y', type: 'Device' } }], /fhirUser/],
    ['roles without values', [{ ...least, roles: { claim: 'groups' } }], /roles/],
    ['roles that are no lists', [{ ...least, roles: { claim: 'groups', values: { a: 'nurse' } } }], /roles/],
    ['yes instead of true', [{ ...least, creates: 'yes' }], /creates/],
    ['two of one name', [least, { ...least, issuer: 'https://other.example' }], /same name/],
    ['two of one issuer', [least, { ...least, name: 'other' }], /same issuer/],
  ])('is refused with %s, in a sentence that holds no secret', (_words, providers, sentence) => {
    expect(() => read(...providers)).toThrow(sentence);
    expect(() => read(...providers)).not.toThrow(/hunter2|a secret$/);
  });

  it.each([['[]'], ['{}'], ['nonsense'], ['{"providers":{}}'], ['{"providers":["x"]}']])('is refused as %s', (text) => {
    expect(() => readProviders(written(text))).toThrow(/the file of WATCHFIRE_OPENID_PROVIDERS/);
  });

  it('has to be there', () => {
    expect(() => readProviders(join(folder, 'nowhere.json'))).toThrow(/is not there/);
  });
});

describe('A server with an outside provider', () => {
  it('shows its button, sends there, takes back, and signs in', async () => {
    const outside = await openOutsideProvider(Date.now);
    const providers = [
      {
        ...least,
        title: 'City Hospital',
        issuer: outside.issuer,
        creates: true,
        roles: { claim: 'groups', values: { wards: ['nurse'] } },
      },
    ];
    const house = await openHouse({ openidProviders: written({ providers }), outboundAllow: [outside.host] });
    try {
      await house.update({ resourceType: 'Practitioner', id: '7' });
      const cookies = new Map<string, string>();
      const visit = async (path: string) => {
        const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
        const answer = await fetch(new URL(path, house.url), { redirect: 'manual', headers: { cookie } });
        for (const set of answer.headers.getSetCookie())
          cookies.set(...(/^([^=]+)=([^;]*)/.exec(set)!.slice(1) as [string, string]));
        return { status: answer.status, text: await answer.text(), location: answer.headers.get('location') ?? '' };
      };
      const shown = await visit('/oauth/account/apps');
      expect(shown.text).toMatch(/Sign in with (?:<bdi>)?City Hospital/);
      const href = /href="([^"]*\/outside\/hospital)"/.exec(shown.text)![1]!;
      const sent = await visit(href);
      expect(sent.status).toBe(303);
      expect(sent.location.startsWith(`${outside.issuer}/authorize`)).toBe(true);
      outside.claims = { preferred_username: 'ann', fhirUser: 'Practitioner/7', groups: ['wards'] };
      const { state, code } = outside.visit(sent.location);
      const back = new URL(new URL(sent.location).searchParams.get('redirect_uri')!);
      expect(back.href).toBe(`${house.url}/oauth/outside/hospital/callback`);
      const before = cookies.get('watchfire');
      const stranger = await fetch(`${back.href}?state=${state}&code=${code}`, { redirect: 'manual' });
      expect(stranger.status).toBe(401);
      const done = await visit(`${back.pathname}?state=${state}&code=${code}`);
      expect(done.status).toBe(200);
      expect(cookies.get('watchfire')).not.toBe(before);
      const apps = await visit('/oauth/account/apps');
      expect(apps.status).toBe(200);
      expect(apps.text).toContain('ann');
      const { body } = await house.ask('GET', '/admin/users/ann/sessions');
      expect(body.sessions).toEqual([expect.objectContaining({ methods: ['outside'] })]);
      const signIns = await house.search('AuditEvent?subtype=sign-in&_sort=-date');
      expect(signIns.map(({ outcome }) => outcome)).toEqual(['0', '4']);
    } finally {
      await house.stop();
      outside.stop();
    }
  });

  it('leads on to an app, with a second factor set up on the way where a role demands one; signing out everywhere ends the app’s token', async () => {
    const outside = await openOutsideProvider(Date.now);
    const roles = { claim: 'groups', values: { doctors: ['physician'], bosses: ['privacy-officer'] } };
    const providers = [{ ...least, issuer: outside.issuer, creates: true, roles }];
    const openidProviders = written({ providers });
    const sign = await openSignInHouse('Growth Chart', { openidProviders, outboundAllow: [outside.host] });
    try {
      const browser = openBrowser(sign.house.url);
      const shown = await browser.follow(await browser.get(sign.authorize()));
      const sent = await browser.get(/href="([^"]*\/outside\/hospital)"/.exec(shown.text)![1]!);
      outside.claims = { preferred_username: 'bea', fhirUser: 'Practitioner/ada', groups: ['doctors', 'bosses'] };
      const { state, code } = outside.visit(sent.location!);
      const setUp = await browser.follow(
        await browser.get(`/oauth/outside/hospital/callback?state=${state}&code=${code}`),
      );
      const secret = /secret=([A-Z2-7]+)/.exec(setUp.text)![1]!;
      const handle = /name="handle" value="([^"]+)"/.exec(setUp.text)![1]!;
      const uri = /name="uri" value="([^"]+)"/.exec(setUp.text)![1]!.replaceAll('&amp;', '&');
      const form = { handle, uri, code: codeAt(secret, stepAt(Date.now())) };
      const codes = await browser.post(actionIn(setUp.text, '/set-up'), form);
      expect(codes.text).toContain('Your recovery codes');
      const onward = /href="(\/oauth\/interaction\/[^"]+)"/.exec(codes.text)![1]!;
      const list = await browser.follow(await browser.get(onward));
      expect(list.text).toContain('<h1>Choose a patient</h1>');
      const consent = await browser.follow(await browser.post(actionIn(list.text, '/patient'), { patient: 'ours-1' }));
      const allowed = { decision: 'allow', patient: 'ours-1', scope: ['openid', 'patient/Patient.rs'] };
      const going = await browser.post(actionIn(consent.text, '/consent'), allowed);
      const token = await sign.redeem((await browser.follow(going)).location!);
      const headers = { authorization: `Bearer ${token.access_token}` };
      expect((await sign.house.read('Patient/ours-1', headers)).status).toBe(200);
      await sign.house.ask('DELETE', '/admin/users/bea/sessions');
      expect((await sign.house.read('Patient/ours-1', headers)).status).toBe(401);
      expect((await browser.get('/oauth/account/apps')).text).toContain('<h1>Sign in</h1>');
    } finally {
      await sign.house.stop();
      outside.stop();
    }
  });
});
