/** The channels that a server is configured for. docs/escalation.md#channels */
import { readFileSync } from 'node:fs';
import type { Config } from '../../config.ts';
import type { GuardedClient } from '../../outbound/guarded-client.ts';
import { sendLetter } from '../../outbound/smtp.ts';
import type { Runtime } from '../../runtime.ts';
import type { Engine } from '../../store/engine.ts';
import type { Channel, Channels } from './channel.ts';
import { email } from './email.ts';
import { readGateway, sms } from './sms.ts';
import { webPush } from './web-push.ts';
import { webhook } from './webhook.ts';

/** 32 bytes, made at the first start; browsers subscribe for it. */
export async function pushKeyOf(
  facts: Pick<Engine, 'keepFact'>,
  runtime: Pick<Runtime, 'random'>,
): Promise<Uint8Array> {
  const fresh = Buffer.from(runtime.random(32)).toString('base64');
  return Buffer.from(await facts.keepFact('push-key', fresh), 'base64');
}

/** Throws a sentence where a file that a setting names cannot be meant. */
export function openChannels(parts: {
  readonly config: Config;
  readonly client: GuardedClient;
  readonly runtime: Runtime;
  readonly store: Engine;
  readonly pushKey: Uint8Array;
}): Channels {
  const { config, client, runtime, store, pushKey } = parts;
  const channels: Channel[] = [];
  if (config.alertWebhookSecret !== undefined) channels.push(webhook(client, runtime, config.alertWebhookSecret));
  if (config.smtp && config.smtpFrom !== undefined) {
    const trust = config.smtpAuthority === undefined ? undefined : readFileSync(config.smtpAuthority, 'utf8');
    const server = { ...config.smtp, ...(trust !== undefined && { trust }) };
    channels.push(email((letter, signal) => sendLetter(server, letter, runtime, signal), runtime, config.smtpFrom));
  }
  if (config.smsGateway !== undefined) {
    const gateway = readGateway(readFileSync(config.smsGateway, 'utf8'));
    channels.push(sms(client, runtime, gateway, config.smsToken ?? ''));
  }
  if (config.pushContact !== undefined) {
    channels.push(webPush(client, runtime, store, { privateKey: pushKey, contact: config.pushContact }));
  }
  return new Map(channels.map((channel) => [channel.kind, channel]));
}
