/** Web push to the browsers of a user. https://www.rfc-editor.org/rfc/rfc8030 */
import { hash } from 'node:crypto';
import type { GuardedClient } from '../../outbound/guarded-client.ts';
import { MOST_PUSHED, pushCall, type Vapid } from '../../outbound/web-push.ts';
import type { Runtime } from '../../runtime.ts';
import type { Store } from '../../store/store.ts';
import type { Channel } from './channel.ts';
import { pushKind, pushTargetAt } from './push-subscriptions.ts';
import { answered, attempt } from './reply.ts';

const HOUR = 3_600;
const urgencies = { routine: 'low', urgent: 'normal', asap: 'high', stat: 'high' } as const;
const gone = [404, 410];

/** Of a text as much as there is room for in what is written with it: the rest is behind the link. */
function fitting(text: string, write: (text: string) => string): string {
  const signs = [...text];
  for (let written = write(text); ; written = write(`${signs.join('')}…`)) {
    const over = Buffer.byteLength(written) - MOST_PUSHED;
    if (over <= 0 || signs.length === 0) return written;
    // No sign takes more than six bytes, as JSON writes it.
    signs.length -= Math.min(signs.length, Math.ceil(over / 6));
  }
}

export const webPush = (
  client: Pick<GuardedClient, 'send'>,
  runtime: Pick<Runtime, 'now' | 'random'>,
  store: Pick<Store, 'get' | 'commit'>,
  vapid: Vapid,
): Channel => ({
  kind: 'web-push',
  async send({ id, to, subject, text, link, priority, about }, signal) {
    const target = await pushTargetAt(to.value, store);
    if (!target)
      return { failed: 'recipient-unavailable', reason: 'The browser is no longer subscribed', isFinal: true };
    const pushing = {
      text: fitting(text, (body) => JSON.stringify({ id, title: subject, body, link, priority })),
      urgency: urgencies[priority],
      topic: hash('sha256', about, 'base64url').slice(0, 32),
      seconds: 4 * HOUR,
    };
    const chance = { privateKey: runtime.random(32), salt: runtime.random(16) };
    return attempt(async () => {
      const reply = await client.send({ ...pushCall(target, pushing, vapid, chance, runtime.now()), signal });
      if (gone.includes(reply.status)) await store.commit([{ op: 'drop', kind: pushKind, key: to.value }]);
      return answered(reply, runtime.now(), gone);
    });
  },
});
