/** Authlib of PyPI, as published, in a Python of its own: an app and a backend service as a stranger would write them. https://docs.authlib.org/ */
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { redirectUri } from '../../smart/authorization/authorization-house.ts';
import { pkce, throughPages, userAgent } from '../../smart/support/user-agent.ts';
import { describeInPython, findPackages, type PythonProgram, startPython } from '../../support/python-packages.ts';
import { type Clinic, keyPair, openClinic, secretService, service } from './clinic.ts';

const besides = (name: string) => fileURLToPath(new URL(`authlib/${name}`, import.meta.url));

const found = await findPackages(besides('requirements.txt'));

describeInPython(found, 'Authlib', (packages) => {
  let clinic: Clinic;
  let program: PythonProgram;
  beforeAll(async () => {
    clinic = await openClinic();
    program = startPython(besides('stranger.py'), packages);
  });
  afterAll(async () => {
    program?.stop();
    await clinic?.stop();
  });

  const stranger = (deed: string, asked: object) =>
    program.ask({ deed, base: clinic.base, patient: clinic.patientId, ...asked });
  const key = keyPair('ES384');
  const scope = 'launch/patient openid fhirUser offline_access patient/Patient.rs';

  it.each([
    ['none', {}],
    ['client_secret_basic', {}],
    ['client_secret_post', {}],
    ['private_key_jwt', { jwks: key.jwks }],
  ])('as an app with %s signs a user in, reads, refreshes, introspects and revokes', async (auth, metadata) => {
    const app = await clinic.register({ token_endpoint_auth_method: auth, ...metadata });
    const asked = {
      auth,
      client_id: app.clientId,
      client_secret: app.secret,
      ...('jwks' in metadata && { key: key.privateJwk }),
      scope,
      redirect_uri: redirectUri,
      verifier: pkce().verifier,
    };
    const { url, state } = await stranger('authorize', asked);
    const callback = await throughPages(userAgent(clinic.url), url, clinic.doctor);
    const told = await stranger('come_back', { ...asked, state, callback: callback.href });

    const isActive = { active: true, client_id: app.clientId, patient: clinic.patientId, sub: 'house' };
    expect(told).toMatchObject({
      patient: clinic.patientId,
      scope,
      sub: 'house',
      read: 200,
      is_new: true,
      read_again: 200,
      revoked: 200,
      read_after: 401,
      ...(auth !== 'none' && { introspected: isActive }),
    });
  });

  it.each(['RS384', 'ES384', 'a secret'] as const)(
    'as a backend service (%s) gets what it is registered for',
    async (by) => {
      const own = by === 'a secret' ? undefined : keyPair(by);
      const granted = 'system/Patient.rs';
      const { clientId, secret } = await clinic.register(own ? service(own.jwks, granted) : secretService(granted));
      const told = await stranger('serve', {
        auth: own ? 'private_key_jwt' : 'client_secret_basic',
        client_id: clientId,
        client_secret: secret,
        ...(own && { key: own.privateJwk }),
        scope: 'system/Patient.cruds system/Observation.rs',
      });

      expect(told).toEqual({
        scope: granted,
        has_refresh_token: false,
        read: 200,
        outside: 403,
        introspected: true,
        revoked: 200,
        read_after: 401,
        ...(own && { replayed: 'invalid_client' }),
      });
    },
  );
});
