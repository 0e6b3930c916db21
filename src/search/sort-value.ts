/** What a resource is sorted by where no index has the order: tokens by their code, references and uris as they are written. https://hl7.org/fhir/R4/search.html#sort */
import type { Resource } from '../fhir/references.ts';
import { compile } from './expression.ts';
import { extract } from './extract.ts';
import { emptyGathering, type Gathering } from './gathering.ts';
import type { Parameter } from './parameter.ts';
import type { SortKey } from './query.ts';
import { sinkFor } from './values.ts';

export type ValueKey = Extract<SortKey, { by: 'value' }>;

/** The lowest value of a resource under the key, the highest where it is descending; undefined where it has none. */
export function sortValueOf(resource: Resource, key: ValueKey): string | undefined {
  const { name, target, descending, parameter } = key;
  const { keys, references } = parameter ? extractorOf(key, parameter)(resource) : extract(resource);
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

const extractors = new WeakMap<ValueKey, (resource: Resource) => Gathering>();

/** Of one parameter alone: it comes with the key and not from the definitions. */
function extractorOf(key: ValueKey, parameter: Parameter): (resource: Resource) => Gathering {
  let extractor = extractors.get(key);
  if (extractor === undefined) {
    let gathering: Gathering = emptyGathering();
    const [type] = parameter.name.split('.') as [string];
    const sink = (branch: string) => compile(branch, type, (place) => sinkFor(parameter, place, () => gathering));
    const visits = parameter.branches.map(sink);
    extractor = (resource) => {
      gathering = emptyGathering();
      for (const visit of visits) visit(resource);
      return gathering;
    };
    extractors.set(key, extractor);
  }
  return extractor;
}
