/** Entries of a transaction as what comes in by a feed makes them: ids that the same thing gets every time, text clean, digits kept. */
import { hash } from 'node:crypto';
import { writeExact } from '../../fhir/json.ts';
import { type Resource, referenceTo } from '../../fhir/references.ts';
import type { Conditions, Entry } from '../../interactions/interaction.ts';
import { uuidv7 } from '../../runtime.ts';

/** The same for the same parts, for ever, on every server. `instant` (ms since 1970) puts what is of one time together; 0 where there is none. */
export const stableId = (instant: number, ...parts: readonly (string | number)[]): string =>
  uuidv7(instant, hash('sha256', JSON.stringify(parts), 'buffer'));

/** A resource whose numbers are plain or `ExactNumber`, under its own id. */
export function put(resource: Resource & { readonly id: string }, conditions: Conditions): Entry {
  const text = writeExact(resource);
  const url = referenceTo({ type: resource.resourceType, id: resource.id });
  return { fullUrl: url, method: 'PUT', url, body: { text, resource: JSON.parse(text) }, conditions };
}

/** Refused with 412 where anything is there already. */
export const asNew: Conditions = { ifNoneMatch: '*' };
/** Refused with 412 where the newest version is another. */
export const after = (versionId: number): Conditions => ({ ifMatch: versionId });

const unwanted = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ud800-\udfff]/gu;

/** Text as a FHIR string may hold it: without control characters and lone surrogates, at most `most` characters; undefined where none is left. */
export function clean(text: string | undefined, most = 4_096): string | undefined {
  const left = text?.replace(unwanted, '').trim();
  return left === undefined || left === '' ? undefined : left.slice(0, most).toWellFormed();
}

/** The object without members that are undefined or empty lists. */
export function filled<T extends object>(object: T): T {
  return Object.fromEntries(
    Object.entries(object).filter(([, value]) => value !== undefined && !(Array.isArray(value) && value.length === 0)),
  ) as T;
}
