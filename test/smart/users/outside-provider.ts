/** An OpenID provider of somebody else: as honest or as false as a test wants it. */
import { generateKeyPairSync, type KeyObject, sign as signature } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Part = Record<string, unknown>;
const plain = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
/** Signs whatever it is given, which no library would. */
export const signed = (payload: Part, header: Part, key: KeyObject, digest = 'sha256'): string => {
  const text = `${plain(header)}.${plain(payload)}`;
  return `${text}.${signature(digest, Buffer.from(text), key).toString('base64url')}`;
};
const fresh = () => generateKeyPairSync('rsa', { modulusLength: 2_048 });

export interface Exchange {
  readonly form: URLSearchParams;
  readonly authorization: string | undefined;
}

export interface OutsideProvider {
  readonly issuer: string;
  readonly host: string;
  /** Members that its discovery says differently; undefined leaves one out. */
  readonly discovery: Record<string, unknown>;
  /** Claims of the next ID token, over those that are right; undefined leaves one out. */
  claims: Record<string, unknown>;
  header: Part;
  /** Makes the token from what it should hold; left out, it is signed as it should be. */
  sign: ((payload: Part, header: Part) => string) | undefined;
  /** Answers the token endpoint instead. */
  answer: { status: number; body: unknown } | undefined;
  userinfo: Record<string, unknown>;
  /** Sees the address that a browser was sent to; gives the parameters that it comes back with. */
  visit(address: string): { state: string; code: string };
  readonly exchanges: Exchange[];
  /** How often each path was asked for. */
  readonly asked: Map<string, number>;
  /** Signs with another key from now on, of another kid. */
  rotate(): void;
  readonly keys: () => { publicKey: KeyObject; privateKey: KeyObject };
  reset(): void;
  stop(): void;
}

export async function openOutsideProvider(now: () => number): Promise<OutsideProvider> {
  let kid = 1;
  let pair = fresh();
  const codes = new Map<string, { nonce: string; clientId: string }>();
  const asked = new Map<string, number>();
  const exchanges: Exchange[] = [];
  const discovery: Record<string, unknown> = {};
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url!, 'http://x');
    asked.set(pathname, (asked.get(pathname) ?? 0) + 1);
    let text = '';
    for await (const chunk of request) text += chunk;
    const reply = (status: number, body: unknown) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(typeof body === 'string' ? body : JSON.stringify(body));
    };
    if (pathname === '/.well-known/openid-configuration') {
      return reply(200, {
        issuer: provider.issuer,
        authorization_endpoint: `${provider.issuer}/authorize?tenant=one`,
        token_endpoint: `${provider.issuer}/token`,
        userinfo_endpoint: `${provider.issuer}/userinfo`,
        jwks_uri: `${provider.issuer}/jwks`,
        response_types_supported: ['code'],
        ...discovery,
      });
    }
    if (pathname === '/jwks')
      return reply(200, {
        keys: [{ ...pair.publicKey.export({ format: 'jwk' }), kid: `k${kid}`, use: 'sig', alg: 'RS256' }],
      });
    if (pathname === '/userinfo') return reply(200, provider.userinfo);
    if (pathname !== '/token') return reply(404, {});
    const form = new URLSearchParams(text);
    exchanges.push({ form, authorization: request.headers.authorization });
    const known = codes.get(form.get('code') ?? '');
    codes.delete(form.get('code') ?? '');
    if (provider.answer) return reply(provider.answer.status, provider.answer.body);
    if (!known) return reply(400, { error: 'invalid_grant' });
    const seconds = Math.floor(now() / 1_000);
    const payload: Part = {
      iss: provider.issuer,
      aud: known.clientId,
      sub: 'subject-1',
      iat: seconds,
      exp: seconds + 300,
      nonce: known.nonce,
      ...provider.claims,
    };
    for (const name of Object.keys(payload)) if (payload[name] === undefined) delete payload[name];
    const header = { alg: 'RS256', kid: `k${kid}`, ...provider.header };
    reply(200, {
      access_token: 'an-access-token',
      token_type: 'Bearer',
      id_token: provider.sign?.(payload, header) ?? signed(payload, header, pair.privateKey),
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const provider: OutsideProvider = {
    issuer: `http://${host}`,
    host,
    discovery,
    claims: {},
    header: {},
    sign: undefined,
    answer: undefined,
    userinfo: {},
    exchanges,
    asked,
    keys: () => pair,
    visit(address) {
      const parameters = new URL(address).searchParams;
      const code = `code-${codes.size}-${exchanges.length}-${Math.floor(now())}`;
      codes.set(code, { nonce: parameters.get('nonce')!, clientId: parameters.get('client_id')! });
      return { state: parameters.get('state')!, code };
    },
    rotate() {
      kid++;
      pair = fresh();
    },
    reset() {
      Object.assign(provider, { claims: {}, header: {}, sign: undefined, answer: undefined, userinfo: {} });
      for (const name of Object.keys(discovery)) delete discovery[name];
      exchanges.length = 0;
    },
    stop: () => {
      server.close();
      server.closeAllConnections();
    },
  };
  return provider;
}
