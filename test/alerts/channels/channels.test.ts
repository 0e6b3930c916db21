/** Each channel against a real receiver on this machine: what arrives, what is tried again, what is given up. */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Channel, Message } from '../../../src/alerts/channels/channel.ts';
import { email } from '../../../src/alerts/channels/email.ts';
import { readGateway, sms } from '../../../src/alerts/channels/sms.ts';
import { webhook } from '../../../src/alerts/channels/webhook.ts';
import { guardedClient } from '../../../src/outbound/guarded-client.ts';
import { isSigned } from '../../../src/outbound/signing.ts';
import { readSmtpUrl, type SmtpServer, sendLetter } from '../../../src/outbound/smtp.ts';
import { systemRuntime } from '../../../src/runtime.ts';
import { message } from './message.ts';
import { type MailServer, openMailServer } from './smtp-server.ts';

const runtime = systemRuntime;
const never = new AbortController().signal;

interface Call {
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}
let calls: Call[] = [];
let answer: readonly [status: number, headers?: Record<string, string>] = [200];
const receiver = createServer(async (request, response) => {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part);
  calls.push({ headers: request.headers, body: Buffer.concat(parts) });
  response.writeHead(answer[0], answer[1]).end();
});
let url = '';
let client: ReturnType<typeof guardedClient>;
beforeAll(async () => {
  await new Promise<void>((go) => receiver.listen(0, '127.0.0.1', go));
  const host = `127.0.0.1:${(receiver.address() as AddressInfo).port}`;
  url = `http://${host}`;
  client = guardedClient({ allow: [host], runtime });
});
afterAll(async () => {
  await client.close();
  await new Promise((go) => receiver.close(go));
});
async function send(channel: Channel, to: Message, answering: typeof answer = [200]) {
  calls = [];
  answer = answering;
  return { sent: await channel.send(to, never), call: calls[0] };
}

describe('the webhook', () => {
  const secret = `whsec_${Buffer.alloc(32, 1).toString('base64')}`;
  const to = () => message({ kind: 'webhook', value: `${url}/hook` });
  const channel = () => webhook(client, runtime, secret);

  it('is signed as those of Subscriptions are', async () => {
    const { sent, call } = await send(channel(), to());
    expect(sent).toBe('sent');
    const { 'webhook-id': id, 'webhook-timestamp': at, 'webhook-signature': signature } = call!.headers as any;
    const body = call!.body.toString();
    expect(isSigned([secret], id, at, body, signature, Date.now())).toBe(true);
    expect(isSigned([secret], id, at, `${body} `, signature, Date.now())).toBe(false);
    expect(JSON.parse(body)).toEqual({
      id: '01-message',
      subject: to().subject,
      text: to().text,
      link: to().link,
      priority: 'stat',
      about: 'Flag/1',
    });
  });

  it('is tried again when its receiver wants that, and given up when it is gone', async () => {
    const busy = await send(channel(), to(), [503, { 'retry-after': '7' }]);
    expect(busy.sent).toMatchObject({ failed: 'system-error', isFinal: false, retryAfter: 7_000 });
    expect((await send(channel(), to(), [410])).sent).toMatchObject({ failed: 'recipient-unavailable', isFinal: true });
  });

  it('goes nowhere that is not allowed', async () => {
    const { sent } = await send(channel(), message({ kind: 'webhook', value: 'http://169.254.169.254/latest' }));
    expect(sent).toMatchObject({ failed: 'system-error', isFinal: true });
    expect(calls).toEqual([]);
  });
});

describe('the SMS gateway', () => {
  const gateway = (more: object = {}) =>
    readGateway(
      JSON.stringify({
        url: `${url}/sms`,
        headers: { authorization: 'Bearer {token}' },
        fields: { messages: [{ to: '{to}', body: '{text}', ref: '{id}' }], flash: true },
        ...more,
      }),
    );
  const to = (value: string) => message({ kind: 'sms', value }, { text: 'An alert "waits", {to}' });

  it('is told by a template that is data, in which no text becomes structure', async () => {
    const { sent, call } = await send(sms(client, runtime, gateway(), 's3cret'), to('+49 (170) 123-45'));
    expect(sent).toBe('sent');
    expect(call!.headers.authorization).toBe('Bearer s3cret');
    const body = `An alert "waits", {to} ${message({ kind: 'sms', value: '' }).link}`;
    expect(JSON.parse(call!.body.toString())).toEqual({
      messages: [{ to: '+4917012345', body, ref: '01-message' }],
      flash: true,
    });
  });

  it('may take a form', async () => {
    const form = gateway({ type: 'form', fields: { To: '{to}', Body: '{text}' } });
    const { call } = await send(sms(client, runtime, form, ''), to('0170 12345'));
    expect(call!.headers['content-type']).toBe('application/x-www-form-urlencoded');
    expect(new URLSearchParams(call!.body.toString()).get('To')).toBe('017012345');
  });

  it('gives up what is no number, and what the gateway calls none', async () => {
    const channel = sms(client, runtime, gateway(), '');
    const none = await send(channel, to('call me'));
    expect([none.sent, none.call]).toMatchObject([{ failed: 'invalid-phone-number', isFinal: true }, undefined]);
    expect((await send(channel, to('12345'), [422])).sent).toMatchObject({ failed: 'invalid-phone-number' });
    expect((await send(channel, to('12345'), [401])).sent).toMatchObject({ failed: 'system-error', isFinal: false });
  });

  it('is refused at start where its template names no number or text', () => {
    expect(() => readGateway('{"url":"https://x.example","fields":{"to":"{to}"}}')).toThrow('{text}');
  });
});

describe('e-mail', () => {
  const from = 'alerts@clinic.example.org';
  const over = (server: SmtpServer): Channel =>
    email((letter, signal) => sendLetter(server, letter, runtime, signal), runtime, from);
  const to = (value = 'nurse@clinic.example.org', more: Partial<Message> = {}) =>
    message({ kind: 'email', value }, more);
  const served = async <T>(server: MailServer, work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } finally {
      await server.stop();
    }
  };
  const at = ({ port, authority }: MailServer, more: Partial<SmtpServer> = {}): SmtpServer => ({
    host: 'localhost',
    port,
    security: 'starttls',
    trust: authority,
    ...more,
  });

  it('arrives over STARTTLS with a name and password, its id as the id of the message', async () => {
    const server = await openMailServer(['STARTTLS', 'AUTH PLAIN LOGIN']);
    await served(server, async () => {
      const channel = over(at(server, { user: 'clinic', password: 'right' }));
      expect(await channel.send(to(undefined, { text: '.\nÄrztin, bitte schauen' }), never)).toBe('sent');
      const [letter] = server.taken;
      expect(letter).toMatchObject({ from, to: 'nurse@clinic.example.org', isSecure: true, user: 'clinic' });
      const [head, body] = letter!.text.split('\r\n\r\n') as [string, string];
      expect(head).toContain('Message-ID: <01-message@clinic.example.org>');
      expect(head).toContain('Subject: Watchfire: a critical alert waits for you');
      expect(head).not.toMatch(/[^\x20-\x7e\r\n]/);
      expect(Buffer.from(body, 'base64').toString()).toBe(
        '.\nÄrztin, bitte schauen\n\nhttps://clinic.example.org/cardiac/?alert=1\n',
      );
    });
  });

  it('says nothing in the clear where STARTTLS is not offered, or somebody speaks before it', async () => {
    for (const [offers, injects] of [
      [[], ''],
      [['STARTTLS'], '250 injected\r\n'],
    ] as const) {
      const server = await openMailServer(offers, injects);
      await served(server, async () => {
        expect(await over(at(server)).send(to(), never)).toMatchObject({ failed: 'system-error', isFinal: false });
        expect([server.taken, server.said.filter((line) => /MAIL|AUTH/.test(line))]).toEqual([[], []]);
      });
    }
  });

  it('refuses a certificate that nobody vouches for', async () => {
    const server = await openMailServer();
    await served(server, async () => {
      const { trust: _, ...unknown } = at(server);
      expect(await over(unknown).send(to(), never)).toMatchObject({ failed: 'system-error', isFinal: false });
      expect(server.taken).toEqual([]);
    });
  });

  it('is given up where the recipient is unknown, and tried again otherwise', async () => {
    const server = await openMailServer();
    await served(server, async () => {
      server.answers.push('550 no such', '451 later');
      expect(await over(at(server)).send(to(), never)).toMatchObject({
        failed: 'recipient-unavailable',
        isFinal: true,
      });
      expect(await over(at(server)).send(to(), never)).toMatchObject({ failed: 'system-error', isFinal: false });
      const wrong = over(at(server, { user: 'clinic', password: 'wrong' }));
      expect(await wrong.send(to(), never)).toMatchObject({ failed: 'system-error', isFinal: false });
    });
    expect(await over(at(server)).send(to(), never)).toMatchObject({ failed: 'system-error', isFinal: false });
  });

  it('lets no address smuggle a command in', async () => {
    const server = await openMailServer();
    await served(server, async () => {
      for (const value of ['a@b.example>\r\nRCPT TO:<c@d.example', 'a b@c.example', 'nobody', 'ä@b.example'])
        expect(await over(at(server)).send(to(value), never)).toMatchObject({ isFinal: true });
      expect(server.said).toEqual([]);
    });
  });

  it('reads where its server is', () => {
    expect(readSmtpUrl('smtps://user%40x:p%3Aw@mail.example.org')).toEqual({
      host: 'mail.example.org',
      port: 465,
      security: 'tls',
      user: 'user@x',
      password: 'p:w',
    });
    expect(() => readSmtpUrl('https://mail.example.org')).toThrow('must be smtp://');
  });
});
