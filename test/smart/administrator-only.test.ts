/** What belongs to the administrator's own token opens to no token that is worth as much under /fhir. capability/access/README.md */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type AuthorizationHouse, openAuthorizationHouse } from './authorization/authorization-house.ts';
import { tokenRequest } from './support/user-agent.ts';

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

let house: AuthorizationHouse;
let powerful: string;
let other: string;

async function tokenOf(scope: string, roles: readonly string[]): Promise<string> {
  const { clientId, secret } = await house.register({
    grant_types: ['client_credentials'],
    redirect_uris: [],
    scope,
    roles,
    token_endpoint_auth_method: 'client_secret_post',
  });
  const form = { grant_type: 'client_credentials', client_id: clientId, client_secret: secret! };
  return (await tokenRequest(house.url, form)).body.access_token;
}

beforeAll(async () => {
  house = await openAuthorizationHouse();
  powerful = await tokenOf('system/*.cruds', ['administrator']);
  other = await tokenOf('system/Patient.rs', ['service']);
});
afterAll(() => house.stop());

const asked = async (path: string, token: string) =>
  (await fetch(`${house.url}${path}`, { headers: bearer(token) })).status;

describe('An app that an administrator let in with every right', () => {
  it('may everything under /fhir', async () => {
    expect(await asked(`/fhir/Patient/${house.patientId}`, powerful)).toBe(200);
    expect(await asked('/fhir/$reindex-status', powerful)).toBe(200);
  });

  it.each(['/admin/store', '/admin/keys', '/admin/clients', '/admin/users', '/metrics'])(
    'is refused at %s, which opens to the administrator',
    async (path) => {
      expect(await asked(path, powerful)).toBe(403);
      expect(await asked(path, house.adminToken)).toBe(200);
    },
  );

  it('is told nothing of the tokens of others', async () => {
    const told = (token: string) => tokenRequest(house.url, { token: other }, bearer(token), '/oauth/introspect');
    expect((await told(powerful)).status).toBe(401);
    expect((await told(house.adminToken)).body).toMatchObject({ active: true, scope: 'system/Patient.rs' });
  });
});
