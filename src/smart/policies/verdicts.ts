/** Verdicts about stored versions, remembered: neither a version nor a criterion changes, so one that asks for nothing else holds for ever. */
import type { ResourceKey } from '../../fhir/references.ts';
import { definitionsGeneration } from '../../search/knowledge.ts';
import { surelyMatches } from '../../search/match.ts';
import type { Criterion, IndexEntries } from '../../search/query.ts';
import type { Version } from '../../store/store.ts';

const MOST = 50_000;
const MOST_CRITERIA = 10_000;

export interface Verdicts {
  /** A number for the criterion, the same for all that ask the same. */
  numberOf(criterion: Criterion): number;
  /** Whether the version fulfils the criterion of that number, which must not look elsewhere. */
  on(
    criterion: Criterion,
    number: number,
    version: Pick<Version, 'key' | 'text' | 'versionId' | 'lastUpdated'>,
  ): boolean;
}

/** For one store: in another the same key is another resource. */
export function createVerdicts(extract: (text: string) => IndexEntries): Verdicts {
  const known = new Map<string, boolean>();
  const numbers = new Map<string, number>();
  let next = 0;
  let generation = definitionsGeneration();
  return {
    numberOf(criterion) {
      const text = JSON.stringify(criterion);
      let number = numbers.get(text);
      if (number === undefined) {
        // Numbers are never given twice: what is remembered under an old one is only found no more.
        if (numbers.size >= MOST_CRITERIA) numbers.clear();
        number = next++;
        numbers.set(text, number);
      }
      return number;
    },
    on(criterion, number, { key, text, versionId, lastUpdated }) {
      if (generation !== definitionsGeneration()) {
        generation = definitionsGeneration();
        known.clear();
      }
      const name = `${number} ${key.type}/${key.id} ${versionId}`;
      let held = known.get(name);
      if (held === undefined) {
        held = surelyMatches(criterion, extract(text), key as ResourceKey, lastUpdated);
        if (known.size >= MOST) known.delete(known.keys().next().value!);
        known.set(name, held);
      }
      return held;
    },
  };
}
