/** All, any and not of conditions, folded: what is true or false of every resource never reaches the database, equalities become one list. */
import type { Document, Long } from 'mongodb';
import type { Common } from './sets.ts';

/** A filter, or what it comes to for every resource. */
export type Condition = Document | boolean;

export function all(parts: readonly Condition[]): Condition {
  const some: Document[] = [];
  for (const part of parts) {
    if (part === false) return false;
    if (part === true) continue;
    if (isOnly(part, '$and')) some.push(...part['$and']);
    else some.push(part);
  }
  return joined(merged(some, '$nin'), '$and', true);
}

export function any(parts: readonly Condition[]): Condition {
  const some: Document[] = [];
  for (const part of parts) {
    if (part === true) return true;
    if (part === false) continue;
    if (isOnly(part, '$or')) some.push(...part['$or']);
    else some.push(part);
  }
  return joined(merged(some, '$in'), '$or', false);
}

export function not(part: Condition): Condition {
  if (typeof part === 'boolean') return !part;
  if (isOnly(part, '$nor') && part['$nor'].length === 1) return part['$nor'][0];
  for (const field of lists) {
    const hashes = isOnly(part, field) && part[field].$in;
    if (hashes) return hashes.length === 0 ? true : { [field]: { $nin: hashes } };
  }
  return { $nor: [part] };
}

/** Fields whose conditions are lists of what they may or may not hold. */
const lists = ['ix', '_id'] as const;

const isOnly = (part: Document, key: string): boolean => {
  const keys = Object.keys(part);
  return keys.length === 1 && keys[0] === key;
};

/** Lists of one field as one list, where the operator allows it: any of `$in`, all of `$nin`. */
function merged(parts: readonly Document[], operator: '$in' | '$nin'): Document[] {
  const rest: Document[] = [];
  const found: Record<string, (Long | string)[]> = {};
  for (const part of parts) {
    const field = lists.find((one) => isOnly(part, one) && part[one][operator] !== undefined);
    if (field === undefined) rest.push(part);
    else (found[field] ??= []).push(...part[field][operator]);
  }
  return [...Object.entries(found).map(([field, values]) => ({ [field]: { [operator]: values } })), ...rest];
}

const joined = (parts: readonly Document[], operator: '$and' | '$or', empty: boolean): Condition =>
  parts.length === 0 ? empty : parts.length === 1 ? parts[0]! : { [operator]: parts };

/** Resources that have one of the values, be it in a set. */
export const equal = (common: Pick<Common, 'having'>, hashes: readonly Long[]): Document => ({
  ix: { $in: [...hashes, ...common.having(hashes)] },
});
