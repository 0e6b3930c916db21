/** Refusals in OAuth's own words; whoever answers for OAuth sends `error` and the sentence as error_description. https://www.rfc-editor.org/rfc/rfc7591#section-3.2.2 */
import { Problem } from '../../fhir/outcome.ts';

export type OAuthError = 'invalid_client' | 'unauthorized_client' | 'invalid_redirect_uri' | 'invalid_client_metadata';

/** `reason` and the client that was meant are for the audit row alone. */
export class OAuthRefusal extends Problem {
  readonly error: OAuthError;
  readonly reason: string;
  readonly clientId: string | undefined;
  constructor(
    error: OAuthError,
    sentence: string,
    { reason = '', clientId }: { reason?: string; clientId?: string } = {},
  ) {
    const isLogin = error === 'invalid_client';
    super([{ severity: 'error', code: isLogin ? 'login' : 'value', diagnostics: sentence }], isLogin ? 401 : 400);
    this.error = error;
    this.reason = reason;
    this.clientId = clientId;
  }
}

export const badMetadata = (sentence: string): OAuthRefusal => new OAuthRefusal('invalid_client_metadata', sentence);
export const badRedirect = (sentence: string): OAuthRefusal => new OAuthRefusal('invalid_redirect_uri', sentence);
