/** Opens the vault with the keys that are configured, and the way out to makers; what an earlier system stored is taken over. docs/credentials.md */
import type { Config } from '../config.ts';
import type { Log } from '../log.ts';
import { hostAndPort } from '../outbound/endpoint.ts';
import { type GuardedClient, guardedClient } from '../outbound/guarded-client.ts';
import { inDataFolder } from '../process/data-folder.ts';
import type { Runtime } from '../runtime.ts';
import type { Store } from '../store/store.ts';
import { environmentSet, hostsOfMakers } from './maker-settings.ts';
import { outsideKey } from './outside-key.ts';
import { takeOver } from './take-over.ts';
import { createVault, type Vault } from './vault.ts';
import { openKeyRing } from './vault-keys.ts';

export interface VaultRoom {
  readonly vault: Vault;
  /**
   * What the operator names may be reached wherever it is: makers and the key service. A way of its own, since who may
   * register a Subscription must not reach them.
   */
  readonly client: GuardedClient;
}

export interface OpenVaultParts {
  readonly store: Store;
  readonly runtime: Runtime;
  readonly config: Config;
  /** Names of the folders of makers. */
  readonly known: readonly string[];
  readonly log: Log;
  /** Closes the way out when it aborts. */
  readonly signal: AbortSignal;
}

/** Throws ConfigError for a setting that cannot be used. */
export async function openVault({ store, runtime, config, known, log, signal }: OpenVaultParts): Promise<VaultRoom> {
  const { makers, vaultKeyService: url, vaultKeyServiceToken: token, credentialStoragePath: path } = config;
  for (const maker of known) environmentSet(maker, makers);
  const own = [...hostsOfMakers(known, makers), ...(url === undefined ? [] : [hostAndPort(new URL(url))])];
  const client = guardedClient({ allow: [...config.outboundAllow, ...own], runtime });
  signal.addEventListener('abort', () => void client.close(), { once: true });
  const service = url === undefined ? undefined : outsideKey({ url, token, client });
  const ring = inDataFolder(config.data, () => openKeyRing(config, runtime, service));
  const vault = createVault({ store, runtime, ring });
  if (path !== undefined) await takeOver({ path, texts: ring.texts, known, vault, store, log });
  return { vault, client };
}
