/** All operations of the server; capability/ promises exactly these. https://hl7.org/fhir/R4/operations.html */
import type { Runtime } from '../runtime.ts';
import type { Why } from '../smart/policies/why.ts';
import { type Explain, explainSearch } from './explain-search.ts';
import { lastn } from './lastn.ts';
import type { Operation } from './operation.ts';
import { type ReindexOperationParts, reindex, reindexStatus } from './reindex.ts';
import { secret } from './secret.ts';
import { why } from './why.ts';

export interface OperationsParts extends ReindexOperationParts {
  readonly runtime: Pick<Runtime, 'now' | 'random'>;
  readonly explain: Explain;
  /** Why a caller may see a resource, or may not. */
  readonly why: Why;
}

export const createOperations = (given: OperationsParts): readonly Operation[] => [
  reindex(given),
  reindexStatus(given),
  lastn(given.runtime),
  explainSearch(given.explain, given.runtime.now),
  why(given.why),
  secret(given.runtime),
];
