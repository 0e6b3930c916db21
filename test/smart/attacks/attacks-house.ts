/**
 * What the table of attacks stands on: a running server, an app, a browser in which somebody has signed in, and rows of an attack and the
 * answer that it gets. Numbers are those of docs/security.md.
 */
import { request } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import type { HouseOptions } from '../../support/house.ts';
import {
  type App,
  type AuthorizationHouse,
  openAuthorizationHouse,
  redirectUri,
} from '../authorization/authorization-house.ts';
import { authorizeUrl, type Page, pkce, throughPages, type UserAgent, userAgent } from '../support/user-agent.ts';

/** Number, attack, what is done, what is answered. */
export type Row = readonly [number: string, attack: string, work: () => Promise<string>, answer: string | RegExp];

export function answered(title: string, rows: readonly Row[]): void {
  describe(title, () => {
    it.each(rows.map(([number, attack, work, answer]) => [`${number}: ${attack}`, work, answer] as const))(
      '%s',
      async (_attack, work, answer) => {
        const told = await work();
        if (typeof answer === 'string') expect(told).toBe(answer);
        else expect(told).toMatch(answer);
      },
    );
  });
}

export const scope = 'openid fhirUser launch/patient patient/Patient.rs patient/Observation.rs offline_access';
export const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
/** `400 invalid_grant`; `200 ok`. */
export const toldOf = ({ status, body }: { status: number; body: any }): string =>
  `${status} ${body?.error ?? (status < 300 ? 'ok' : (body?.issue?.[0]?.code ?? ''))}`.trim();

export interface Code {
  readonly code: string;
  readonly verifier: string;
  readonly challenge: string;
  readonly callback: URL;
}

export interface AttackedHouse extends AuthorizationHouse {
  /** A public app. */
  readonly app: App;
  /** The browser of the doctor, who has signed in with it. */
  readonly browser: UserAgent;
  /** A code that the doctor consented to. */
  code(asked?: { scope?: string; more?: Record<string, string> }, of?: App): Promise<Code>;
  /** What the app gets for its code. */
  tokens(asked?: { scope?: string; more?: Record<string, string> }, of?: App): Promise<any>;
  token(form: Record<string, string>, headers?: Record<string, string>, path?: string): Promise<Sent>;
  /** An authorization request by a browser that nobody has signed in with: where it ends. */
  authorize(more: Record<string, string>, of?: App): Promise<string>;
  /** Reads the doctor's patient with a token: `200 ok`. */
  reading(token: string): Promise<string>;
}

export async function openAttacked(options: HouseOptions = {}): Promise<AttackedHouse> {
  const house = await openAuthorizationHouse(options);
  const app = await house.register({});
  const browser = userAgent(house.url);
  const attacked: AttackedHouse = Object.create(house, {
    app: { value: app },
    browser: { value: browser },
    code: {
      async value(asked: object = {}, of: App = app) {
        const { verifier, challenge } = pkce();
        const url = authorizeUrl(house.url, { ...of, scope, ...asked }, challenge);
        const callback = await throughPages(browser, url, house.doctor);
        return { code: callback.searchParams.get('code') ?? '', verifier, challenge, callback };
      },
    },
    tokens: {
      async value(asked: object = {}, of: App = app) {
        const { code, verifier } = await attacked.code(asked, of);
        return (await attacked.token(redemption(of, code, verifier))).body;
      },
    },
    token: {
      value: (form: Record<string, string>, headers = {}, path = '/oauth/token') =>
        sent(`${house.url}${path}`, {
          method: 'POST',
          headers: { 'content-type': FORM, ...headers },
          body: formText(form),
        }),
    },
    authorize: {
      value: async (more: Record<string, string>, of: App = app) =>
        endOf(await userAgent(house.url).get(authorizeUrl(house.url, { ...of, scope, more }, pkce().challenge))),
    },
    reading: {
      value: async (token: string) => toldOf(await house.read(`Patient/${house.patientId}`, bearer(token))),
    },
  });
  return attacked;
}

export const FORM = 'application/x-www-form-urlencoded';
const formText = (form: Record<string, string>): string =>
  new URLSearchParams(Object.entries(form).filter(([, value]) => value !== '')).toString();

/** What an app sends for its code; '' leaves a member out. */
export const redemption = (of: App, code: string, verifier: string): Record<string, string> => ({
  grant_type: 'authorization_code',
  code,
  redirect_uri: of.redirectUri,
  code_verifier: verifier,
  client_id: of.clientId,
  client_secret: of.secret ?? '',
});

/** Where an authorization request ended: on a page of ours, back at the app with an error, at the sign-in, or with a code. */
export function endOf({ status, location, text, headers }: Page): string {
  if (location === undefined) {
    const isPage = headers.get('content-type')?.startsWith('text/html') && text.includes('<!doctype html>');
    return `${status} ${isPage ? 'page' : text.slice(0, 100)}`;
  }
  const at = new URL(location);
  if (/^\/oauth\/interaction\/[^/]+$/.test(at.pathname)) return 'sign-in';
  const told = at.hash ? new URLSearchParams(at.hash.slice(1)) : at.searchParams;
  const back = location.startsWith(redirectUri) ? 'back' : at.origin;
  return `${back} ${told.get('error') ?? (told.has('code') ? 'CODE' : location)}`;
}

export interface Sent {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: any;
}

/** As no library sends: a header twice, from another address of this machine, with any path. */
export function sent(
  url: string,
  {
    method = 'GET',
    headers = {},
    body = '',
    from,
  }: {
    method?: string;
    headers?: Record<string, string | string[]> | string[];
    body?: string;
    from?: string | undefined;
  } = {},
): Promise<Sent> {
  const { hostname, port } = new URL(url);
  const path = url.slice(new URL(url).origin.length);
  return new Promise((resolve, reject) => {
    const length = Buffer.byteLength(body);
    const withLength = Array.isArray(headers)
      ? headers
      : { ...headers, ...(length > 0 && { 'content-length': String(length) }) };
    const asked = request({ hostname, port, path, method, headers: withLength, localAddress: from, agent: false });
    asked.on('error', reject).on('response', (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part)).on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(parts).toString();
        let told: any;
        try {
          told = JSON.parse(text);
        } catch {
          told = undefined;
        }
        const got = new Headers(
          Object.entries(response.headersDistinct).flatMap(([name, values]) =>
            values!.map((one): [string, string] => [name, one]),
          ),
        );
        resolve({ status: response.statusCode!, headers: got, text, body: told });
      });
    });
    asked.end(body);
  });
}
