/** SMS by a gateway that is told by HTTP: what it wants to be sent is data. docs/escalation.md#sms */
import type { GuardedClient } from '../../outbound/guarded-client.ts';
import type { Runtime } from '../../runtime.ts';
import type { Channel } from './channel.ts';
import { answered, attempt } from './reply.ts';

/** Of one gateway: `{to}`, `{text}`, `{id}` and `{token}` in its values are filled in. */
export interface SmsGateway {
  readonly url: string;
  readonly type: 'json' | 'form';
  readonly headers: Readonly<Record<string, string>>;
  readonly fields: Readonly<Record<string, unknown>>;
  /** Statuses that say that the number is wrong; by default 400 and 422. */
  readonly invalid: readonly number[];
}

/** Throws a sentence for what cannot be meant. */
export function readGateway(text: string): SmsGateway {
  const { url, type = 'json', headers = {}, fields, invalid = [400, 422] } = JSON.parse(text);
  if (typeof url !== 'string' || !URL.canParse(url)) throw new Error('the SMS gateway has no url');
  if (type !== 'json' && type !== 'form') throw new Error('type of the SMS gateway is json or form');
  const written = JSON.stringify(fields ?? {});
  if (!written.includes('{to}') || !written.includes('{text}'))
    throw new Error('fields of the SMS gateway name {to} and {text}');
  return { url, type, headers, fields, invalid };
}

type Values = Readonly<Record<string, string>>;

/** In strings alone, wherever they stand: a value can never become structure. */
function filled(template: unknown, values: Values): unknown {
  if (typeof template === 'string') return template.replace(/\{(to|text|id|token)\}/g, (_, name) => values[name]!);
  if (Array.isArray(template)) return template.map((one) => filled(one, values));
  if (typeof template === 'object' && template !== null)
    return Object.fromEntries(Object.entries(template).map(([name, one]) => [name, filled(one, values)]));
  return template;
}

/** Digits, with a plus where it had one; undefined for what is no number. */
function phoneNumber(text: string): string | undefined {
  const number = text.replace(/^tel:/, '').replace(/[\s().-]/g, '');
  return /^\+?\d{5,15}$/.test(number) ? number : undefined;
}

export const sms = (
  client: Pick<GuardedClient, 'send'>,
  runtime: Pick<Runtime, 'now'>,
  { url, type, headers, fields, invalid }: SmsGateway,
  token: string,
): Channel => ({
  kind: 'sms',
  async send({ id, to, text, link }, signal) {
    const number = phoneNumber(to.value);
    if (number === undefined) return { failed: 'invalid-phone-number', reason: 'The number is none', isFinal: true };
    const values = { to: number, text: link === undefined ? text : `${text} ${link}`, id, token };
    const sent = filled(fields, values) as Record<string, string>;
    const call = {
      url,
      method: 'POST',
      headers: {
        'content-type': type === 'json' ? 'application/json' : 'application/x-www-form-urlencoded',
        ...(filled(headers, values) as Record<string, string>),
      },
      body: type === 'json' ? JSON.stringify(sent) : new URLSearchParams(sent).toString(),
      signal,
    } as const;
    return attempt(async () => answered(await client.send(call), runtime.now(), invalid, 'invalid-phone-number'));
  },
});
