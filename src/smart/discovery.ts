/** What the authorization server offers, once for all who tell it: SMART and OpenID discovery, the CapabilityStatement, the server itself. https://hl7.org/fhir/smart-app-launch/conformance.html */
import { authMethods, grantTypes } from './clients/client.ts';
import { signingAlgorithms } from './clients/key-set.ts';
import { identityScopes, launchScopes, seedScopes } from './scopes/words.ts';

/** What differs from server to server. */
export interface Offered {
  /** The public URL of the server, without a path: the issuer. */
  readonly issuer: string;
  /** Apps may register by themselves and wait for approval. */
  readonly takesRegistrations: boolean;
}

/** Where each thing is, below the issuer. */
export const oauthPaths = {
  authorize: '/oauth/authorize',
  token: '/oauth/token',
  introspect: '/oauth/introspect',
  revoke: '/oauth/revoke',
  jwks: '/oauth/jwks',
  register: '/oauth/register',
  /** Apps that may see my data. */
  manage: '/oauth/account/apps',
} as const;

/** Each with what every type may be asked for; scopes for single types, rights and queries are granted likewise. */
export const offeredScopes: readonly string[] = [
  ...identityScopes,
  ...launchScopes,
  ...['patient', 'user', 'system'].flatMap((context) =>
    ['cruds', 'rs', 'read', 'write', '*'].map((word) => `${context}/*.${word}`),
  ),
  ...Object.keys(seedScopes),
];

/** https://hl7.org/fhir/smart-app-launch/conformance.html#capabilities; each has a test that uses it. */
const capabilities: readonly string[] = [
  'launch-ehr',
  'launch-standalone',
  'authorize-post',
  'client-public',
  'client-confidential-symmetric',
  'client-confidential-asymmetric',
  'sso-openid-connect',
  'context-banner',
  'context-style',
  'context-ehr-patient',
  'context-ehr-encounter',
  'context-standalone-patient',
  'context-standalone-encounter',
  'permission-offline',
  'permission-online',
  'permission-patient',
  'permission-user',
  'permission-v1',
  'permission-v2',
];

/** `/.well-known/smart-configuration` below the FHIR base. */
export const smartConfiguration = ({ issuer, takesRegistrations }: Offered) => ({
  issuer,
  jwks_uri: issuer + oauthPaths.jwks,
  authorization_endpoint: issuer + oauthPaths.authorize,
  token_endpoint: issuer + oauthPaths.token,
  introspection_endpoint: issuer + oauthPaths.introspect,
  revocation_endpoint: issuer + oauthPaths.revoke,
  ...(takesRegistrations && { registration_endpoint: issuer + oauthPaths.register }),
  management_endpoint: issuer + oauthPaths.manage,
  grant_types_supported: grantTypes,
  response_types_supported: ['code'],
  code_challenge_methods_supported: ['S256'],
  token_endpoint_auth_methods_supported: authMethods,
  token_endpoint_auth_signing_alg_values_supported: signingAlgorithms,
  scopes_supported: offeredScopes,
  capabilities,
});
