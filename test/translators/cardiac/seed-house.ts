/** The simulated maker and a server that is to ask it, for the customer's walk. */
import { type MakerSimulator, startMakerSimulator } from '../../../src/simulators/makers/maker.ts';
import { type AuthorizationHouse, openAuthorizationHouse } from '../../smart/authorization/authorization-house.ts';

export const credentials = {
  client_id: 'demo',
  client_secret: 'demo-secret',
  api_key: 'demo-key',
  environment: 'production',
};

/** A token of a new client that has these scopes. */
export async function tokenOf(house: AuthorizationHouse, scope: string): Promise<string> {
  const { clientId: client_id, secret: client_secret } = await house.register({
    scope,
    grant_types: ['client_credentials'],
    redirect_uris: undefined,
    token_endpoint_auth_method: 'client_secret_post',
  });
  const form = { grant_type: 'client_credentials', client_id, client_secret, scope };
  return (await house.ask('POST', '/oauth/token', form, { authorization: '' })).body.access_token;
}

export async function openSeedHouse() {
  // More than a day: what is told of batteries comes daily.
  const sim: MakerSimulator = await startMakerSimulator({ maker: 'boston-scientific', seed: 1, history: 25 });
  const house = await openAuthorizationHouse({ makers: { BOSTON_SCIENTIFIC_BASE_URL: sim.url }, pollSeconds: 0.3 });
  const get = (path: string, headers = {}) => house.ask('GET', path, undefined, headers);
  return {
    sim,
    house,
    get,
    tokenOf: (scope: string) => tokenOf(house, scope),
    makerStatus: async () =>
      (await get('/cardiac/status')).body.manufacturers.find((one: any) => one.manufacturer === 'boston-scientific'),
    async stop() {
      await house.stopAll();
      await sim.stop();
    },
  };
}
