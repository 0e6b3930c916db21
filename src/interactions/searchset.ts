/** The Bundle of one page of a search, and the links to the pages around it. https://hl7.org/fhir/R4/http.html#paging */
import { type BundleEntry, bundleText, type Link } from '../fhir/bundle.ts';
import { type Issue, operationOutcome } from '../fhir/outcome.ts';
import { referenceTo } from '../fhir/references.ts';
import { type Shape, shaped } from '../fhir/shape.ts';
import { invalid } from '../search/refusals.ts';
import type { Version } from '../store/store.ts';
import type { Parameters } from './interaction.ts';
import { queryOf } from './route.ts';

const PAGE = '_page';

/** Splits off the page that a `next` or `previous` link named. */
export function pageOf(parameters: Parameters): { asked: Parameters; token: string | undefined } {
  const tokens = parameters.filter(([name]) => name === PAGE);
  if (tokens.length > 1) throw invalid(PAGE, 'may be given once');
  return { asked: parameters.filter(([name]) => name !== PAGE), token: tokens[0]?.[1] };
}

/** A match, or with `inside` (its local id) a resource that stands in one. */
export interface ShownMatch extends Pick<Version, 'key' | 'text'> {
  readonly inside?: string;
}

/** One page as a client is shown it. */
export interface ShownPage {
  /** The address without a query: base and type. */
  readonly address: string;
  /** The parameters that were understood and used; links have these and no other. */
  readonly used: Parameters;
  /** Tokens: of this page where it is not the first, and of those around it where there are any. */
  readonly token?: string;
  readonly next?: string;
  readonly previous?: string;
  readonly matches: readonly ShownMatch[];
  readonly included: readonly Version[];
  readonly total?: number;
  /** What was noticed: ignored parameters. */
  readonly issues: readonly Issue[];
}

/** Gives the text of a resource as the client is to see it. */
export interface Rendering {
  readonly match: (text: string) => string;
  readonly include: (text: string) => string;
}

/** `_elements` names elements of what is searched for, so what comes along with it stays whole. */
export const renderingOf = (shape: Shape, shows: (text: string) => string): Rendering => ({
  match: (text) => shaped(shows(text), shape),
  include: (text) => shaped(shows(text), { summary: shape.summary }),
});

export function searchset(base: string, page: ShownPage, render: Rendering): string {
  const { address, used, token, next, previous, matches, included, total, issues } = page;
  const entryOf =
    (mode: 'match' | 'include') =>
    ({ key, text, inside }: ShownMatch): BundleEntry => ({
      fullUrl: `${base}/${referenceTo(key)}${inside === undefined ? '' : `#${inside}`}`,
      resource: render[mode](text),
      mode,
    });
  const entries = [...matches.map(entryOf('match')), ...included.map(entryOf('include'))];
  if (issues.length > 0) entries.push({ resource: JSON.stringify(operationOutcome(issues)), mode: 'outcome' });
  const link = (relation: Link['relation'], at: string | undefined): Link => {
    const query = queryOf(at === undefined ? used : [...used, [PAGE, at]]);
    return { relation, url: query ? `${address}?${query}` : address };
  };
  const links = [link('self', token)];
  if (next !== undefined) links.push(link('next', next));
  if (previous !== undefined) links.push(link('previous', previous));
  return bundleText('searchset', entries, { total, links });
}
