/**
 * Holds a criterion against one resource where it may lead to others: the entries tell what they can (search/match.ts), the
 * rest is looked up. What nobody can tell is not fulfilled. https://hl7.org/fhir/R4/security.html
 */
import { type ResourceKey, referenceTo } from '../../fhir/references.ts';
import { looksElsewhere, matches, surelyMatches } from '../../search/match.ts';
import { type Criterion, type IndexEntries, noEntries } from '../../search/query.ts';

/** Whether there is a resource of the type that fulfils the criterion. */
export type LookUp = (type: string, where: Criterion) => Promise<boolean>;

/** The resource as it is judged; one that has no id yet is pointed to by nobody. */
export interface Judged {
  readonly key: ResourceKey;
  readonly entries: IndexEntries;
  /** Milliseconds since 1970. */
  readonly lastUpdated?: number;
}

/** True where it surely fulfils the criterion. A promise where something had to be looked up. */
export function holds(criterion: Criterion, judged: Judged, look: LookUp): boolean | Promise<boolean> {
  const { entries, key, lastUpdated } = judged;
  if (!matches(criterion, entries, key, lastUpdated)) return false;
  if (surelyMatches(criterion, entries, key, lastUpdated)) return true;
  return verdict(criterion, judged, look).then((held) => held === true);
}

type Verdict = boolean | undefined;

async function verdict(criterion: Criterion, judged: Judged, look: LookUp): Promise<Verdict> {
  const { key, entries, lastUpdated } = judged;
  if (!looksElsewhere(criterion)) return surelyMatches(criterion, entries, key, lastUpdated);
  switch (criterion.is) {
    case 'all':
      return every(criterion.of, judged, look);
    case 'any':
      return some(cheapFirst(criterion.of), (part) => verdict(part, judged, look));
    case 'not': {
      const held = await verdict(criterion.of, judged, look);
      return held === undefined ? undefined : !held;
    }
    case 'together': {
      const groups = entries.groups.filter(({ name }) => name === criterion.name);
      return some(groups, (group) =>
        every(criterion.of, { ...judged, entries: { ...noEntries, ...group.entries } }, look),
      );
    }
    case 'refers': {
      const { name, type, where, byCanonical } = criterion;
      const ids = entries.references
        .filter((entry) => entry.name === name && !entry.canonical && entry.target.startsWith(`${type}/`))
        .map(({ target }) => target.slice(type.length + 1));
      const isThere = ids.length > 0 && (await look(type, { is: 'all', of: [{ is: 'id', ids }, where] }));
      return isThere || (byCanonical ? undefined : false);
    }
    case 'referred': {
      const { name, type, where, byCanonical } = criterion;
      const target = referenceTo(key);
      const isThere =
        key.id !== '' && (await look(type, { is: 'all', of: [{ is: 'reference', name, target }, where] }));
      return isThere || (byCanonical ? undefined : false);
    }
    default:
      return undefined;
  }
}

/** What needs no look-up is asked before what does. */
const cheapFirst = (parts: readonly Criterion[]): readonly Criterion[] =>
  [...parts].sort((a, b) => Number(looksElsewhere(a)) - Number(looksElsewhere(b)));

async function every(parts: readonly Criterion[], judged: Judged, look: LookUp): Promise<Verdict> {
  let isOpen = false;
  for (const part of cheapFirst(parts)) {
    const held = await verdict(part, judged, look);
    if (held === false) return false;
    isOpen ||= held === undefined;
  }
  return isOpen ? undefined : true;
}

async function some<T>(parts: readonly T[], ask: (part: T) => Promise<Verdict>): Promise<Verdict> {
  let isOpen = false;
  for (const part of parts) {
    const held = await ask(part);
    if (held) return true;
    isOpen ||= held === undefined;
  }
  return isOpen ? undefined : false;
}
