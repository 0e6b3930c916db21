/** What the authorization server keeps, and under which keys: never an id that opens anything, only its SHA-256. docs/security.md */
import { hashOf } from '../secrets.ts';

export const kinds = {
  /** A model of oidc-provider: `AccessToken`, `Grant`. */
  model: (model: string): string => `oauth-${model}`,
  /** Key `<grant>/<model>/<token>`: what a grant led to. */
  ofGrant: 'oauth-grant-tokens',
  /** Key `<login>/<grant>`: what a user has granted, {@link UserGrant}. */
  ofUser: 'oauth-user-grants',
  /** By the uid of an authorization session: the key it is kept under. */
  sessionUid: 'oauth-session-uid',
  /** By a refresh token that has been used: here while its client may repeat it. */
  grace: 'oauth-grace',
  launch: 'launch',
  /** Key `ring`: the keys that sign ID tokens. */
  signingKey: 'signing-key',
} as const;

/** The key that something is kept under whose id is a secret. */
export const keyOfId = hashOf;
