/** One search under way, for one type, and what it tells of itself while it runs. */
import type { Criterion, SortKey } from '../../search/query.ts';
import type { Compiling } from './compile.ts';

/** What all that works on it is handed. */
export interface Task extends Compiling {
  /** All must hold. */
  readonly parts: readonly Criterion[];
  readonly sort: readonly SortKey[];
  readonly withRefs: boolean;
  /** Filled while sources are looked for. */
  readonly links: Map<Criterion, readonly string[]>;
  /** Chains that lead to more resources than this. */
  readonly beyond: Map<Criterion, number>;
  readonly note?: Note;
}

/** What must all hold, side by side. */
export const flatten = (where: Criterion): readonly Criterion[] =>
  where.is === 'all' ? where.of.flatMap(flatten) : [where];

/** Something that a search did. */
export type Step =
  | {
      readonly is: 'counted';
      readonly type: string;
      readonly part: Criterion;
      readonly size: number;
      readonly cap: number;
    }
  | {
      readonly is: 'followed';
      readonly type: string;
      readonly part: Criterion;
      /** Undefined where there were more than `cap`. */
      readonly size: number | undefined;
      readonly cap: number;
    }
  | {
      readonly is: 'read';
      readonly type: string;
      readonly way: 'stream' | 'gather';
      readonly part: Criterion | undefined;
      readonly key: SortKey | undefined;
    };

/** Is told of each step as it is taken. */
export type Note = (step: Step) => void;
