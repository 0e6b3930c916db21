/** Clients that register by themselves and wait for the administrator; mounted only where WATCHFIRE_REGISTRATION says `approval`. https://www.rfc-editor.org/rfc/rfc7591#section-3 */
import { type RequestHandler, Router } from 'express';
import { appended } from '../audit/trail.ts';
import { readJson } from '../fhir/json.ts';
import type { Clients } from '../smart/clients/clients.ts';
import type { Holds } from '../smart/clients/holds.ts';
import { visitOf } from './app.ts';
import { demandJson, FORM_LIMIT, readBody } from './body.ts';
import { inItsWords, registeredWords } from './client-words.ts';
import { addressOf } from './incoming.ts';
import { sendJson } from './respond.ts';

export interface RegistrationRoom {
  readonly clients: Clients;
  readonly holds: Holds;
}

/** `POST /register`. Every registration counts against its source as a failed attempt does: ten a minute, then it waits. */
export function registrationRouter({ clients, holds }: RegistrationRoom): RequestHandler {
  const router = Router({ caseSensitive: true });
  router.post('/register', async (request, response) => {
    const deed = { interaction: 'client-register', action: 'C', status: 201 };
    const source = addressOf(request);
    holds.demand(source, 'registration');
    holds.failed(source, 'registration');
    await inItsWords(request, response, deed, async () => {
      demandJson(request);
      const asked = readJson(await readBody(request, FORM_LIMIT)).value;
      const registered = await clients.registerStranger(asked, (clientId) => [
        appended(visitOf(response).row({ ...deed, target: `Client/${clientId}` })),
      ]);
      sendJson(request, response, 201, registeredWords(registered), visitOf(response).requestId);
    });
  });
  return router;
}
