/** What a resource is sorted by where no index has the order: tokens by their code, references and uris as they are written. https://hl7.org/fhir/R4/search.html#sort */
import type { Resource } from '../fhir/references.ts';
import { extract } from './extract.ts';
import type { SortKey } from './query.ts';

export type ValueKey = Extract<SortKey, { by: 'value' }>;

/** The lowest value of a resource under the key, the highest where it is descending; undefined where it has none. */
export function sortValueOf(resource: Resource, { name, target, descending }: ValueKey): string | undefined {
  const { keys, references } = extract(resource);
  let edge: string | undefined;
  const take = (value: string): void => {
    if (edge === undefined || (descending ? value > edge : value < edge)) edge = value;
  };
  // Of the two entries of a token this is the one without its system.
  for (const entry of keys)
    if (entry.name === name && entry.second === '' && !entry.first.endsWith('|')) take(entry.first);
  for (const entry of references) {
    if (entry.canonical && entry.target.endsWith('|')) continue; // beside what is written
    if (entry.name === name && (target === undefined || entry.target.startsWith(`${target}/`))) take(entry.target);
  }
  return edge;
}
