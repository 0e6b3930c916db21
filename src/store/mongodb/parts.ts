/** What every part of the engine on MongoDB is handed. */
import type { MongoClient } from 'mongodb';
import type { Runtime } from '../../runtime.ts';
import type { Hashing } from '../hash.ts';
import type { Collections } from './schema.ts';
import type { Common } from './sets.ts';
import type { Stamps } from './stamps.ts';

export interface Parts {
  readonly client: MongoClient;
  readonly collections: Collections;
  readonly hashing: Hashing;
  readonly common: Common;
  readonly runtime: Runtime;
  /** The store's clock in ms since 1970 UTC, which is the database's (clock.ts). Never goes back. */
  readonly now: () => number;
  readonly stamps: Stamps;
  /** Below SERVERS; no other running server has it. */
  readonly server: number;
  /** Another for each start of a server: tells it from whoever has its number later. */
  readonly boot: string;
  /** What stands in its places for transactions as long as nobody else has taken them. */
  readonly taken: string;
  readonly isSharded: boolean;
}
