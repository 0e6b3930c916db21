/** Who is told of alerts: a receiver that believes no call that is not signed, and refuses some on purpose. docs/escalation.md */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';

export interface Message {
  /** `Flag/1`. */
  readonly about: string;
  readonly priority: string;
  /** When it came for the first time, of performance.now(). */
  readonly at: number;
  calls: number;
}

export interface Inbox {
  readonly settings: Readonly<Record<string, string>>;
  /** By webhook-id. */
  readonly messages: ReadonlyMap<string, Message>;
  readonly faults: readonly string[];
  refused(): number;
  close(): Promise<void>;
}

/** Every so manieth message is refused when it comes for the first time. */
const REFUSES = 97;

export async function openInbox(): Promise<Inbox> {
  const secret = `whsec_${Buffer.alloc(32, 5).toString('base64')}`;
  const webhook = new Webhook(secret);
  const messages = new Map<string, Message>();
  const refused = new Set<string>();
  const faults: string[] = [];
  let seen = 0;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('error', () => undefined); // the sender was killed in the middle of it
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      const at = performance.now();
      const text = Buffer.concat(chunks).toString('utf8');
      const id = String(request.headers['webhook-id']);
      try {
        webhook.verify(text, request.headers as Record<string, string>, { jsonParse: false });
      } catch {
        faults.push(`${id} is not signed right`);
      }
      const known = messages.get(id);
      if (!known && !refused.has(id) && ++seen % REFUSES === 0) {
        refused.add(id);
        response.writeHead(503).end();
        return;
      }
      const { about, priority } = JSON.parse(text);
      if (!known) messages.set(id, { about, priority, at, calls: 1 });
      else if (known.about !== about) faults.push(`${id} came again about something else`);
      else known.calls++;
      response.writeHead(200).end();
    });
  });
  await new Promise<void>((go) => server.listen(0, '127.0.0.1', go));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    settings: {
      WATCHFIRE_OUTBOUND_ALLOW: host,
      WATCHFIRE_ALERT_INBOX: `http://${host}/inbox`,
      WATCHFIRE_ALERT_WEBHOOK_SECRET: secret,
    },
    messages,
    faults,
    refused: () => refused.size,
    close: () =>
      new Promise((go) => {
        server.close(() => go());
        server.closeAllConnections();
      }),
  };
}
