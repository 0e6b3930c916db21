/** One rule as a criterion for one caller: its search, whose resources are meant, and labels that close it. capability/access/README.md */
import { Problem, problem } from '../../fhir/outcome.ts';
import { allOf } from '../../interactions/entails.ts';
import { parseSearch } from '../../search/parse.ts';
import { type Criterion, none } from '../../search/query.ts';
import type { Right } from '../scopes/criterion.ts';
import { decoded } from '../scopes/query.ts';
import { type Facts, valuesOf } from './facts.ts';
import { type Rule, variables } from './policy.ts';
import { withinCriterion } from './within.ts';

/** What a resource of the type must fulfil for the rule to open it; undefined: nothing; `none`: there is no such one. */
export function ruleCriterion(
  rule: Rule,
  type: string,
  right: Right,
  facts: Facts,
  base: string,
): Criterion | undefined {
  const { search, within, unlessLabelled } = rule;
  return allOf([
    search?.includes('?') ? searchCriterion(search.slice(search.indexOf('?') + 1), type, facts, base) : undefined,
    within === undefined ? undefined : (withinCriterion(type, within, facts, right) ?? none),
    unlessLabelled && unlabelled(unlessLabelled, type, base),
  ]);
}

const unlabelled = (labels: readonly string[], type: string, base: string): Criterion =>
  parseSearch(type, [['_security:not', labels.join(',')]], { strict: true, conditional: true, base }).query.where;

/** A search that the definitions do not know any more opens nothing. */
function searchCriterion(query: string, type: string, facts: Facts, base: string): Criterion {
  const filled = withValues(query, facts);
  if (filled === undefined) return none;
  try {
    return searchOf(type, filled, base);
  } catch (error) {
    if (error instanceof Problem) return none;
    throw error;
  }
}

/** Reads a query, by the same parser as any search. Throws its problem for what that would refuse or pass over. */
export function searchOf(type: string, query: string, base: string): Criterion {
  const parameters = decoded(query);
  if (parameters === undefined) throw problem('invalid', 'a rule has a search that is not written as one');
  return parseSearch(type, parameters, { strict: true, conditional: true, base }).query.where;
}

/** They come before escapes: `%de` in `%device` is none. */
const variable = new RegExp(`(?:${variables.join('|')})(?![A-Za-z])`, 'g');

/** The query with values for its variables, ids alone where an `_id` is asked; undefined where one has no value. */
export function withValues(query: string, facts: Facts): string | undefined {
  let isMissing = false;
  const filled = query.split('&').map((pair) => {
    const asksId = pair.slice(0, pair.indexOf('=')).endsWith('_id');
    return pair.replace(variable, (one) => {
      const values = valuesOf(one, facts).map((value) => (asksId ? value.slice(value.indexOf('/') + 1) : value));
      isMissing ||= values.length === 0;
      return values.map(encodeURIComponent).join(',');
    });
  });
  return isMissing ? undefined : filled.join('&');
}
