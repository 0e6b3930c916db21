/** $explain-search: how a search is understood and how the engine answers it, for the administrator. docs/search-parameters.md */
import { problem } from '../fhir/outcome.ts';
import { askedOf } from '../interactions/asked.ts';
import { expansionsFor } from '../interactions/expansions.ts';
import { narrowed } from '../interactions/narrow.ts';
import { parametersOf, routeOf, splitQuery } from '../interactions/route.ts';
import { pageOf } from '../interactions/searchset.ts';
import type { SearchQuery } from '../search/query.ts';
import { placeOf } from '../search/refusals.ts';
import { ofTrail } from '../search/trail-type.ts';
import type { Considered, Explanation } from '../store/explanation.ts';
import { namedOnce, type Operation } from './operation.ts';
import { code, number, type Part, parametersText, parts, text } from './parameters.ts';

/** Runs the first page of the query and tells how; a function of the engine, as the port has none. */
export type Explain = (query: SearchQuery) => Promise<Explanation>;

const expression = placeOf('query');
const whyNotTrail = `query cannot be of ${ofTrail}: the audit log is read from its newest row on, by no plan`;

export const explainSearch = (explain: Explain, now: () => number): Operation => ({
  code: 'explain-search',
  levels: ['system'],
  types: [],
  right: 'operation',
  changes: false,
  async handle(request, context) {
    const { query: asked } = namedOnce(request.parameters, ['query']);
    if (asked === undefined)
      throw problem('required', '$explain-search needs a query such as Observation?code=x', { expression });
    const { path, query: criteria } = splitQuery(asked.replace(/^\//, ''));
    const routed = routeOf('GET', path);
    if (routed.interaction !== 'search-type' && routed.interaction !== 'search-system') {
      throw problem('value', 'query must be a search, such as Observation?code=x', { expression });
    }
    if (routed.type === ofTrail) throw problem('not-supported', whyNotTrail, { expression });
    const parameters = parametersOf(criteria);
    if (pageOf(parameters).token !== undefined)
      throw problem('not-supported', 'query cannot have _page: the first page is explained', { expression });
    const expansions = await expansionsFor(routed.type, parameters, context);
    const search = { ...request, operation: undefined, ...routed, parameters };
    const { query, used, issues } = askedOf(search, context.caller, now(), expansions);
    const permitted = await narrowed(query, context.caller.access);
    const found = await explain(permitted);
    return {
      status: 200,
      text: parametersText([
        ...used.map(([name, value]) => parts('used', [text('name', name), text('value', value)])),
        ...issues.map(({ diagnostics }) => text('issue', diagnostics)),
        text('query', JSON.stringify(permitted)),
        ...found.considered.map((one) => consideredPart('considered', one)),
        ...found.followed.map((one) => consideredPart('followed', one)),
        ...found.ways.map(({ type, way, by }) =>
          parts('way', [code('type', type), code('way', way), ...(by === undefined ? [] : [text('by', by)])]),
        ),
        ...found.statements.map(({ sql, plan, runs }) =>
          parts('statement', [text('sql', sql), ...plan.map((line) => text('plan', line)), number('runs', runs)]),
        ),
        number('looked', found.looked),
        number('matches', found.matches),
        number('included', found.included),
        ...(found.total === undefined ? [] : [number('total', found.total)]),
        { name: 'milliseconds', valueDecimal: found.milliseconds },
      ]),
    };
  },
});

const consideredPart = (name: string, { type, by, size, cap }: Considered): Part =>
  parts(name, [
    code('type', type),
    text('by', by),
    ...(size === undefined ? [] : [number('size', size)]),
    number('cap', cap),
  ]);
