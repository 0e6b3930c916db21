/**
 * The one write path: from resources that came in to the list of changes that is committed. Validates, asks the access,
 * lets a type prepare its own elements, extracts the index, and adds what follows from each write. https://hl7.org/fhir/R4/http.html#transaction-integrity
 */
import { withIdentity } from '../fhir/json.ts';
import { problem } from '../fhir/outcome.ts';
import { type RelativeText, relativeResource } from '../fhir/own-base.ts';
import { keyOf, literalReferences, type Resource, type ResourceKey, referenceTo } from '../fhir/references.ts';
import { isSubsetted } from '../fhir/shape.ts';
import { extract } from '../search/extract.ts';
import { definitionsGeneration } from '../search/knowledge.ts';
import { noEntries } from '../search/query.ts';
import { fillGap } from '../store/gap.ts';
import {
  type Change,
  type GappedText,
  isAbsent,
  type Look,
  type Method,
  type Version,
  type Written,
} from '../store/store.ts';
import { assertValid } from '../validation/validate.ts';
import { isSeen, notFound, patientsIn } from './answer.ts';
import type { Access, Caller, Context, Derive, Draft, Incoming, Pending } from './interaction.ts';
import { choosesIds } from './permit.ts';
import { remembered } from './remembered.ts';

/** One write that a client asked for, with the newest version as it was when the core looked. */
export interface Planned {
  readonly key: ResourceKey;
  readonly method: Method;
  /** Left out for a deletion. */
  readonly incoming?: Incoming;
  readonly before: Version | undefined;
}

/** What the server sets itself in a resource of some type before it is stored, such as Subscription.status. */
export type Prepare = (
  write: {
    readonly key: ResourceKey;
    readonly before: Version | undefined;
    readonly incoming: Incoming;
    readonly caller: Caller;
  },
  look: Look,
  setting: { readonly now: number; readonly canonical: string },
) => Promise<{ readonly incoming: Incoming; readonly also: readonly Change[] }>;

export interface WriteRules {
  readonly now: () => number;
  readonly canonical: string;
  /** Makes this server's own absolute references relative for all who look inside a resource. */
  readonly relative: RelativeText;
  /** 'checked' refuses references to resources of this server that do not exist. */
  readonly references: 'open' | 'checked';
  readonly prepare: Readonly<Record<string, Prepare>>;
  /** By the type that is written. */
  readonly derive: Readonly<Record<string, readonly Derive[]>>;
}

export interface Saved {
  /** The stored versions of what was planned, in the same order. */
  readonly versions: readonly Version[];
  /** What followed from them. */
  readonly effects: Pending;
}

export interface WritePath {
  /** Refuses what no version of this server would store; costs no look-up. Call it once, before `save` and its retries. */
  admit(incoming: Incoming): void;
  /** Commits all of it or nothing. Throws a store's conflict when something moved meanwhile: look again and call again. */
  save(planned: readonly Planned[], expectations: readonly Change[], context: Context, status: number): Promise<Saved>;
}

/** Whether the caller may learn what became of a resource, and which version of it is the newest. */
export async function isKnown(access: Access, before: Version | undefined): Promise<boolean> {
  if (access.unrestricted) return true;
  if (isAbsent(before)) return false;
  const held = JSON.parse(before!.text) as Resource;
  return (await access.sees(held)) || access.mayWrite(held, held);
}

/**
 * Refuses a caller who may not make this change to this resource; `after` is undefined for a deletion. What is hidden from it is not
 * found, like what is not there.
 */
export async function demandWritable(
  { access }: Caller,
  key: ResourceKey,
  before: Version | undefined,
  after: Resource | undefined,
): Promise<void> {
  if (access.unrestricted) return;
  // Where nothing is hidden from the caller, what is not there is no secret.
  if (isAbsent(before) && after === undefined && access.finds(key.type, 'd') === undefined) return;
  const held = isAbsent(before) ? undefined : (JSON.parse(before!.text) as Resource);
  // The id in the body of a create is passed over: the server gives another.
  const written = after?.id !== undefined && after.id !== key.id ? withoutId(after) : after;
  if (await access.mayWrite(held, written)) return;
  const isNew =
    held === undefined && written !== undefined && (written.id === undefined || choosesIds(access, key.type));
  if (!isNew && !(await isKnown(access, before))) throw notFound(key);
  // An id that the server was about to give tells the client nothing.
  const named = held === undefined && written?.id === undefined ? `a new ${key.type} like this one` : referenceTo(key);
  throw problem('forbidden', `${named} may not be written with these rights`);
}

const withoutId = ({ id: _id, ...rest }: Resource): Resource => rest as Resource;

/** Refuses what an answer in short form gave: stored, it would take the place of all that was left out. */
function demandWhole(resource: Resource): void {
  if (!isSubsetted(resource)) return;
  throw problem(
    'business-rule',
    'the resource is tagged SUBSETTED: a part of one is not stored in place of the whole',
    {
      expression: `${resource.resourceType}.meta.tag`,
    },
  );
}

const expectationOf = (before: Version | undefined) =>
  isAbsent(before) ? ('absent' as const) : { versionId: before!.versionId };

/** `seen` is the resource with its own absolute references made relative. */
function changeOf(key: ResourceKey, method: Method, text: string, seen: Resource, expect: Draft['expect']) {
  const gapped: GappedText = withIdentity(text, key.id);
  return { op: 'write', key, method, text: gapped, index: extract(seen), expect } as const;
}

function finish(draft: Draft): Change {
  const text = draft.text ?? JSON.stringify(draft.resource);
  assertValid(draft.resource, text);
  return changeOf(draft.key, draft.method, text, draft.resource, draft.expect);
}

/**
 * Refuses what refers to nothing. Of what the caller may not see nobody is told whether it is there: what is hidden is missing,
 * and of types that it may not read at all nothing is asked.
 */
async function demandTargets(
  planned: readonly Planned[],
  seen: readonly (Resource | undefined)[],
  look: Look,
  { access }: Caller,
): Promise<void> {
  const inList = new Set(planned.map(({ key }) => referenceTo(key)));
  for (const resource of seen) {
    if (!resource) continue;
    const targets = [...literalReferences(resource)].flatMap((reference) => {
      const key = keyOf(reference);
      return key && !inList.has(referenceTo(key)) && access.permits('read', key.type) ? [key] : [];
    });
    const found = await look.read(targets);
    const seen = await Promise.all(found.map((one) => !isAbsent(one) && isSeen(access, one!)));
    const missing = targets.find((_, i) => !seen[i]);
    if (missing)
      throw problem('not-found', `${referenceTo(missing)} is referred to, but does not exist here`, { status: 422 });
  }
}

export function createWritePath(rules: WriteRules): WritePath {
  async function save(
    planned: readonly Planned[],
    expectations: readonly Change[],
    context: Context,
    status: number,
  ): Promise<Saved> {
    const { caller } = context;
    const look = remembered(context.store);
    const generation = definitionsGeneration();
    const setting = { now: rules.now(), canonical: rules.canonical, caller };
    const changes: Change[] = [];
    const texts: (GappedText | undefined)[] = [];
    const patients = new Set<string>();
    const seen = planned.map(({ incoming }) => incoming && relativeResource(rules.relative, incoming));
    for (const [i, { key, method, incoming, before }] of planned.entries()) {
      await demandWritable(caller, key, before, seen[i]);
      if (incoming && method !== 'POST') demandWhole(incoming.resource);
      let stored = incoming;
      if (stored && rules.prepare[key.type]) {
        const prepared = await rules.prepare[key.type]!({ key, before, incoming: stored, caller }, look, setting);
        stored = prepared.incoming;
        changes.push(...prepared.also);
      }
      const relative = stored && (stored === incoming ? seen[i]! : relativeResource(rules.relative, stored));
      const change = stored
        ? changeOf(key, method, stored.text, relative!, expectationOf(before))
        : ({ op: 'write', key, method, index: noEntries, expect: expectationOf(before) } as const);
      changes.push(change);
      texts.push('text' in change ? change.text : undefined);
      for (const patient of patientsIn(key, stored?.text ?? before?.text ?? '')) patients.add(patient);
    }
    if (rules.references === 'checked') await demandTargets(planned, seen, look, caller);
    // One list that grows: a copy for each of thousands of entries would cost more than the entries.
    const pending: (Draft | Change)[] = [...changes];
    for (const [i, { key, before }] of planned.entries()) {
      for (const derive of rules.derive[key.type] ?? []) {
        const was = before && { ...before, text: rules.relative(before.text) };
        pending.push(...(await derive({ key, before: was, after: seen[i] }, pending, look, setting)));
      }
    }
    const effects = pending.slice(changes.length);
    const followed = effects.map((effect) => (effect.op === 'save' ? finish(effect) : effect));
    const target = planned.map(({ key }) => referenceTo(key)).join(' ');
    // What was extracted lacks a search parameter that came meanwhile, and no reindex would come by here again.
    if (generation !== definitionsGeneration()) throw problem('conflict', 'the search parameters changed meanwhile');
    const written = await context.commit([...expectations, ...changes, ...followed], {
      status,
      target,
      patients: [...patients].join(' '),
    });
    return {
      versions: planned.map((plan, i) => versionOf(plan, written[i]!, texts[i])),
      effects,
    };
  }

  return {
    admit(incoming) {
      assertValid(incoming.resource, incoming.text);
    },
    save,
  };
}

const versionOf = (
  { key, method }: Planned,
  { versionId, lastUpdated }: Written,
  text: GappedText | undefined,
): Version => ({
  key,
  method,
  versionId,
  lastUpdated,
  text: text ? fillGap(text, versionId, lastUpdated) : '',
});
