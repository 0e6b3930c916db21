/** Turns the query tree into one filter on `resource`. What leads to other resources must be known as links before; see chains.ts. */
import type { Document, Long } from 'mongodb';
import type { Bounds, Criterion, Ends } from '../../search/query.ts';
import type { Hashing } from '../hash.ts';
import { lastUpdatedOf, shortAt } from './document.ts';
import { canonicalHash, exactHash, firstHash, keyHash, longHash, nameHash, typeHash, wordHash } from './hash.ts';
import { all, any, type Condition, equal, not } from './logic.ts';
import { atPlace } from './near.ts';
import { type Common, nothingCommon } from './sets.ts';

/** Conditions that are told by asking for other resources, or by arithmetic. */
export type Far = Extract<Criterion, { is: 'refers' | 'referred' | 'near' }>;
type Range = Extract<Criterion, { is: 'range' }>;

/** Keys (`Type/id`) and canonicals (with a bar) that a far condition leads to. Those of `referred` and `near` are resources of the type itself; those of a `near` in a group are places (near.ts). */
export type Links = ReadonlyMap<Criterion, readonly string[]>;

/** Where an interval stands. */
export type IntervalPlace = 'l' | 'l2' | 'long' | 'r';
export const places: readonly IntervalPlace[] = ['l', 'l2', 'long', 'r'];

export interface Placed {
  readonly name: string;
  readonly places: readonly IntervalPlace[];
}

export interface Compiling {
  readonly type: string;
  readonly hashing: Hashing;
  readonly common: Pick<Common, 'having' | 'saying'>;
  readonly links: Links;
  /** What is taken to be true of a far condition without links; the other truth below a `not`. */
  readonly unknown?: boolean;
  /** The name that is asked for in some of the places alone. */
  readonly placed?: Placed;
}

export const isCanonical = (link: string): boolean => link.includes('|');

/** Living resources of the type that fulfil the criterion. */
export function filterOf(criterion: Criterion, compiling: Compiling): Document {
  const condition = all([
    { ix: { $in: [typeHash(compiling.hashing, compiling.type)] } },
    compile(criterion, compiling, true),
  ]);
  return typeof condition === 'boolean' ? nothing : condition;
}
/** No resource. */
export const nothing: Document = { _id: { $in: [] } };

/** `truth` is false below an odd number of `not`s: then the condition is that the criterion does not hold. */
function compile(criterion: Criterion, compiling: Compiling, truth: boolean): Condition {
  switch (criterion.is) {
    case 'all':
    case 'any': {
      const parts = criterion.of.map((part) => compile(part, compiling, truth));
      return (criterion.is === 'all') === truth ? all(parts) : any(parts);
    }
    case 'not':
      return compile(criterion.of, compiling, !truth);
    case 'refers':
    case 'referred':
    case 'near': {
      const links = compiling.links.get(criterion);
      if (!links) return compiling.unknown ?? fail(criterion.is);
      const leads = linked(criterion, links, compiling);
      return truth ? all([leads, inLanes(criterion, links, compiling)]) : not(leads);
    }
    case 'range':
      return truth
        ? range(criterion, compiling)
        : not(range({ ...criterion, along: undefined }, compiling, criterion.along !== undefined));
    default: {
      const condition = leaf(criterion, compiling);
      return truth ? condition : not(condition);
    }
  }
}

function fail(is: string): never {
  throw new Error(`${is} was not followed before the search`);
}

type Leaf = Exclude<Criterion, Far | { is: 'all' | 'any' | 'not' | 'range' }>;

function leaf(criterion: Leaf, compiling: Compiling): Condition {
  const { type, hashing, common } = compiling;
  switch (criterion.is) {
    case 'key':
    case 'reference':
    case 'points':
      return equal(common, hashesOf(criterion, hashing));
    case 'word':
      return equal(common, [wordHash(hashing, criterion.name, criterion.word)]);
    case 'id':
      return { _id: { $in: criterion.ids.map((id) => `${type}/${id}`) } };
    case 'text':
      return criterion.match === 'equals'
        ? equal(common, [exactHash(hashing, criterion.name, criterion.value)])
        : any([{ x: { $elemMatch: textIn(criterion, hashing) } }, saidInSets(criterion, compiling)]);
    case 'together':
      return { g: { $elemMatch: { n: nameHash(hashing, criterion.name), ...within(criterion.of, compiling) } } };
  }
}

function hashesOf(criterion: Extract<Criterion, { is: 'key' | 'reference' | 'points' }>, hashing: Hashing): Long[] {
  if (criterion.is === 'points') return criterion.targets.map((target) => keyHash(hashing, criterion.name, target, ''));
  if (criterion.is === 'reference') return [keyHash(hashing, criterion.name, criterion.target, '')];
  const { name, first, second } = criterion;
  if (second !== undefined) return [keyHash(hashing, name, first, second)];
  return [keyHash(hashing, name, first, ''), firstHash(hashing, name, first)];
}

/** What is asked of one group. A group has intervals and texts as elements and no places; ids and words are not its own. */
function within(of: readonly Criterion[], searched: Compiling): Document {
  // In a group every value stands by itself.
  const compiling = { ...searched, common: nothingCommon };
  const { hashing, links } = compiling;
  const condition = (criterion: Criterion): Condition => {
    switch (criterion.is) {
      case 'all':
        return all(criterion.of.map(condition));
      case 'any':
        return any(criterion.of.map(condition));
      case 'not':
        return not(condition(criterion.of));
      case 'range':
        return { r: { $elemMatch: intervalIn(criterion.name, criterion, hashing) } };
      case 'key':
      case 'reference':
      case 'points':
      case 'text':
        return leaf(criterion, compiling);
      case 'near':
        return any((links.get(criterion) ?? fail('near')).map((place) => atPlace(criterion.name, place, hashing)));
      default:
        throw new Error(`${criterion.is} cannot be asked of one group`);
    }
  };
  const joined = all(of.map(condition));
  return joined === true ? {} : joined === false ? { n: { $in: [] } } : joined;
}

/** Resources that a set gives such a text. */
function saidInSets(
  { name, match, value }: Extract<Criterion, { is: 'text' }>,
  { hashing, common }: Compiling,
): Condition {
  const isMeant = (text: string): boolean => {
    if (match === 'same') return text === value;
    if (match === 'starts') return text.startsWith(value);
    return match === 'ends' ? text.endsWith(value) : text.includes(value);
  };
  const sets = common.saying(nameHash(hashing, name), isMeant);
  return sets.length > 0 && { ix: { $in: sets } };
}

function textIn({ name, match, value }: Extract<Criterion, { is: 'text' }>, hashing: Hashing): Document {
  const n = nameHash(hashing, name);
  if (match === 'same') return { n, v: value };
  if (value === '') return { n };
  if (match === 'starts') return { n, v: { $gte: value, $lt: `${value}\u{10ffff}` } };
  return { n, v: { $regex: match === 'ends' ? `${escaped(value)}\\z` : escaped(value) } };
}

/** A pattern of the value itself: whatever is no letter or digit is written by its number. */
const escaped = (value: string): string =>
  value.replace(/[^a-z0-9\u0080-\u{10ffff}]/gu, (char) => `\\x{${char.codePointAt(0)!.toString(16)}}`);

/** `isQuiet`: it stands only where what is found along others stands. */
function range(criterion: Range, compiling: Compiling, isQuiet = false): Condition {
  const { name, along } = criterion;
  const { type, hashing, placed } = compiling;
  if (name === lastUpdatedOf(type)) {
    return all([
      { t: type },
      between('u', criterion.low),
      between('u', criterion.high),
      ...excepted(criterion, 'u', 'u'),
    ]);
  }
  const quiet = { q: { $elemMatch: intervalIn(name, criterion, hashing) } };
  if (isQuiet) return quiet;
  if (along !== undefined) return all([quiet, range({ ...criterion, name: along, along: undefined }, compiling)]);
  const here = placed?.name === name ? placed.places : places;
  return any(here.map((place) => inPlace(place, criterion, hashing)));
}

function inPlace(place: IntervalPlace, criterion: Range, hashing: Hashing): Condition {
  const { name, low, high } = criterion;
  if (place === 'r') return { r: { $elemMatch: intervalIn(name, criterion, hashing) } };
  const [d, h] = place === 'l' ? ['d', 'h'] : ['d2', 'h2'];
  return all([
    named(place, name, hashing),
    between(d, begun(low, high, place !== 'long')),
    between(h, high),
    ...excepted(criterion, d, h),
  ]);
}

/** Resources of which an interval of the name stands there. */
export function named(place: IntervalPlace, name: string, hashing: Hashing): Document {
  if (place === 'r') return { 'r.n': nameHash(hashing, name) };
  return place === 'long' ? { l2: longHash(hashing, name) } : { [place]: nameHash(hashing, name) };
}

/** Resources that have no interval of the name. */
export const without = (name: string, hashing: Hashing): Document => {
  const hash = nameHash(hashing, name);
  return { l: { $ne: hash }, l2: { $nin: [hash, longHash(hashing, name)] }, 'r.n': { $ne: hash } };
};

/** What both ends say about where the interval begins. A little more than the length: subtracting may round upwards. */
function begun(low: Bounds | undefined, high: Bounds | undefined, isShort: boolean): Bounds {
  const end = Math.max(high?.atLeast ?? -Infinity, high?.above ?? -Infinity);
  const reached = end - shortAt(end) * 1.01;
  const ended = Math.min(high?.atMost ?? Infinity, high?.below ?? Infinity);
  const from = Math.max(low?.atLeast ?? -Infinity, isShort ? reached : -Infinity);
  const to = Math.min(low?.atMost ?? Infinity, ended);
  return { ...low, ...(from !== -Infinity && { atLeast: from }), ...(to !== Infinity && { atMost: to }) };
}

function intervalIn(
  name: string,
  { low, high, except }: Pick<Range, 'low' | 'high' | 'except'>,
  hashing: Hashing,
): Document {
  const { low: l, high: h } = { low: begun(low, high, false), high };
  const condition = all([
    { n: nameHash(hashing, name) },
    between('l', l),
    between('h', h),
    ...excepted({ except }, 'l', 'h'),
  ]);
  return condition === false ? { n: { $in: [] } } : (condition as Document);
}

const signs: Readonly<Record<keyof Bounds, string>> = { atLeast: '$gte', above: '$gt', atMost: '$lte', below: '$lt' };

function between(field: string, bounds: Bounds = {}): Condition {
  const limits: Document = {};
  for (const bound of Object.keys(signs) as (keyof Bounds)[]) {
    if (bounds[bound] !== undefined) limits[signs[bound]] = bounds[bound];
  }
  return Object.keys(limits).length === 0 ? true : { [field]: limits };
}

const excepted = ({ except = [] }: { readonly except?: readonly Ends[] }, low: string, high: string): Condition[] =>
  except.map((one) => not(all([between(low, one.low), between(high, one.high)])));

/** Resources that the links make fulfil the far condition. */
function linked(criterion: Far, links: readonly string[], { hashing, common, type }: Compiling): Condition {
  if (criterion.is === 'refers') {
    const hashes = links.map((link) => keyHash(hashing, criterion.name, link, ''));
    return links.length === 0 ? false : equal(common, hashes);
  }
  const keys = links.filter((link) => !isCanonical(link) && link.startsWith(`${type}/`));
  const called = links.filter(isCanonical);
  return any([
    keys.length > 0 && { _id: { $in: keys } },
    called.length > 0 &&
      equal(
        common,
        called.map((link) => canonicalHash(hashing, link)),
      ),
  ]);
}

/** Most lanes that are gone through instead of all that points to the same resources. */
const LANES = 100;

/** What is asked beside the chain makes it stand in one of the lanes; a shorter way than all that points there. */
function inLanes(criterion: Far, links: readonly string[], { hashing }: Compiling): Condition {
  if (criterion.is !== 'refers' || !criterion.lanes) return true;
  const { before, after } = criterion.lanes;
  if (links.length === 0 || links.length * after.length > LANES) return true;
  return anywhere(
    links.flatMap((link) => after.map((end) => `${before}${link}${end}`)),
    hashing,
  );
}

/** Resources with an interval under one of the names. */
export function anywhere(names: readonly string[], hashing: Hashing): Condition {
  const hashes = names.map((name) => nameHash(hashing, name));
  const long = names.map((name) => longHash(hashing, name));
  return any([{ l: { $in: hashes } }, { l2: { $in: [...hashes, ...long] } }, { 'r.n': { $in: hashes } }]);
}
