/** One scope that opens FHIR resources, of SMART 1 or 2, read strictly: what is not understood opens nothing. https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html#scopes-for-requesting-fhir-resources */
import { resourceTypes } from '../../fhir/definitions.ts';
import { canonicalQuery } from './query.ts';

export type ScopeContext = 'patient' | 'user' | 'system';

export interface Scope {
  readonly context: ScopeContext;
  /** A resource type, or `*` for all. */
  readonly type: string;
  /** Letters of `cruds`, in this order. */
  readonly rights: string;
  /** Canonical: `category=http://...|laboratory&code=...`. Never with the type `*`. */
  readonly query?: string;
  /** As granted, in the words of SMART 1 or 2, or of the seed's own. */
  readonly text: string;
}

/** What the words of SMART 1 mean in the letters of SMART 2. https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html#scopes-for-requesting-fhir-resources */
const firstWords: Readonly<Record<string, string>> = { read: 'rs', write: 'cud', '*': 'cruds' };

/** https://www.rfc-editor.org/rfc/rfc6749#section-3.3; whatever else a query needs is written with percent signs. */
const isScopeToken = (text: string): boolean => /^[!#-[\]-~]{1,2048}$/.test(text);

/** Reads one; undefined for what is no such scope, or asks for something that is not supported. Never reads more than is written. */
export function parseScope(text: string): Scope | undefined {
  if (!isScopeToken(text)) return undefined;
  const [, context, type, word, asked] =
    /^(patient|user|system)\/([A-Za-z]+|\*)\.(read|write|\*|c?r?u?d?s?)(?:\?(.+))?$/s.exec(text) ?? [];
  if (!context || !type || !word) return undefined;
  if (type !== '*' && !resourceTypes.has(type)) return undefined;
  const ofFirst = Object.hasOwn(firstWords, word) ? firstWords[word] : undefined;
  const scope = { context: context as ScopeContext, type, rights: ofFirst ?? word, text };
  if (asked === undefined) return text.endsWith('?') ? undefined : scope;
  if (ofFirst !== undefined || type === '*') return undefined; // SMART 1 had no queries, and no query means the same on every type
  const query = canonicalQuery(type, asked);
  return query === undefined ? undefined : { ...scope, query };
}

/** The same in the words of SMART 2, in one form for all that means the same. */
export const canonicalText = ({ context, type, rights, query }: Omit<Scope, 'text'>): string =>
  `${context}/${type}.${rights}${query === undefined ? '' : `?${query}`}`;

/** In the words of SMART 1, where those can say it. */
export function firstText({ context, type, rights, query }: Omit<Scope, 'text'>): string | undefined {
  const word = Object.keys(firstWords).find((one) => firstWords[one] === rights);
  return word === undefined || query !== undefined ? undefined : `${context}/${type}.${word}`;
}

/** Whether it is written in the words of SMART 1. */
export const isOfFirst = (text: string): boolean => /\.(?:read|write|\*)$/.test(text);
