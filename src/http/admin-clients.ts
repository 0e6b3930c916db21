/** The administrator's routes for clients of the authorization server: register, list, change, disable. Metadata is RFC 7591's. https://www.rfc-editor.org/rfc/rfc7591 */
import { type RequestHandler, type Response, Router } from 'express';
import { appended } from '../audit/trail.ts';
import { problem } from '../fhir/outcome.ts';
import type { Client } from '../smart/clients/client.ts';
import type { Also, Clients } from '../smart/clients/clients.ts';
import { afterOf, countOf, isoOf, membersOf, pageOf, reply } from './admin-desk.ts';
import { type VisitDeed, visitOf } from './app.ts';
import { clientWords, inItsWords, registeredWords } from './client-words.ts';

export interface AdminClientsRoom {
  readonly clients: Clients;
  /** Called when tokens of a client have to be asked about anew. */
  readonly forget: () => void;
}

/** How long the secret before still opens where nobody says otherwise, in seconds. */
const OVERLAP = 86_400;

function overlapOf(asked: unknown): number {
  if (asked === undefined || asked === null) return OVERLAP;
  if (typeof asked !== 'number') throw problem('value', 'overlap_seconds must be a number');
  return asked;
}

/** Stands in the administrator's router, which lets nobody else through. */
export function adminClientsRouter({ clients, forget }: AdminClientsRoom): RequestHandler {
  const router = Router({ caseSensitive: true });
  const row =
    (response: Response, deed: VisitDeed): Also =>
    (clientId) => [appended(visitOf(response).row({ ...deed, target: `Client/${clientId}` }))];

  router.post('/clients', async (request, response) => {
    const deed = { interaction: 'admin-client-create', action: 'C', status: 201 };
    await inItsWords(request, response, deed, async () => {
      const registered = await clients.register(await membersOf(request), row(response, deed));
      reply(request, response, 201, registeredWords(registered));
    });
  });

  router.get('/clients', async (request, response) => {
    const count = countOf(request);
    const found = await clients.list(afterOf(request), count + 1);
    const { page, next } = pageOf('/admin/clients', found, count, ({ clientId }) => clientId);
    await visitOf(response).record({ interaction: 'admin-client-list', action: 'R', status: 200 });
    reply(request, response, 200, { clients: page.map(clientWords), next });
  });

  router.get('/clients/:client_id', async (request, response) => {
    const client = await clients.look(request.params.client_id);
    const target = `Client/${client.clientId}`;
    await visitOf(response).record({ interaction: 'admin-client-read', action: 'R', status: 200, target });
    reply(request, response, 200, clientWords(client));
  });

  router.put('/clients/:client_id', async (request, response) => {
    const deed = { interaction: 'admin-client-update', action: 'U', status: 200 };
    await inItsWords(request, response, deed, async () => {
      const asked = await membersOf(request);
      const replaced = await clients.replace(request.params.client_id, asked, row(response, deed));
      forget();
      reply(request, response, 200, registeredWords(replaced));
    });
  });

  router.delete('/clients/:client_id', async (request, response) => {
    const { client_id } = request.params;
    await clients.remove(client_id, row(response, { interaction: 'admin-client-delete', action: 'D', status: 200 }));
    forget();
    reply(request, response, 200, { client_id, deleted: true });
  });

  router.post('/clients/:client_id/secret', async (request, response) => {
    const overlap = overlapOf((await membersOf(request)).overlap_seconds);
    const { client_id } = request.params;
    const deed = { interaction: 'admin-client-secret', action: 'U', status: 200 };
    const { client, secret } = await clients.rotate(client_id, overlap, row(response, deed));
    reply(request, response, 200, {
      client_id,
      client_secret: secret,
      client_secret_expires_at: 0,
      previous_secret_until: isoOf(client.secrets[1]?.until),
    });
  });

  const standings: readonly (readonly [
    name: 'approve' | 'disable' | 'enable',
    change: (id: string, also: Also) => Promise<Client>,
  ])[] = [
    ['approve', clients.approve],
    ['disable', clients.disable],
    ['enable', clients.enable],
  ];
  for (const [name, change] of standings) {
    router.post(`/clients/:client_id/${name}`, async (request, response) => {
      const deed = { interaction: `admin-client-${name}`, action: 'U', status: 200 };
      const client = await change(request.params.client_id, row(response, deed));
      forget();
      reply(request, response, 200, clientWords(client));
    });
  }

  return router;
}
