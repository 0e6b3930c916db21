/** A webhook's receiver that believes nothing: it checks each signature, that numbers have no gap, and that what comes again is the same. */
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';

export interface Heard {
  /** `Observation/1`. */
  readonly reference: string;
  readonly body: string;
}

export interface Receiver {
  readonly url: string;
  /** `host:port`, for WATCHFIRE_OUTBOUND_ALLOW. */
  readonly host: string;
  /** From now on, calls of this Subscription must be signed with this secret. */
  trust(subscription: string, secret: string): void;
  /** What came for the first time, in the order of its numbers: the first is event 1. */
  heard(subscription: string): readonly Heard[];
  /** Sentences about what must never be. */
  readonly faults: readonly string[];
  /** Events that came once more, and calls that were answered with 503 on purpose. */
  readonly figures: { repeated: number; refused: number };
  /** Resolves with true when that many events were heard, with false when nothing new came for a minute. */
  until(subscription: string, events: number): Promise<boolean>;
  close(): Promise<void>;
}

/** The first call with every so manieth number is refused. */
const REFUSES = 211;
const PATIENCE = 60_000;

export async function startReceiver(): Promise<Receiver> {
  const webhooks = new Map<string, Webhook>();
  const events = new Map<string, Heard[]>();
  const refused = new Set<string>();
  const faults: string[] = [];
  const figures = { repeated: 0, refused: 0 };
  let news: () => void = () => undefined;

  function statusFor(method: string, path: string, headers: IncomingHttpHeaders, body: string): number {
    const id = String(headers['webhook-id']);
    const [, subscription, digits] = /^([A-Za-z0-9.-]+)_(\d+)$/.exec(id) ?? [];
    const webhook = webhooks.get(subscription ?? '');
    const list = events.get(subscription ?? '');
    if (!webhook || !list) return fault(`a call with the webhook-id ${id} of nobody`);
    try {
      webhook.verify(body, headers as Record<string, string>, { jsonParse: false });
    } catch {
      return fault(`${id} is not signed right`);
    }
    const reference = /^\/[^/]+\/([A-Z][A-Za-z]+\/[A-Za-z0-9.-]+)$/.exec(path)?.[1];
    if (method !== 'PUT' || !reference) return fault(`${id} came as ${method} ${path}`);
    const number = Number(digits);
    if (number > list.length + 1) return fault(`${id} came after ${list.length}`);
    if (number <= list.length) {
      figures.repeated++;
      const first = list[number - 1]!;
      return first.reference === reference && first.body === body ? 200 : fault(`${id} came again as something else`);
    }
    if (number % REFUSES === 0 && !refused.has(id)) {
      refused.add(id);
      figures.refused++;
      return 503;
    }
    list.push({ reference, body });
    news();
    return 200;
  }

  function fault(sentence: string): number {
    faults.push(sentence);
    return 400;
  }

  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('error', () => undefined); // the sender was killed in the middle of it
    request.on('end', () => {
      const status = statusFor(request.method!, request.url!, request.headers, Buffer.concat(chunks).toString('utf8'));
      response.writeHead(status).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;

  return {
    url: `http://${host}`,
    host,
    trust: (subscription, secret) => {
      webhooks.set(subscription, new Webhook(secret));
      events.set(subscription, []);
    },
    heard: (subscription) => events.get(subscription) ?? [],
    faults,
    figures,
    until: (subscription, count) =>
      new Promise((resolve) => {
        let timer: NodeJS.Timeout | undefined;
        const end = (isThere: boolean) => {
          clearTimeout(timer);
          news = () => undefined;
          resolve(isThere);
        };
        news = () => {
          clearTimeout(timer);
          if ((events.get(subscription)?.length ?? 0) >= count) return end(true);
          timer = setTimeout(() => end(false), PATIENCE);
        };
        news();
      }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
