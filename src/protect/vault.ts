/** Where the credentials of makers are kept: each encrypted under a key of its own, which is wrapped under the vault's key. docs/credentials.md */
import type { Credentials, Environment } from '../outbound/maker.ts';
import type { Change } from '../store/store.ts';

/** What may be told of a credential. */
export interface ListedCredential {
  readonly maker: string;
  readonly environment: Environment;
  /** Names of what it holds: `client_id`, `api_key`; never a value. */
  readonly members: readonly string[];
  readonly created: number;
  readonly by: string;
  /** Name of the key that it is wrapped under. */
  readonly key: string;
  /** Until when the one before is valid beside it. */
  readonly previousUntil?: number;
}

export interface PutOptions {
  /** Who stores it, such as `Client/admin`. */
  readonly by: string;
  /** Milliseconds for which the one before stays valid. */
  readonly overlap: number;
}

export interface Rewrapped {
  readonly rewrapped: number;
  readonly already: number;
}

export interface Vault {
  /** Stores a credential, and what else is handed over, in one commit. Refused with a sentence where there is no key in production. */
  put(maker: string, credentials: Credentials, options: PutOptions, also?: readonly Change[]): Promise<void>;
  /** The changes that store it, for a commit of somebody else; a conflict means: ask again. */
  changes(maker: string, credentials: Credentials, options: PutOptions): Promise<readonly Change[]>;
  /** The newest credential. */
  open(maker: string, environment: Environment): Promise<Credentials | undefined>;
  /** Those that are valid now, the newest first. */
  valid(maker: string, environment: Environment): Promise<readonly Credentials[]>;
  /** Environment of the maker's newest credential. */
  environment(maker: string): Promise<Environment | undefined>;
  list(): Promise<readonly ListedCredential[]>;
  /** False where there was none. */
  remove(maker: string, environment: Environment, also?: readonly Change[]): Promise<boolean>;
  /** Wraps everything under the first key anew; what is done is done, so it may be stopped and asked again. */
  rotateKey(): Promise<Rewrapped>;
}
