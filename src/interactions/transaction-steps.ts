/** What the entries of a transaction mean before anything is written: their identities, and the links between them. https://hl7.org/fhir/R4/http.html#trules */
import { withLinks } from '../fhir/bundle.ts';
import { problem } from '../fhir/outcome.ts';
import { type Resource, type ResourceKey, referenceTo } from '../fhir/references.ts';
import { extract } from '../search/extract.ts';
import { matches, surelyMatches } from '../search/match.ts';
import { type Change, isAbsent, type Version } from '../store/store.ts';
import { isSeen } from './answer.ts';
import { askedOf } from './asked.ts';
import { demandConditions } from './conditions.ts';
import { expansionsFor } from './expansions.ts';
import type { Context, Entry, FhirRequest, Incoming } from './interaction.ts';
import { criterionParameters, multipleMatches, only, type Resolved, resolve } from './resolve.ts';
import { shapeOf } from './shaping.ts';
import { isKnown } from './write.ts';

export interface Step {
  readonly entry: Entry;
  readonly request: FhirRequest;
  /** FHIRPath of the entry, for messages. */
  readonly at: string;
  /** The id that a new resource gets; the same however often the core looks again. */
  readonly freshId: string;
}

export interface Target {
  readonly key: ResourceKey;
  /** Newest version when the core looked. */
  readonly before: Version | undefined;
  /** Set where If-None-Exist found a resource, so that nothing is written. */
  readonly existing?: Version;
}

interface Found {
  readonly key: ResourceKey;
  /** The id was made for this request: nobody has it, and the commit expects that. */
  readonly isFresh?: boolean;
  readonly existing?: Version;
  readonly expectation?: Change;
}

async function find({ request, freshId, at }: Step, context: Context): Promise<Found | undefined> {
  const { interaction, type, id, parameters, conditions, body } = request;
  const lookFor = async (criterion: FhirRequest['parameters']) => {
    const resolved = await resolve(type, criterion, context);
    return { existing: only(type, resolved), expectation: resolved.expectation };
  };
  if (interaction === 'create') {
    if (conditions.ifNoneExist === undefined) return { key: { type, id: freshId }, isFresh: true };
    const { existing, expectation } = await lookFor(criterionParameters(conditions.ifNoneExist));
    return { key: existing?.key ?? { type, id: freshId }, isFresh: !existing, existing, expectation };
  }
  if (interaction !== 'update' && interaction !== 'delete') return undefined;
  if (id) return { key: { type, id } };
  const { existing, expectation } = await lookFor(parameters);
  if (!existing && interaction === 'delete') return { key: { type, id: freshId }, expectation };
  if (existing && body?.resource.id !== undefined && body.resource.id !== existing.key.id) {
    throw problem('invalid', `${at}.resource names another id than the resource that the criterion finds`, {
      expression: at,
    });
  }
  return { key: existing?.key ?? { type, id: body?.resource.id ?? freshId }, expectation };
}

function demandDistinct(steps: readonly Step[], found: readonly (Found | undefined)[]): void {
  const seen = new Set<string>();
  for (const [i, item] of found.entries()) {
    if (!item) continue;
    const { ifNoneExist } = steps[i]!.request.conditions;
    const names = item.existing ? [] : [referenceTo(item.key)];
    if (ifNoneExist !== undefined) names.push(`${item.key.type}?${ifNoneExist}`);
    for (const name of names) {
      if (seen.has(name))
        throw problem('invalid', `${steps[i]!.at} acts on a resource that another entry acts on`, {
          expression: steps[i]!.at,
        });
      seen.add(name);
    }
  }
}

/** The key that each writing entry acts on (undefined for reads), and what must still hold at commit. */
export async function identify(
  steps: readonly Step[],
  context: Context,
): Promise<{ targets: readonly (Target | undefined)[]; expectations: Change[] }> {
  const found = await Promise.all(steps.map((step) => find(step, context)));
  demandDistinct(steps, found);
  const named = found.map((item, i) => ({ item, i })).filter(({ item }) => item && !item.isFresh);
  const versions = await context.store.read(named.map(({ item }) => item!.key));
  const newest = new Map(named.map(({ i }, n) => [i, versions[n]]));
  const targets: (Target | undefined)[] = [];
  for (const [i, item] of found.entries()) {
    const before = newest.get(i);
    targets.push(item && { key: item.key, before, existing: item.existing });
    if (!item) continue;
    const { conditions } = steps[i]!.request;
    const isAsked = conditions.ifMatch !== undefined || conditions.ifNoneMatch !== undefined;
    const isTold = !isAsked || (await isKnown(context.caller.access, before));
    demandConditions(conditions, item.key, isTold ? before : undefined);
  }
  return { targets, expectations: found.flatMap((item) => (item?.expectation ? [item.expectation] : [])) };
}

/**
 * Refuses a read that cannot succeed while nothing is written yet, since reads are worked off after the commit.
 */
export async function demandReadable(
  steps: readonly Step[],
  targets: readonly (Target | undefined)[],
  context: Context,
): Promise<void> {
  const { store, caller } = context;
  const after = new Map(
    targets.flatMap((target, i) =>
      target ? [[referenceTo(target.key), steps[i]!.request.interaction !== 'delete'] as const] : [],
    ),
  );
  const reads = steps.filter((_, i) => !targets[i]);
  const stored = await store.read(reads.map(({ request: { type, id } }) => ({ type, id })));
  for (const [i, { request, at }] of reads.entries()) {
    const { interaction, type, id } = request;
    if (interaction === 'read' || interaction === 'vread') shapeOf(request);
    if (interaction === 'search-type' || interaction === 'search-system') {
      askedOf(request, caller, undefined, await expansionsFor(type, request.parameters, context));
    } else if (interaction === 'read') {
      const key = { type, id };
      const before = stored[i];
      const isThere = after.get(referenceTo(key)) ?? (!isAbsent(before) && (await isSeen(caller.access, before!)));
      if (!isThere) throw problem('not-found', `${at}: ${referenceTo(key)} was not found`, { expression: at });
    }
  }
}

const conditionalReference = /"reference":"([A-Z][A-Za-z]+)\?((?:[^"\\]|\\.)+)"/g;

/** The bodies with references between entries, and conditional references, replaced by the keys that they mean. */
export async function withReferences(
  steps: readonly Step[],
  targets: readonly (Target | undefined)[],
  context: Context,
  expectations: Change[],
): Promise<readonly (Incoming | undefined)[]> {
  const links = new Map<string, string>();
  for (const [i, target] of targets.entries()) {
    const { entry, request, at } = steps[i]!;
    if (!target || !entry.fullUrl || request.interaction === 'delete') continue;
    const own = referenceTo(target.key);
    const named = /(?:^|\/)([A-Z][A-Za-z]+\/[A-Za-z0-9\-.]{1,64})$/.exec(entry.fullUrl)?.[1];
    if (request.interaction === 'update' && request.id && named && named !== own) {
      throw problem('invalid', `${at}.fullUrl names another resource than request.url`, {
        expression: `${at}.fullUrl`,
      });
    }
    if (links.has(entry.fullUrl))
      throw problem('invalid', `${at}.fullUrl stands in another entry too`, { expression: `${at}.fullUrl` });
    links.set(entry.fullUrl, own);
    if (named) links.set(named, own);
  }
  for (const { request } of steps) {
    for (const [, type, criterion] of request.body?.text.matchAll(conditionalReference) ?? []) {
      const link = `${type}?${JSON.parse(`"${criterion}"`)}`;
      if (links.has(link)) continue;
      const resolved = await resolve(type!, criterionParameters(link.slice(type!.length)), context);
      const keys = meant(resolved, steps, targets);
      if (keys.length > 1) throw multipleMatches(type!);
      if (keys.length === 0)
        throw problem('not-found', `a conditional reference to ${type} finds nothing`, { status: 422 });
      links.set(link, referenceTo(keys[0]!));
      expectations.push(resolved.expectation);
    }
  }
  return steps.map(({ request: { body }, at }) => body && relinked(body, links, at));
}

/** What a conditional reference finds once the other entries are done: they come before it in the order of the rules. */
function meant(
  { found, query }: Resolved,
  steps: readonly Step[],
  targets: readonly (Target | undefined)[],
): readonly ResourceKey[] {
  const written = targets.flatMap((target, i) =>
    target && !target.existing ? [{ key: target.key, step: steps[i]! }] : [],
  );
  const untouched = found.filter(({ key }) => !written.some((other) => referenceTo(other.key) === referenceTo(key)));
  const made = written.filter(({ key, step: { request, at } }) => {
    if (key.type !== query.type || request.interaction === 'delete' || !request.body) return false;
    const entries = extract(request.body.resource);
    if (surelyMatches(query.where, entries, key)) return true;
    // A chain may lead through what is not stored yet: neither yes nor no.
    if (matches(query.where, entries, key))
      throw problem(
        'not-supported',
        `a conditional reference to ${key.type} asks what is not told before ${at} is stored`,
      );
    return false;
  });
  return [...untouched, ...made].map(({ key }) => key);
}

function relinked(body: Incoming, links: ReadonlyMap<string, string>, at: string): Incoming {
  const text = links.size > 0 ? withLinks(body.text, links) : body.text;
  if (/"reference":"urn:uuid:/.test(text)) {
    throw problem('invalid', `${at}.resource refers to a urn:uuid that no entry has as fullUrl`, {
      expression: `${at}.resource`,
    });
  }
  return text === body.text ? body : { text, resource: JSON.parse(text) as Resource };
}
