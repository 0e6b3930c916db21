/** A request as oidc-provider is to see it: at the address of the configuration, from a client that has proved itself at our door. docs/security.md */
import type { IncomingMessage } from 'node:http';
import { type Client, isConfidential } from '../clients/client.ts';

/** What is left out is as it came. */
export interface Forwarded {
  readonly method?: string;
  /** Path and query. */
  readonly url: string;
  /** A form that has been read already, and the client that proved itself with it. */
  readonly proved?: { readonly form: URLSearchParams; readonly client: Client };
}

/**
 * The same request in other words. Where the server is says its configuration, whatever a client or a proxy claims; how a client
 * proved itself and which page asks is our door's business alone.
 */
export function seenAs(
  request: IncomingMessage,
  { method, url, proved }: Forwarded,
  publicUrl: string,
  innerSecret: string,
): IncomingMessage {
  const { protocol, host } = new URL(publicUrl);
  const { authorization: _proof, origin: _page, ...rest } = request.headers;
  const headers: Record<string, unknown> = {
    ...rest,
    host,
    'x-forwarded-proto': protocol.slice(0, -1),
    'x-forwarded-host': host,
    'x-forwarded-for': undefined,
  };
  const seen: Record<string, PropertyDescriptor> = {
    url: { value: url },
    originalUrl: { value: url },
    baseUrl: { value: '' },
  };
  if (method !== undefined) seen.method = { value: method };
  if (proved !== undefined) {
    const bytes = Buffer.from(innerForm(proved, innerSecret));
    delete headers['transfer-encoding'];
    Object.assign(headers, {
      'content-type': 'application/x-www-form-urlencoded',
      'content-length': String(bytes.length),
      accept: 'application/json',
    });
    Object.assign(seen, {
      readable: { value: true },
      readableEncoding: { value: null },
      iterator: {
        value: async function* () {
          yield bytes;
        },
      },
    });
  }
  seen.headers = { value: headers };
  return Object.create(request, seen);
}

/** As oidc-provider sees a client that has proved itself. */
function innerForm({ form, client }: NonNullable<Forwarded['proved']>, innerSecret: string): string {
  const inner = new URLSearchParams(form);
  for (const proof of ['client_secret', 'client_assertion', 'client_assertion_type']) inner.delete(proof);
  // A verifier that none can be proves as little as none: one answer for all that is wrong with it. https://www.rfc-editor.org/rfc/rfc7636#section-4.6
  if (!/^[A-Za-z0-9._~-]{43,128}$/.test(form.get('code_verifier') ?? '')) inner.delete('code_verifier');
  inner.set('client_id', client.clientId);
  if (isConfidential(client)) inner.set('client_secret', innerSecret);
  return inner.toString();
}
