/** A backend service of our own for measuring: registered by the administrator, proved by a key or a secret. https://hl7.org/fhir/smart-app-launch/backend-services.html */
import { generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto';
import { type Answer, type Connection, openConnection, type Request } from './client.ts';
import { demand } from './world.ts';

export type Proof = 'RS384' | 'ES384' | 'secret';

export interface Backend {
  readonly clientId: string;
  readonly scope: string;
  /** A request for a token that nobody has sent yet; with a key it is signed here, good for five minutes. */
  request(): Request;
}

const TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const LIFE = 290;
const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

const keyPair = (alg: 'RS384' | 'ES384') =>
  alg === 'RS384'
    ? generateKeyPairSync('rsa', { modulusLength: 2048 })
    : generateKeyPairSync('ec', { namedCurve: 'P-384' });

function assertion(alg: 'RS384' | 'ES384', key: KeyObject, clientId: string, tokenUrl: string): string {
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: clientId, sub: clientId, aud: tokenUrl, exp: now + LIFE, iat: now, jti: randomUUID() };
  const text = `${encoded({ alg, kid: 'bench', typ: 'JWT' })}.${encoded(claims)}`;
  const signature = sign('sha384', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' });
  return `${text}.${signature.toString('base64url')}`;
}

/** `origin`: the server, without a path. */
export async function registerBackend(origin: string, adminToken: string, proof: Proof, scope: string) {
  const keys = proof === 'secret' ? undefined : keyPair(proof);
  const jwk = keys && { ...keys.publicKey.export({ format: 'jwk' }), kid: 'bench', alg: proof, use: 'sig' };
  const registered = await administered(origin, adminToken, '/admin/clients', {
    client_name: `Bench ${proof}`,
    grant_types: ['client_credentials'],
    scope,
    ...(jwk
      ? { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [jwk] } }
      : { token_endpoint_auth_method: 'client_secret_basic' }),
  });
  const clientId: string = registered.client_id;
  const basic = Buffer.from(`${clientId}:${registered.client_secret}`).toString('base64');
  const headers = `Content-Type: application/x-www-form-urlencoded\r\n${keys ? '' : `Authorization: Basic ${basic}\r\n`}`;
  const form = () => ({
    grant_type: 'client_credentials',
    scope,
    ...(keys && {
      client_assertion_type: TYPE,
      client_assertion: assertion(proof as 'RS384' | 'ES384', keys.privateKey, clientId, `${origin}/oauth/token`),
    }),
  });
  const backend: Backend = {
    clientId,
    scope,
    request: () => ({ method: 'POST', path: '/oauth/token', headers, body: `${new URLSearchParams(form())}` }),
  };
  return backend;
}

/** What is wrong with an answer of the token endpoint, or undefined. */
export function tokenFault(answer: Answer, json: any, scope: string): string | undefined {
  if (answer.status !== 200) return `status ${answer.status} instead of 200`;
  if (!/^[\w-]{43}$/.test(json?.access_token) || json.token_type !== 'Bearer') return 'no access token';
  return json.scope === scope ? undefined : 'another scope';
}

export async function grantedToken(connection: Connection, backend: Backend): Promise<string> {
  const { answer, json } = await demand(connection, backend.request(), 200);
  const fault = tokenFault(answer, json, backend.scope);
  if (fault) throw new Error(`no token: ${fault}`);
  return json.access_token;
}

/** Posts to a route of the administrator. */
export async function administered(origin: string, adminToken: string, path: string, body: object): Promise<any> {
  const connection = openConnection(origin);
  const headers = `Authorization: Bearer ${adminToken}\r\nContent-Type: application/json\r\n`;
  try {
    const asked = { method: 'POST', path, headers, body: JSON.stringify(body) };
    return (await demand(connection, asked, 200, 201)).json;
  } finally {
    connection.close();
  }
}
