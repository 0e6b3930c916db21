/** The cookie that a browser proves its session with, and the token that proves that a form came from our own page. https://httpwg.org/http-extensions/draft-ietf-httpbis-rfc6265bis.html */
import { createHmac } from 'node:crypto';
import { problem } from '../../fhir/outcome.ts';
import type { Runtime } from '../../runtime.ts';
import { freshWord, isSame } from '../secrets.ts';

/** Of a session once somebody has signed in, before that of a browser that was shown a form. */
export const freshCookie = (runtime: Pick<Runtime, 'random'>): string => freshWord(runtime);

export interface SessionCookie {
  readonly name: string;
  /** What a Cookie header brings; undefined where it brings none, a malformed one, or two. */
  read(header: string | undefined): string | undefined;
  /** A value for Set-Cookie. The browser forgets it when it is closed; how long it is good is the server's to say. */
  set(value: string): string;
  clear(): string;
}

/** On https its name begins with `__Host-`, so that no neighbour can set one. */
export function sessionCookie(url: string): SessionCookie {
  const isSecure = url.startsWith('https:');
  const name = isSecure ? '__Host-watchfire' : 'watchfire';
  const traits = `Path=/; HttpOnly; SameSite=Lax${isSecure ? '; Secure' : ''}`;
  return {
    name,
    read(header = '') {
      const found = header
        .split(';')
        .map((pair) => pair.trim())
        .filter((pair) => pair.startsWith(`${name}=`))
        .map((pair) => pair.slice(name.length + 1));
      return found.length === 1 && /^[A-Za-z0-9_-]{43}$/.test(found[0]!) ? found[0] : undefined;
    },
    set: (value) => `${name}=${value}; ${traits}`,
    clear: () => `${name}=; ${traits}; Max-Age=0`,
  };
}

/** The token for the forms of whoever has this cookie; it dies with it. */
export const csrfOf = (cookie: string): string => createHmac('sha256', cookie).update('csrf').digest('base64url');

/** Refuses with 403 a form that did not come from a page that this browser was shown. */
export function demandCsrf(cookie: string | undefined, token: unknown): void {
  if (cookie === undefined || !isSame(token, csrfOf(cookie)))
    throw problem('forbidden', 'this form is no longer good; open the page again');
}
