/** A search on many types at once, at the system level or in a compartment. https://hl7.org/fhir/R4/http.html#search */
import { resourceTypes } from '../fhir/definitions.ts';
import { problem } from '../fhir/outcome.ts';
import { type ParsedSearch, parseFor, type SearchOptions } from './parse.ts';
import { invalid, unsupported } from './refusals.ts';

/**
 * Parses a search on `types` (all of R4 when left out), or on those of them that `_type` names. As parseSearch refuses, and
 * with status 400 a `_type` that is not among them.
 */
export function parseSystemSearch(
  types: readonly string[] | undefined,
  parameters: readonly (readonly [name: string, value: string])[],
  options: SearchOptions,
): ParsedSearch {
  const possible = types ?? [...resourceTypes];
  const asked = parameters.filter(([name]) => name === '_type');
  const rest = parameters.filter(([name]) => name !== '_type');
  if (asked.length > 1) throw invalid('_type', 'may be given once');
  const searched = asked.length === 0 ? possible : typesIn(asked[0]![1], possible);
  if (searched.length === 0) throw problem('not-supported', 'There is no type to search on');
  const parsed = parseFor(searched, rest, options);
  return { ...parsed, used: [...asked, ...parsed.used] };
}

function typesIn(value: string, possible: readonly string[]): readonly string[] {
  const types = [...new Set(value.split(','))];
  for (const [i, type] of types.entries()) {
    if (!resourceTypes.has(type)) throw invalid('_type', `takes resource types, and value ${i + 1} is none`);
    if (!possible.includes(type)) throw unsupported('_type', `cannot be ${type} here`);
  }
  return types;
}
