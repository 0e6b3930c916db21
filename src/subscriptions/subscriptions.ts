/** Starts all work on Subscriptions: the notifier that matches, and the delivery that sends. https://hl7.org/fhir/R4/subscription.html */
import type { GuardedClient } from '../outbound/guarded-client.ts';
import { restHook } from './channels/rest-hook.ts';
import { startDelivery } from './deliver.ts';
import { type NotifierParts, runNotifier } from './notifier.ts';

export type SubscriptionsParts = Omit<NotifierParts, 'delivery'> & { readonly client: Pick<GuardedClient, 'send'> };

/** Runs until the signal aborts; `stopped` resolves when nothing is under way any more and the store may close. */
export function startSubscriptions({ client, ...parts }: SubscriptionsParts): { readonly stopped: Promise<void> } {
  const delivery = startDelivery({ ...parts, channel: restHook(client, parts.runtime) });
  const run = async () => {
    await runNotifier({ ...parts, delivery });
    await delivery.rest();
  };
  return { stopped: run() };
}
