/** What follows from writing a SearchParameter: it is checked, takes its codes, and a job is asked for that indexes older resources with it, or takes its references out again. https://hl7.org/fhir/R4/searchparameter.html */
import type { Resource } from '../fhir/references.ts';
import type { Derive, Pending } from '../interactions/interaction.ts';
import { keptNow } from '../interactions/pending.ts';
import { freshId, type Runtime } from '../runtime.ts';
import { customDefinition, refused } from '../search/custom.ts';
import type { Definition } from '../search/knowledge.ts';
import type { Change, Look } from '../store/store.ts';
import { cancelled, type KeptCode, type KeptParameter, kinds, newJob, putJob } from './kept.ts';

type Random = Pick<Runtime, 'now' | 'random'>;

/** What is done on a write of a SearchParameter; see {@link whatFollows}. */
export const followSearchParameter =
  (runtime: Random): Derive =>
  ({ key: { id }, after }, pending, look, { now }) =>
    whatFollows({ id, after, pending, look, now, runtime });

export interface WrittenParameter {
  readonly id: string;
  /** Undefined where it was deleted. */
  readonly after: Resource | undefined;
  readonly pending: Pending;
  readonly look: Look;
  readonly now: number;
  readonly runtime: Random;
}

/** Refuses with 422 what could not be searched exactly, and what takes the code of another; see search/custom.ts. */
export async function whatFollows(written: WrittenParameter): Promise<readonly Change[]> {
  const { id, after, pending, look, now, runtime } = written;
  const definition = after && customDefinition({ ...after, id });
  const kept = await keptNow(kinds.parameter, id, pending, look);
  const was = kept.value as KeptParameter | undefined;
  if (was === undefined && definition === undefined) return [];
  if (was && definition && JSON.stringify(was.definition) === JSON.stringify(definition)) return [];
  const changes: Change[] = [];
  if (was) changes.push(...(await cancelled(was.job, look, now)));
  const codes = definition ? codesOf(definition) : [];
  for (const code of was ? codesOf(was.definition) : []) {
    if (!codes.includes(code)) changes.push({ op: 'drop', kind: kinds.code, key: code });
  }
  const left = was ? leftBy(was.definition, definition) : [];
  if (left.length > 0) changes.push(putJob(freshId(runtime), { ...newJob(left, now), leaving: id }, 'absent'));
  if (definition === undefined) return [...changes, { op: 'drop', kind: kinds.parameter, key: id }];
  for (const code of codes) changes.push(...(await taken(code, id, pending, look)));
  const job = freshId(runtime);
  const value: KeptParameter = { definition, job, indexed: false };
  return [
    ...changes,
    { op: 'put', kind: kinds.parameter, key: id, value, expect: kept.expect },
    putJob(job, newJob(definition.base, now, id), 'absent'),
  ];
}

/** The types whose resources still point where a reference parameter had them point: `_include=*` follows what the index has. */
const leftBy = (was: Definition, now: Definition | undefined): readonly string[] =>
  was.type !== 'reference' ? [] : was.base.filter((type) => now?.type !== 'reference' || !now.base.includes(type));

const codesOf = ({ base, code }: Definition): readonly string[] => base.map((type) => `${type}.${code}`);

async function taken(code: string, id: string, pending: Pending, look: Look): Promise<readonly Change[]> {
  const kept = await keptNow(kinds.code, code, pending, look);
  if (kept.value?.id === id) return [];
  if (kept.value !== undefined) {
    const sentence = `${code} is the code of SearchParameter/${kept.value.id} already`;
    throw refused('duplicate', sentence, 'SearchParameter.code');
  }
  return [{ op: 'put', kind: kinds.code, key: code, value: { id } satisfies KeptCode, expect: kept.expect }];
}
