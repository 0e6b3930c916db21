/** Whether a store may be moved or served: nobody else works on it, and it is not half of another. */
import type { Engine } from '../store/engine.ts';
import { kinds as leases } from '../store/lease.ts';
import { importKind } from './portable.ts';

/** Refuses a store that a server works on. */
export async function demandQuiet(engine: Pick<Engine, 'list'>): Promise<void> {
  const [server] = await engine.list(leases.owner, '', 1);
  if (!server) return;
  throw new Error(`the server ${server.key} works on this store; stop it first, and wait 15 s where it was killed`);
}

/** Refuses a store into which an import was begun and not brought to its end. */
export async function demandWhole(engine: Pick<Engine, 'list'>): Promise<void> {
  const [progress] = await engine.list(importKind, '', 1);
  if (!progress) return;
  throw new Error(
    'the import into this store is not finished; run the same `watchfire import` again, or empty the store',
  );
}
