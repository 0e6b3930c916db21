/** What a Subscription watches for, as a query tree. https://hl7.org/fhir/R4/subscription-definitions.html#Subscription.criteria */
import { Problem, problem } from '../fhir/outcome.ts';
import { looksElsewhere } from '../search/match.ts';
import { parseSearch } from '../search/parse.ts';
import type { Criterion } from '../search/query.ts';
import { ofTrail } from '../search/trail-type.ts';

export interface Criteria {
  readonly type: string;
  readonly where: Criterion;
}

const expression = 'Subscription.criteria';

/**
 * Reads `Type?parameters`; `Type` alone is every resource of the type. Unknown parameters are refused. Throws problems of
 * status 422 that blame Subscription.criteria. A `+` means itself, as in a time zone; `%20` is a space.
 */
export function parseCriteria(text: string, base: string | undefined): Criteria {
  const [, type, query = ''] = /^([A-Z][A-Za-z]{1,63})(?:\?(.*))?$/s.exec(text) ?? [];
  if (type === undefined) throw refused('criteria must be a resource type, a question mark and search parameters');
  if (query.includes('#')) throw refused('criteria must have no fragment; a # in a value is written %23');
  if (type === ofTrail) {
    throw refused('criteria cannot watch AuditEvent: what the server records is no version of a resource; search it');
  }
  const parameters = query
    .split('&')
    .filter((part) => part !== '')
    .map(parameterOf);
  try {
    const { where } = parseSearch(type, parameters, { strict: true, conditional: parameters.length > 0, base }).query;
    if (looksElsewhere(where)) {
      throw problem(
        'not-supported',
        'criteria can ask for the resource itself, not for what it refers to or is referred by',
      );
    }
    return { type, where };
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    throw new Problem(
      error.issues.map((issue) => ({ ...issue, expression })),
      422,
    );
  }
}

function parameterOf(part: string): readonly [string, string] {
  const at = part.indexOf('=');
  if (at < 1) throw refused('each search parameter in criteria needs a name and a value');
  try {
    return [decodeURIComponent(part.slice(0, at)), decodeURIComponent(part.slice(at + 1))];
  } catch {
    throw refused('criteria has a broken percent escape');
  }
}

const refused = (sentence: string): Problem => problem('business-rule', sentence, { expression });
