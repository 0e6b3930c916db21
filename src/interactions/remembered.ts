/** What one write has read already, it does not read again: each of four readings in a list asks who the patient is. */
import { referenceTo } from '../fhir/references.ts';
import type { Kept, Look, Version } from '../store/store.ts';

/** For one attempt: what is relied on is expected at commit, however early it was read. */
export function remembered(look: Look): Look {
  const versions = new Map<string, Promise<Version | undefined>>();
  const kept = new Map<string, Promise<Kept | undefined>>();
  return {
    get: (kind, keys) =>
      onceEach(
        kept,
        keys,
        (key) => `${kind}\n${key}`,
        (missing) => look.get(kind, missing),
      ),
    list: (kind, from, limit) => look.list(kind, from, limit),
    search: (query, after, signal) => look.search(query, after, signal),
    read: (keys) => onceEach(versions, keys, referenceTo, (missing) => look.read(missing)),
  };
}

/** Asks together for those that nobody has asked for yet. */
function onceEach<K, V>(
  known: Map<string, Promise<V>>,
  keys: readonly K[],
  nameOf: (key: K) => string,
  ask: (missing: readonly K[]) => Promise<readonly V[]>,
): Promise<V[]> {
  const missing = new Map<string, K>();
  for (const key of keys) if (!known.has(nameOf(key))) missing.set(nameOf(key), key);
  if (missing.size > 0) {
    const found = ask([...missing.values()]);
    for (const [i, name] of [...missing.keys()].entries())
      known.set(
        name,
        found.then((all) => all[i] as V),
      );
  }
  return Promise.all(keys.map((key) => known.get(nameOf(key))!));
}
