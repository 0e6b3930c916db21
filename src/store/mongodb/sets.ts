/** What many resources have in common, such as a code with its words, its category and its unit, is written down once, as a set: in their `ix` the set stands for all of it. docs/storage-mongodb.md */
import type { Long } from 'mongodb';
import type { IndexEntries } from '../../search/query.ts';
import { Hashes, labelOf } from './hashes.ts';

/** A folded text under a name. */
export interface TextPart {
  readonly n: Long;
  readonly v: string;
}

/** A set never changes and never goes. */
export interface CommonDocument {
  /** Stands in `ix` of the resources that have all of it. */
  readonly _id: Long;
  /** Their type. */
  readonly t: string;
  /** What else would stand there, and the hashes of the texts. */
  readonly ix: readonly Long[];
  readonly x: readonly TextPart[];
  /** When it was written, by the store's clock. */
  readonly at: number;
}

export interface CommonSet extends CommonDocument {
  readonly members: Hashes;
}

/** What is known of sets. What is searched for is asked of all, what is written uses those alone that every server knows. */
export interface Common {
  /** Of those in use the largest of which the resource has everything. */
  largest(type: string, hashes: readonly Long[], has: (hash: Long) => boolean): CommonSet | undefined;
  /** Whether one of the type is in use. */
  isOf(type: string): boolean;
  /** The sets that one of the hashes belongs to. */
  having(hashes: readonly Long[]): readonly Long[];
  /** Those with a text of which that is true. */
  saying(name: Long, isMeant: (value: string) => boolean): readonly Long[];
  /** A resource is written: what it has may come to be known as common. */
  note(type: string, index: IndexEntries): void;
  /** Runs a search that is built of what is known, again where that was too old at its end. The signal ends a look at what is new. */
  asking<T>(search: () => Promise<T>, signal?: AbortSignal): Promise<T>;
}

/** Where every value stands by itself. */
export const nothingCommon: Common = {
  largest: () => undefined,
  isOf: () => false,
  having: () => [],
  saying: () => [],
  note: () => undefined,
  asking: (search) => search(),
};

/** The sets of a server: all that it has heard of. */
export function createSets() {
  const known = new Map<string, CommonSet>();
  const inUse = new Set<CommonSet>();
  const byMember = new Map<string, CommonSet[]>();
  /** In each set of a type one member that few others have. */
  let byType = new Map<string, Map<number, CommonSet[]>>();

  const arrange = () => {
    byType = new Map();
    for (const set of inUse) {
      const rarest = set.ix.reduce((one, other) => (commonness(other) < commonness(one) ? other : one));
      const ofType = byType.get(set.t) ?? new Map<number, CommonSet[]>();
      byType.set(set.t, ofType);
      ofType.set(rarest.low, [...(ofType.get(rarest.low) ?? []), set]);
    }
  };
  const commonness = (hash: Long) => byMember.get(labelOf(hash))?.length ?? 0;

  return {
    ids: (): readonly Long[] => [...known.values()].map(({ _id }) => _id),
    of: (type: string): readonly CommonSet[] => [...known.values()].filter(({ t }) => t === type),
    size: () => known.size,
    add(document: CommonDocument): void {
      if (known.has(labelOf(document._id))) return;
      const set = { ...document, members: new Hashes(document.ix) };
      known.set(labelOf(set._id), set);
      for (const member of set.ix) byMember.set(labelOf(member), [...(byMember.get(labelOf(member)) ?? []), set]);
    },
    use(id: Long): void {
      inUse.add(known.get(labelOf(id))!);
      arrange();
    },
    isOf: (type: string): boolean => byType.has(type),
    largest(type: string, hashes: readonly Long[], has: (hash: Long) => boolean): CommonSet | undefined {
      const ofType = byType.get(type);
      if (!ofType) return undefined;
      let largest: CommonSet | undefined;
      for (const { low } of hashes) {
        for (const set of ofType.get(low) ?? []) {
          if (set.ix.length > (largest?.ix.length ?? 0) && set.ix.every(has)) largest = set;
        }
      }
      return largest;
    },
    having(hashes: readonly Long[]): readonly Long[] {
      if (known.size === 0) return [];
      return [...new Set(hashes.flatMap((hash) => byMember.get(labelOf(hash)) ?? []))].map(({ _id }) => _id);
    },
    saying(name: Long, isMeant: (value: string) => boolean): readonly Long[] {
      const says = ({ x }: CommonSet) => x.some(({ n, v }) => name.equals(n) && isMeant(v));
      return [...known.values()].filter(says).map(({ _id }) => _id);
    },
  };
}
export type Sets = ReturnType<typeof createSets>;
