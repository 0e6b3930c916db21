/** What is kept of a registered client, and what it says of itself in the words of RFC 7591. https://www.rfc-editor.org/rfc/rfc7591#section-2 */
import type { SigningAlgorithm } from './key-set.ts';

export const kinds = {
  client: 'oauth-client',
  /** Key `<origin> <client_id>`: the web origins of clients that are on, for CORS. */
  origin: 'oauth-client-origin',
  /** Key client_id: registered by itself, waiting for the administrator. */
  pending: 'oauth-client-pending',
  /** Key SHA-256 of iss and jti: assertions that were used. */
  jti: 'oauth-jti',
} as const;

export const authMethods = ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt'] as const;
export type AuthMethod = (typeof authMethods)[number];
export const grantTypes = ['authorization_code', 'refresh_token', 'client_credentials'] as const;
export type GrantType = (typeof grantTypes)[number];
/** Of ID tokens, which our keys sign. */
export const idTokenAlgorithms = ['RS256', 'RS384', 'ES384'] as const;
/** An app acts for a user, a backend for itself; a device client has the three scopes of the cardiac seed. Each has its own token life. */
export type ClientClass = 'app' | 'backend' | 'device';

/** Checked, with every default filled in. Members that are not listed here were dropped at registration. */
export interface ClientMetadata {
  readonly client_name: string;
  readonly application_type: 'web' | 'native';
  readonly grant_types: readonly GrantType[];
  readonly response_types: readonly 'code'[];
  readonly redirect_uris: readonly string[];
  readonly token_endpoint_auth_method: AuthMethod;
  readonly token_endpoint_auth_signing_alg?: SigningAlgorithm;
  /** Words separated by one blank each. */
  readonly scope: string;
  readonly jwks?: { readonly keys: readonly object[] };
  readonly jwks_uri?: string;
  readonly id_token_signed_response_alg?: (typeof idTokenAlgorithms)[number];
  readonly post_logout_redirect_uris?: readonly string[];
  readonly client_uri?: string;
  readonly logo_uri?: string;
  readonly policy_uri?: string;
  readonly tos_uri?: string;
  readonly initiate_login_uri?: string;
  readonly contacts?: readonly string[];
  readonly software_id?: string;
  readonly software_version?: string;
}

/** SHA-256 of a secret in hex, and until when it opens where another took its place; ms since 1970. */
export interface KeptSecret {
  readonly hash: string;
  readonly until?: number;
}

export interface Client {
  readonly clientId: string;
  readonly metadata: ClientMetadata;
  /** The newest first; empty for clients without one. */
  readonly secrets: readonly KeptSecret[];
  readonly class: ClientClass;
  /** Names of policies that hold for what it does in its own name. */
  readonly roles: readonly string[];
  /** Codes that its tokens may be for, the first where nobody says otherwise; left out: by the user's role. See purposes.ts. */
  readonly purposesOfUse?: readonly string[];
  /** Milliseconds since 1970. */
  readonly created: number;
  readonly disabled?: number;
  /** False until the administrator let in a client that registered by itself. */
  readonly approved: boolean;
}

export const isOn = (client: Client): boolean => client.approved && client.disabled === undefined;

/** Whether it can keep a secret or a key. */
export const isConfidential = ({ metadata }: Client): boolean => metadata.token_endpoint_auth_method !== 'none';

/** `scheme://host:port` of every web page that it is sent back to. */
export function originsOf({ metadata }: Client): readonly string[] {
  const pages = metadata.redirect_uris.filter((uri) => /^https?:/.test(uri));
  return [...new Set(pages.map((uri) => new URL(uri).origin))];
}
