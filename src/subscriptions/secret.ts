/** Changes the secret that a Subscription's notifications are signed with, for the administrator. */
import { problem } from '../fhir/outcome.ts';
import { secretChange } from '../operations/signing-secret.ts';
import type { Runtime } from '../runtime.ts';
import { type Change, isAbsent, type Store } from '../store/store.ts';

/** Sets the given secret, or a fresh one; throws not-found, or 422 value where the text is no secret. */
export async function setSecret(parts: {
  readonly store: Store;
  readonly runtime: Runtime;
  readonly id: string;
  readonly secret?: string;
  /** Committed with it, such as the audit row. */
  readonly also?: readonly Change[];
}): Promise<{ readonly secret: string }> {
  const { store, id, also = [] } = parts;
  const [subscription] = await store.read([{ type: 'Subscription', id }]);
  if (isAbsent(subscription)) throw problem('not-found', `Subscription/${id} was not found`);
  const { secret, change } = await secretChange(parts);
  await store.commit([change, ...also]);
  return { secret };
}
