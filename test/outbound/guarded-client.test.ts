/** P27, I38, I39: outgoing calls reach only allowed places, and end in time and size. */
import { createServer, type Server } from 'node:http';
import { type AddressInfo, createServer as createSocketServer, type Server as SocketServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { isBlockedAddress } from '../../src/outbound/addresses.ts';
import { readAllowList } from '../../src/outbound/endpoint.ts';
import { type GuardedClient, guardedClient } from '../../src/outbound/guarded-client.ts';
import { type Runtime, systemRuntime } from '../../src/runtime.ts';

/** Counts every connection on all loopback and local addresses. */
let trap: SocketServer;
let trapPort: number;
let trapped = 0;
let receiver: Server;
let receiverPort: number;
const clients: GuardedClient[] = [];

const listening = (server: SocketServer, host: string): Promise<number> =>
  new Promise((resolve) => server.listen(0, host, () => resolve((server.address() as AddressInfo).port)));

beforeAll(async () => {
  trap = createSocketServer((socket) => {
    trapped++;
    socket.destroy();
  });
  trapPort = await listening(trap, '::');
  receiver = createServer((request, response) => answer(request.url ?? '', response));
  receiverPort = await listening(receiver, '127.0.0.1');
});

afterAll(async () => {
  for (const client of clients) await client.close();
  receiver.closeAllConnections();
  await new Promise((resolve) => receiver.close(resolve));
  await new Promise((resolve) => trap.close(resolve));
});

let sentBytes = 0;
function answer(path: string, response: import('node:http').ServerResponse): void {
  if (path === '/redirect') response.writeHead(302, { location: `http://127.0.0.1:${trapPort}/` }).end();
  else if (path === '/huge') pour(response);
  else if (path === '/drip') drip(response);
  else if (path === '/silent') return;
  else if (path === '/many-headers') {
    for (let i = 0; i < 1_500; i++) response.setHeader(`x-h${i}`, 'some value that takes room');
    response.end();
  } else response.writeHead(200, { 'set-cookie': 'a=b', 'retry-after': '7' }).end('ok');
}

function pour(response: import('node:http').ServerResponse): void {
  const chunk = Buffer.alloc(65_536, 97);
  const more = () => {
    while (sentBytes < 1_000_000_000 && !response.destroyed) {
      sentBytes += chunk.length;
      if (!response.write(chunk)) return;
    }
  };
  response.on('drain', more);
  more();
}

function drip(response: import('node:http').ServerResponse): void {
  const timer = setInterval(() => response.write('.'), 5);
  response.on('close', () => clearInterval(timer));
}

/** The system's clock, but 15 s pass in 150 ms. */
const hurried: Runtime = { ...systemRuntime, sleep: (ms, signal) => systemRuntime.sleep(ms / 100, signal) };

function client(options: { allow?: string[]; addresses?: string[][]; runtime?: Runtime } = {}): GuardedClient {
  const answers = [...(options.addresses ?? [])];
  const made = guardedClient({
    allow: options.allow ?? [],
    runtime: options.runtime ?? systemRuntime,
    connections: 1,
    resolve: async () => (answers.length > 1 ? answers.shift()! : (answers[0] ?? ['127.0.0.1'])),
  });
  clients.push(made);
  return made;
}

const get = (url: string) => ({ url, method: 'GET', headers: {} }) as const;

const fullWidth = '\uff11\uff12\uff17.\uff10.\uff10.\uff11';
const loopbackHosts = [
  '127.0.0.1',
  '127.1',
  '127.0.1',
  '127.255.255.254',
  '2130706433',
  '0x7f.1',
  '0x7f000001',
  '0X7F.0.0.1',
  '0177.0.0.1',
  '017700000001',
  '0',
  '0.0.0.0',
  fullWidth,
  '127\u30020\u30020\u30021',
  '%31%32%37.0.0.1',
  '127.0.0.1.',
  'localhost',
  'LOCALHOST',
  'localhost.',
  'foo.localhost',
  'foo.localhost.',
  '\u24db\u24de\u24d2\u24d0\u24db\u24d7\u24de\u24e2\u24e3',
  '[::1]',
  '[0:0:0:0:0:0:0:1]',
  '[::]',
  '[::ffff:127.0.0.1]',
  '[::ffff:7f00:1]',
  '[::7f00:1]',
  '[::127.0.0.1]',
  '[::ffff:0:7f00:1]',
  '[64:ff9b::7f00:1]',
  '[64:ff9b:1::7f00:1]',
  '[2002:7f00:1::]',
  '[2001:0:7f00:1::]',
];
const otherHosts = [
  '10.0.0.1',
  '172.16.0.1',
  '172.31.255.255',
  '192.168.1.1',
  '169.254.169.254',
  '2852039166',
  '0xa9fea9fe',
  '100.64.0.1',
  '224.0.0.1',
  '255.255.255.255',
  '240.0.0.1',
  '192.0.2.1',
  '198.18.0.1',
  '198.51.100.1',
  '203.0.113.1',
  '[fe80::1]',
  '[fc00::1]',
  '[fd12:3456::1]',
  '[fec0::1]',
  '[ff02::1]',
  '[2001:db8::1]',
  '[::ffff:a9fe:a9fe]',
  'metadata.google.internal',
  'intranet',
  'printer.local',
];

describe('an endpoint that is not plainly public', () => {
  const forms = [...loopbackHosts, ...otherHosts].flatMap((host) => [
    `https://${host}:PORT/hook`,
    `http://${host}:PORT/`,
  ]);
  const oddForms = [
    'file:///etc/passwd',
    'gopher://example.org:70/',
    'ftp://example.org/',
    'data:text/plain,hello',
    'javascript:alert(1)',
    '//example.org/',
    'example.org',
    '',
    'https://',
    'https://user@example.org/',
    'https://user:password@example.org/',
    'https://example.org@127.0.0.1:PORT/',
    'https://example.org%40127.0.0.1:PORT/',
    'https://@example.org/',
    'https:\\\\127.0.0.1:PORT\\',
    'https://example.org\\@127.0.0.1:PORT/',
    'https://127.0.0.1:PORT#@example.org/',
    'https://exam\nple.org/',
    ' https://example.org/',
    'https://example.org/\t',
    'https://example.org/#fragment',
    'https://example.org:22/',
    'https://example.org:25/',
    'https://example.org:6379/',
    'https://example.org:5432/',
    'https://example.org:27017/',
    'https://example.org:0/',
    'https://example.org:99999/',
    'http://example.org/',
    'http://example.org:443/',
    'https://example..org../',
    `https://example.org/${'a'.repeat(2100)}`,
  ];

  it('is refused when it is handed in and when it is called, in every spelling, without a connection', async () => {
    const guarded = client();
    const urls = [...forms, ...oddForms].map((form) => form.replace('PORT', String(trapPort)));
    expect(urls.length).toBeGreaterThanOrEqual(60);
    for (const url of urls) {
      expect([url, guarded.check(url)?.status, guarded.check(url)?.code]).toEqual([url, 422, 'business-rule']);
      await expect(guarded.send(get(url))).rejects.toMatchObject({ status: 422 });
    }
    expect(trapped).toBe(0);
  });

  it('is refused when a name leads to it, and when a name that was good yesterday leads to it today', async () => {
    const addresses = ['127.0.0.1', '::1', '::ffff:127.0.0.1', '64:ff9b::7f00:1', '10.1.1.1', '::7f00:1', 'fe80::1%lo'];
    for (const address of addresses) {
      const guarded = client({ addresses: [[address]] });
      const url = `https://rebind.example.org:${trapPort}/`;
      expect(guarded.check(url)).toBeUndefined();
      await expect(guarded.send(get(url))).rejects.toMatchObject({ status: 422 });
    }
    const mixed = client({ addresses: [['93.184.215.14', '127.0.0.1']] });
    await expect(mixed.send(get(`https://rebind.example.org:${trapPort}/`))).rejects.toMatchObject({ status: 422 });
    expect(trapped).toBe(0);
  });

  it('is asked for once per connection: a second answer of the resolver is never used', async () => {
    const name = `changes.example.org:${receiverPort}`;
    const guarded = client({ allow: [name], addresses: [['127.0.0.1'], ['::1']] });
    const replies = [await guarded.send(get(`http://${name}/`)), await guarded.send(get(`http://${name}/`))];
    expect(replies.map(({ status }) => status)).toEqual([200, 200]);
    expect(trapped).toBe(0);
  });

  it('differs from public ones', () => {
    expect(client().check('https://ehr.example.org/fhir')).toBeUndefined();
    expect(client().check('https://ehr.example.org:8443/fhir?tenant=1')).toBeUndefined();
    expect(client().check('https://93.184.215.14/')).toBeUndefined();
    expect(['8.8.8.8', '2606:4700::1111', '172.32.0.1', '100.128.0.1', '11.0.0.1'].filter(isBlockedAddress)).toEqual(
      [],
    );
    expect(isBlockedAddress('not an address')).toBe(true);
  });
});

describe('the allow-list', () => {
  it('opens exactly the host and port that it names', async () => {
    const guarded = client({ allow: [`127.0.0.1:${receiverPort}`] });
    expect((await guarded.send(get(`http://127.0.0.1:${receiverPort}/`))).body).toBe('ok');
    expect((await guarded.send(get(`http://2130706433:${receiverPort}/`))).status).toBe(200);
    for (const other of [
      `http://127.0.0.2:${receiverPort}/`,
      `http://127.0.0.1:${trapPort}/`,
      `http://localhost:${receiverPort}/`,
    ]) {
      expect(guarded.check(other)?.status).toBe(422);
      await expect(guarded.send(get(other))).rejects.toMatchObject({ status: 422 });
    }
    expect(trapped).toBe(0);
  });

  it('refuses entries that are not host:port', () => {
    expect([...readAllowList(['Receiver.example:80', '[::1]:9000'])]).toEqual(['receiver.example:80', '[::1]:9000']);
    for (const entry of [
      'receiver',
      'http://receiver:80',
      '*:80',
      'a b:80',
      '10.0.0.0/8',
      'receiver:',
      'receiver:70000',
    ]) {
      const wrong = () => readAllowList([entry]);
      if (entry === '*:80') expect([...wrong()]).toEqual(['*:80']);
      else expect(wrong).toThrow('host:port');
    }
  });
});

describe('a call', () => {
  const allowed = () => client({ allow: [`127.0.0.1:${receiverPort}`] });
  const at = (path: string) => get(`http://127.0.0.1:${receiverPort}${path}`);

  it('does not follow a redirect', async () => {
    expect(await allowed().send(at('/redirect'))).toMatchObject({ status: 302 });
    expect(trapped).toBe(0);
  });

  it('reads 64 KiB of a body of 1 GB and hangs up', async () => {
    const reply = await allowed().send(at('/huge'));
    expect(reply.body.length).toBe(65_536);
    expect(sentBytes).toBeLessThan(50_000_000);
  });

  it('ends after its time limit, before or within the body', async () => {
    const guarded = client({ allow: [`127.0.0.1:${receiverPort}`], runtime: hurried });
    await expect(guarded.send(at('/silent'))).rejects.toMatchObject({ code: 'timeout' });
    await expect(guarded.send(at('/drip'))).rejects.toMatchObject({ code: 'timeout' });
  });

  it('ends when its caller no longer wants it', async () => {
    const stop = new AbortController();
    const call = allowed().send({ ...at('/silent'), signal: stop.signal });
    stop.abort();
    await expect(call).rejects.toMatchObject({ code: 'transient' });
  });

  it('fails on headers without measure and takes no cookies', async () => {
    await expect(allowed().send(at('/many-headers'))).rejects.toMatchObject({ code: 'transient' });
    const { headers } = await allowed().send(at('/'));
    expect(headers['retry-after']).toBe('7');
    expect(headers['set-cookie']).toBeUndefined();
  });

  it('names no address when nobody listens', async () => {
    const guarded = client({ allow: ['127.0.0.1:1'] });
    await expect(guarded.send(get('http://127.0.0.1:1/secret-path'))).rejects.toThrow(
      'The endpoint could not be reached or broke off (ECONNREFUSED)',
    );
  });
});
