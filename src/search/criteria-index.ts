/** Finds which of many criteria a resource fulfils: an inverted index over what each criterion demands. https://hl7.org/fhir/R4/subscription.html */
import type { ResourceKey } from '../fhir/references.ts';
import { surelyMatches } from './match.ts';
import type { Criterion, IndexEntries } from './query.ts';

export interface ListedCriterion {
  readonly id: string;
  readonly type: string;
  readonly where: Criterion;
}

export interface CriteriaIndex {
  /**
   * Ids of the criteria that a resource with these entries fulfils, in the order of the list. Microseconds for 10,000
   * criteria, as only those are tried that demand something the resource has. `lastUpdated` in ms.
   */
  candidates(entries: IndexEntries, key: ResourceKey, lastUpdated?: number): readonly string[];
}

/** Something that a resource must have, as a path of words to look up. */
type Demand = readonly string[];

/** A tree of look-ups; the numbers are positions in the list of criteria. */
interface Node {
  readonly next: Map<string, Node>;
  readonly here: number[];
}

/** Builds the index; a changed list is built anew, a few milliseconds for 10,000. */
export function criteriaIndex(list: readonly ListedCriterion[]): CriteriaIndex {
  const popularity = new Map<string, number>();
  for (const { type, where } of list) {
    for (const demand of everyDemand(where)) {
      const word = wordOf(type, demand);
      popularity.set(word, (popularity.get(word) ?? 0) + 1);
    }
  }
  const roots = new Map<string, Node>();
  const always = new Map<string, number[]>();
  list.forEach(({ type, where }, position) => {
    const demands = rarestDemands(where, (demand) => popularity.get(wordOf(type, demand)) ?? 0);
    if (demands === undefined) insertInto(always, type, position);
    for (const demand of demands ?? []) insert(roots, type, demand, position);
  });
  return {
    candidates(entries, key, lastUpdated) {
      const found = new Set<number>(always.get(key.type));
      const root = roots.get(key.type);
      if (root) probe(root, entries, key, found);
      return [...found]
        .sort((a, b) => a - b)
        .filter((position) => surelyMatches(list[position]!.where, entries, key, lastUpdated))
        .map((position) => list[position]!.id);
    },
  };
}

const wordOf = (type: string, demand: Demand): string => JSON.stringify([type, ...demand]);

/** What a resource must have to fulfil a single condition; undefined where nothing can be said. */
function demandOf(criterion: Criterion): readonly Demand[] | undefined {
  switch (criterion.is) {
    case 'key':
      return [['key', criterion.name, criterion.first, ...(criterion.second === undefined ? [] : [criterion.second])]];
    case 'reference':
      return [['reference', criterion.name, criterion.target]];
    case 'range':
      return criterion.name.endsWith('._lastUpdated') ? undefined : [['range', criterion.name]];
    case 'text':
      return [['text', criterion.name]];
    case 'id':
      return criterion.ids.map((id) => ['id', id]);
    case 'word':
      return [['word', criterion.name, criterion.word]];
    case 'near':
      return criterion.cells.map((cell) => ['key', criterion.name, cell]);
    default:
      return undefined;
  }
}

function everyDemand(criterion: Criterion): readonly Demand[] {
  if (criterion.is === 'all' || criterion.is === 'any') return criterion.of.flatMap(everyDemand);
  return demandOf(criterion) ?? [];
}

/** One of these is had by every resource that fulfils the criterion; of several such sets, the one that fewest share. */
function rarestDemands(criterion: Criterion, shared: (demand: Demand) => number): readonly Demand[] | undefined {
  if (criterion.is === 'any') {
    const parts = criterion.of.map((part) => rarestDemands(part, shared));
    return parts.every((part) => part !== undefined) ? parts.flat() : undefined;
  }
  if (criterion.is !== 'all') return demandOf(criterion);
  let rarest: readonly Demand[] | undefined;
  let fewest = Number.POSITIVE_INFINITY;
  for (const part of criterion.of) {
    const demands = rarestDemands(part, shared);
    const count = demands?.reduce((sum, demand) => sum + shared(demand), 0) ?? Number.POSITIVE_INFINITY;
    if (demands !== undefined && count < fewest) [rarest, fewest] = [demands, count];
  }
  return rarest;
}

function insertInto(lists: Map<string, number[]>, type: string, position: number): void {
  const list = lists.get(type);
  if (list) list.push(position);
  else lists.set(type, [position]);
}

function insert(roots: Map<string, Node>, type: string, demand: Demand, position: number): void {
  let node = childOf(roots, type);
  for (const word of demand) node = childOf(node.next, word);
  node.here.push(position);
}

function childOf(children: Map<string, Node>, word: string): Node {
  const known = children.get(word);
  if (known) return known;
  const child: Node = { next: new Map(), here: [] };
  children.set(word, child);
  return child;
}

function probe(root: Node, entries: IndexEntries, key: ResourceKey, found: Set<number>): void {
  const take = (node: Node | undefined): void => {
    if (node) for (const position of node.here) found.add(position);
  };
  const keys = root.next.get('key');
  if (keys) {
    for (const { name, first, second } of entries.keys) {
      const node = keys.next.get(name)?.next.get(first);
      take(node);
      take(node?.next.get(second));
    }
  }
  const references = root.next.get('reference');
  if (references) for (const { name, target } of entries.references) take(references.next.get(name)?.next.get(target));
  const ranges = root.next.get('range');
  if (ranges) for (const { name } of entries.ranges) take(ranges.next.get(name));
  const texts = root.next.get('text');
  if (texts) for (const { name } of entries.texts) take(texts.next.get(name));
  const words = root.next.get('word');
  if (words) for (const { name, word } of entries.words) take(words.next.get(name)?.next.get(word));
  take(root.next.get('id')?.next.get(key.id));
}
