/** I39: receivers that lead elsewhere, never end, drown in headers or set cookies; and what a Subscription's secrets become. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { besiege, type Siege } from './siege.ts';

interface Receiver {
  readonly at: string;
  readonly calls: IncomingMessage[];
  /** Bytes of answers that the server took or that lie in buffers of the system. */
  sent: number;
  readonly server: Server;
}

async function receiver(answer: (response: ServerResponse, receiver: Receiver) => void): Promise<Receiver> {
  const server = createServer({ maxHeaderSize: 1_048_576 }, (request, response) => {
    self.calls.push(request);
    request.resume();
    response.on('error', () => undefined);
    answer(response, self);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const self: Receiver = { at: `127.0.0.1:${(server.address() as AddressInfo).port}`, calls: [], sent: 0, server };
  return self;
}

let siege: Siege;
let trap: Receiver;
let good: Receiver;
let receivers: Readonly<Record<string, Receiver>>;

function pour(response: ServerResponse, self: Receiver): void {
  const block = Buffer.alloc(65_536, 'x');
  response.writeHead(200, { 'Content-Length': '1000000000' });
  const more = () => {
    while (!response.destroyed) {
      self.sent += block.length;
      if (!response.write(block)) break;
    }
  };
  response.on('drain', more);
  more();
}

beforeAll(async () => {
  trap = await receiver((response) => response.writeHead(200).end());
  good = await receiver((response) => response.writeHead(200, { 'Set-Cookie': 'a=b; Path=/' }).end());
  const elsewhere = { Location: `http://${trap.at}/latest/meta-data/` };
  receivers = {
    'answers 301': await receiver((response) => response.writeHead(301, elsewhere).end()),
    'answers 302': await receiver((response) => response.writeHead(302, elsewhere).end()),
    'answers 303': await receiver((response) => response.writeHead(303, elsewhere).end()),
    'answers 307': await receiver((response) => response.writeHead(307, elsewhere).end()),
    'answers 308': await receiver((response) => response.writeHead(308, elsewhere).end()),
    'answers with 10,000 headers': await receiver((response) => {
      for (let i = 0; i < 10_000; i++) response.setHeader(`X-Header-${i}`, 'aaaaaaaa');
      response.writeHead(200).end();
    }),
    'answers 100 and nothing after': await receiver((response) => response.writeContinue()),
    'hangs up': await receiver((response) => response.destroy()),
    'answers 500 with a page': await receiver((response) => response.writeHead(500).end('<html>'.repeat(1_000))),
    'answers with 1 GB': await receiver(pour),
  };
  const all = [trap, good, ...Object.values(receivers)];
  siege = await besiege({ WATCHFIRE_OUTBOUND_ALLOW: all.map(({ at }) => at).join() });
  for (const [position, { at }] of [good, ...Object.values(receivers)].entries()) {
    const created = await siege.ask('POST', '/fhir/Subscription', {
      resourceType: 'Subscription',
      status: 'requested',
      reason: `hostile ${position}`,
      criteria: 'Organization?name=webhook',
      channel: {
        type: 'rest-hook',
        endpoint: `http://${at}/hook`,
        payload: 'application/fhir+json',
        header: ['Authorization: Bearer top-secret-of-the-receiver'],
      },
    });
    if (created.status !== 201) throw new Error(`no Subscription: ${created.status} ${created.text}`);
  }
  for (let i = 0; i < 3; i++)
    await siege.ask('POST', '/fhir/Organization', { resourceType: 'Organization', name: 'webhook' });
});

afterAll(async () => {
  await siege?.end();
  for (const { server } of [trap, good, ...Object.values(receivers ?? {})]) {
    server?.closeAllConnections();
    server?.close();
  }
});

/** True as soon as `fact` holds; false when it does not within the time. */
async function eventually(fact: () => boolean, seconds = 40): Promise<boolean> {
  for (const end = Date.now() + seconds * 1_000; Date.now() < end; ) {
    if (fact()) return true;
    await new Promise((go) => setTimeout(go, 25));
  }
  return fact();
}

const numberOf = ({ headers }: IncomingMessage): number => Number(String(headers['webhook-id']).split('_').at(-1));

describe('a receiver', () => {
  it.each([
    'answers 301',
    'answers 302',
    'answers 303',
    'answers 307',
    'answers 308',
    'answers with 10,000 headers',
    'hangs up',
    'answers 500 with a page',
  ])('that %s has failed, and gets the same event again', async (which) => {
    const { calls } = receivers[which]!;

    expect(await eventually(() => calls.length >= 2)).toBe(true);
    expect(calls.slice(0, 2).map(numberOf)).toEqual([1, 1]);
  });

  it('that answers with 1 GB is not listened to', async () => {
    const listened = receivers['answers with 1 GB']!;
    await eventually(() => listened.calls.length >= 1);
    // What was written before the connection closed lies in buffers on both sides, some megabytes at the most.
    expect(await eventually(() => listened.calls[0]!.destroyed)).toBe(true);
    expect(listened.sent / listened.calls.length).toBeLessThan(50_000_000);
  });

  it('is never led to by another', async () => {
    expect(await eventually(() => good.calls.length >= 3)).toBe(true);
    expect(trap.calls).toHaveLength(0);
  });

  it('that behaves is not kept waiting by those that do not, and gets its cookies back from nobody', async () => {
    expect(await eventually(() => good.calls.length >= 3)).toBe(true);
    expect(good.calls.slice(0, 3).map(numberOf)).toEqual([1, 2, 3]);
    for (const { headers } of good.calls) expect(headers.cookie).toBeUndefined();
  });

  it('has headers that come back to nobody who reads the Subscription', async () => {
    const found = await siege.ask('GET', '/fhir/Subscription?_count=100');

    expect(found.body.entry.length).toBeGreaterThanOrEqual(11);
    expect(found.text).not.toContain('top-secret-of-the-receiver');
  });

  it('is spoken of in the log without its address, its headers or what it answered', async () => {
    const { code, output, isClean } = await siege.end();

    expect(code).toBe(0);
    expect(output).not.toMatch(/top-secret-of-the-receiver|\/hook|<html>/);
    expect(isClean).toBe(true);
  });
});
