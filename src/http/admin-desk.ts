/** What every route of the administrator stands on: that it is the administrator, what was sent, pages of lists, answers. */
import type { Request, RequestHandler, Response } from 'express';
import { readJson } from '../fhir/json.ts';
import { problem } from '../fhir/outcome.ts';
import { parametersOf, splitQuery } from '../interactions/route.ts';
import { isAdministrator } from '../smart/identify.ts';
import { visitOf } from './app.ts';
import { demandJson, FORM_LIMIT, readBody } from './body.ts';
import { sendJson } from './respond.ts';

/** Lets the administrator's token through. */
export const onlyAdministrator: RequestHandler = (_request, response, next) => {
  const { caller } = visitOf(response);
  if (caller.who === 'anonymous')
    throw problem('login', 'this needs the administrator token', {
      headers: { 'WWW-Authenticate': 'Bearer realm="watchfire"' },
    });
  if (!isAdministrator(caller)) throw problem('forbidden', 'this needs the administrator token');
  next();
};

/** The members of a JSON body; an empty body has none. */
export async function membersOf(request: Request): Promise<Readonly<Record<string, unknown>>> {
  const bytes = await readBody(request, FORM_LIMIT);
  if (bytes.length === 0) return {};
  demandJson(request);
  return readJson(bytes).value;
}

export const parameterOf = ({ url }: Request, asked: string): string | undefined =>
  parametersOf(splitQuery(url).query).find(([name]) => name === asked)?.[1];

/** What a page begins behind. */
export const afterOf = (request: Request): string | undefined => parameterOf(request, 'after');

export function countOf(request: Request, fallback = 50): number {
  const value = parameterOf(request, 'count');
  if (value === undefined) return fallback;
  if (!/^[1-9]\d{0,3}$/.test(value) || Number(value) > 1_000)
    throw problem('value', 'count must be a number from 1 to 1000');
  return Number(value);
}

export const isoOf = (at: number | undefined) => (at === undefined ? null : new Date(at).toISOString());

/** Of `count` and one more: those that are shown, and where the next page is. `keyOf` is what a page begins behind. */
export function pageOf<T>(path: string, found: readonly T[], count: number, keyOf: (one: T) => string) {
  const page = found.slice(0, count);
  const isMore = found.length > count;
  return { page, next: isMore ? `${path}?count=${count}&after=${encodeURIComponent(keyOf(page.at(-1)!))}` : null };
}

export const reply = (request: Request, response: Response, status: number, value: object, headers = {}): void =>
  sendJson(request, response, status, value, visitOf(response).requestId, headers);
