/** The portal at /docs as a client of this server: public, with one redirect URI; kept like any other, so that it can be looked at and disabled. */
import type { Runtime } from '../../runtime.ts';
import { isConflict, type Store } from '../../store/store.ts';
import { type Client, kinds } from './client.ts';

/** Its pages name it. */
export const PORTAL = 'watchfire-portal';

const metadataAt = (url: string): Client['metadata'] => ({
  client_name: 'Watchfire portal',
  application_type: 'web',
  grant_types: ['authorization_code'],
  response_types: ['code'],
  redirect_uris: [`${url}/docs`],
  token_endpoint_auth_method: 'none',
  scope: 'openid fhirUser user/*.cruds launch/patient patient/*.cruds',
});

/** Makes it, or moves it with the server's address. `url`: public, without a trailing slash. */
export async function keepPortalClient(store: Store, runtime: Pick<Runtime, 'now'>, url: string): Promise<void> {
  const [kept] = await store.get(kinds.client, [PORTAL]);
  const before: Client | undefined = kept?.value;
  const metadata = metadataAt(url);
  const isSame = (member: keyof Client['metadata']) => String(before?.metadata[member]) === String(metadata[member]);
  if (isSame('redirect_uris') && isSame('scope')) return;
  const client: Client = {
    clientId: PORTAL,
    secrets: [],
    class: 'app',
    roles: [],
    created: runtime.now(),
    approved: true,
    ...before,
    metadata,
  };
  await store
    .commit([{ op: 'put', kind: kinds.client, key: PORTAL, value: client, expect: kept?.revision ?? 'absent' }])
    .catch((error: unknown) => {
      // Another server of the same store was faster, and says the same.
      if (!isConflict(error)) throw error;
    });
}
