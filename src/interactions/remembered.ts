/** What one write has read already, it does not read again: each of four readings in a list asks who the patient is. */
import { type ResourceKey, referenceTo } from '../fhir/references.ts';
import type { Look, Version } from '../store/store.ts';

/** For one attempt: what is relied on is expected at commit, however early it was read. */
export function remembered(look: Look): Look {
  const known = new Map<string, Promise<Version | undefined>>();
  return {
    get: (kind, keys) => look.get(kind, keys),
    list: (kind, from, limit) => look.list(kind, from, limit),
    search: (query, after, signal) => look.search(query, after, signal),
    read(keys) {
      const missing = new Map<string, ResourceKey>();
      for (const key of keys) if (!known.has(referenceTo(key))) missing.set(referenceTo(key), key);
      if (missing.size > 0) {
        const found = look.read([...missing.values()]);
        for (const [i, name] of [...missing.keys()].entries())
          known.set(
            name,
            found.then((versions) => versions[i]),
          );
      }
      return Promise.all(keys.map((key) => known.get(referenceTo(key))!));
    },
  };
}
