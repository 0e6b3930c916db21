/** `watchfire clients`: clients of the authorization server from the command line. */
import { readFileSync } from 'node:fs';
import type { Config } from '../config.ts';
import { ask, askAll, withServer } from './running.ts';

export interface ClientOptions {
  /** A file with the whole metadata of RFC 7591; the other options go over it. */
  readonly metadata?: string;
  readonly name?: string;
  readonly scope?: string;
  readonly grants?: readonly string[];
  readonly redirect?: readonly string[];
  readonly auth?: string;
  /** A file with a JWK Set. */
  readonly jwks?: string;
  readonly jwksUri?: string;
  readonly roles?: readonly string[];
  /** Codes of v3-ActReason. */
  readonly purposes?: readonly string[];
}

type Print = (line: string) => void;

const path = (clientId: string, deed = '') => `/admin/clients/${encodeURIComponent(clientId)}${deed && `/${deed}`}`;

function fileOf(name: string): any {
  try {
    return JSON.parse(readFileSync(name, 'utf8'));
  } catch (error) {
    const isThere = (error as NodeJS.ErrnoException).code !== 'ENOENT';
    throw new Error(`${name} ${isThere ? 'cannot be read as JSON' : 'is not there'}`);
  }
}

const metadataOf = ({
  metadata,
  name,
  scope,
  grants,
  redirect,
  auth,
  jwks,
  jwksUri,
  roles,
  purposes,
}: ClientOptions) => ({
  ...(metadata !== undefined && fileOf(metadata)),
  ...(name !== undefined && { client_name: name }),
  ...(scope !== undefined && { scope }),
  ...(grants && { grant_types: grants }),
  ...(redirect && { redirect_uris: redirect }),
  ...(auth !== undefined && { token_endpoint_auth_method: auth }),
  ...(jwks !== undefined && { jwks: fileOf(jwks) }),
  ...(jwksUri !== undefined && { jwks_uri: jwksUri }),
  ...(roles && { roles }),
  ...(purposes && { purpose_of_use: purposes }),
});

function printSecret(secret: string | undefined, print: Print): void {
  if (secret === undefined) return;
  print(`Client secret: ${secret}`);
  print('It is not shown again; only its hash is kept.');
}

/** Registers a client and prints its id and secret, the only time that the secret can be seen. */
export async function createClient(config: Config, options: ClientOptions, print: Print): Promise<void> {
  const made = await withServer(config, (reached) => ask(reached, 'POST', '/admin/clients', metadataOf(options)));
  print(`Client id: ${made.client_id}`);
  printSecret(made.client_secret, print);
}

/** One line each, in the order of registration. */
export async function printClients(config: Config, print: Print): Promise<void> {
  const clients = await withServer(config, (reached) => askAll(reached, '/admin/clients?count=1000', 'clients'));
  if (clients.length === 0) print('no clients');
  for (const { client_id, status, client_class, token_endpoint_auth_method, client_name } of clients)
    print(`${client_id}  ${status}  ${client_class}  ${token_endpoint_auth_method}  ${client_name}`);
}

export async function printClient(config: Config, clientId: string, print: Print): Promise<void> {
  print(JSON.stringify(await withServer(config, (reached) => ask(reached, 'GET', path(clientId))), undefined, 2));
}

export async function changeClient(
  config: Config,
  clientId: string,
  deed: 'approve' | 'disable' | 'enable',
  print: Print,
): Promise<void> {
  const { status } = await withServer(config, (reached) => ask(reached, 'POST', path(clientId, deed)));
  print(`${clientId} is ${status}`);
}

export async function rotateSecret(config: Config, clientId: string, overlap: number, print: Print): Promise<void> {
  const asked = { overlap_seconds: overlap };
  const renewed = await withServer(config, (reached) => ask(reached, 'POST', path(clientId, 'secret'), asked));
  printSecret(renewed.client_secret, print);
  print(
    renewed.previous_secret_until
      ? `The secret before opens until ${renewed.previous_secret_until}`
      : 'The secret before opens nothing any more',
  );
}

export async function deleteClient(config: Config, clientId: string, print: Print): Promise<void> {
  await withServer(config, (reached) => ask(reached, 'DELETE', path(clientId)));
  print(`${clientId} is deleted`);
}
