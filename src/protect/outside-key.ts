/** A key service outside: it holds the vault's key and wraps the keys of credentials with it. The contract is docs/credentials.md#a-key-service */
import { readJson } from '../fhir/json.ts';
import { problem } from '../fhir/outcome.ts';
import type { GuardedClient } from '../outbound/guarded-client.ts';
import type { WrappingKey } from './vault-keys.ts';

export interface KeyServiceParts {
  /** Base URL, without a trailing slash. */
  readonly url: string;
  /** Sent as bearer token. */
  readonly token: string | undefined;
  readonly client: Pick<GuardedClient, 'send'>;
}

const PREFIX = 'service:';

export function outsideKey({ url, token, client }: KeyServiceParts): WrappingKey {
  async function ask(method: 'GET' | 'POST', path: string, body: object | undefined, wanted: string): Promise<any> {
    const { status, body: text } = await client.send({
      method,
      url: `${url}${path}`,
      headers: {
        accept: 'application/json',
        ...(body && { 'content-type': 'application/json' }),
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
      },
      ...(body && { body: JSON.stringify(body) }),
    });
    if (status !== 200) throw problem('transient', `the key service refused ${path} (${status})`);
    const { value } = readJson(Buffer.from(text));
    if (typeof value[wanted] !== 'string' || value[wanted] === '')
      throw problem('transient', `the key service answered ${path} without ${wanted}`);
    return value;
  }
  const nameOf = ({ key_id: id }: { readonly key_id?: unknown }): string => `${PREFIX}${id ?? ''}`;

  return {
    isNamed: (name) => name.startsWith(PREFIX),
    name: async () => nameOf(await ask('GET', '/key', undefined, 'key_id')),
    async wrap(key, context) {
      const sent = { key: Buffer.from(key).toString('base64'), context };
      const answer = await ask('POST', '/wrap', sent, 'wrapped');
      return { wrapped: answer.wrapped, name: nameOf(answer) };
    },
    async unwrap(wrapped, context) {
      const { key } = await ask('POST', '/unwrap', { wrapped, context }, 'key');
      const bytes = Buffer.from(key, 'base64');
      if (bytes.length !== 32) throw problem('transient', 'the key service answered /unwrap with no key of 32 bytes');
      return bytes;
    },
  };
}
