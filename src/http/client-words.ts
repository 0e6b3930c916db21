/** Clients in the words of RFC 7591, for those who register them: answers, refusals. https://www.rfc-editor.org/rfc/rfc7591#section-3.2 */
import type { Request, Response } from 'express';
import { type Client, isOn } from '../smart/clients/client.ts';
import type { Registered } from '../smart/clients/clients.ts';
import { OAuthRefusal } from '../smart/clients/refused.ts';
import type { VisitDeed } from './app.ts';
import { visitOf } from './app.ts';
import { sendJson } from './respond.ts';

const secondsOf = (milliseconds: number) => Math.floor(milliseconds / 1_000);

/** As the administrator sees it: never with a secret. */
export const clientWords = (client: Client): object => ({
  client_id: client.clientId,
  client_id_issued_at: secondsOf(client.created),
  ...client.metadata,
  client_class: client.class,
  roles: client.roles,
  purpose_of_use: client.purposesOfUse,
  status: client.disabled !== undefined ? 'disabled' : isOn(client) ? 'active' : 'pending',
});

/** As it is answered once, where it was registered; 0 says that the secret does not expire. */
export const registeredWords = ({ client, secret }: Registered): object => ({
  ...clientWords(client),
  ...(secret !== undefined && { client_secret: secret, client_secret_expires_at: 0 }),
});

/** Refuses in the words of RFC 7591 what is wrong with metadata, recorded before; leaves every other error to the door. */
export async function inItsWords(
  request: Request,
  response: Response,
  deed: Omit<VisitDeed, 'status' | 'reason'>,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof OAuthRefusal)) throw error;
    const { status, message } = await visitOf(response).refusal(error, deed);
    const words =
      status === error.status ? { error: error.error, error_description: message } : { error: 'server_error' };
    sendJson(request, response, status, words, visitOf(response).requestId);
  }
}
