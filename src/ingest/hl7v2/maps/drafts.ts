/** Collects what a message becomes, under ids that the same thing always gets, and tells what of it is news to the store. https://hl7.org/fhir/R4/http.html#trules */
import { parseExact, writeExact } from '../../../fhir/json.ts';
import { keyOf, type ResourceKey, referenceTo } from '../../../fhir/references.ts';
import type { Entry } from '../../../interactions/interaction.ts';
import { plainQuery } from '../../../search/query.ts';
import { isDeleted, type Look, type Version } from '../../../store/store.ts';
import { after, asNew, filled, put, stableId } from '../../intake/entries.ts';

export interface Identifier {
  readonly system: string;
  readonly value: string;
}

/** Something of ours with numbers exact, and the version that it was read from. */
export interface Found {
  readonly key: ResourceKey;
  readonly resource: any;
  readonly versionId: number;
}

export interface Drafts {
  /**
   * A resource under the id that these parts always give; its reference. What is there already is replaced, or what `merge` makes
   * of it is. Drafted twice, the first stays.
   */
  add(resource: any, parts: readonly (string | number)[], merge?: Merge): string;
  /** One that is found by an identifier: that, or a new one, made once however many servers are told of it. Its reference. */
  named(resource: any, identifier: Identifier, merge?: Merge): Promise<string>;
  find(type: string, identifier: Identifier): Promise<Found | undefined>;
  /** A version of what was found. */
  change(found: Found, resource: any): void;
  /** Of what was found or made by an identifier, or is stored. */
  amend(reference: string, next: (resource: any) => any): Promise<void>;
  /** Changes what was added. */
  edit(reference: string, next: (resource: any) => any): void;
  /** How many were added. */
  readonly size: number;
  /** What is news, after one look at all that has a stable id. */
  entries(): Promise<readonly Entry[]>;
}

/** Tells what becomes of a resource that is there; undefined leaves it as it is. */
export type Merge = (existing: any, said: any) => any;

export interface Labels {
  /** Put into meta of everything that is made. */
  readonly security?: readonly object[];
  readonly tag?: readonly object[];
}

interface Draft {
  readonly resource: any;
  readonly merge?: Merge;
}

interface Named {
  readonly found?: Found;
  readonly resource: any;
  /** By which a new one is made once. */
  readonly criterion?: string;
}

const resourceIn = (version: Version): any => parseExact(version.text);

/** Everything but what the store adds and when it was said: so that the same said later is no news. */
export function isSame(a: any, b: any): boolean {
  const content = ({ meta, issued: _issued, ...rest }: any) => {
    const { versionId: _version, lastUpdated: _updated, source: _source, ...said } = meta ?? {};
    return writeExact(sorted({ ...rest, ...(Object.keys(said).length > 0 ? { meta: said } : {}) }));
  };
  return content(a) === content(b);
}

const sorted = (value: any): any =>
  Array.isArray(value)
    ? value.map(sorted)
    : typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
      ? Object.fromEntries(
          Object.keys(value)
            .sort()
            .map((name) => [name, sorted(value[name])]),
        )
      : value;

/** Later news stay: what was said earlier, or is only preliminary, does not replace what is final. */
const spoken = new Set(['final', 'amended', 'corrected', 'appended']);
const unripe = new Set(['registered', 'preliminary', 'partial', 'unknown']);
export const isOutdated = (existing: any, said: any): boolean =>
  (spoken.has(existing.status) && unripe.has(said.status)) ||
  (typeof existing.issued === 'string' &&
    typeof said.issued === 'string' &&
    Date.parse(said.issued) < Date.parse(existing.issued));

export function createDrafts(store: Look, labels: Labels, warn: (sentence: string) => void): Drafts {
  const drafts = new Map<string, Draft>();
  const named = new Map<string, Named>();
  const finds = new Map<string, Promise<Found | undefined>>();

  function labelled(resource: any): any {
    const { meta, ...rest } = resource;
    const both = filled({
      ...meta,
      security: [...(meta?.security ?? []), ...(labels.security ?? [])],
      tag: [...(meta?.tag ?? []), ...(labels.tag ?? [])],
    });
    const { resourceType, id, ...others } = rest;
    return { resourceType, ...(id ? { id } : {}), ...(Object.keys(both).length > 0 ? { meta: both } : {}), ...others };
  }

  async function look(type: string, { system, value }: Identifier): Promise<Found | undefined> {
    const where = { is: 'key', name: `${type}.identifier`, first: `${system}|`, second: value } as const;
    const { matches } = await store.search(plainQuery(type, where, 3), undefined);
    // A hash found them; what they say counts.
    const found = matches
      .map((version) => ({ key: version.key, versionId: version.versionId, resource: resourceIn(version) }))
      .filter(({ resource }) =>
        [resource.identifier].flat().some((i: any) => i?.system === system && i?.value === value),
      );
    if (found.length > 1) warn(`several ${type} resources have an identifier that the message names`);
    return found.find(({ resource }) => resource.active !== false) ?? found[0];
  }

  const find: Drafts['find'] = (type, identifier) => {
    const name = `${type}|${identifier.system}|${identifier.value}`;
    const known = finds.get(name) ?? look(type, identifier);
    finds.set(name, known);
    return known;
  };

  const change: Drafts['change'] = (found, resource) => {
    named.set(referenceTo(found.key), { found, resource });
  };

  async function stored(reference: string): Promise<Found | undefined> {
    const key = keyOf(reference);
    const [version] = key ? await store.read([key]) : [];
    return version && !isDeleted(version)
      ? { key: version.key, versionId: version.versionId, resource: resourceIn(version) }
      : undefined;
  }

  /** A resource found by its identifier: changed, made, or as it was. */
  function entryOf({ found, resource, criterion }: Named, fullUrl: string): Entry | undefined {
    if (found && isSame(found.resource, resource)) return undefined;
    if (found) return put({ ...resource, id: found.key.id }, after(found.versionId));
    const text = writeExact(labelled(resource));
    const body = { text, resource: JSON.parse(text) };
    const url = resource.resourceType;
    return { fullUrl, method: 'POST', url, body, conditions: { ifNoneExist: criterion } };
  }

  return {
    add(resource, parts, merge) {
      const type = resource.resourceType;
      const id = stableId(0, 'hl7v2', type, ...parts);
      const reference = `${type}/${id}`;
      if (!drafts.has(reference)) drafts.set(reference, { resource: labelled({ ...resource, id }), merge });
      return reference;
    },
    edit(reference, next) {
      const draft = drafts.get(reference);
      if (draft) drafts.set(reference, { ...draft, resource: next(draft.resource) });
    },
    get size() {
      return drafts.size;
    },
    async named(resource, identifier, merge) {
      const type = resource.resourceType;
      const found = await find(type, identifier);
      const { system, value } = identifier;
      const reference = found ? referenceTo(found.key) : `urn:uuid:${stableId(0, 'hl7v2', type, system, value)}`;
      const before = named.get(reference);
      if (before) {
        if (merge) named.set(reference, { ...before, resource: merge(before.resource, resource) });
      } else if (found)
        named.set(reference, { found, resource: merge ? merge(found.resource, resource) : found.resource });
      else {
        const criterion = `identifier=${encodeURIComponent(`${escaped(system)}|${escaped(value)}`)}`;
        named.set(reference, { resource, criterion });
      }
      return reference;
    },
    find,
    change,
    async amend(reference, next) {
      const one = named.get(reference);
      if (one) named.set(reference, { ...one, resource: next(one.resource) });
      else {
        const found = await stored(reference);
        if (found) change(found, next(found.resource));
      }
    },
    async entries() {
      const entries = [...named].flatMap(([reference, one]) => entryOf(one, reference) ?? []);
      const all = [...drafts.values()];
      const keys = all.map(({ resource }) => ({ type: resource.resourceType as string, id: resource.id as string }));
      const newest = keys.length > 0 ? await store.read(keys) : [];
      for (const [i, { resource, merge }] of all.entries()) {
        const version = newest[i];
        if (!version) entries.push(put(resource, asNew));
        else if (isDeleted(version)) warn(`a ${resource.resourceType} that was deleted here was left so`);
        else {
          const existing = resourceIn(version);
          const next = merge ? merge(existing, resource) : isOutdated(existing, resource) ? undefined : resource;
          if (next === undefined) {
            if (!isSame(existing, resource)) warn(`a newer ${resource.resourceType} was left standing`);
          } else if (!isSame(existing, next)) entries.push(put({ ...next, id: resource.id }, after(version.versionId)));
        }
      }
      return entries;
    },
  };
}

/** As a search parameter wants it. https://hl7.org/fhir/R4/search.html#escaping */
const escaped = (text: string): string => text.replaceAll(/[\\,$|]/g, (character) => `\\${character}`);
