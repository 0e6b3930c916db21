/** A client as oidc-provider wants it: no scopes, which it knows only as a fixed list, and no secret that would open anything. https://github.com/panva/node-oidc-provider */
import type { Runtime } from '../../runtime.ts';
import type { Client } from './client.ts';
import type { KeySets } from './key-sets.ts';

export type ProviderMetadata = Readonly<Record<string, unknown>> & { readonly client_id: string };

/**
 * Secrets are compared by `secretMatches` alone. What stands in the place of one is made anew at each start: if ever it were
 * compared, nobody could know it. Keys are those that `keyOf` saw last, so that oidc-provider itself fetches nothing.
 */
export function createMetadataFor(keySets: Pick<KeySets, 'seen'>, runtime: Pick<Runtime, 'random'>) {
  const nobodys = Buffer.from(runtime.random(32)).toString('base64url');
  return (client: Client): ProviderMetadata => {
    const { scope: _scope, jwks: _jwks, jwks_uri: _uri, contacts: _contacts, ...metadata } = client.metadata;
    const method = metadata.token_endpoint_auth_method;
    return {
      ...metadata,
      client_id: client.clientId,
      client_id_issued_at: Math.floor(client.created / 1_000),
      ...(method.startsWith('client_secret_') && { client_secret: nobodys, client_secret_expires_at: 0 }),
      ...(method === 'private_key_jwt' && { jwks: { keys: keySets.seen(client) } }),
    };
  };
}
