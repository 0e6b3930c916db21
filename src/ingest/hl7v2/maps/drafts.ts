/** Collects what a message becomes, under ids that the same thing always gets, and tells what of it is news to the store. https://hl7.org/fhir/R4/http.html#trules */
import { writeExact } from '../../../fhir/json.ts';
import { problem } from '../../../fhir/outcome.ts';
import { referenceTo } from '../../../fhir/references.ts';
import type { Entry } from '../../../interactions/interaction.ts';
import { escaped } from '../../../search/escapes.ts';
import { isDeleted, type Version } from '../../../store/store.ts';
import { after, asNew, filled, put, stableId } from '../../intake/entries.ts';
import { type Found, type Identifier, nameOf, resourceIn, storedAt, whereIs, withIdentifier } from './identified.ts';
import { isOutdated, isSame } from './news.ts';
import { turn } from './turns.ts';
import { createWhose, type Looking, patientsIn, pointed, type Whose } from './whose.ts';

export interface Drafts {
  /**
   * A resource under the id that these parts always give; its reference. What is there already is replaced, or what `merge` makes
   * of it is; what is there of another patient stays, and the id is one with the patient in it. Drafted twice, the first stays.
   */
  add(resource: any, parts: readonly (string | number)[], merge?: Merge): string;
  /** One that is found by an identifier: that, or a new one, made once however many servers are told of it. Its reference. */
  named(resource: any, identifier: Identifier, merge?: Merge): Promise<string>;
  find(type: string, identifier: Identifier): Promise<Found | undefined>;
  /** What this patient has under an identifier, and whether only others have something. */
  findOf(type: string, identifier: Identifier, patient: string): Promise<{ found?: Found; isOfAnother: boolean }>;
  /** Names the number by which the message knows a patient: ids with the patient in them are made of it. */
  about(patient: string, key: string): void;
  readonly whose: Whose;
  /** What was said earlier, or is only preliminary, does not replace what is final. A time that has not come yet is no time. */
  isOutdated(existing: any, said: any): boolean;
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
  readonly parts: readonly (string | number)[];
  readonly resource: any;
  readonly merge?: Merge;
}

interface Named {
  readonly found?: Found;
  readonly resource: any;
  /** By which a new one is made once. */
  readonly criterion?: string;
  readonly identifier?: Identifier;
}

/** `now`: milliseconds. */
export function createDrafts(store: Looking, labels: Labels, warn: (sentence: string) => void, now: number): Drafts {
  const drafts = new Map<string, Draft>();
  const named = new Map<string, Named>();
  const finds = new Map<string, Promise<Found | undefined>>();
  const keys = new Map<string, string>();
  const whose = createWhose(store);

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

  async function look(type: string, identifier: Identifier): Promise<Found | undefined> {
    const found = await withIdentifier(store, type, whereIs(type, identifier), 3, identifier);
    if (found.length > 1) warn(`several ${type} resources have an identifier that the message names`);
    return found.find(({ resource }) => resource.active !== false) ?? found[0];
  }

  /** Who was not known when the message was begun may have been made meanwhile. */
  async function ownerOf(patient: string): Promise<string> {
    if (!patient.startsWith('urn:')) return whose.lastOf(patient);
    const number = named.get(patient)?.identifier;
    const found = number && (await look('Patient', number));
    return found ? whose.lastOf(referenceTo(found.key)) : patient;
  }

  /** Of the same patient, or of none. */
  async function isOfSame(existing: any, said: any): Promise<boolean> {
    const [theirs, ours] = [patientsIn(existing), patientsIn(said)];
    if (theirs.length === 0 || ours.length === 0 || theirs.some((one) => ours.includes(one))) return true;
    const owners = new Set(await Promise.all(ours.map(ownerOf)));
    return (await Promise.all(theirs.map(ownerOf))).some((one) => owners.has(one));
  }

  const findOf: Drafts['findOf'] = async (type, identifier, patient) => {
    const drafted = named.get(nameOf(type, identifier))?.resource;
    if (drafted) return { isOfAnother: !patientsIn(drafted).includes(patient) };
    const first = await withIdentifier(store, type, whereIs(type, identifier), 3, identifier);
    const us = { subject: { reference: patient } };
    for (const found of first) if (await isOfSame(found.resource, us)) return { found, isOfAnother: false };
    if (first.length === 0) return { isOfAnother: false };
    const subject = { is: 'reference', name: `${type}.subject`, target: patient } as const;
    const where = { is: 'all', of: [whereIs(type, identifier), subject] } as const;
    const [found] = patient.startsWith('urn:') ? [] : await withIdentifier(store, type, where, 1, identifier);
    return found ? { found, isOfAnother: false } : { isOfAnother: true };
  };

  const find: Drafts['find'] = (type, identifier) => {
    const name = `${type}|${identifier.system}|${identifier.value}`;
    const known = finds.get(name) ?? look(type, identifier);
    finds.set(name, known);
    return known;
  };

  const change: Drafts['change'] = (found, resource) => {
    named.set(referenceTo(found.key), { found, resource });
  };

  /** A resource found by its identifier: changed, made, or as it was. */
  function entryOf({ found, resource, criterion }: Named, fullUrl: string): Entry | undefined {
    if (found && isSame(found.resource, resource)) return undefined;
    if (found) return put({ ...resource, id: found.key.id }, after(found.versionId));
    const text = writeExact(labelled(resource));
    const body = { text, resource: JSON.parse(text) };
    const url = resource.resourceType;
    return { fullUrl, method: 'POST', url, body, conditions: { ifNoneExist: criterion } };
  }

  /** What an id is made of where another patient has something under the plain one. */
  const ownParts = (resource: any): readonly string[] => [
    'of',
    ...patientsIn(resource).map((one) => keys.get(one) ?? one),
  ];

  async function newestOf(resources: readonly any[]): Promise<readonly (Version | undefined)[]> {
    const wanted = resources.map(({ resourceType, id }) => ({ type: resourceType as string, id: id as string }));
    return wanted.length > 0 ? store.read(wanted) : [];
  }

  /** What a tombstone stands for: it is as much somebody's as what it was. */
  const before = async (version: Version): Promise<Version | undefined> =>
    isDeleted(version) ? store.vread?.(version.key, version.versionId - 1) : version;

  /** Each draft with what is stored under its id. What another patient has there stays: this one is stored beside it. */
  async function ownOnes(): Promise<readonly (Draft & { readonly version: Version | undefined })[]> {
    const all = [...drafts.values()];
    const newest = await newestOf(all.map(({ resource }) => resource));
    const moved = new Map<string, string>();
    for (const [i, { resource, parts }] of all.entries()) {
      await turn(i);
      const newestHere = newest[i];
      const version = newestHere && (await before(newestHere));
      if (!version || isDeleted(version) || (await isOfSame(resourceIn(version), resource))) continue;
      const { resourceType: type, id } = resource;
      moved.set(`${type}/${id}`, stableId(0, 'hl7v2', type, ...parts, ...ownParts(resource)));
      warn(BESIDE);
    }
    if (moved.size === 0) return all.map((draft, i) => ({ ...draft, version: newest[i] }));
    const references = new Map([...moved].map(([from, id]) => [from, `${from.slice(0, from.indexOf('/'))}/${id}`]));
    const own = all.map((draft) => {
      const { resourceType, id } = draft.resource;
      const resource = pointed(draft.resource, references);
      return { ...draft, resource: { ...resource, id: moved.get(`${resourceType}/${id}`) ?? id } };
    });
    const there = await newestOf(own.map(({ resource }) => resource));
    for (const [i, { resource }] of own.entries()) {
      const version = there[i];
      if (version && !isDeleted(version) && !(await isOfSame(resourceIn(version), resource)))
        throw problem('conflict', 'what the message tells is stored as that of another patient');
    }
    return own.map((draft, i) => ({ ...draft, version: there[i] }));
  }

  return {
    add(resource, parts, merge) {
      const type = resource.resourceType;
      const ours = patientsIn(resource);
      const isOfOther = (draft: Draft | undefined) => {
        const theirs = draft ? patientsIn(draft.resource) : [];
        return theirs.length > 0 && ours.length > 0 && !theirs.some((one) => ours.includes(one));
      };
      const plain = `${type}/${stableId(0, 'hl7v2', type, ...parts)}`;
      const isApart = isOfOther(drafts.get(plain));
      if (isApart) warn(BESIDE);
      const own = isApart ? [...parts, ...ownParts(resource)] : parts;
      const id = stableId(0, 'hl7v2', type, ...own);
      const reference = `${type}/${id}`;
      if (!drafts.has(reference)) drafts.set(reference, { resource: labelled({ ...resource, id }), merge, parts: own });
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
      const reference = found ? referenceTo(found.key) : nameOf(type, identifier);
      const before = named.get(reference);
      if (before) {
        if (merge) named.set(reference, { ...before, resource: merge(before.resource, resource) });
      } else if (found)
        named.set(reference, { found, resource: merge ? merge(found.resource, resource) : found.resource });
      else {
        const criterion = `identifier=${encodeURIComponent(`${escaped(system)}|${escaped(value)}`)}`;
        named.set(reference, { resource, criterion, identifier });
      }
      return reference;
    },
    find,
    findOf,
    about: (patient, key) => void keys.set(patient, key),
    whose,
    isOutdated: (existing, said) => isOutdated(existing, said, now),
    change,
    async amend(reference, next) {
      const one = named.get(reference);
      if (one) named.set(reference, { ...one, resource: next(one.resource) });
      else {
        const found = await storedAt(store, reference);
        if (found) change(found, next(found.resource));
      }
    },
    async entries() {
      const entries = [...named].flatMap(([reference, one]) => entryOf(one, reference) ?? []);
      for (const [i, { resource, merge, version }] of (await ownOnes()).entries()) {
        await turn(i);
        if (!version) entries.push(put(resource, asNew));
        else if (isDeleted(version)) warn(`a ${resource.resourceType} that was deleted here was left so`);
        else {
          const existing = resourceIn(version);
          const next = merge ? merge(existing, resource) : isOutdated(existing, resource, now) ? undefined : resource;
          if (next === undefined) {
            if (!isSame(existing, resource)) warn(`a newer ${resource.resourceType} was left standing`);
          } else if (!isSame(existing, next)) entries.push(put({ ...next, id: resource.id }, after(version.versionId)));
        }
      }
      return entries;
    },
  };
}

const BESIDE = 'another patient has something under the same number: that stays, and this is stored beside it';
