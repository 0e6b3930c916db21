/** A server with a practitioner, a patient, their users and apps: what the tests of the authorization server stand on. */
import { type HouseOptions, openHouse, type TestHouse } from '../../support/house.ts';
import type { AskedCode, SignIn } from '../support/user-agent.ts';

export interface App extends Pick<AskedCode, 'clientId' | 'redirectUri'> {
  readonly secret?: string;
}

export interface AuthorizationHouse extends TestHouse {
  readonly doctor: SignIn;
  readonly patientId: string;
  register(metadata: object): Promise<App>;
  stopAll(): Promise<void>;
}

export const redirectUri = 'https://app.example.com/callback';
const password = 'correct horse 7 battery staple';

export const everything =
  'openid fhirUser profile launch launch/patient launch/encounter offline_access online_access patient/*.rs user/*.cruds';

export async function openAuthorizationHouse(options: HouseOptions = {}): Promise<AuthorizationHouse> {
  const house = await openHouse(options);
  const made = async (resource: object) => {
    const { status, text, body } = await house.create(resource);
    if (status !== 201) throw new Error(text);
    return body.id as string;
  };
  const doctorId = await made({ resourceType: 'Practitioner', name: [{ family: 'House' }] });
  const patientId = await made({ resourceType: 'Patient', name: [{ family: 'Chalmers' }], birthDate: '1974-12-25' });
  const careTeam = {
    resourceType: 'CareTeam',
    status: 'active',
    subject: { reference: `Patient/${patientId}` },
    participant: [{ member: { reference: `Practitioner/${doctorId}` } }],
  };
  await made(careTeam);
  const user = { login: 'house', password, fhirUser: `Practitioner/${doctorId}`, roles: ['physician'] };
  const { status, text } = await house.ask('POST', '/admin/users', user);
  if (status !== 201) throw new Error(text);
  return {
    ...house,
    get url() {
      return house.url;
    },
    get adminToken() {
      return house.adminToken;
    },
    doctor: { login: 'house', password, patient: patientId },
    patientId,
    async register(metadata) {
      const asked = {
        client_name: 'An app',
        redirect_uris: [redirectUri],
        grant_types: ['authorization_code', 'refresh_token'],
        token_endpoint_auth_method: 'none',
        scope: everything,
        ...metadata,
      };
      const registered = await house.ask('POST', '/admin/clients', asked);
      if (registered.status !== 201) throw new Error(registered.text);
      return { clientId: registered.body.client_id, secret: registered.body.client_secret, redirectUri };
    },
    stopAll: () => house.stop(),
  };
}
