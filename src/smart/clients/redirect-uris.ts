/** Where a client may be sent back to: addresses that mean one place only, compared letter by letter. https://www.rfc-editor.org/rfc/rfc9700#section-4.1 */
import type { ClientMetadata } from './client.ts';
import { badRedirect, type OAuthRefusal } from './refused.ts';

const MOST = 50;
const LONGEST = 2_000;
const loopback: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);

/** https, or http to this very machine. The other URLs of a client have to be so too. */
export const isWebUrl = (text: string): boolean => {
  if (text.length > LONGEST || /[^\x21-\x7e]|[\\"<>]/.test(text) || !URL.canParse(text)) return false;
  const { protocol, hostname, username, password } = new URL(text);
  if (username !== '' || password !== '') return false;
  return protocol === 'https:' || (protocol === 'http:' && loopback.has(hostname));
};

export const isLoopback = (uri: string): boolean => URL.canParse(uri) && loopback.has(new URL(uri).hostname);
/** The scheme of a native app: a name that its maker owns, backwards, so that no other app takes it by chance. https://www.rfc-editor.org/rfc/rfc8252#section-7.1 */
export const hasOwnScheme = (uri: string): boolean => !/^https?:/i.test(uri);

/**
 * Whether a client is registered for it, letter by letter. A native app listens on the loopback at whichever port it gets; nothing but
 * the port is free then. https://www.rfc-editor.org/rfc/rfc8252#section-7.3
 */
export function isRegistered(
  uri: string,
  { redirect_uris, application_type }: Pick<ClientMetadata, 'redirect_uris' | 'application_type'>,
): boolean {
  if (redirect_uris.includes(uri)) return true;
  const portless = application_type === 'native' ? withoutPort(uri) : undefined;
  return portless !== undefined && redirect_uris.some((one) => withoutPort(one) === portless);
}

/** Of an http address of the loopback as it is written; undefined for any other. */
function withoutPort(uri: string): string | undefined {
  const [, host, port = '80', rest] =
    /^http:\/\/(localhost|127\.0\.0\.1|\[::1\])(?::([1-9]\d{0,4}))?([/?].*)?$/.exec(uri) ?? [];
  return host === undefined || Number(port) > 65_535 ? undefined : `${host}${rest ?? ''}`;
}

/** What is wrong with one, as the rest of a sentence. */
function fault(uri: unknown): string | undefined {
  if (typeof uri !== 'string' || uri === '') return 'must be text';
  if (uri.length > LONGEST) return `may have ${LONGEST} characters`;
  if (/[^\x21-\x7e]|[\\"<>^`{|}]/.test(uri)) return 'has characters that no URI has';
  if (uri.includes('*')) return 'must not have a wildcard';
  if (uri.includes('#')) return 'must not have a fragment';
  if (!URL.canParse(uri)) return 'must be an absolute URI';
  const { href, protocol, hostname, username, password } = new URL(uri);
  if (username !== '' || password !== '') return 'must not name a user';
  if (protocol === 'https:' || protocol === 'http:') {
    if (protocol === 'http:' && !loopback.has(hostname)) return 'must be https, or http to the loopback';
    // A browser would go elsewhere than the letters say: to another case of the host, past dots in the path.
    if (href !== uri && href !== `${uri}/`) return 'must be written as a browser writes it';
    return undefined;
  }
  if (!/^[a-z][a-z0-9+-]*(?:\.[a-z0-9+-]+)+:\/./.test(uri) || href !== uri)
    return 'must be https, or have a scheme that is a reversed domain name, such as com.example.app:/';
  return undefined;
}

/** The list as it came, or an `invalid_redirect_uri` that names the place of the first that is refused. */
export function readRedirectUris(value: unknown, member: string): readonly string[] {
  if (!Array.isArray(value)) throw badRedirect(`${member} must be a list of URIs`);
  if (value.length > MOST) throw badRedirect(`${member} may have ${MOST} entries`);
  value.forEach((uri, at) => {
    const found = fault(uri);
    if (found !== undefined) throw refused(member, at, found);
  });
  return [...new Set<string>(value)];
}

const refused = (member: string, at: number, found: string): OAuthRefusal => badRedirect(`${member}[${at}] ${found}`);
