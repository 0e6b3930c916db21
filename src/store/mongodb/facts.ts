/** Small facts about the store, such as its canonical base: of several servers that want to say one, the first decides. */
import type { Collection } from 'mongodb';
import { DUPLICATE_KEY } from './error-codes.ts';
import type { FactDocument } from './schema.ts';

/** Names of the facts that the engine keeps for itself. */
export const own = {
  seed: 'store.seed',
  schema: 'store.schema',
  indexVersion: 'store.index-version',
  reindexed: 'store.reindexed',
  reindexer: 'store.reindexer',
} as const;

export interface Facts {
  fact(name: string): Promise<string | undefined>;
  /** Resolves with what is kept then. */
  keepFact(name: string, value: string): Promise<string>;
  /** Whatever was kept before. */
  setFact(name: string, value: string): Promise<void>;
}

export function createFacts(facts: Collection<FactDocument>): Facts {
  const fact = async (name: string) => (await facts.findOne({ _id: name }))?.value;
  return {
    fact,
    async keepFact(name, value) {
      await facts.updateOne({ _id: name }, { $setOnInsert: { value } }, { upsert: true }).catch((error) => {
        if (error.code !== DUPLICATE_KEY) throw error;
      });
      return (await fact(name))!;
    },
    async setFact(name, value) {
      await facts.updateOne({ _id: name }, { $set: { value } }, { upsert: true });
    },
  };
}
