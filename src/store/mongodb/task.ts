/** What is searched of one type, while it is searched. */
import type { Document } from 'mongodb';
import type { Asked, Criterion, SortKey } from '../../search/query.ts';
import { filterOf, type Placed } from './compile.ts';
import { homeOfKey, homesOfPatient } from './homes.ts';
import { all } from './logic.ts';
import type { Reading } from './reading.ts';

export interface Task extends Asked {
  readonly reading: Reading;
}

/** The criteria that must all hold. */
export const partsOf = (where: Criterion): readonly Criterion[] =>
  where.is === 'all' ? where.of.flatMap(partsOf) : [where];

/** The filter of all that is asked, and more. What far conditions without links ask is taken to hold. */
export function filterFor({ reading, type, where }: Task, more: readonly Document[] = [], placed?: Placed): Document {
  const { parts, links } = reading;
  const { hashing, common } = parts;
  const filter = filterOf(where, { type, hashing, common, links, unknown: true, ...(placed && { placed }) });
  return all([filter, ...homes(reading, type, where), ...more]) as Document;
}

/** Where all that can match lives, where the search is about certain patients. A Patient lives by its own key, whomever it points to. */
export function homes(reading: Reading, type: string, where: Criterion): readonly Document[] {
  const { isSharded, hashing } = reading.parts;
  if (!isSharded) return [];
  for (const part of partsOf(where)) {
    if (type === 'Patient') {
      if (part.is === 'id') return [{ s: { $in: part.ids.map((id) => homeOfKey(`Patient/${id}`, hashing)) } }];
      continue;
    }
    const around = homesAround(reading, type, pointedTo(part));
    if (around.length > 0) return around;
  }
  return [];
}

/** Where resources of the type live that point to one of these, where all of these are Patients. */
export function homesAround(
  { parts: { isSharded, hashing } }: Pick<Reading, 'parts'>,
  type: string,
  keys: readonly string[] = [],
): readonly Document[] {
  const areKnown = keys.length > 0 && keys.every((key) => key.startsWith('Patient/'));
  if (!isSharded || type === 'Patient' || !areKnown) return [];
  return [{ s: { $in: [...new Set(keys.flatMap((key) => homesOfPatient(key, hashing)))] } }];
}

/** Whatever fulfils it points to one of these; undefined where it may point elsewhere. */
function pointedTo(part: Criterion): readonly string[] | undefined {
  if (part.is === 'reference') return [part.target];
  if (part.is === 'range') return part.of === undefined ? undefined : [part.of];
  if (part.is !== 'any') return undefined;
  const ways = part.of.map(pointedTo);
  return ways.every((way) => way !== undefined) ? ways.flat() : undefined;
}

/** Whether a part asks for intervals of the name that is sorted by, so that no match is without. */
export const isAskedFor = (where: Criterion, name: string): boolean =>
  partsOf(where).some((part) => part.is === 'range' && part.name === name && part.along === undefined);

export const isRange = (key: SortKey | undefined): key is Extract<SortKey, { by: 'range' }> => key?.by === 'range';
