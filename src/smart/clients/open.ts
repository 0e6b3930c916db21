/** The room of clients on one page: registry, keys, assertions, holds. docs/clients.md */
import type { GuardedClient } from '../../outbound/guarded-client.ts';
import type { Runtime } from '../../runtime.ts';
import type { Store } from '../../store/store.ts';
import { type CheckAssertion, createCheckAssertion } from './assertion.ts';
import { type Clients, createClients } from './clients.ts';
import { createHolds, type Holds } from './holds.ts';
import { createKeySets } from './key-sets.ts';

export interface ClientRoom {
  readonly clients: Clients;
  readonly checkAssertion: CheckAssertion;
  /** For tokens, sign-in and device keys alike: one that guesses at several is one source. */
  readonly holds: Holds;
}

export interface ClientRoomParts {
  readonly store: Store;
  readonly runtime: Runtime;
  readonly client: Pick<GuardedClient, 'send' | 'check'>;
  /** Names of the policies that a client can have. */
  readonly roles: readonly string[];
}

export function openClients({ store, runtime, client, roles }: ClientRoomParts): ClientRoom {
  const clients = createClients({ store, runtime, check: client.check, roles });
  const keySets = createKeySets({ send: client.send, runtime });
  const holds = createHolds(runtime);
  return {
    clients,
    checkAssertion: createCheckAssertion({ store, runtime, clients, keySets, holds }),
    holds,
  };
}
