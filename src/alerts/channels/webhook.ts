/** Webhook: one call for each message, signed as those of Subscriptions are. docs/escalation.md#channels */
import type { GuardedClient } from '../../outbound/guarded-client.ts';
import { sign } from '../../outbound/signing.ts';
import type { Runtime } from '../../runtime.ts';
import type { Channel } from './channel.ts';
import { answered, attempt } from './reply.ts';

export const webhook = (
  client: Pick<GuardedClient, 'send'>,
  runtime: Pick<Runtime, 'now'>,
  secret: string,
): Channel => ({
  kind: 'webhook',
  send({ id, to, subject, text, link, priority, about }, signal) {
    const timestamp = Math.floor(runtime.now() / 1_000);
    const body = JSON.stringify({ id, subject, text, link, priority, about });
    const headers = {
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': String(timestamp),
      'webhook-signature': sign([secret], id, timestamp, body),
    };
    return attempt(async () =>
      answered(await client.send({ url: to.value, method: 'POST', headers, body, signal }), runtime.now(), [404, 410]),
    );
  },
});
