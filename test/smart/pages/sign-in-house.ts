/** A house with a doctor, her patients and those of others, and an app; and a browser without eyes: cookies, forms, redirects. */
import { createHash } from 'node:crypto';
import { type HouseOptions, openHouse, type TestHouse } from '../../support/house.ts';

export const PASSWORD = 'harbour-lantern-quilt-97';
export const REDIRECT = 'http://127.0.0.1:9/callback';
export const verifier = 'a-verifier-that-is-long-enough-for-pkce-0123456789';
const challenge = createHash('sha256').update(verifier).digest('base64url');

export interface Seen {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Where a redirect or a page that goes on leads. */
  readonly to: string | undefined;
}

/** What a browser keeps and sends; nothing of it follows a redirect by itself. */
export function openBrowser(url: string) {
  const cookies = new Map<string, { value: string; path: string }>();
  const setCookies: string[] = [];
  let last: Seen | undefined;

  function keep(line: string): void {
    setCookies.push(line);
    const [pair, ...traits] = line.split(';').map((part) => part.trim());
    const [name, value = ''] = pair!.split(/=(.*)/);
    const path = traits.find((trait) => /^path=/i.test(trait))?.slice(5) ?? '/';
    if (value === '' || traits.some((trait) => /^max-age=0|^expires=Thu, 01 Jan 1970/i.test(trait)))
      cookies.delete(`${name} ${path}`);
    else cookies.set(`${name} ${path}`, { value, path });
  }

  async function send(
    method: string,
    path: string,
    body?: URLSearchParams,
    headers: Record<string, string> = {},
  ): Promise<Seen> {
    const target = new URL(path, url);
    const sent = [...cookies]
      .filter(([, { path: of }]) => target.pathname.startsWith(of))
      .map(([name, { value }]) => `${name.split(' ')[0]}=${value}`);
    const answer = await fetch(target, {
      method,
      body,
      redirect: 'manual',
      headers: { ...(sent.length > 0 && { cookie: sent.join('; ') }), ...headers },
    });
    for (const line of answer.headers.getSetCookie()) keep(line);
    const text = await answer.text();
    const refresh = /<meta http-equiv="refresh" content="0;url=([^"]+)">/.exec(text)?.[1]?.replaceAll('&amp;', '&');
    last = { status: answer.status, headers: answer.headers, text, to: answer.headers.get('location') ?? refresh };
    return last;
  }

  const browser = {
    setCookies,
    get: (path: string, headers?: Record<string, string>) => send('GET', path, undefined, headers),
    /** A form as the page that is open has it: with its token, unless `csrf` says otherwise. */
    post(path: string, members: Record<string, string | readonly string[]>, headers?: Record<string, string>) {
      const form = new URLSearchParams({ csrf: csrfIn(last!.text) });
      if (members.csrf !== undefined) form.delete('csrf');
      for (const [name, value] of Object.entries(members)) for (const one of [value].flat()) form.append(name, one);
      return send('POST', path, form, headers);
    },
    /** From redirect to redirect on this server, to the first page that stays or to an address elsewhere. */
    async follow(seen: Seen): Promise<Seen> {
      let now = seen;
      while (now.to !== undefined && new URL(now.to, url).origin === new URL(url).origin)
        now = await browser.get(now.to);
      return now;
    },
  };
  return browser;
}
export type BlindBrowser = ReturnType<typeof openBrowser>;

export const csrfIn = (page: string): string => /name="csrf" value="([^"]+)"/.exec(page)?.[1] ?? '';
/** Where the form with this ending posts to. */
export const actionIn = (page: string, ending: string): string =>
  [...page.matchAll(/action="([^"]+)"/g)]
    .map(([, action]) => action!.replaceAll('&amp;', '&'))
    .find((action) => new URL(action, 'http://x').pathname.endsWith(ending)) ?? `no form to ${ending}`;

export interface SignInHouse {
  readonly house: TestHouse;
  readonly app: string;
  /** Address at which an app begins. */
  authorize(asked?: Record<string, string>): string;
  /** Signs in and goes on to what comes next. */
  signedIn(browser: BlindBrowser, start: string, login?: string): Promise<Seen>;
  /** The token answer for the code in an address of the app. */
  redeem(to: string): Promise<any>;
}

const patient = (id: string, family: string, given: string, organization: string, n: number) => ({
  resourceType: 'Patient',
  id,
  name: [{ family, given: [given] }],
  birthDate: `19${50 + n}-03-0${1 + (n % 9)}`,
  gender: 'female',
  identifier: [{ system: 'urn:mrn', value: `MRN-${n}` }],
  managingOrganization: { reference: `Organization/${organization}` },
});

export async function openSignInHouse(
  appName = 'Growth Chart',
  options: HouseOptions = {},
  redirect = REDIRECT,
): Promise<SignInHouse> {
  const house = await openHouse(options);
  for (const resource of [
    { resourceType: 'Organization', id: 'ours', name: 'Ours' },
    { resourceType: 'Organization', id: 'theirs', name: 'Theirs' },
    { resourceType: 'Practitioner', id: 'ada', name: [{ family: 'Lindqvist' }] },
    {
      resourceType: 'PractitionerRole',
      id: 'ada',
      active: true,
      practitioner: { reference: 'Practitioner/ada' },
      organization: { reference: 'Organization/ours' },
    },
    ...Array.from({ length: 12 }, (_, n) =>
      patient(`ours-${n}`, 'Berg', `Elin${String.fromCharCode(97 + n)}`, 'ours', n),
    ),
    patient('theirs-1', 'Berg', 'Secretia', 'theirs', 30),
    { ...patient('odd', '"><script>alert(1)</script>', 'Odd', 'ours', 40) },
    {
      resourceType: 'Encounter',
      id: 'e1',
      status: 'in-progress',
      class: { code: 'IMP', display: 'inpatient encounter' },
      subject: { reference: 'Patient/ours-1' },
      period: { start: '2026-11-20T08:00:00Z' },
    },
  ]) {
    const { status, text } = await house.update(resource);
    if (status !== 201) throw new Error(`${resource.id}: ${status} ${text}`);
  }
  for (const asked of [
    { login: 'ada', password: PASSWORD, fhirUser: 'Practitioner/ada', roles: ['physician'] },
    { login: 'elin', password: PASSWORD, fhirUser: 'Patient/ours-1', roles: ['patient'] },
  ]) {
    const { status, text } = await house.ask('POST', '/admin/users', asked);
    if (status !== 201) throw new Error(`${asked.login}: ${status} ${text}`);
  }
  const { status, body, text } = await house.ask('POST', '/admin/clients', {
    client_name: appName,
    redirect_uris: [redirect],
    grant_types: ['authorization_code', 'refresh_token'],
    token_endpoint_auth_method: 'none',
    scope: 'openid fhirUser offline_access launch/patient launch/encounter patient/*.cruds user/*.cruds',
  });
  if (status !== 201) throw new Error(`app: ${status} ${text}`);
  const app: string = body.client_id;
  return {
    house,
    app,
    authorize: (asked = {}) =>
      `/oauth/authorize?${new URLSearchParams({
        response_type: 'code',
        client_id: app,
        redirect_uri: redirect,
        scope:
          'openid fhirUser launch/patient patient/Patient.rs patient/Observation.rs patient/Observation.c offline_access',
        state: 'a-state-of-the-app',
        aud: `${house.url}/fhir`,
        code_challenge: challenge,
        code_challenge_method: 'S256',
        ...asked,
      })}`,
    async signedIn(browser, start, login = 'ada') {
      const page = await browser.follow(await browser.get(start));
      return browser.follow(await browser.post(actionIn(page.text, '/login'), { login, password: PASSWORD }));
    },
    async redeem(to) {
      const code = new URL(to).searchParams.get('code') ?? '';
      const form = new URLSearchParams({
        grant_type: 'authorization_code',
        code,
        redirect_uri: redirect,
        client_id: app,
        code_verifier: verifier,
      });
      return (await fetch(`${house.url}/oauth/token`, { method: 'POST', body: form })).json();
    },
  };
}
