/** A house with a doctor, her patients and those of others, and an app; and a browser without eyes that comes to its pages. */
import { type HouseOptions, openHouse, type TestHouse } from '../../support/house.ts';
import { authorizeUrl, type Page, pkce, redeem, userAgent } from '../support/user-agent.ts';

export const PASSWORD = 'harbour-lantern-quilt-97';
export const REDIRECT = 'http://127.0.0.1:9/callback';
const SCOPE =
  'openid fhirUser launch/patient patient/Patient.rs patient/Observation.rs patient/Observation.c offline_access';
const { verifier, challenge } = pkce();

/** A browser that sends a form as the page that is open has it: with its token, unless `csrf` says otherwise. */
export function openBrowser(url: string) {
  const agent = userAgent(url);
  let last: Page | undefined;
  const seen = async (page: Promise<Page>): Promise<Page> => (last = await page);
  return {
    setCookies: agent.setCookies,
    get: (path: string) => seen(agent.get(path)),
    follow: (page: Page) => seen(agent.follow(page)),
    post(path: string, members: Record<string, string | readonly string[]>, headers?: Record<string, string>) {
      const form = new URLSearchParams(members.csrf === undefined ? { csrf: csrfIn(last!.text) } : {});
      for (const [name, value] of Object.entries(members)) for (const one of [value].flat()) form.append(name, one);
      return seen(agent.post(path, form, headers));
    },
  };
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
  signedIn(browser: BlindBrowser, start: string, login?: string): Promise<Page>;
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
    authorize: (more = {}) =>
      authorizeUrl(house.url, { clientId: app, redirectUri: redirect, scope: SCOPE, more }, challenge),
    async signedIn(browser, start, login = 'ada') {
      const page = await browser.follow(await browser.get(start));
      return browser.follow(await browser.post(actionIn(page.text, '/login'), { login, password: PASSWORD }));
    },
    async redeem(to) {
      const code = new URL(to).searchParams.get('code') ?? '';
      return (await redeem(house.url, { clientId: app, redirectUri: redirect }, code, verifier)).body;
    },
  };
}
