/** Who asks at the token endpoint and beside it: one proof, of the kind that the client is registered for; a secret may come in the header or in the form. https://www.rfc-editor.org/rfc/rfc6749#section-2.3 */
import type { CheckAssertion } from '../clients/assertion.ts';
import type { Client } from '../clients/client.ts';
import type { Holds } from '../clients/holds.ts';
import { OAuthRefusal } from '../clients/refused.ts';
import { secretMatches } from '../clients/secret.ts';

export interface AuthenticationParts {
  readonly findClient: (clientId: string) => Promise<Client | undefined>;
  /** The client_id that a refresh token was given to. */
  readonly holderOf: (refreshToken: string) => Promise<string | undefined>;
  readonly checkAssertion: CheckAssertion;
  /** The one audience of assertions. */
  readonly tokenUrl: string;
  readonly holds: Holds;
  readonly now: () => number;
}

/** The same for secrets and assertions: who guesses at both is one source. */
const KIND = 'client';

const refused = (reason: string, clientId?: string) =>
  new OAuthRefusal('invalid_client', 'client authentication failed', { reason, clientId });

/** Name and secret of a Basic header: each is written as in a form. https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1 */
function basicOf(authorization: string): { clientId: string; secret: string } {
  const encoded = /^basic +([A-Za-z0-9+/]+={0,2})$/i.exec(authorization)?.[1];
  const [clientId, secret] = /^([^:]+):(.+)$/s.exec(Buffer.from(encoded ?? '', 'base64').toString())?.slice(1) ?? [];
  try {
    if (clientId === undefined || secret === undefined) throw refused('Basic header malformed');
    const plain = (text: string) => decodeURIComponent(text.replaceAll('+', ' '));
    return { clientId: plain(clientId), secret: plain(secret) };
  } catch {
    throw refused('Basic header malformed');
  }
}

/** The client, or a refusal with `invalid_client`; 429 while its source is held. `source` is a network address. */
export async function authenticateClient(
  { findClient, holderOf, checkAssertion, tokenUrl, holds, now }: AuthenticationParts,
  form: URLSearchParams,
  authorization: string | undefined,
  source: string,
): Promise<Client> {
  const named = form.get('client_id') ?? undefined;
  const basic = authorization === undefined ? undefined : basicOf(authorization);
  const posted = form.get('client_secret');
  const proofs = [basic, posted, form.get('client_assertion')].filter((proof) => proof != null);
  if (proofs.length > 1) throw refused('more than one proof', named);
  if (form.has('client_assertion')) return checkAssertion(Object.fromEntries(form), tokenUrl, source);

  // SMART has an app without a secret send its refresh token and nothing else: whose it is says who it is.
  const refreshes = form.get('grant_type') === 'refresh_token' ? form.get('refresh_token') : null;
  const clientId = basic?.clientId ?? named ?? (refreshes === null ? undefined : await holderOf(refreshes));
  if (clientId === undefined) throw refused('no client named');
  if (named !== undefined && named !== clientId) throw refused('two clients named', named);
  const secret = basic?.secret ?? posted ?? undefined;
  const from = `${source} ${clientId}`;
  if (secret !== undefined) holds.demand(from, KIND);
  const client = await findClient(clientId);
  if (secret === undefined) {
    if (client?.metadata.token_endpoint_auth_method !== 'none') throw refused('no proof', clientId);
    return client;
  }
  const isRegistered = client?.metadata.token_endpoint_auth_method.startsWith('client_secret_') === true;
  // Compared in any case: the time tells nobody which clients there are.
  const matches = secretMatches(client, secret, now());
  if (!client || !isRegistered || !matches) {
    holds.failed(from, KIND);
    throw refused(client ? (isRegistered ? 'secret wrong' : 'not its method') : 'client unknown or off', clientId);
  }
  holds.succeeded(from, KIND);
  return client;
}
