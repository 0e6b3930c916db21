/** What is granted of the scopes that are asked for: what both the request and the registration permit, never more. https://www.rfc-editor.org/rfc/rfc6749#section-3.3 */
import { canonicalText, firstText, isOfFirst, parseScope, type Scope } from './scope.ts';
import { isSeedScope, kindOf, meantBy, scopesOf, wordsOf } from './words.ts';

/** Under which circumstances it is asked. */
export interface Circumstances {
  /** `user`: somebody signed in and consents; `client`: a client by itself, with client_credentials. */
  readonly by: 'user' | 'client';
  /** A client that can keep a secret or a key. */
  readonly isConfidential: boolean;
  /** Whether there is a patient in context; left out as long as one may still be chosen. */
  readonly hasPatient?: boolean;
}

/** Words that are looked at, characters that a token's scope has, conditions of one scope; beyond these nothing is granted. */
const mostWords = 200;
const longest = 16_000;
const mostConditions = 50;

/**
 * The granted part of `asked`, as the token and its answer say it. A scope that is granted as a whole is echoed as it was
 * asked for; of any other what is permitted stands there, a wildcard as the types that it is permitted for.
 */
export function granted(asked: string, allowed: string, circumstances: Circumstances): string {
  const words = new Set(wordsOf(allowed));
  const permitted = scopesOf(allowed);
  const told = new Set<string>();
  let length = 0;
  for (const word of wordsOf(asked).slice(0, mostWords)) {
    if (!isPossible(word, circumstances)) continue;
    const parts = words.has(word) ? [word].filter(isUnderstood) : partsOf(word, permitted);
    const added = parts.filter((part) => !told.has(part));
    length += added.reduce((sum, part) => sum + part.length + 1, 0);
    if (length > longest) break;
    for (const part of added) told.add(part);
  }
  return [...told].join(' ');
}

/** Whether somebody who signs in can have a scope at all: a patient's data are asked for by the words of a patient. */
export const isForUser = (word: string, fhirUser: string): boolean =>
  !(word.startsWith('user/') && fhirUser.startsWith('Patient/'));

/** Whether all that `asked` opens is open by `wide` already: a refresh may ask for no more than was granted. */
export function isWithin(asked: string, wide: string): boolean {
  if (asked.length > longest) return false;
  const words = new Set(wordsOf(wide));
  const permitted = scopesOf(wide);
  return wordsOf(asked).every((word) => {
    if (words.has(word)) return true;
    const meant = meantBy(word);
    return meant.length > 0 && meant.every((scope) => isCovered(scope, permitted));
  });
}

/** Of what a user granted to an app, what the app may have by its registration as it is now. */
export const stillPermitted = (scope: string, allowed: string): string =>
  isWithin(scope, allowed) ? scope : granted(scope, allowed, { by: 'user', isConfidential: true });

const isUnderstood = (word: string): boolean =>
  kindOf(word) !== 'unknown' && (kindOf(word) !== 'fhir' || meantBy(word).length > 0);

function isPossible(word: string, { by, isConfidential, hasPatient }: Circumstances): boolean {
  const isOfSystem = isSeedScope(word) || word.startsWith('system/');
  if (by === 'client') return isOfSystem && isConfidential;
  return !isOfSystem && (hasPatient !== false || !word.startsWith('patient/'));
}

/** A word as the parts of it that are permitted; the word itself where that is all of it. */
function partsOf(word: string, permitted: readonly Scope[]): readonly string[] {
  const meant = meantBy(word);
  if (meant.length === 0) return [];
  if (meant.every((scope) => isCovered(scope, permitted))) return [word];
  const parts = meant.flatMap((scope) => permitted.flatMap((one) => common(scope, one) ?? []));
  return merged(parts)
    .map((part) => (isOfFirst(word) && firstText(part)) || canonicalText(part))
    .filter((text) => parseScope(text) !== undefined);
}

type Part = Omit<Scope, 'text'>;

const conditions = ({ query }: Part): readonly string[] => query?.split('&') ?? [];

const isSameOrAll = (type: string, wide: string): boolean => wide === '*' || wide === type;

/** Whether each right of a scope is given by one of those, on all that it speaks of. */
const isCovered = (part: Part, wide: readonly Part[]): boolean =>
  [...part.rights].every((right) =>
    wide.some(
      (one) =>
        one.context === part.context &&
        isSameOrAll(part.type, one.type) &&
        one.rights.includes(right) &&
        conditions(one).every((condition) => conditions(part).includes(condition)),
    ),
  );

/** What two scopes both permit: conditions of both hold. Undefined where that is nothing, or can be written as no scope. */
function common(a: Part, b: Part): Part | undefined {
  if (a.context !== b.context || (a.type !== '*' && !isSameOrAll(a.type, b.type))) return undefined;
  const type = a.type === '*' ? b.type : a.type;
  const rights = [...a.rights].filter((right) => b.rights.includes(right)).join('');
  if (rights === '') return undefined;
  const both = [...new Set([...conditions(a), ...conditions(b)])];
  if (both.length === 0) return { context: a.context, type, rights };
  return both.length > mostConditions ? undefined : { context: a.context, type, rights, query: both.sort().join('&') };
}

/** The rights on the same resources in one scope, without those that others give already; in an order of their own. */
function merged(parts: readonly Part[]): readonly Part[] {
  const byReach = new Map<string, Part>();
  for (const part of parts) {
    const reach = canonicalText({ ...part, rights: '' });
    const rights = [...'cruds'].filter((right) => (part.rights + (byReach.get(reach)?.rights ?? '')).includes(right));
    byReach.set(reach, { ...part, rights: rights.join('') });
  }
  const all = [...byReach.values()];
  const needed = all.filter((part) => !all.some((one) => one !== part && isCovered(part, [one])));
  return needed.sort((a, b) => (canonicalText(a) < canonicalText(b) ? -1 : 1));
}
