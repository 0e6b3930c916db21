/** In whose name a server is asked: a backend service by its key, or a nurse who has signed in. Tokens are renewed while they last. */
import { randomBytes } from 'node:crypto';
import { codeFlow } from '../test/smart/support/user-agent.ts';
import { administered, grantedToken, registerBackend } from './backend.ts';
import type { Contestant } from './contestants.ts';
import { plant, type World } from './world.ts';

export interface Speaker {
  /** Good for the next minutes. */
  token(): Promise<string>;
}

/** Milliseconds for which a token is asked with: backend services have theirs for five minutes. */
const RENEWED = 120_000;

function renewing(obtain: () => Promise<string>): Speaker {
  let held: { readonly token: string; readonly since: number } | undefined;
  return {
    async token() {
      if (!held || performance.now() - held.since > RENEWED) held = { token: await obtain(), since: performance.now() };
      return held.token;
    },
  };
}

const originOf = ({ base }: Contestant): string => new URL(base).origin;

export async function service(server: Contestant, world: World): Promise<Speaker> {
  const backend = await registerBackend(originOf(server), server.token, 'RS384', 'system/*.cruds');
  return renewing(() => grantedToken(world.aside, backend));
}

/** She is of the care team of every patient of the world, and opened an app. */
export async function nurse(server: Contestant, world: World): Promise<Speaker> {
  const origin = originOf(server);
  const [id] = await plant(world, world.aside, [{ resourceType: 'Practitioner', name: [{ family: 'Bench' }] }]);
  const practitioner = `Practitioner/${id}`;
  const teams = [...world.readers, ...world.writers].map(({ patient }) => ({
    resourceType: 'CareTeam',
    status: 'active',
    subject: { reference: patient },
    participant: [{ member: { reference: practitioner } }],
  }));
  await plant(world, world.aside, teams);
  const signIn = { login: 'nurse', password: randomBytes(18).toString('base64url') };
  await administered(origin, server.token, '/admin/users', { ...signIn, fhirUser: practitioner, roles: ['nurse'] });
  const scope = 'user/*.rs';
  const redirectUri = 'https://bench.example.org/callback';
  const { client_id: clientId } = await administered(origin, server.token, '/admin/clients', {
    client_name: 'Bench app',
    redirect_uris: [redirectUri],
    token_endpoint_auth_method: 'none',
    scope,
  });
  return renewing(async () => {
    const { status, body } = await codeFlow(origin, { clientId, redirectUri, scope }, signIn);
    if (status !== 200) throw new Error(`the nurse has no token: ${status} ${body?.error_description}`);
    return body.access_token;
  });
}
