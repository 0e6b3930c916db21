/** rest-hook: one HTTP call per event, signed. https://hl7.org/fhir/R4/subscription.html#2.46.6.1 */
import { Problem } from '../../fhir/outcome.ts';
import type { Call, GuardedClient, Reply } from '../../outbound/guarded-client.ts';
import { sign } from '../../outbound/signing.ts';
import type { Runtime } from '../../runtime.ts';
import { readRetryAfter } from '../schedule.ts';
import type { Channel, Notification, Outcome, Target } from './channel.ts';

export const restHook = (client: Pick<GuardedClient, 'send'>, runtime: Pick<Runtime, 'now'>): Channel => ({
  async send(notification, target, signal) {
    const call = callFor(notification, target, Math.floor(runtime.now() / 1000));
    try {
      return judge(await client.send({ ...call, signal }), runtime.now());
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      return { is: 'failed', reason: error.message.replace(/^The endpoint /, '') };
    }
  },
});

function callFor({ id, key, text }: Notification, target: Target, timestamp: number): Call {
  const body = target.hasPayload ? text : '';
  const headers: Record<string, string> = {};
  for (const line of target.headerLines) {
    const at = line.indexOf(':');
    headers[line.slice(0, at)] = line.slice(at + 1).trim();
  }
  headers['webhook-id'] = id;
  headers['webhook-timestamp'] = String(timestamp);
  headers['webhook-signature'] = sign(target.secrets, id, timestamp, body);
  if (!target.hasPayload) return { url: target.endpoint, method: 'POST', headers };
  headers['content-type'] = 'application/fhir+json';
  const url = new URL(target.endpoint);
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/${key.type}/${key.id}`;
  return { url: url.href, method: 'PUT', headers, body };
}

function judge({ status, headers }: Reply, now: number): Outcome {
  if (status >= 200 && status < 300) return { is: 'accepted' };
  if (status === 410) return { is: 'gone' };
  const retryAfter = status === 429 || status === 503 ? readRetryAfter(headers['retry-after'], now) : undefined;
  return { is: 'failed', reason: `answered ${status}`, retryAfter };
}
