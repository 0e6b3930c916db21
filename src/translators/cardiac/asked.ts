/** What may stand behind the question mark of a list: each once, and nothing else. docs/cardiac.md */
import type { Request } from 'express';
import { problem } from '../../fhir/outcome.ts';
import { primitives } from '../../fhir/primitives.ts';
import { parametersOf, splitQuery } from '../../interactions/route.ts';

const DEFAULT_LIMIT = 100;
const MOST = 1_000;

export type Asked = Readonly<Partial<Record<string, string>>>;

/** Refuses what is not among the names, and what is said twice or not at all. */
export function askedIn({ url }: Pick<Request, 'url'>, names: readonly string[]): Asked {
  const asked: Record<string, string> = {};
  for (const [name, value] of parametersOf(splitQuery(url).query)) {
    if (!names.includes(name))
      throw problem('invalid', `a parameter is not known here; known are ${names.join(', ') || 'none'}`);
    if (name in asked) throw problem('invalid', `${name} may be given once`, { expression: name });
    if (value === '') throw problem('value', `${name} must have a value`, { expression: name });
    asked[name] = value;
  }
  return asked;
}

export function limitOf({ limit }: Asked): number {
  if (limit === undefined) return DEFAULT_LIMIT;
  if (/^[1-9]\d{0,3}$/.test(limit) && Number(limit) <= MOST) return Number(limit);
  throw problem('value', `limit must be a number from 1 to ${MOST}`, { expression: 'limit' });
}

/** A FHIR dateTime, which may be as short as a year. */
export function timeOf(asked: Asked, name: 'from' | 'to'): string | undefined {
  const value = asked[name];
  if (value === undefined || primitives.get('dateTime')!.accepts(value)) return value;
  throw problem('value', `${name} must be a date, or a date and time with a time zone`, { expression: name });
}

export function oneOf<T extends string>(asked: Asked, name: string, of: readonly [T, ...T[]]): T {
  const value = asked[name] ?? of[0];
  if ((of as readonly string[]).includes(value)) return value as T;
  throw problem('value', `${name} must be ${of.join(' or ')}`, { expression: name });
}
