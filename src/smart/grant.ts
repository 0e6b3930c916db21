/** What somebody may do by a token, before roles and consents narrow it. https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html */
import type { Scope } from './scopes/scope.ts';

export interface Grant {
  /** The user, `Practitioner/7` or `Patient/1`, else `Client/<client_id>`. */
  readonly who: string;
  /** client_id */
  readonly client: string;
  /** Key of the kept user. */
  readonly user?: string;
  /** Of the user; where there is none, of the client. */
  readonly roles: readonly string[];
  /** As granted; see `scopesOf`. */
  readonly scopes: readonly Scope[];
  /** The launch context: id of the Patient. */
  readonly patient?: string;
  readonly encounter?: string;
  readonly purposeOfUse?: string;
  /** Of the grant at the authorization server, where there is one: once it is revoked, its tokens open nothing. */
  readonly id?: string;
  /** For the audit row: the last 32 characters of the token's SHA-256 in hex. */
  readonly token: string;
}
