/** The query of a granular scope: search parameters of one type, compiled by the search itself. https://hl7.org/fhir/smart-app-launch/scopes-and-launch-context.html#finer-grained-resource-constraints-using-search-parameters */
import { Problem } from '../../fhir/outcome.ts';
import { untilDefinitionsChange } from '../../search/knowledge.ts';
import { looksElsewhere } from '../../search/match.ts';
import { parametersOf } from '../../search/parameters.ts';
import { parseSearch } from '../../search/parse.ts';
import type { Criterion } from '../../search/query.ts';
import { isControl } from '../../search/result-parameters.ts';
import { isPlainText } from '../plain-text.ts';

type Parameters = readonly (readonly [name: string, value: string])[];

/**
 * In one form: decoded, sorted, each parameter once, encoded where a scope or a query has to be. Undefined for what the search
 * would refuse or pass over, and for what one resource alone cannot tell: chains, `_has`, `_list`; `_filter` is no parameter of a type.
 */
export function canonicalQuery(type: string, query: string): string | undefined {
  const parameters = decoded(query);
  if (parameters === undefined || !parameters.every((one) => isOfType(type, one))) return undefined;
  const text = [...new Set(parameters.map(([name, value]) => `${encoded(name)}=${encoded(value)}`))].sort().join('&');
  return compiledQuery(type, text) === undefined ? undefined : text;
}

const kept = untilDefinitionsChange<Criterion | 'refused'>();

/** What a resource of the type fulfils; undefined where the definitions do not say it (any more): then it opens nothing. */
export function compiledQuery(type: string, query: string, base?: string): Criterion | undefined {
  const key = `${base ?? ''} ${type}?${query}`;
  let read = kept.get(key);
  if (read === undefined) {
    read = compile(type, query, base) ?? 'refused';
    if (kept.size >= 10_000) kept.clear();
    kept.set(key, read);
  }
  return read === 'refused' ? undefined : read;
}

function compile(type: string, query: string, base: string | undefined): Criterion | undefined {
  const parameters = decoded(query);
  if (parameters === undefined) return undefined;
  try {
    const { where } = parseSearch(type, parameters, { strict: true, conditional: true, base }).query;
    return looksElsewhere(where) ? undefined : where;
  } catch (error) {
    if (error instanceof Problem) return undefined;
    throw error;
  }
}

/** Undefined where an escape is broken or a part has no name or no value. */
export function decoded(query: string): Parameters | undefined {
  try {
    const parameters = query.split('&').map((part): readonly [string, string] => {
      const at = part.indexOf('=');
      return [decodeURIComponent(part.slice(0, Math.max(at, 0))), decodeURIComponent(part.slice(at + 1))];
    });
    return parameters.every(([name, value]) => name !== '' && value !== '' && isPlainText(value))
      ? parameters
      : undefined;
  } catch {
    return undefined;
  }
}

/** What a scope (RFC 6749, 3.3) or a query cannot hold as it is; `+` too, which forms take for a space. */
const encoded = (text: string): string => text.replace(/[^!$'()*,\-./0-9:;=?@A-Z[\]^_`a-z{|}~]/gu, encodeURIComponent);

function isOfType(type: string, [name, value]: Parameters[number]): boolean {
  const [code = ''] = name.split(':');
  if (isControl(code)) return false;
  const parameter = parametersOf(type).get(code);
  // About now would mean something else each time that it is asked.
  return parameter !== undefined && !(parameter.type === 'date' && /(?:^|,)ap/.test(value));
}
