/** What a search asks: its types, parameters and compartment, as far as this caller may search. https://hl7.org/fhir/R4/http.html#search */
import { resourceTypes } from '../fhir/definitions.ts';
import { type Issue, problem } from '../fhir/outcome.ts';
import { type ResourceKey, referenceTo } from '../fhir/references.ts';
import { compartmentCriterion } from '../search/compartment.ts';
import { type ParsedSearch, parseSearch } from '../search/parse.ts';
import { parseSystemSearch } from '../search/parse-system.ts';
import type { Asked, Criterion, SearchQuery } from '../search/query.ts';
import { ofTrail } from '../search/trail-type.ts';
import type { Expansions } from './expansions.ts';
import type { Caller, FhirRequest, Parameters } from './interaction.ts';
import { demandPermitted } from './permit.ts';
import { pageOf } from './searchset.ts';

export interface AskedSearch extends Pick<ParsedSearch, 'query' | 'used' | 'issues' | 'shape' | 'contained'> {
  /** Below the base: `Observation`, `Patient/1/Observation`, `Patient/1/*`, or '' for the whole system. */
  readonly path: string;
  /** Of the page that is asked for, where it is not the first. */
  readonly token: string | undefined;
}

/** Callers that are no resources stand in those rows as `Client/admin` or `System/notifier`. */
const callers: ReadonlySet<string> = new Set(['Client', 'System']);
const leftOut: Issue = {
  severity: 'information',
  code: 'informational',
  diagnostics: `${ofTrail} is searched on its own and was left out here`,
};

/** Reads a search of either kind. Refuses what is malformed, not supported or not permitted; looks nothing up. */
export function askedOf(request: FhirRequest, caller: Caller, now?: number, expansions?: Expansions): AskedSearch {
  const { type, compartment, base, strict } = request;
  const { asked, token } = pageOf(request.parameters);
  const path = compartment ? `${referenceTo(compartment)}/${type || '*'}` : type;
  const isAlone = type === '' || type === ofTrail || compartment !== undefined;
  const asksInside = !isAlone && asked.some(([name]) => name === '_contained');
  const containers = asksInside ? containersFor(caller) : undefined;
  const otherTypes = type === ofTrail ? callers : undefined;
  const options = { strict, base, now, expansions, containers, otherTypes };
  const { types, issues } = type === '' ? typesOf(request, asked, caller) : { types: [], issues: [] };
  const parsed = type === '' ? parseSystemSearch(types, asked, options) : parseSearch(type, asked, options);
  const query = compartment ? inside(compartment, parsed.query) : parsed.query;
  return { ...parsed, query, issues: [...parsed.issues, ...issues], path, token };
}

/** All types that this caller may search, in a compartment those that belong there. One that `_type` names must be permitted. */
function typesOf(
  { compartment }: FhirRequest,
  asked: Parameters,
  caller: Caller,
): { types: readonly string[]; issues: readonly Issue[] } {
  const named = asked.find(([name]) => name === '_type')?.[1].split(',');
  for (const type of named ?? []) {
    if (resourceTypes.has(type)) demandPermitted({ interaction: 'search-type', type }, caller);
  }
  const permitted = [...resourceTypes].filter((type) => caller.access.permits('search-type', type));
  const possible = compartment ? permitted.filter((type) => membersOf(compartment, type) !== undefined) : permitted;
  return {
    types: possible.filter((type) => type !== ofTrail).sort(),
    issues: !named && possible.includes(ofTrail) ? [leftOut] : [],
  };
}

/** What may be searched together, as containers of what is looked for. */
const containersFor = ({ access }: Caller): readonly string[] =>
  [...resourceTypes].filter((type) => type !== ofTrail && access.permits('search-type', type)).sort();

const membersOf = ({ type: kind, id }: ResourceKey, type: string): Criterion | undefined =>
  compartmentCriterion(kind, id, type);

/** What was asked, of the members of the compartment alone. */
function inside(compartment: ResourceKey, query: SearchQuery): SearchQuery {
  const members = <T extends Asked>(asked: T): T => {
    const criterion = membersOf(compartment, asked.type);
    if (!criterion) {
      const told = `no ${asked.type} is in the compartment of a ${compartment.type}`;
      throw problem('not-supported', told, { status: 404 });
    }
    return { ...asked, where: { is: 'all', of: [criterion, asked.where] } };
  };
  return { ...members(query), ...(query.also && { also: query.also.map(members) }) };
}
