/** `watchfire credentials`: stores, lists and removes what makers know us by, and changes the key that it is kept under. */
import { readFileSync } from 'node:fs';
import type { Config } from '../config.ts';
import { ask, withServer } from './running.ts';
import { typed } from './typed.ts';

export interface CredentialOptions {
  readonly clientId: string;
  readonly environment: string;
  /** File names. */
  readonly privateKey?: string;
  readonly certificate?: string;
  /** Minutes. */
  readonly overlap: number;
}

type Print = (line: string) => void;
type Input = NodeJS.ReadableStream & { readonly isTTY?: boolean };

interface Secrets {
  readonly client_secret?: string;
  readonly api_key?: string;
}

const LONGEST = 65_536;

/** Never from the arguments: every user of the machine reads those. */
async function secretsFrom(input: Input): Promise<Secrets> {
  const [secret = '', key = ''] = input.isTTY
    ? await typed(['Client secret (empty for none): ', 'API key (empty for none): '], input)
    : await piped(input);
  return { ...(secret !== '' && { client_secret: secret }), ...(key !== '' && { api_key: key }) };
}

async function piped(input: Input): Promise<readonly string[]> {
  let text = '';
  for await (const chunk of input) {
    text += chunk;
    if (text.length > LONGEST)
      throw new Error('too much came in; give the client secret and the API key on a line each');
  }
  return text.split(/\r?\n/);
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    throw new Error(`${file} cannot be read`);
  }
}

export async function setCredential(
  config: Config,
  maker: string,
  { clientId, environment, privateKey, certificate, overlap }: CredentialOptions,
  print: Print,
  input: Input = process.stdin,
): Promise<void> {
  const sent = {
    client_id: clientId,
    environment,
    ...(privateKey !== undefined && { private_key: textOf(privateKey) }),
    ...(certificate !== undefined && { certificate: textOf(certificate) }),
    ...(await secretsFrom(input)),
    overlap_minutes: overlap,
  };
  const path = `/cardiac/credentials/${encodeURIComponent(maker)}`;
  const stored = await withServer(config, (reached) => ask(reached, 'POST', path, sent));
  print(`The credential of ${stored.manufacturer} for ${stored.environment} is stored; it is not shown again`);
  if (stored.previous_valid_until) print(`The one before stays valid until ${stored.previous_valid_until}`);
}

export async function printCredentials(config: Config, print: Print): Promise<void> {
  const { credentials } = await withServer(config, (reached) => ask(reached, 'GET', '/admin/credentials'));
  if (credentials.length === 0) print('no credentials');
  for (const { manufacturer, environment, members, stored_at, stored_by, key, previous_valid_until } of credentials)
    print(
      `${manufacturer}  ${environment}  ${members.join('+')}  ${stored_at} by ${stored_by}  under ${key}${previous_valid_until ? `  the one before until ${previous_valid_until}` : ''}`,
    );
}

export async function removeCredential(config: Config, maker: string, environment: string, print: Print) {
  const path = `/admin/credentials/${encodeURIComponent(maker)}/${encodeURIComponent(environment)}`;
  await withServer(config, (reached) => ask(reached, 'DELETE', path));
  print(`The credential of ${maker} for ${environment} is removed`);
}

export async function rotateKey(config: Config, print: Print): Promise<void> {
  const { rewrapped, already } = await withServer(config, (reached) =>
    ask(reached, 'POST', '/admin/credentials/rotate-key'),
  );
  print(
    `${rewrapped} credentials are wrapped under the newest key, ${already} were already; the keys before open nothing any more`,
  );
}
