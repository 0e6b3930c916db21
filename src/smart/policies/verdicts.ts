/** Verdicts about stored versions, remembered: neither a version nor a criterion changes, so one that asks for nothing else holds for ever. */
import { definitionsGeneration } from '../../search/knowledge.ts';
import { surelyMatches } from '../../search/match.ts';
import type { Criterion, IndexEntries } from '../../search/query.ts';
import type { Version } from '../../store/store.ts';

const MOST = 50_000;
const MOST_CRITERIA = 10_000;

export interface Verdicts {
  /** Tells whether a version fulfils the criterion, which must not look elsewhere. All that ask the same share what is known. */
  of(criterion: Criterion): (version: Pick<Version, 'key' | 'text' | 'versionId' | 'lastUpdated'>) => boolean;
}

/** For one store: in another the same key is another resource. */
export function createVerdicts(extract: (text: string) => IndexEntries): Verdicts {
  const numbers = new Map<string, number>();
  /** By the number of the criterion and the type; what is remembered of a resource is about one version of it. */
  const known = new Map<string, Map<string, { readonly versionId: number; readonly held: boolean }>>();
  let next = 0;
  let count = 0;
  let generation = definitionsGeneration();

  function forget(): void {
    known.clear();
    count = 0;
  }

  function numberOf(criterion: Criterion): number {
    const text = JSON.stringify(criterion);
    let number = numbers.get(text);
    if (number === undefined) {
      // Numbers are never given twice: what is remembered under an old one is only found no more.
      if (numbers.size >= MOST_CRITERIA) numbers.clear();
      number = next++;
      numbers.set(text, number);
    }
    return number;
  }

  return {
    of(criterion) {
      const number = numberOf(criterion);
      return ({ key, text, versionId, lastUpdated }) => {
        if (generation !== definitionsGeneration() || count > MOST) {
          generation = definitionsGeneration();
          forget();
        }
        const name = `${number} ${key.type}`;
        let verdicts = known.get(name);
        if (!verdicts) {
          verdicts = new Map();
          known.set(name, verdicts);
        }
        const found = verdicts.get(key.id);
        if (found?.versionId === versionId) return found.held;
        const held = surelyMatches(criterion, extract(text), key, lastUpdated);
        if (!found) count++;
        verdicts.set(key.id, { versionId, held });
        return held;
      };
    },
  };
}
