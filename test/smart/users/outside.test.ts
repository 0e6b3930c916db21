/** Signing in at an outside OpenID provider: who comes in, as whom, and every false answer that does not let anybody in. promises O16, O24 */
import { createHmac, generateKeyPairSync, hash } from 'node:crypto';
import { createServer } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { jwtVerify } from 'jose';
import Provider from 'oidc-provider';
import { type GuardedClient, guardedClient } from '../../../src/outbound/guarded-client.ts';
import { extract } from '../../../src/search/extract.ts';
import type { ProviderSettings } from '../../../src/smart/users/outside/settings.ts';
import type { UsersRoom } from '../../../src/smart/users/room.ts';
import { type OutsideProvider, openOutsideProvider, signed } from './outside-provider.ts';
import { attempt, nurse, openUsersHouse, password, row, type UsersHouse } from './users-house.ts';

let house: UsersHouse;
let users: UsersRoom;
let outside: OutsideProvider;
let other: OutsideProvider;
let client: GuardedClient;
const key = generateKeyPairSync('rsa', { modulusLength: 2_048 });

const settingsFor = (provider: OutsideProvider, more: Partial<ProviderSettings> = {}): ProviderSettings => ({
  name: 'hospital',
  title: 'City Hospital',
  issuer: provider.issuer,
  clientId: 'watch fire',
  secret: 'a secret + more',
  secretIn: 'client_secret_basic',
  scopes: ['openid', 'profile'],
  algorithms: ['RS256'],
  userinfo: false,
  login: 'preferred_username',
  fhirUser: { claim: 'fhirUser' },
  roles: { claim: 'groups', values: { wards: ['nurse'], doctors: ['physician'], bosses: ['administrator'] } },
  creates: true,
  links: false,
  secondFactor: ['mfa'],
  ...more,
});

beforeAll(async () => {
  house = await openUsersHouse();
  outside = await openOutsideProvider(house.runtime.now);
  other = await openOutsideProvider(house.runtime.now);
  client = guardedClient({ allow: [outside.host, other.host], runtime: house.runtime });
  users = withProviders(settingsFor(outside), settingsFor(other, { name: 'elsewhere' }));
});
afterAll(async () => {
  outside.stop();
  other.stop();
  await client.close();
  await house.stop();
});
beforeEach(() => {
  outside.reset();
  other.reset();
});

const withProviders = (...providers: ProviderSettings[]) => house.another({ client, providers });
const to = { path: '/oauth/account/sign-in/apps', onward: '/oauth/account/apps' };
const refused = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error) => error,
  );
const cookie = 'A'.repeat(43);
let sources = 0;

const person = (login: string, more: object = {}) => ({
  sub: `subject-${login}`,
  preferred_username: login,
  fhirUser: 'Practitioner/7',
  groups: ['wards'],
  ...more,
});

/** From the button to the end; `back` changes what the browser brings. */
async function comeIn(room = users, back: object = {}, more: object = {}, name = 'hospital') {
  const address = await room.providers.begin(name, { cookie, to });
  const parameters = { ...outside.visit(address), ...back };
  return room.providers.finish(name, {
    ...attempt,
    source: `198.51.100.${sources++ % 250}`,
    parameters,
    cookie,
    ...more,
  });
}

/** The reason in the trail of an attempt that was refused as all are. */
async function whyNot(attempted: Promise<unknown>): Promise<string> {
  const error = await refused(attempted);
  expect(error).toMatchObject({ status: 401, code: 'login', message: expect.stringMatching(/led to nobody here/) });
  const [newest] = await house.rows(1);
  expect(newest).toMatchObject({ interaction: 'sign-in', status: 401, who: 'anonymous' });
  return newest!.reason.replace('provider hospital: ', '');
}

describe('Somebody who comes from an outside provider', () => {
  it('is sent there with state, nonce and a challenge, and the code is redeemed with the verifier and our secret', async () => {
    outside.claims = person('ann');
    const address = new URL(await users.providers.begin('hospital', { cookie, to }));
    expect(`${address.origin}${address.pathname}`).toBe(`${outside.issuer}/authorize`);
    const sent = Object.fromEntries(address.searchParams);
    expect(sent).toMatchObject({
      tenant: 'one',
      response_type: 'code',
      client_id: 'watch fire',
      redirect_uri: 'http://localhost:8080/oauth/outside/hospital/callback',
      scope: 'openid profile',
      code_challenge_method: 'S256',
    });
    for (const name of ['state', 'nonce', 'code_challenge'])
      expect(Buffer.from(sent[name]!, 'base64url')).toHaveLength(32);
    const parameters = outside.visit(address.href);
    const done = await users.providers.finish('hospital', { ...attempt, parameters, cookie });
    expect(done).toMatchObject({ to, step: { step: 'done', methods: ['outside'], user: { login: 'ann' } } });
    const [{ form, authorization }] = outside.exchanges as [(typeof outside.exchanges)[0]];
    expect(hash('sha256', form.get('code_verifier')!, 'base64url')).toBe(sent.code_challenge);
    expect(form.get('redirect_uri')).toBe(sent.redirect_uri);
    expect(Buffer.from(authorization!.slice(6), 'base64').toString()).toBe('watch+fire:a+secret+%2B+more');
  });

  it('is made a user at first, with the roles that its groups stand for, and is the same one ever after', async () => {
    outside.claims = person('ben', { groups: ['wards', 'doctors', 'unheard-of', 7] });
    const { step } = await comeIn();
    expect(step.user).toMatchObject({
      login: 'ben',
      fhirUser: 'Practitioner/7',
      roles: ['nurse', 'physician'],
      outside: { issuer: outside.issuer, subject: 'subject-ben' },
    });
    expect(step.user.password).toBeUndefined();
    const made = (await house.rows(3)).find(({ interaction }) => interaction === 'admin-user-create');
    expect(made).toMatchObject({ who: 'OpenIDProvider/hospital', target: 'Practitioner/7' });
    // Another login over there: still the same subject.
    outside.claims = person('ben', { preferred_username: 'benjamin', groups: ['wards'] });
    const again = await comeIn();
    expect(again.step.user).toMatchObject({ login: 'ben', roles: ['nurse'] });
    expect(again.step.user.epoch).toBeGreaterThan(step.user.epoch);
    expect((await refused(users.directory.read('benjamin'))).status).toBe(404);
  });

  it('is found by an identifier, which one person has', async () => {
    const identifier = [{ system: 'urn:staff|x', value: 'a,b$7' }];
    for (const [id, resource] of [
      ['8', { resourceType: 'Practitioner', id: '8', identifier }],
      ['9', { resourceType: 'Practitioner', id: '9', identifier: [{ system: 'urn:staff|x', value: 'two' }] }],
      ['10', { resourceType: 'Practitioner', id: '10', identifier: [{ system: 'urn:staff|x', value: 'two' }] }],
    ] as const)
      await house.store.commit([
        {
          op: 'write',
          key: { type: 'Practitioner', id },
          method: 'PUT',
          text: [`${JSON.stringify(resource).slice(0, -1)},"meta":{`, '}}'],
          index: extract(resource),
          expect: 'any',
        },
      ]);
    const room = withProviders(
      settingsFor(outside, { fhirUser: { claim: 'staff.number', type: 'Practitioner', system: 'urn:staff|x' } }),
    );
    outside.claims = person('cleo', { staff: { number: 'a,b$7' } });
    expect((await comeIn(room)).step.user).toMatchObject({ login: 'cleo', fhirUser: 'Practitioner/8' });
    outside.claims = person('carl', { staff: { number: 'two' } });
    expect(await whyNot(comeIn(room))).toBe('several persons have the identifier');
    outside.claims = person('carl', { staff: { number: 'none' } });
    expect(await whyNot(comeIn(room))).toBe('nobody has the identifier');
    outside.claims = person('carl');
    expect(await whyNot(comeIn(room))).toBe('claim for fhirUser missing');
  });

  it('may be a person by its address on this server, and nobody elsewhere', async () => {
    outside.claims = person('dora', { fhirUser: 'http://localhost:8080/fhir/Practitioner/7' });
    expect((await comeIn()).step.user.fhirUser).toBe('Practitioner/7');
    outside.claims = person('dan', { fhirUser: 'https://elsewhere.example/fhir/Practitioner/7' });
    expect(await whyNot(comeIn())).toMatch(/^fhirUser must be/);
    outside.claims = person('dan', { fhirUser: 'Practitioner/99' });
    expect(await whyNot(comeIn())).toMatch(/does not exist/);
    outside.claims = person('dan', { fhirUser: 'Patient/1' });
    expect(await whyNot(comeIn())).toMatch(/role patient only/);
  });

  it('does not get a login that is somebody else’s here, unless the operator says that both are one', async () => {
    await nurse(house, 'eve');
    outside.claims = person('eve');
    expect(await whyNot(comeIn())).toBe('the login is somebody else’s here');
    const linking = withProviders(settingsFor(outside, { links: true, roles: undefined }));
    expect((await comeIn(linking)).step.user).toMatchObject({ login: 'eve', outside: { subject: 'subject-eve' } });
    expect(await users.signIn.signIn({ ...attempt, login: 'eve', password })).toMatchObject({ step: 'done' });
    outside.claims = person('eve', { sub: 'subject-mallory' });
    expect(await whyNot(comeIn(linking))).toBe('the login is somebody else’s here');
  });

  it('stays out where users are not made, has no login, is disabled, or was unlinked', async () => {
    outside.claims = person('finn');
    expect(await whyNot(comeIn(withProviders(settingsFor(outside, { creates: false }))))).toBe('nobody here is meant');
    for (const preferred_username of [undefined, '', 'a b', ['finn'], { a: 1 }]) {
      outside.claims = person('finn', { preferred_username });
      expect(await whyNot(comeIn())).toBe('claim for login missing or no login');
    }
    outside.claims = person('finn');
    await comeIn();
    await users.directory.change('finn', { disabled: true }, row);
    expect(await whyNot(comeIn())).toBe('user disabled');
    await users.directory.change('finn', { disabled: false, resetFactors: true }, row);
    expect(await whyNot(comeIn())).toBe('the login is somebody else’s here');
    await users.directory.remove('finn', row);
    expect((await comeIn()).step.user.login).toBe('finn');
  });

  it('needs a second factor here where a role demands one and the provider did not ask for one', async () => {
    outside.claims = person('gus', { groups: ['bosses'] });
    expect((await comeIn()).step.step).toBe('enrol');
    outside.claims = person('gus', { groups: ['bosses'], amr: ['pwd', 'mfa'] });
    expect((await comeIn()).step).toMatchObject({ step: 'done', user: { roles: ['administrator'] } });
    outside.claims = person('gus', { groups: ['bosses'], acr: 'mfa' });
    expect((await comeIn()).step.step).toBe('done');
  });

  it('may have its claims from the userinfo endpoint, of the same subject', async () => {
    const room = withProviders(settingsFor(outside, { userinfo: true }));
    outside.claims = { sub: 'subject-hal' };
    outside.userinfo = person('hal');
    expect((await comeIn(room)).step.user.login).toBe('hal');
    outside.userinfo = person('hal', { sub: 'subject-else' });
    expect(await whyNot(comeIn(room))).toMatch(/userinfo/);
  });

  it('is vouched for by our private key where the provider wants that', async () => {
    const room = withProviders(
      settingsFor(outside, { secret: undefined, key: { key: key.privateKey, alg: 'RS384', kid: 'ours' } }),
    );
    outside.claims = person('ida');
    await comeIn(room);
    const [{ form, authorization }] = outside.exchanges as [(typeof outside.exchanges)[0]];
    expect(authorization).toBeUndefined();
    const { payload, protectedHeader } = await jwtVerify(form.get('client_assertion')!, key.publicKey, {
      audience: `${outside.issuer}/token`,
      issuer: 'watch fire',
      currentDate: new Date(house.runtime.now()),
    });
    expect(protectedHeader).toMatchObject({ alg: 'RS384', kid: 'ours' });
    expect(payload.sub).toBe('watch fire');
    expect(payload.jti).toHaveLength(43);
  });

  it('comes in after the provider has changed its keys', async () => {
    outside.claims = person('jo');
    await comeIn();
    outside.rotate();
    house.pass(60_000);
    await comeIn();
    // An unknown kid does not let everybody make us ask for keys all the time.
    outside.header = { kid: 'invented' };
    const before = outside.asked.get('/jwks')!;
    house.pass(60_000);
    for (let i = 0; i < 5; i++) expect(await whyNot(comeIn())).toBe('ID token key unknown');
    expect(outside.asked.get('/jwks')! - before).toBe(1);
  });
});

describe('An answer', () => {
  it.each([
    ['without a state', { state: undefined }, /state unknown/],
    ['with an invented state', { state: 'B'.repeat(43) }, /state unknown/],
    ['without a code', { code: undefined }, /without a code/],
    ['with a huge code', { code: 'c'.repeat(3_000) }, /without a code/],
    ['with an invented code', { code: 'invented' }, /token endpoint answered 400, invalid_grant/],
    ['that is an error', { error: 'access_denied', code: undefined }, /refused there, access_denied/],
    ['that is an error of many words', { error: '<script>', code: undefined }, /refused there$/],
    ['of another issuer', { iss: 'https://evil.example' }, /another issuer/],
  ])('%s lets nobody in', async (_words, back, reason) => {
    outside.claims = person('never');
    expect(await whyNot(comeIn(users, back))).toMatch(reason);
  });

  it('that comes to another browser, without a cookie, twice, late, or to the place of another provider lets nobody in', async () => {
    outside.claims = person('kim');
    expect(await whyNot(comeIn(users, {}, { cookie: 'B'.repeat(43) }))).toBe('state of another browser');
    expect(await whyNot(comeIn(users, {}, { cookie: undefined }))).toBe('state of another browser');
    const address = await users.providers.begin('hospital', { cookie, to });
    const back = { ...attempt, parameters: outside.visit(address), cookie };
    // RFC 9700 section 4.4: whose answer it is shows in where it comes in.
    expect(await whyNot(users.providers.finish('elsewhere', back))).toMatch(/state of another provider/);
    const both = await Promise.all([1, 2].map(() => refused(users.providers.finish('hospital', back))));
    expect(both.map((error) => error?.status ?? 200).sort()).toEqual([200, 401]);
    expect(await whyNot(users.providers.finish('hospital', back))).toBe('state unknown');
    const late = {
      ...attempt,
      parameters: outside.visit(await users.providers.begin('hospital', { cookie, to })),
      cookie,
    };
    house.pass(601_000);
    expect(await whyNot(users.providers.finish('hospital', late))).toBe('state unknown');
  });

  it('has to name its issuer where the provider says that it does', async () => {
    const room = withProviders(settingsFor(outside));
    outside.discovery.authorization_response_iss_parameter_supported = true;
    outside.claims = person('lee');
    expect(await whyNot(comeIn(room))).toBe('answer of another issuer');
    expect((await comeIn(room, { iss: outside.issuer })).step.step).toBe('done');
  });

  it('leads to a path of this server only, and to known providers only', async () => {
    for (const path of ['https://evil.example', '//evil.example', '/\\evil.example', 'x', '', '/a\nb'])
      expect((await refused(users.providers.begin('hospital', { cookie, to: { path, onward: '/x' } }))).status).toBe(
        400,
      );
    expect((await refused(users.providers.begin('constructor', { cookie, to }))).status).toBe(404);
    expect((await refused(users.providers.finish('none', { ...attempt, parameters: {}, cookie }))).status).toBe(404);
  });

  it('that is false over and over holds its source', async () => {
    const back = { ...attempt, source: '203.0.113.77', parameters: { state: 'x' }, cookie };
    for (let i = 0; i < 10; i++) expect((await refused(users.providers.finish('hospital', back))).status).toBe(401);
    expect((await refused(users.providers.finish('hospital', back))).status).toBe(429);
  });
});

describe('An ID token', () => {
  const now = () => Math.floor(house.runtime.now() / 1_000);
  const plain = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');

  it.each<[string, () => void | Promise<void>, RegExp]>([
    ['of another issuer', () => void (outside.claims.iss = 'https://evil.example'), /iss wrong/],
    ['of the issuer with a slash', () => void (outside.claims.iss = `${outside.issuer}/`), /iss wrong/],
    ['for another client', () => void (outside.claims.aud = 'another'), /aud wrong/],
    ['for nobody', () => void (outside.claims.aud = undefined), /aud wrong/],
    ['for others too', () => void (outside.claims.aud = ['watch fire', 'another']), /azp wrong/],
    ['that another client asked for', () => void (outside.claims.azp = 'another'), /azp wrong/],
    ['with another nonce', () => void (outside.claims.nonce = 'replayed'), /nonce wrong/],
    ['without a nonce', () => void (outside.claims.nonce = undefined), /nonce wrong/],
    ['that is expired', () => void (outside.claims.exp = now() - 31), /exp wrong/],
    ['that never ends', () => void (outside.claims.exp = undefined), /exp wrong/],
    ['that is from the future', () => void (outside.claims.iat = now() + 120), /iat wrong/],
    ['that is old', () => void (outside.claims.iat = now() - 700), /iat wrong/],
    ['that is not valid yet', () => void (outside.claims.nbf = now() + 120), /nbf wrong/],
    ['about nobody', () => void (outside.claims.sub = undefined), /sub wrong/],
    ['about an empty subject', () => void (outside.claims.sub = ''), /sub wrong/],
    ['that is a logout token', () => void (outside.claims.events = {}), /another token/],
    ['that is an access token', () => void (outside.header.typ = 'at+jwt'), /another token/],
    ['for another access token', () => void (outside.claims.at_hash = 'AAAAAAAAAAAAAAAAAAAAAA'), /at_hash wrong/],
    ['with a critical header', () => void Object.assign(outside.header, { crit: ['x'], x: 1 }), /wrong/],
    [
      'without a signature',
      () => void (outside.sign = (payload) => `${plain({ alg: 'none' })}.${plain(payload)}.`),
      /alg not allowed/,
    ],
    [
      'signed with our secret',
      () =>
        void (outside.sign = (payload) => {
          const text = `${plain({ alg: 'HS256' })}.${plain(payload)}`;
          return `${text}.${createHmac('sha256', 'a secret + more').update(text).digest('base64url')}`;
        }),
      /alg not allowed/,
    ],
    [
      'signed with its public key as a secret',
      () =>
        void (outside.sign = (payload) => {
          const text = `${plain({ alg: 'HS256', kid: 'k1' })}.${plain(payload)}`;
          const pem = outside.keys().publicKey.export({ format: 'pem', type: 'spki' });
          return `${text}.${createHmac('sha256', pem).update(text).digest('base64url')}`;
        }),
      /alg not allowed/,
    ],
    [
      'signed by an algorithm that was not agreed',
      () =>
        void (outside.sign = (payload, header) =>
          signed(payload, { ...header, alg: 'RS512' }, outside.keys().privateKey, 'sha512')),
      /alg not allowed/,
    ],
    [
      'signed by somebody else',
      () => void (outside.sign = (payload, header) => signed(payload, header, key.privateKey)),
      /signature wrong/,
    ],
    ['that is no token', () => void (outside.sign = () => 'nonsense'), /malformed/],
    ['that is huge', () => void (outside.claims.filler = 'x'.repeat(30_000)), /malformed/],
    ['that is not there', () => void (outside.answer = { status: 200, body: { access_token: 'x' } }), /malformed/],
    ['in an answer that is no JSON', () => void (outside.answer = { status: 200, body: '<html>' }), /without JSON/],
    [
      'in an answer that fails',
      () => void (outside.answer = { status: 500, body: { error: 'server_error' } }),
      /500, server_error/,
    ],
  ])('%s lets nobody in', async (_words, falsify, reason) => {
    outside.claims = person('false');
    await falsify();
    expect(await whyNot(comeIn())).toMatch(reason);
    expect((await refused(house.directory.read('false'))).status).toBe(404);
  });

  it('that is right lets somebody in, also with a hash of the access token', async () => {
    const atHash = hash('sha256', 'an-access-token', 'buffer').subarray(0, 16).toString('base64url');
    outside.claims = person('true', { at_hash: atHash, azp: 'watch fire', aud: ['watch fire'] });
    expect((await comeIn()).step.user.login).toBe('true');
  });
});

describe('A provider', () => {
  it.each([
    ['of another issuer', { issuer: 'https://evil.example' }, /another issuer/],
    ['without a token endpoint', { token_endpoint: undefined }, /token_endpoint/],
    ['with a token endpoint that is no address', { token_endpoint: 'javascript:alert(1)' }, /token_endpoint/],
  ])('whose discovery is %s leads nowhere', async (_words, discovery, _reason) => {
    Object.assign(outside.discovery, discovery);
    const room = withProviders(settingsFor(outside));
    expect((await refused(room.providers.begin('hospital', { cookie, to }))).status).toBe(503);
  });

  it('inside our house is out of reach unless it is allowed', async () => {
    const guarded = guardedClient({ allow: [], runtime: house.runtime });
    const room = house.another({ client: guarded, providers: [settingsFor(outside)] });
    const before = outside.asked.get('/.well-known/openid-configuration');
    expect((await refused(room.providers.begin('hospital', { cookie, to }))).status).toBe(503);
    expect(outside.asked.get('/.well-known/openid-configuration')).toBe(before);
    await guarded.close();
  });
});

describe('With oidc-provider as the outside', () => {
  it('somebody signs in over there and is signed in here', async () => {
    // It tells developers what it would do differently in life.
    const told = (['warn', 'info'] as const).map((level) =>
      jest.spyOn(console, level).mockImplementation(() => undefined),
    );
    const server = createServer((request, response) => handle(request, response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const host = `127.0.0.1:${(server.address() as any).port}`;
    const provider = new Provider(`http://${host}`, {
      clients: [
        {
          client_id: 'watchfire',
          client_secret: 'a secret of enough characters',
          redirect_uris: ['http://localhost:8080/oauth/outside/strangers/callback'],
        },
      ],
      claims: { openid: ['sub'], profile: ['preferred_username', 'fhirUser', 'groups'] },
      conformIdTokenClaims: false,
      findAccount: (_context: unknown, id: string) => ({
        accountId: id,
        claims: () => ({ sub: id, preferred_username: 'Robin', fhirUser: 'Practitioner/7', groups: ['wards'] }),
      }),
      features: { devInteractions: { enabled: false } },
      cookies: { keys: ['of the test'] },
      interactions: { url: (_context: unknown, interaction: any) => `/stranger/${interaction.uid}` },
      loadExistingGrant: async (context: any) => {
        const grant = new context.oidc.provider.Grant({
          clientId: 'watchfire',
          accountId: context.oidc.session.accountId,
        });
        grant.addOIDCScope('openid profile');
        await grant.save();
        return grant;
      },
    } as any);
    const callback = provider.callback();
    const handle = (request: any, response: any) =>
      request.url.startsWith('/stranger/')
        ? void provider.interactionFinished(request, response, { login: { accountId: 'robin-1' } })
        : void callback(request, response);
    const out = guardedClient({ allow: [host], runtime: house.runtime });
    try {
      const clock = house.another({
        client: out,
        // Its clock is the machine's.
        runtime: { ...house.runtime, now: () => Date.now() },
        providers: [
          settingsFor(outside, {
            name: 'strangers',
            issuer: `http://${host}`,
            clientId: 'watchfire',
            secret: 'a secret of enough characters',
          }),
        ],
      });
      const cookies = new Map<string, string>();
      let address = await clock.providers.begin('strangers', { cookie, to });
      for (let hops = 0; address.startsWith(`http://${host}`) && hops < 6; hops++) {
        const header = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
        const answer = await fetch(address, { redirect: 'manual', headers: { cookie: header } });
        for (const set of answer.headers.getSetCookie()) {
          const [, name, value] = /^([^=]+)=([^;]*)/.exec(set)!;
          cookies.set(name!, value!);
        }
        address = new URL(answer.headers.get('location')!, address).href;
      }
      expect(address).toMatch(/^http:\/\/localhost:8080\/oauth\/outside\/strangers\/callback\?/);
      const parameters = Object.fromEntries(new URL(address).searchParams);
      expect(parameters.iss).toBe(`http://${host}`);
      const { step } = await clock.providers.finish('strangers', { ...attempt, parameters, cookie });
      expect(step).toMatchObject({
        step: 'done',
        user: { login: 'robin', roles: ['nurse'], outside: { issuer: `http://${host}`, subject: 'robin-1' } },
      });
    } finally {
      for (const spy of told) spy.mockRestore();
      await out.close();
      server.close();
      server.closeAllConnections();
    }
  });
});
