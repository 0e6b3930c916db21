/** What answers say about when to come again and how often. https://www.rfc-editor.org/rfc/rfc9110#field.retry-after, https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers */
import type { Quota } from './maker.ts';

type Headers = Readonly<Record<string, string>>;

/** Milliseconds to wait, given in seconds or as a date; undefined where nothing sensible is said. */
export function retryAfterOf(headers: Headers, now: number): number | undefined {
  const value = headers['retry-after']?.trim();
  if (value === undefined) return undefined;
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1_000;
  const at = dateOf(value);
  return at === undefined ? undefined : Math.max(0, at - theirNow(headers, now));
}

/** A date counts by the clock of whoever wrote it: the two need not agree. */
const theirNow = (headers: Headers, now: number): number => dateOf(headers.date) ?? now;

function dateOf(text: string | undefined): number | undefined {
  const at = Date.parse(text ?? '');
  return Number.isNaN(at) ? undefined : at;
}

const wholeOf = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d{1,15}$/.test(text.trim()) ? Number(text) : undefined;

/** `RateLimit: "default";r=50;t=30` of the newer drafts, `limit=100, remaining=50, reset=30` of the older. */
function inOneField(text: string): Readonly<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const [, name, value] of text.matchAll(/\b(limit|remaining|reset|r|t|q)=(\d{1,15})/g)) found[name!] ??= value!;
  return found;
}

/** Seconds from now, seconds or milliseconds since 1970: each is sent by somebody. */
function resetOf(reset: number, headers: Headers, now: number): number {
  if (reset < 1e8) return now + reset * 1_000;
  const at = reset < 1e11 ? reset * 1_000 : reset;
  return now + Math.max(0, at - theirNow(headers, now));
}

/** What is left of the calls that a maker grants; undefined where it does not say. */
export function quotaOf(headers: Headers, now: number): Quota | undefined {
  const one = inOneField(headers.ratelimit ?? '');
  const named = (name: string) => wholeOf(headers[`ratelimit-${name}`] ?? headers[`x-ratelimit-${name}`] ?? one[name]);
  const limit = named('limit');
  const remaining = named('remaining') ?? wholeOf(one.r);
  const reset = named('reset') ?? wholeOf(one.t);
  if (limit === undefined && remaining === undefined) return undefined;
  return {
    ...(limit !== undefined && { limit }),
    ...(remaining !== undefined && { remaining }),
    ...(reset !== undefined && { reset: resetOf(reset, headers, now) }),
  };
}
