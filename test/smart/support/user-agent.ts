/** A browser for tests: keeps cookies by path, follows nothing by itself, reads forms out of pages and posts them. Chromium is for the pages themselves. */
import { createHash, randomBytes } from 'node:crypto';

export interface Page {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly url: string;
  /** Where it leads, absolute: a redirect, or a page that goes on by itself. */
  readonly location: string | undefined;
}

interface Cookie {
  readonly value: string;
  readonly path: string;
}

export interface UserAgent {
  get(url: string, headers?: Readonly<Record<string, string>>): Promise<Page>;
  post(
    url: string,
    form: Readonly<Record<string, string>> | URLSearchParams,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Page>;
  /** Follows redirects until a page of this server, or an address that is not. */
  follow(page: Page): Promise<Page>;
  readonly cookies: ReadonlyMap<string, Cookie>;
  /** Drops a cookie, as somebody does who clears them. */
  forget(name: string): void;
  /** Every Set-Cookie that came. */
  readonly setCookies: readonly string[];
}

const unescaped = (text: string): string =>
  text
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');

export function userAgent(origin: string): UserAgent {
  const cookies = new Map<string, Cookie>();
  const setCookies: string[] = [];

  async function ask(url: string, init: RequestInit = {}): Promise<Page> {
    const at = new URL(url, origin);
    const sent = [...cookies]
      .filter(([, { path }]) => at.pathname === path || at.pathname.startsWith(path.endsWith('/') ? path : `${path}/`))
      .map(([name, { value }]) => `${name.split(' ')[0]}=${value}`)
      .join('; ');
    const response = await fetch(at, {
      ...init,
      redirect: 'manual',
      headers: { accept: 'text/html', ...init.headers, ...(sent && { cookie: sent }) },
    });
    for (const line of response.headers.getSetCookie()) {
      setCookies.push(line);
      const [pair = '', ...traits] = line.split(';').map((part) => part.trim());
      const name = pair.slice(0, pair.indexOf('='));
      const value = pair.slice(name.length + 1);
      const path = traits.find((trait) => /^path=/i.test(trait))?.slice(5) ?? '/';
      const isOver = value === '' || traits.some((trait) => /^(max-age=0|expires=Thu, 01 Jan 1970)/i.test(trait));
      if (isOver) cookies.delete(`${name} ${path}`);
      else cookies.set(`${name} ${path}`, { value, path });
    }
    const text = await response.text();
    const onward = response.headers.get('location') ?? /http-equiv="refresh" content="0;url=([^"]+)"/.exec(text)?.[1];
    const location = onward && new URL(unescaped(onward), at).href;
    return { status: response.status, headers: response.headers, text, url: at.href, location };
  }

  return {
    cookies,
    setCookies,
    forget(name) {
      for (const key of cookies.keys()) if (key.startsWith(`${name} `)) cookies.delete(key);
    },
    get: (url, headers) => ask(url, { headers }),
    post: (url, form, headers) =>
      ask(url, { method: 'POST', headers, body: new URLSearchParams(form as Record<string, string>) }),
    async follow(page) {
      let at = page;
      while (at.location?.startsWith(`${origin}/`)) at = await ask(at.location);
      return at;
    },
  };
}

/** The form of a page that posts to an address ending so: its action and what it holds, every box ticked. */
export function formOf(page: Page, ending = ''): { action: string; fields: URLSearchParams } {
  for (const [, attributes = '', inside = ''] of page.text.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/g)) {
    const action = unescaped(/action="([^"]*)"/.exec(attributes)?.[1] ?? '');
    if (!action.split('?')[0]!.endsWith(ending)) continue;
    const fields = new URLSearchParams();
    for (const [tag] of inside.matchAll(/<(?:input|select)\b[^>]*>/g)) {
      const name = /\bname="([^"]*)"/.exec(tag)?.[1];
      if (name !== undefined) fields.append(unescaped(name), unescaped(/\bvalue="([^"]*)"/.exec(tag)?.[1] ?? ''));
    }
    return { action, fields };
  }
  throw new Error(`no form for ${ending} at ${page.url} (${page.status}): ${page.text.slice(0, 2_000)}`);
}

export interface AskedCode {
  readonly clientId: string;
  readonly redirectUri: string;
  readonly scope: string;
  /** Others, or other ones; '' leaves one out. */
  readonly more?: Readonly<Record<string, string>>;
}

export const pkce = () => {
  const verifier = randomBytes(32).toString('base64url');
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') };
};

/** The address that an app sends a browser to. */
export function authorizeUrl(
  origin: string,
  { clientId, redirectUri, scope, more = {} }: AskedCode,
  challenge: string,
): string {
  const asked = {
    response_type: 'code',
    client_id: clientId,
    redirect_uri: redirectUri,
    scope,
    state: 'abcdefgh12345678',
    aud: `${origin}/fhir`,
    code_challenge: challenge,
    code_challenge_method: 'S256',
    ...more,
  };
  const given = Object.entries(asked).filter(([, value]) => value !== '');
  return `${origin}/oauth/authorize?${new URLSearchParams(given)}`;
}

export interface SignIn {
  readonly login: string;
  readonly password: string;
  /** Id of the Patient to choose, where one has to be. */
  readonly patient?: string;
  readonly encounter?: string;
  /** Scopes to tick off. */
  readonly without?: readonly string[];
}

/** Signs in, chooses and consents; ends where the app gets its answer. */
export async function throughPages(agent: UserAgent, start: string, signIn: SignIn): Promise<URL> {
  let page = await agent.follow(await agent.get(start));
  for (let steps = 0; page.status === 200 && page.location === undefined && steps < 6; steps++) {
    page = await agent.follow(await answered(agent, page, signIn));
  }
  if (page.location === undefined)
    throw new Error(`stopped at ${page.url} (${page.status}): ${page.text.slice(0, 3_000)}`);
  return new URL(page.location);
}

async function answered(
  agent: UserAgent,
  page: Page,
  { login, password, patient = '', encounter = '', without = [] }: SignIn,
) {
  if (page.text.includes('name="password"')) {
    const { action, fields } = formOf(page, '/login');
    fields.set('login', login);
    fields.set('password', password);
    return agent.post(action, fields);
  }
  if (/action="[^"]*\/consent"/.test(page.text)) {
    const { action, fields } = formOf(page, '/consent');
    const scopes = fields.getAll('scope').filter((scope) => !without.includes(scope));
    fields.delete('scope');
    for (const scope of scopes) fields.append('scope', scope);
    fields.set('decision', 'allow');
    return agent.post(action, fields);
  }
  const step = /action="[^"]*\/encounter[?"]/.test(page.text) ? '/encounter' : '/patient';
  const csrf = /name="csrf" value="([^"]*)"/.exec(page.text)?.[1] ?? '';
  const action = unescaped(new RegExp(`action="([^"]*${step}(?:\\?[^"]*)?)"`).exec(page.text)?.[1] ?? '');
  if (action === '') throw new Error(`nothing to choose at ${page.url} (${page.status}): ${page.text.slice(0, 2_000)}`);
  return agent.post(action, { csrf, ...(step === '/patient' ? { patient } : { encounter }) });
}

/** A whole code flow of an app; what the token endpoint answers. */
export async function codeFlow(
  origin: string,
  asked: AskedCode & { readonly secret?: string },
  signIn: SignIn,
  agent: UserAgent = userAgent(origin),
): Promise<{ status: number; body: any; code: string; verifier: string; callback: URL }> {
  const { verifier, challenge } = pkce();
  const callback = await throughPages(agent, authorizeUrl(origin, asked, challenge), signIn);
  const code = callback.searchParams.get('code') ?? '';
  if (code === '') throw new Error(`no code: ${callback.href}`);
  const { status, body } = await redeem(origin, asked, code, verifier);
  return { status, body, code, verifier, callback };
}

export const redeem = (
  origin: string,
  { clientId, redirectUri, secret }: Pick<AskedCode, 'clientId' | 'redirectUri'> & { readonly secret?: string },
  code: string,
  verifier: string,
) =>
  tokenRequest(origin, {
    grant_type: 'authorization_code',
    code,
    redirect_uri: redirectUri,
    code_verifier: verifier,
    client_id: clientId,
    ...(secret !== undefined && { client_secret: secret }),
  });

export async function tokenRequest(
  origin: string,
  form: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>> = {},
  path = '/oauth/token',
): Promise<{ status: number; body: any; headers: Headers }> {
  const response = await fetch(`${origin}${path}`, { method: 'POST', headers, body: new URLSearchParams(form) });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) };
}
