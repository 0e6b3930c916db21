/**
 * How `:missing` is answered for tokens, references and uris: by an entry that says so. Where a parameter is usually present
 * the entry stands on the resources that lack it, elsewhere on those that have it, so that common resources need none.
 */
import type { Criterion, KeyEntry } from './query.ts';

const usual: Readonly<Record<string, ReadonlySet<string>>> = {
  Observation: new Set(['category', 'device', 'identifier', 'patient', 'performer', 'subject']),
  Patient: new Set(['active', 'gender', 'identifier']),
  Flag: new Set(['identifier', 'patient', 'subject', 'category', 'author', 'priority']),
};
const none: ReadonlySet<string> = new Set();

/** Parameters of the type that nearly every resource has. Changing them needs a reindex. */
export const usuallyPresent = (type: string): ReadonlySet<string> => usual[type] ?? none;

const nameFor = (type: string) => `${type}.:missing`;

export const missingEntry = (type: string, code: string, missing: boolean): KeyEntry => ({
  name: nameFor(type),
  first: code,
  second: String(missing),
});

/** Resources of the type that lack the parameter, or have it. */
export function isMissing(type: string, code: string, missing: boolean): Criterion {
  const entryMeansMissing = usuallyPresent(type).has(code);
  const stands: Criterion = { is: 'key', name: nameFor(type), first: code, second: String(entryMeansMissing) };
  return missing === entryMeansMissing ? stands : { is: 'not', of: stands };
}
