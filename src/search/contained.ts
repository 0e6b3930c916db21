/** Searches on contained resources: `_contained` and `_containedType`. https://hl7.org/fhir/R4/search.html#contained */
import type { Resource } from '../fhir/references.ts';
import { containing, insideOf } from './contained-criteria.ts';
import { groupOf } from './contained-entries.ts';
import { extract } from './extract.ts';
import { surelyMatches } from './match.ts';
import { type Asked, any, type Criterion, noEntries, none, type SearchQuery, type SortKey } from './query.ts';
import { unsupported } from './refusals.ts';
import type { Controls } from './result-parameters.ts';

/** One parameter of a search as it was written, and what it asks of a resource of the type. */
export interface ReadParameter {
  readonly name: string;
  readonly value: string;
  readonly criterion: Criterion;
}

/** Which contained resources are to be shown by themselves. */
export interface ContainedAsked {
  readonly type: string;
  /** What each must fulfil, of entries that stand in a group. */
  readonly inner: Criterion;
  /** What a resource of the type that stands alone must fulfil; undefined where none is asked for. */
  readonly ordinary?: Criterion;
}

/** Types without an element `contained`. */
const flat: ReadonlySet<string> = new Set(['Bundle', 'Binary', 'Parameters']);

/**
 * The search for contained resources of the type, in `containers`. Throws not-supported with status 400 for conditions that
 * one contained resource alone cannot tell, and for what shapes an answer in a way that containers do not have.
 */
export function containedQuery(
  type: string,
  parameters: readonly ReadParameter[],
  controls: Controls,
  containers: readonly string[],
): { query: SearchQuery; contained: ContainedAsked | undefined } {
  demandAnswerable(controls);
  const inner = parameters.map(({ name, value, criterion }) => {
    const read = speaksOfVersions(name, value) ? undefined : insideOf(type, criterion);
    if (read) return read;
    throw unsupported(name, 'is not answered of contained resources');
  });
  const [keys = []] = controls.sorts;
  const ordinary: Criterion = { is: 'all', of: parameters.map(({ criterion }) => criterion) };
  const isBoth = controls.contained === 'both';
  const possible = containers.filter((one) => !flat.has(one) && one !== type);
  const asked = [type, ...possible].map((container): Asked => {
    const inside = flat.has(container) || !containers.includes(container) ? none : containing(container, type, inner);
    const where = container === type && isBoth ? any([ordinary, inside]) : inside;
    return { type: container, where, sort: keys.map((key) => ofContainer(key, container)) };
  });
  const [first, ...also] = asked;
  const { count, total, containedType } = controls;
  const query: SearchQuery = { ...first!, also, count, total, includes: [] };
  if (containedType === 'container') return { query, contained: undefined };
  return { query, contained: { type, inner: { is: 'all', of: inner }, ...(isBoth && { ordinary }) } };
}

/** A contained resource has no version of its own. */
const speaksOfVersions = (name: string, value: string): boolean =>
  /^_lastUpdated\b/.test(name) || (name === '_filter' && /\b_lastUpdated\b/.test(value));

function demandAnswerable({ containedType, includes, shape, sorts, total }: Controls): void {
  const beside = 'is not answered beside _contained';
  if (includes.length > 0) throw unsupported('_include', `or _revinclude ${beside}`);
  if (sorts.some((keys) => keys.some((key) => key.by !== 'id' && !isLastUpdated(key)))) {
    throw unsupported('_sort', 'takes _id and _lastUpdated, those of the containers, beside _contained');
  }
  if (containedType === 'container' && shape.elements) {
    throw unsupported('_elements', `${beside}, unless with _containedType=contained`);
  }
  if (containedType === 'contained' && total !== 'none') {
    throw unsupported('_total', 'and counts are not answered beside _containedType=contained');
  }
}

const isLastUpdated = (key: SortKey): boolean => key.by === 'range' && key.name.endsWith('._lastUpdated');

const ofContainer = (key: SortKey, container: string): SortKey =>
  key.by === 'id' ? key : { ...key, name: `${container}._lastUpdated` };

/** What of a found resource is to be shown: itself, and the positions of those that it contains. */
export function shownOf(
  resource: Resource,
  { type, inner, ordinary }: ContainedAsked,
): { isShown: boolean; contained: readonly number[] } {
  const { resourceType, id } = resource;
  const key = { type: resourceType, id: id! };
  const entries = extract(resource);
  const groups = entries.groups.filter(({ name }) => name === groupOf(type));
  const positions = Array.isArray(resource.contained)
    ? [...resource.contained.keys()].filter((at) => resource.contained[at]?.resourceType === type)
    : [];
  return {
    isShown: ordinary !== undefined && resourceType === type && surelyMatches(ordinary, entries, key),
    contained: positions.filter((_, i) => surelyMatches(inner, { ...noEntries, ...groups[i]!.entries }, key)),
  };
}
