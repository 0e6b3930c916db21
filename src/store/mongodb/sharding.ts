/** Spreads the collections over the shards of a cluster, by the keys that docs/storage-mongodb.md explains. */
import type { Db, Document } from 'mongodb';
import type { Collections } from './schema.ts';

const keys: Readonly<Partial<Record<keyof Collections, Document>>> = {
  resource: { s: 1, _id: 1 },
  version: { k: 'hashed' },
  audit: { _id: 'hashed' },
  guard: { _id: 'hashed' },
};

/** Nothing happens where it has happened. https://www.mongodb.com/docs/manual/reference/command/shardCollection/ */
export async function shardCollections(db: Db): Promise<void> {
  const admin = db.client.db('admin');
  await admin.command({ enableSharding: db.databaseName });
  for (const [name, key] of Object.entries(keys)) {
    await admin.command({ shardCollection: `${db.databaseName}.${name}`, key });
  }
}
