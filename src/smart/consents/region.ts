/** Sets of resources of one type: a criterion, all of them or none. */
import { type Criterion, none } from '../../search/query.ts';

export type Region = Criterion | boolean;

export function and(...parts: readonly Region[]): Region {
  if (parts.includes(false)) return false;
  const of = distinct(parts);
  return of.length === 0 ? true : of.length === 1 ? of[0]! : { is: 'all', of };
}

export function or(...parts: readonly Region[]): Region {
  if (parts.includes(true)) return true;
  const of = distinct(parts);
  return of.length === 0 ? false : of.length === 1 ? of[0]! : { is: 'any', of };
}

export const not = (part: Region): Region =>
  typeof part === 'boolean' ? !part : part.is === 'not' ? part.of : { is: 'not', of: part };

/** Undefined: every resource. */
export const criterionOf = (region: Region): Criterion | undefined =>
  region === true ? undefined : region === false ? none : region;

const distinct = (parts: readonly Region[]): readonly Criterion[] => [
  ...new Set(parts.filter((part) => typeof part !== 'boolean')),
];
