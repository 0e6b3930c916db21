/** A maker for tests: a server on the loopback that answers as it is told, and a client of ours that asks it in virtual time. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { guardedClient } from '../../src/outbound/guarded-client.ts';
import type { Credentials, MakerAuth, MakerClient, MakerLimits } from '../../src/outbound/maker.ts';
import { createMakerClient } from '../../src/outbound/maker-client.ts';
import { systemRuntime } from '../../src/runtime.ts';
import { createVirtualTime, type VirtualTime } from './virtual-time.ts';

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export interface Say {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  readonly body?: string | Buffer | object;
}

export type Answering = (asked: Asked, response: ServerResponse) => Say | undefined | Promise<Say | undefined>;

export const demo: Credentials = {
  client_id: 'demo',
  client_secret: 'demo secret/+%',
  api_key: 'demo-key',
  environment: 'sandbox',
};
export const withSecret: MakerAuth = { kind: 'client-secret', tokenPath: '/oauth/token', scope: 'device_data alerts' };

export interface Maker {
  readonly url: string;
  readonly asked: Asked[];
  /** Requests for a token. */
  readonly tokens: () => readonly Asked[];
  readonly data: () => readonly Asked[];
  answer: Answering;
  close(): Promise<void>;
}

export async function openMaker(answer: Answering, server: Server = createServer()): Promise<Maker> {
  const asked: Asked[] = [];
  const isToken = ({ path }: Asked) => path.startsWith('/oauth/');
  const maker = { answer };
  server.on('request', async (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const one = {
      method: request.method!,
      path: request.url!,
      headers: request.headers,
      body: Buffer.concat(chunks).toString(),
    };
    asked.push(one);
    const say = await maker.answer(one, response);
    if (!say) return;
    const { status = 200, headers = {}, body = {} } = say;
    const isText = typeof body === 'string' || Buffer.isBuffer(body);
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(isText ? body : JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    asked,
    tokens: () => asked.filter(isToken),
    data: () => asked.filter((one) => !isToken(one)),
    get answer() {
      return maker.answer;
    },
    set answer(next) {
      maker.answer = next;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Tokens t1, t2 ... that live an hour; data for whoever shows the newest. */
export function tokensAnd(data: Answering, life = 3_600): Answering {
  let given = 0;
  return (asked, response) => {
    if (asked.path.startsWith('/oauth/'))
      return { body: { access_token: `t${++given}`, token_type: 'Bearer', expires_in: life, refresh_token: 'never' } };
    if (asked.headers.authorization !== `Bearer t${given}`) return { status: 401 };
    return data(asked, response);
  };
}

export interface Caller {
  readonly client: MakerClient;
  readonly time: VirtualTime;
  /** In virtual time. */
  readonly get: (path?: string) => ReturnType<MakerClient['call']>;
  close(): Promise<void>;
}

export function callerOf(
  maker: Maker,
  {
    auth = withSecret,
    credentials = async () => [demo],
    limits = {},
    trust,
    time = createVirtualTime(),
  }: {
    readonly auth?: MakerAuth | readonly MakerAuth[];
    readonly credentials?: () => Promise<readonly Credentials[]>;
    readonly limits?: Partial<MakerLimits>;
    readonly trust?: string;
    readonly time?: VirtualTime;
  } = {},
): Caller {
  const transport = guardedClient({
    allow: [new URL(maker.url).host],
    runtime: systemRuntime,
    ...(trust !== undefined && { trust }),
  });
  const client = createMakerClient({
    name: 'boston-scientific',
    base: maker.url,
    auth,
    credentials,
    transport: time.watched(transport),
    runtime: time.runtime,
    limits: { atATime: 300, perMinute: 10_000, ...limits },
  });
  return {
    client,
    time,
    get: (path = '/devices/1') => time.settle(client.call({ method: 'GET', path })),
    close: () => transport.close(),
  };
}
