/**
 * The active Consents of the store, in memory, those with the same rule together. It is renewed by what changed: a number in the
 * store rises with every commit that touches a Consent, so one look tells whether it is current. https://hl7.org/fhir/R4/consent.html
 */
import { relativeTo } from '../../fhir/own-base.ts';
import type { Runtime } from '../../runtime.ts';
import { type Criterion, plainQuery } from '../../search/query.ts';
import { type Targets, targetsOf } from '../../search/targets.ts';
import { everyKept } from '../../store/every-kept.ts';
import type { Change, Cursor, Store, Version } from '../../store/store.ts';
import { paperOf, type Rule } from './provision.ts';

const KIND = 'consents';
const EPOCH = 'epoch';
/** Ids of Consents that were deleted lately. */
const GONE = 'consent-gone';
const GONE_SECONDS = 3_600;
/** After so long without a look it is read anew as a whole, in milliseconds: what was deleted in between may be forgotten. */
const FRESH = (GONE_SECONDS * 1_000) / 2;
/** What is committed a little later may have been stamped a little earlier, in milliseconds. */
const SLACK = 15_000;
const PAGE = 1_000;

/** Patients with the same rule. */
export interface Group {
  readonly rule: Rule;
  /** The rule as text. */
  readonly name: string;
  patients(): Targets;
}

export interface Register {
  /** Current when it resolves; rejects where that cannot be told. */
  renew(): Promise<void>;
  groups(): Iterable<Group>;
  /** Each of them that is about one of these patients; by a look at all. */
  of(patients: readonly string[]): readonly Placed[];
}

/** A Consent, and the rule that it has. */
export interface Placed {
  readonly id: string;
  readonly patient: string;
  readonly rule: Rule;
}

type Ground = Pick<Store, 'search' | 'read' | 'get' | 'list'>;

/** `isKept`: whether a rule matters at all. */
export function createRegister(
  store: Ground,
  base: string,
  runtime: Pick<Runtime, 'now'>,
  isKept: (rule: Rule) => boolean,
): Register {
  const relative = relativeTo(base);
  const groups = new Map<string, Members>();
  const places = new Map<string, { readonly group: Members; readonly patient: string; readonly versionId: number }>();
  let epoch: number | undefined;
  let readAt = Number.NEGATIVE_INFINITY;
  let newest = 0;

  function leave(id: string): void {
    const place = places.get(id);
    if (place === undefined) return;
    places.delete(id);
    place.group.remove(place.patient);
    if (place.group.isEmpty()) groups.delete(place.group.name);
  }

  function take({ key, text, versionId, lastUpdated }: Version): void {
    newest = Math.max(newest, lastUpdated);
    if (places.get(key.id)?.versionId === versionId) return;
    leave(key.id);
    const paper = text === '' ? undefined : paperOf(JSON.parse(relative(text)));
    if (paper === undefined || !isKept(paper.rule)) return;
    const name = JSON.stringify(paper.rule);
    const group = groups.get(name) ?? createMembers(name, paper.rule);
    groups.set(name, group);
    group.add(paper.patient);
    places.set(key.id, { group, patient: paper.patient, versionId });
  }

  async function read(where: Criterion): Promise<readonly Version[]> {
    const found: Version[] = [];
    let after: Cursor | undefined;
    do {
      const { matches, next } = await store.search(plainQuery('Consent', where, PAGE), after);
      found.push(...matches);
      after = next;
    } while (after !== undefined);
    return found;
  }

  async function learn(): Promise<void> {
    const now = runtime.now();
    const [kept] = await store.get(KIND, [EPOCH]);
    const current = kept?.revision ?? 0;
    if (current === epoch) {
      readAt = now;
      return;
    }
    if (epoch === undefined || now - readAt > FRESH || now < readAt) {
      const all = await read({ is: 'all', of: [] });
      // At one go, so that nobody meets it half empty.
      for (const id of [...places.keys()]) leave(id);
      for (const version of all) take(version);
    } else {
      const from = { atLeast: newest - SLACK };
      const changed = await read({ is: 'range', name: 'Consent._lastUpdated', low: from });
      const gone = (await everyKept(GONE, store)).map(({ key }) => ({ type: 'Consent', id: key }));
      const left = gone.length === 0 ? [] : await store.read(gone);
      for (const version of changed) take(version);
      for (const [i, version] of left.entries()) {
        if (version === undefined) leave(gone[i]!.id);
        else take(version);
      }
    }
    epoch = current;
    readAt = now;
  }

  let last: Promise<void> = Promise.resolve();
  let next: Promise<void> | undefined;
  return {
    renew() {
      // Whoever asks while one is under way waits for the one after it: that one began to look later.
      next ??= last.then(() => {
        next = undefined;
        const mine = learn();
        last = mine.catch(() => undefined);
        return mine;
      });
      return next;
    },
    groups: () => groups.values(),
    of: (patients) =>
      [...places].flatMap(([id, { group, patient }]) =>
        patients.includes(patient) ? [{ id, patient, rule: group.rule }] : [],
      ),
  };
}

interface Members extends Group {
  add(patient: string): void;
  remove(patient: string): void;
  isEmpty(): boolean;
}

function createMembers(name: string, rule: Rule): Members {
  const counts = new Map<string, number>();
  let listed: Targets | undefined;
  return {
    name,
    rule,
    patients() {
      listed ??= targetsOf(counts.keys());
      return listed;
    },
    add(patient) {
      listed = undefined;
      counts.set(patient, (counts.get(patient) ?? 0) + 1);
    },
    remove(patient) {
      listed = undefined;
      const left = counts.get(patient)! - 1;
      if (left === 0) counts.delete(patient);
      else counts.set(patient, left);
    },
    isEmpty: () => counts.size === 0,
  };
}

/** What a commit needs beside its changes, so that every server hears of the Consents in it; undefined where there are none. */
export function newsOf(changes: readonly Change[]): readonly Change[] | undefined {
  const written = changes.flatMap((change) => {
    if (change.op === 'write') return change.key.type === 'Consent' ? [change] : [];
    return change.op === 'restore' && 'version' in change && change.version.key.type === 'Consent'
      ? [{ key: change.version.key, method: change.version.method }]
      : [];
  });
  if (written.length === 0) return undefined;
  const gone = written.filter(({ method }) => method === 'DELETE').map(({ key }) => key.id);
  return [
    { op: 'put', kind: KIND, key: EPOCH, value: {} },
    ...[...new Set(gone)].map((key): Change => ({ op: 'put', kind: GONE, key, value: {}, expiresIn: GONE_SECONDS })),
  ];
}
