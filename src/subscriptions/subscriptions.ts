/** Starts all work on Subscriptions: the notifier that matches, and the delivery that sends. https://hl7.org/fhir/R4/subscription.html */
import type { GuardedClient } from '../outbound/guarded-client.ts';
import { restHook } from './channels/rest-hook.ts';
import { startDelivery } from './deliver.ts';
import { type NotifierParts, runNotifier } from './notifier.ts';

export type SubscriptionsParts = Omit<NotifierParts, 'delivery'> & { readonly client: Pick<GuardedClient, 'send'> };

/** Runs until the signal aborts; `stopped` resolves when the notifier has come to rest. */
export function startSubscriptions({ client, ...parts }: SubscriptionsParts): { readonly stopped: Promise<void> } {
  const delivery = startDelivery({ ...parts, channel: restHook(client, parts.runtime) });
  return { stopped: delivery.ready.then(() => runNotifier({ ...parts, delivery })) };
}
