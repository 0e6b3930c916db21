/** What no engine takes on, decided before any is asked. docs/search.md */
import { problem } from '../fhir/outcome.ts';
import type { Criterion } from './query.ts';

/** Most chains and words in one query, and most steps from its root to one of them. */
const CHAINS = 100;
const STEPS = 60;

/** Throws too-costly where the criterion asks for more chains and words than one search follows. */
export function refuseCostly(criterion: Criterion): void {
  let chains = 0;
  const count = (one: Criterion, steps: number): void => {
    if (one.is === 'all' || one.is === 'any') for (const part of one.of) count(part, steps + 1);
    else if (one.is === 'not') count(one.of, steps + 1);
    else if (one.is === 'word' || one.is === 'refers' || one.is === 'referred') {
      if (++chains > CHAINS || steps > STEPS) {
        throw problem(
          'too-costly',
          'The search has too many chains, _has conditions or words; ask in several searches',
        );
      }
      if (one.is !== 'word') count(one.where, steps + 1);
    }
  };
  count(criterion, 0);
}
