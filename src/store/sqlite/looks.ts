/** A closer look at one resource, by its block of entries: for conditions and sort values that no index scan answers. */
import { isNear, latitudeOf, longitudeOf } from '../../search/near.ts';
import type { Criterion } from '../../search/query.ts';
import { lies } from '../../search/ranges.ts';
import { setOf } from '../../search/targets.ts';
import type { Hashing } from '../hash.ts';
import { inUtf8Order } from '../paging.ts';
import { sectionsOf } from './entries.ts';
import { halvesOf, type Kind, kindOf } from './hash.ts';

/** True when the resource with these entries and this key (`Type/id`) fulfils the condition. */
export type Look = (entries: Uint8Array, key: string) => boolean;
/** The sort value of the resource: its lowest or highest entry of a name; undefined where it has none. */
export type Edge = (entries: Uint8Array) => number | string | undefined;

const utf8 = new TextDecoder();

/** The whole criterion as one function. */
export function lookFor(type: string, criterion: Criterion, hashing: Hashing): Look {
  switch (criterion.is) {
    case 'all': {
      const parts = criterion.of.map((part) => lookFor(type, part, hashing));
      return (entries, key) => parts.every((part) => part(entries, key));
    }
    case 'any': {
      const parts = criterion.of.map((part) => lookFor(type, part, hashing));
      return (entries, key) => parts.some((part) => part(entries, key));
    }
    case 'not': {
      const part = lookFor(type, criterion.of, hashing);
      return (entries, key) => !part(entries, key);
    }
    case 'id': {
      const ids = setOf(criterion.ids);
      const from = type.length + 1;
      return (_entries, key) => key.startsWith(`${type}/`) && ids.has(key.slice(from));
    }
    case 'key':
      return keyLook(criterion.name, criterion.first, criterion.second, hashing);
    case 'reference':
      return keyLook(criterion.name, criterion.target, '', hashing);
    case 'points':
      return pointsLook(criterion, hashing);
    case 'range': {
      const visit = rangesOf(criterion.name, hashing);
      return (entries) => visit(entries, (from, to) => lies(from, to, criterion));
    }
    case 'together': {
      const parts = criterion.of.map((part) => lookFor(type, part, hashing));
      const visit = groupsOf(criterion.name, hashing);
      return (entries, key) => visit(entries, (group) => parts.every((part) => part(group, key)));
    }
    case 'near': {
      const latitudes = rangesOf(latitudeOf(criterion.name), hashing);
      const longitudes = rangesOf(longitudeOf(criterion.name), hashing);
      return (entries) =>
        latitudes(entries, (latitude) => longitudes(entries, (longitude) => isNear(criterion, latitude, longitude)));
    }
    case 'word':
    case 'refers':
    case 'referred':
      throw new Error(`${criterion.is} cannot be told from the entries of one resource`);
    case 'text': {
      const { name, match, value } = criterion;
      if (match === 'equals') return plainLook(kindOf.exactText, name, value, hashing);
      const visit = textsOf(name, hashing);
      if (match === 'same') return (entries) => visit(entries, (text) => text === value);
      return (entries) =>
        visit(entries, (text) =>
          match === 'starts' ? text.startsWith(value) : match === 'ends' ? text.endsWith(value) : text.includes(value),
        );
    }
  }
}

/** True where the resource has any entry to sort by under the name. */
export function presenceOf(by: 'range' | 'text', name: string, hashing: Hashing): Look {
  const visit = by === 'range' ? rangesOf(name, hashing) : textsOf(name, hashing);
  return (entries) => visit(entries, () => true);
}

/** The interval or text that decides the place of the resource: by `low`, then by `high`. */
export function edgeOf(by: 'range' | 'text', name: string, descending: boolean, hashing: Hashing): Edge {
  if (by === 'text') {
    const visit = textsOf(name, hashing);
    return (entries) => {
      let edge: string | undefined;
      visit(entries, (text) => {
        if (edge === undefined || (descending ? inUtf8Order(text, edge) > 0 : inUtf8Order(text, edge) < 0)) edge = text;
        return false;
      });
      return edge;
    };
  }
  const visit = rangesOf(name, hashing);
  return (entries) => {
    let edge: number | undefined;
    visit(entries, (low) => {
      if (edge === undefined || (descending ? low > edge : low < edge)) edge = low;
      return false;
    });
    return edge;
  };
}

/** True for the one row (low, high) of a resource that decides its place, so that a scan yields each resource once. */
export function isEdge(name: string, descending: boolean, hashing: Hashing) {
  const visit = rangesOf(name, hashing);
  return (entries: Uint8Array, low: number, high: number): boolean =>
    !visit(entries, (from, to) =>
      descending ? from > low || (from === low && to > high) : from < low || (from === low && to < high),
    );
}

/** The order of SQLite, which compares bytes. */

export function plainLook(kind: Kind, name: string, value: string, hashing: Hashing): Look {
  const [low, high] = halvesOf(kind, name, value, hashing);
  return (entries) => {
    const { view, plain, plainCount } = sectionsOf(entries);
    for (let i = 0, at = plain; i < plainCount; i++, at += 8) {
      if (view.getInt32(at, true) === low && view.getInt32(at + 4, true) === high) return true;
    }
    return false;
  };
}

type Points = Extract<Criterion, { is: 'points' }>;
const pointing = new WeakMap<Points, { readonly hashing: Hashing; readonly look: Look }>();

/** Points to any of many: their hashes are made once for as long as there is the criterion. */
function pointsLook(criterion: Points, hashing: Hashing): Look {
  const known = pointing.get(criterion);
  if (known?.hashing === hashing) return known.look;
  const highs = new Map<number, number[]>();
  for (const target of criterion.targets) {
    const [low, high] = halvesOf(kindOf.key, criterion.name, target, hashing);
    const found = highs.get(low);
    if (found) found.push(high);
    else highs.set(low, [high]);
  }
  const look: Look = (entries) => {
    const { view, plain, plainCount } = sectionsOf(entries);
    for (let i = 0, at = plain; i < plainCount; i++, at += 8) {
      if (highs.get(view.getInt32(at, true))?.includes(view.getInt32(at + 4, true))) return true;
    }
    return false;
  };
  pointing.set(criterion, { hashing, look });
  return look;
}

function keyLook(name: string, first: string, second: string | undefined, hashing: Hashing): Look {
  const alone = plainLook(kindOf.key, name, first, hashing);
  if (second === '') return alone;
  const [low, high] = halvesOf(kindOf.key, name, first, hashing);
  const [low2, high2] = second === undefined ? [0, 0] : halvesOf(kindOf.second, '', second, hashing);
  const paired: Look = (entries) => {
    const { view, paired: from, pairedCount } = sectionsOf(entries);
    for (let i = 0, at = from; i < pairedCount; i++, at += 16) {
      if (view.getInt32(at, true) !== low || view.getInt32(at + 4, true) !== high) continue;
      if (second === undefined) return true;
      if (view.getInt32(at + 8, true) === low2 && view.getInt32(at + 12, true) === high2) return true;
    }
    return false;
  };
  return second === undefined ? (entries, key) => alone(entries, key) || paired(entries, key) : paired;
}

/** Visits the intervals of a name until one satisfies. */
function rangesOf(name: string, hashing: Hashing) {
  const short = halvesOf(kindOf.shortRange, name, '', hashing);
  const odd = halvesOf(kindOf.oddRange, name, '', hashing);
  return (entries: Uint8Array, satisfied: (low: number, high: number) => boolean): boolean => {
    const { view, points, pointCount, spans, spanCount, quiet, quietCount } = sectionsOf(entries);
    const named = (at: number) => {
      const low = view.getInt32(at, true);
      const high = view.getInt32(at + 4, true);
      return (low === short[0] && high === short[1]) || (low === odd[0] && high === odd[1]);
    };
    for (let i = 0, at = points; i < pointCount; i++, at += 16) {
      if (!named(at)) continue;
      const place = view.getFloat64(at + 8, true);
      if (satisfied(place, place)) return true;
    }
    for (let i = 0, at = spans; i < spanCount; i++, at += 24) {
      if (named(at) && satisfied(view.getFloat64(at + 8, true), view.getFloat64(at + 16, true))) return true;
    }
    for (let i = 0, at = quiet; i < quietCount; i++, at += 24) {
      if (named(at) && satisfied(view.getFloat64(at + 8, true), view.getFloat64(at + 16, true))) return true;
    }
    return false;
  };
}

/** Visits the groups of a name until one satisfies. */
function groupsOf(name: string, hashing: Hashing) {
  const [low, high] = halvesOf(kindOf.group, name, '', hashing);
  return (entries: Uint8Array, satisfied: (group: Uint8Array) => boolean): boolean => {
    const { view, texts, textCount, groupCount } = sectionsOf(entries);
    if (groupCount === 0) return false;
    let at = texts;
    for (let i = 0; i < textCount; i++) at += 12 + view.getUint32(at + 8, true);
    for (let i = 0; i < groupCount; i++) {
      const end = at + 12 + view.getUint32(at + 8, true);
      const named = view.getInt32(at, true) === low && view.getInt32(at + 4, true) === high;
      if (named && satisfied(entries.subarray(at + 12, end))) return true;
      at = end;
    }
    return false;
  };
}

/** Visits the folded texts of a name until one satisfies. */
function textsOf(name: string, hashing: Hashing) {
  const [low, high] = halvesOf(kindOf.text, name, '', hashing);
  return (entries: Uint8Array, satisfied: (folded: string) => boolean): boolean => {
    const { view, texts, textCount } = sectionsOf(entries);
    for (let i = 0, at = texts; i < textCount; i++) {
      const length = view.getUint32(at + 8, true);
      const named = view.getInt32(at, true) === low && view.getInt32(at + 4, true) === high;
      if (named && satisfied(utf8.decode(entries.subarray(at + 12, at + 12 + length)))) return true;
      at += 12 + length;
    }
    return false;
  };
}
