/** Follows chains and `_has`: before the search where they lead to few resources, else for a batch of candidates at a time. https://hl7.org/fhir/R4/search.html#chaining */
import type { Document } from 'mongodb';
import type { Criterion, Near } from '../../search/query.ts';
import { anywhere, type Far, filterOf, isCanonical } from './compile.ts';
import { canonicalHash, keyHash, nameHash, typeHash } from './hash.ts';
import { all, equal } from './logic.ts';
import { keysNear, placesNear } from './near.ts';
import { aimsOf, find, type Reading } from './reading.ts';
import { homesAround } from './task.ts';

type Chain = Exclude<Far, { is: 'near' }>;
/** Keys and ties of up to `limit` resources that fulfil a criterion; undefined where that takes more than `effort` candidates. */
export type Match = (
  reading: Reading,
  type: string,
  where: Criterion,
  bounds: { readonly limit: number; readonly effort: number },
) => Promise<readonly Document[] | undefined>;

/** The far conditions of the criterion without links; those inside a chain are that chain's own. */
export function unknownIn(criterion: Criterion, { links }: Pick<Reading, 'links'>): readonly Far[] {
  switch (criterion.is) {
    case 'all':
    case 'any':
      return criterion.of.flatMap((part) => unknownIn(part, { links }));
    case 'not':
      return unknownIn(criterion.of, { links });
    case 'refers':
    case 'referred':
    case 'near':
      return links.has(criterion) ? [] : [criterion];
    default:
      return [];
  }
}

/** Circles that are asked of a group, with its name. */
function circlesIn(criterion: Criterion, group?: string): readonly (readonly [group: string, near: Near])[] {
  switch (criterion.is) {
    case 'all':
    case 'any':
      return criterion.of.flatMap((part) => circlesIn(part, group));
    case 'not':
      return circlesIn(criterion.of, group);
    case 'together':
      return criterion.of.flatMap((part) => circlesIn(part, criterion.name));
    case 'near':
      return group === undefined ? [] : [[group, criterion]];
    default:
      return [];
  }
}

/** A circle asked of a group is linked to the places in it, whatever has them: of a group the filter can ask for a place alone. */
async function seekPlaces(reading: Reading, type: string, criterion: Criterion): Promise<void> {
  for (const [group, near] of circlesIn(criterion)) {
    if (!reading.links.has(near)) reading.links.set(near, await placesNear(reading, type, group, near));
  }
}

/** Candidates looked at for each resource that a chain may lead to. */
const EFFORT = 3;

/** Gives links to the far conditions that lead to no more resources than `cap`. */
export async function seekLinks(
  reading: Reading,
  type: string,
  criterion: Criterion,
  cap: number,
  match: Match,
): Promise<void> {
  const { links, beyond, note } = reading;
  await seekPlaces(reading, type, criterion);
  for (const far of unknownIn(criterion, reading)) {
    if (links.has(far) || (beyond.get(far) ?? 0) >= cap) continue;
    const found =
      far.is === 'near' ? await keysNear(reading, type, far, { cap }) : await linksOf(reading, far, cap, match);
    note?.({ is: 'followed', type, part: far, cap, ...(found && { size: found.length }) });
    if (found) links.set(far, found);
    else beyond.set(far, cap);
  }
}

async function linksOf(
  reading: Reading,
  chain: Chain,
  cap: number,
  match: Match,
): Promise<readonly string[] | undefined> {
  await seekLinks(reading, chain.type, chain.where, cap, match);
  const found = await match(reading, chain.type, chain.where, { limit: cap + 1, effort: EFFORT * cap });
  if (!found || found.length > cap) return undefined;
  return [
    ...new Set(found.flatMap((one) => (chain.is === 'refers' ? namesOf(one, chain) : aims(reading, one, chain)))),
  ];
}

/** Whatever a reference to it may say. */
const namesOf = ({ _id, c = [] }: Document, { byCanonical }: Chain): readonly string[] =>
  byCanonical ? [_id, ...c] : [_id];

const aims = ({ parts }: Reading, { refs }: Document, { name, byCanonical }: Chain): readonly string[] =>
  aimsOf(refs, nameHash(parts.hashing, name)).filter((aim) => byCanonical || !isCanonical(aim));

/** The criterion as a filter that is right for these resources of the type: what leads further is followed from them alone. */
export async function filterAmong(
  reading: Reading,
  type: string,
  where: Criterion,
  candidates: readonly Document[],
): Promise<Document> {
  await seekPlaces(reading, type, where);
  const links = new Map(reading.links);
  const { hashing, common } = reading.parts;
  for (const far of unknownIn(where, reading)) {
    if (!links.has(far)) links.set(far, await linksAmong(reading, type, far, candidates));
  }
  return filterOf(where, { type, hashing, common, links });
}

/** Those of the keys that are resources of the type and fulfil the criterion, with their ties. */
async function fulfilling(
  reading: Reading,
  type: string,
  where: Criterion,
  keys: readonly string[],
): Promise<Document[]> {
  if (keys.length === 0) return [];
  const among = { _id: { $in: keys } };
  const isKnown = unknownIn(where, reading).length === 0;
  const candidates = isKnown ? [] : await find(reading, among, { projection: { refs: 1, c: 1 } });
  const filter = await filterAmong(reading, type, where, candidates);
  return find(reading, all([filter, among]) as Document, { projection: { refs: 1, c: 1 } });
}

function linksAmong(
  reading: Reading,
  type: string,
  far: Far,
  candidates: readonly Document[],
): Promise<readonly string[]> {
  if (far.is === 'refers') return targetsOf(reading, far, candidates);
  if (far.is === 'referred') return pointedAt(reading, far, candidates);
  const among = candidates.map(({ _id }) => String(_id));
  return keysNear(reading, type, far, { among }) as Promise<readonly string[]>;
}

/** What fulfils the chain of all that the candidates point to. */
async function targetsOf(
  reading: Reading,
  chain: Extract<Far, { is: 'refers' }>,
  candidates: readonly Document[],
): Promise<readonly string[]> {
  const { hashing } = reading.parts;
  const pointed = [...new Set(candidates.flatMap((one) => aims(reading, one, chain)))];
  const keys = new Set(pointed.filter((aim) => aim.startsWith(`${chain.type}/`) && !isCanonical(aim)));
  const canonicals = pointed.filter(isCanonical).map((one) => canonicalHash(hashing, one));
  if (canonicals.length > 0) {
    const called = { $and: [{ ix: { $in: canonicals } }, { ix: typeHash(hashing, chain.type) }] };
    for (const { _id } of await find(reading, called, { projection: { _id: 1 } })) keys.add(_id);
  }
  const found = await fulfilling(reading, chain.type, chain.where, [...keys]);
  return [...new Set(found.flatMap((one) => namesOf(one, chain)))];
}

/** Resources looked at together in the time in which one candidate is asked for alone. */
const ALONE = 25;

/** Which of the candidates something that fulfils the chain points to. */
async function pointedAt(
  reading: Reading,
  chain: Extract<Far, { is: 'referred' }>,
  candidates: readonly Document[],
): Promise<readonly string[]> {
  const { batch } = reading.reach;
  const open = new Set(candidates.flatMap((one) => namesOf(one, chain)));
  const pointed = new Set<string>();
  const take = (sources: readonly Document[]): void => {
    for (const source of sources) {
      for (const aim of aims(reading, source, chain)) if (open.delete(aim)) pointed.add(aim);
    }
  };
  if (open.size === 0) return [];
  if (unknownIn(chain.where, reading).length > 0) {
    let after = -1;
    while (open.size > 0) {
      const more = pointing(reading, chain, [...open], { p: { $gt: after } });
      const sources = await find(reading, more, { sort: { p: 1 }, limit: batch, projection: { p: 1, refs: 1 } });
      take(
        await fulfilling(
          reading,
          chain.type,
          chain.where,
          sources.map(({ _id }) => _id),
        ),
      );
      if (sources.length < batch) break;
      after = sources.at(-1)!['p'];
    }
    return [...pointed];
  }
  const { hashing, common } = reading.parts;
  const filter = filterOf(chain.where, { type: chain.type, hashing, common, links: reading.links });
  const all = (links: readonly string[]) => pointing(reading, chain, links, filter);
  for (let covered = batch; covered * ALONE >= batch; ) {
    const before = pointed.size;
    const sources = await find(reading, all([...open]), { limit: batch, projection: { refs: 1 } });
    take(sources);
    if (sources.length < batch || open.size === 0) return [...pointed];
    covered = pointed.size - before;
  }
  for (const link of [...open]) {
    if (open.has(link)) take(await find(reading, all([link]), { limit: 1, projection: { refs: 1 } }));
  }
  return [...pointed];
}

/** What points to one of the links: all of it, or what stands in their lanes alone. */
function pointing(
  reading: Reading,
  { type, name, lanes }: Extract<Far, { is: 'referred' }>,
  links: readonly string[],
  more: Document,
): Document {
  const { hashing, common } = reading.parts;
  const here = lanes
    ? anywhere(
        links.flatMap((link) => lanes.after.map((end) => `${lanes.before}${link}${end}`)),
        hashing,
      )
    : equal(
        common,
        links.map((link) => keyHash(hashing, name, link, '')),
      );
  return all([here, { ix: typeHash(hashing, type) }, ...homesAround(reading, type, links), more]) as Document;
}
