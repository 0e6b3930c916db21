/** What a token opens stands on four things that are asked each time: itself, its grant, its client, its user. O16 and O17 of promises.md. */
import { afterAll, beforeEach, describe, expect, it } from '@jest/globals';
import { systemRuntime } from '../../../src/runtime.ts';
import { keyOfId, kinds } from '../../../src/smart/authorization/kinds.ts';
import { createTokens, type Tokens, type Verified } from '../../../src/smart/authorization/tokens.ts';
import { openStore } from '../../../src/store/sqlite/open.ts';
import type { Store } from '../../../src/store/store.ts';

const base = 'https://fhir.example.org/fhir';
const token = 'a'.repeat(43);
const opened: Store[] = [];
afterAll(async () => {
  for (const store of opened) await store.close();
});

let store: Store;
let tokens: Tokens;
/** Milliseconds that the clock, which stands, was set on. */
let ahead = 0;
const began = Date.now();
const seconds = () => Math.floor(began / 1_000);
const context = {
  type: 'smart-launch',
  user: 'house',
  epoch: 1,
  fhirUser: 'Practitioner/7',
  patient: 'p1',
  needPatientBanner: true,
};
const put = (kind: string, key: string, value: object) => store.commit([{ op: 'put', kind, key, value }]);
const client = (more: object = {}) =>
  put('oauth-client', 'app', {
    clientId: 'app',
    approved: true,
    roles: ['service'],
    metadata: { scope: 'launch/patient patient/*.rs system/Patient.rs' },
    ...more,
  });
const user = (more: object = {}) =>
  put('user', 'house', { login: 'house', fhirUser: 'Practitioner/7', roles: ['physician'], epoch: 1, ...more });
const grant = (scope: string) =>
  put(kinds.model('Grant'), keyOfId('g1'), {
    clientId: 'app',
    accountId: 'house',
    resources: { [base]: scope },
    rar: [context],
  });
const access = (more: object = {}) =>
  put(kinds.model('AccessToken'), keyOfId(token), {
    clientId: 'app',
    accountId: 'house',
    grantId: 'g1',
    aud: base,
    scope: 'launch/patient patient/Patient.rs',
    extra: context,
    iat: seconds(),
    exp: seconds() + 900,
    ...more,
  });

beforeEach(async () => {
  ahead = 0;
  const runtime = { ...systemRuntime, now: () => began + ahead };
  store = await openStore({ file: ':memory:', runtime: systemRuntime });
  opened.push(store);
  tokens = createTokens(store, runtime, base);
  await Promise.all([client(), user(), grant('launch/patient patient/Patient.rs'), access()]);
});
const refused = async () => {
  tokens.forget();
  const found = await tokens.verify(token);
  return 'refused' in found ? found.refused : undefined;
};

describe('A token', () => {
  it('says who, for which app, with which rights and which patient', async () => {
    const { grant: found } = (await tokens.verify(token)) as Verified;

    expect(found).toMatchObject({
      who: 'Practitioner/7',
      client: 'app',
      user: 'house',
      roles: ['physician'],
      patient: 'p1',
    });
    expect(found.scopes.map(({ text }) => text)).toEqual(['patient/Patient.rs']);
    expect(found.token).toBe(keyOfId(token).slice(-32));
  });

  it.each<[string, () => Promise<unknown>, string]>([
    [
      'was stored although its grant was revoked',
      () => store.commit([{ op: 'drop', kind: kinds.model('Grant'), key: keyOfId('g1') }]),
      'grant revoked',
    ],
    ['has more than its grant is left', () => grant('launch/patient'), 'grant narrowed'],
    ['has a client that is disabled', () => client({ disabled: 1 }), 'client unknown or disabled'],
    ['has a client that waits for approval', () => client({ approved: false }), 'client unknown or disabled'],
    ['has a user who is disabled', () => user({ disabled: 1 }), 'user unknown or disabled'],
    ['has a user who signed out everywhere', () => user({ epoch: 2 }), 'user signed out everywhere'],
    ['is for another server', () => access({ aud: 'https://other.example.org/fhir' }), 'token of another audience'],
    ['is for no server', () => access({ aud: undefined }), 'token of another audience'],
    ['is over', () => access({ exp: seconds() - 1 }), 'token expired'],
    ['has no user', () => access({ extra: undefined }), 'token without a user'],
  ])('that %s opens nothing', async (_name, change, reason) => {
    await change();

    expect(await refused()).toBe(reason);
  });

  it('is remembered for five seconds and not longer', async () => {
    await tokens.verify(token);
    await user({ disabled: 1 });
    expect('grant' in (await tokens.verify(token))).toBe(true);
    ahead = 5_001;

    expect('refused' in (await tokens.verify(token))).toBe(true);
  });

  it('of a client by itself ends with what the client is registered for', async () => {
    await store.commit([{ op: 'drop', kind: kinds.model('AccessToken'), key: keyOfId(token) }]);
    const own = { clientId: 'app', aud: base, scope: 'system/Patient.rs', iat: seconds(), exp: seconds() + 300 };
    await put(kinds.model('ClientCredentials'), keyOfId(token), own);
    tokens.forget();
    const found = (await tokens.verify(token)) as Verified;
    expect(found.grant).toMatchObject({ who: 'Client/app', roles: ['service'] });
    expect(await tokens.stillGranted(found.standing)).toBeDefined();
    await client({ metadata: { scope: 'system/Observation.rs' } });

    expect(await refused()).toBe('registration narrowed');
    // What was kept is asked about at once, whatever is remembered.
    expect(await tokens.stillGranted(found.standing)).toBeUndefined();
  });
});
