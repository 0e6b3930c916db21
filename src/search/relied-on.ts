/** Which search parameters an answer to a query relies on, told from the names of the entries that it asks for. See query.ts */
import type { Criterion, SearchQuery, SortKey } from './query.ts';

/** `<Type>.<code>` of every parameter that an answer to the query relies on. */
export function* reliedOn({ where, sort, also = [], includes, includable = {} }: SearchQuery): Iterable<string> {
  for (const asked of [{ where, sort }, ...also]) {
    yield* namesOf(asked.where);
    for (const key of asked.sort) yield* sorted(key);
  }
  for (const { name } of includes) if (name !== undefined) yield name;
  for (const criterion of Object.values(includable)) yield* namesOf(criterion);
}

function* namesOf(criterion: Criterion): Iterable<string> {
  if ('name' in criterion) yield* parametersBehind(criterion);
  if (criterion.is === 'all' || criterion.is === 'any' || criterion.is === 'together') {
    for (const part of criterion.of) yield* namesOf(part);
  }
  if (criterion.is === 'not') yield* namesOf(criterion.of);
  if (criterion.is === 'refers' || criterion.is === 'referred') yield* namesOf(criterion.where);
}

/**
 * What stands beside a parameter's entries is named after it: `Patient.code:text`, `Observation.value-quantity||mg`; whether
 * it has any, under one name for all of a type: `Patient.:missing`.
 */
function* parametersBehind({ name, first = '' }: { name: string; first?: string }): Iterable<string> {
  const [own, type, isMissing] = /^(\w+\.)(?:(:missing$)|[\w-]+)/.exec(name) ?? [name];
  yield isMissing === undefined ? own : `${type}${first}`;
}

function* sorted(key: SortKey): Iterable<string> {
  if (key.by !== 'id') yield* parametersBehind(key);
}
