/** I31 to I33: what is not quite HTTP, said on a bare socket. https://www.rfc-editor.org/rfc/rfc9112 */
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CANARY } from './attack.ts';
import { besiege, type Siege } from './siege.ts';

let siege: Siege;
let slow: Promise<{ heard: string; seconds: number }>;

beforeAll(async () => {
  siege = await besiege();
  slow = dripHeaders();
});
afterAll(async () => {
  await siege?.end();
});

/** A request head without its end: what is heard, and after how long the server closes. */
function dripHeaders(): Promise<{ heard: string; seconds: number }> {
  return new Promise((resolve) => {
    const began = performance.now();
    let heard = '';
    const socket = connect(siege.port, '127.0.0.1', () =>
      socket.write('GET /fhir/metadata HTTP/1.1\r\nHost: a\r\nX-A: '),
    );
    const drip = setInterval(() => socket.writable && socket.write('a'), 500);
    socket.on('data', (chunk) => (heard += chunk));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      clearInterval(drip);
      resolve({ heard, seconds: (performance.now() - began) / 1_000 });
    });
  });
}

const head = (...lines: string[]) => `${lines.join('\r\n')}\r\n\r\n`;
const get = (...lines: string[]) =>
  head('GET /fhir/metadata HTTP/1.1', 'Host: a.example', 'Connection: close', ...lines);
const post = (lines: string[], body: string) =>
  head('POST /fhir/Patient HTTP/1.1', 'Host: a.example', 'Content-Type: application/fhir+json', ...lines) + body;

const statusesIn = (heard: string): number[] =>
  [...heard.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
const isHealthy = async () => (await siege.ask('GET', '/health/live')).status === 200;

/** True as soon as `fact` holds; false when it does not within half a minute. */
async function eventually(fact: () => boolean | Promise<boolean>): Promise<boolean> {
  for (const end = Date.now() + 30_000; Date.now() < end; ) {
    if (await fact()) return true;
    await new Promise((go) => setTimeout(go, 20));
  }
  return fact();
}

describe('what is not quite HTTP', () => {
  it.each<[string, string, readonly number[]]>([
    ['a length and chunks at once', post(['Content-Length: 5', 'Transfer-Encoding: chunked'], '0\r\n\r\n'), [400]],
    ['chunks and a length at once', post(['Transfer-Encoding: chunked', 'Content-Length: 5'], '0\r\n\r\n'), [400]],
    ['two lengths', post(['Content-Length: 2', 'Content-Length: 3'], '{}x'), [400]],
    ['two lengths in one', post(['Content-Length: 2, 3'], '{}x'), [400]],
    ['a length below zero', post(['Content-Length: -1'], '{}'), [400]],
    ['a length with a plus', post(['Content-Length: +2'], '{}'), [400]],
    ['a length in hexadecimal', post(['Content-Length: 0x2'], '{}'), [400]],
    ['identity, then chunked', post(['Transfer-Encoding: identity, chunked'], '0\r\n\r\n'), [400]],
    ['chunked twice', post(['Transfer-Encoding: chunked, chunked'], '0\r\n\r\n'), [400]],
    ['chunked with a blank before the colon', post(['Transfer-Encoding : chunked'], '0\r\n\r\n'), [400]],
    ['a coding that nobody knows', post(['Transfer-Encoding: xchunked'], '0\r\n\r\n'), [400, 501]],
    ['a chunk size that is none', post(['Transfer-Encoding: chunked'], 'zz\r\n{}\r\n0\r\n\r\n'), [400]],
    ['a chunk size beyond measure', post(['Transfer-Encoding: chunked'], 'fffffffffffffffffff\r\n{}'), [400]],
    ['a folded header', get('X-A: 1', ' 2'), [400]],
    ['a bare line feed', 'GET /fhir/metadata HTTP/1.1\nHost: a.example\n\n', [400]],
    ['a bare carriage return in a header', get(`X-A: 1\rX-B: 2`), [400]],
    ['NUL in a header', get('X-A: 1\0'), [400]],
    ['a header without a colon', get(CANARY), [400]],
    ['no Host', head('GET /fhir/metadata HTTP/1.1', 'Connection: close'), [400]],
    ['two Hosts', get('Host: b.example'), [400]],
    ['a Host that is none', head('GET /fhir/metadata HTTP/1.1', 'Host: a/b@c', 'Connection: close'), [200, 400]],
    ['a header of 20 KB', get(`X-A: ${'a'.repeat(20_000)}`), [431]],
    ['1,200 headers', get(...Array.from({ length: 1_200 }, (_, i) => `X-Header-${i}: aaaaaaaa`)), [431]],
    [
      'a whole URL of somebody else',
      head('GET http://evil.example/fhir/metadata HTTP/1.1', 'Host: a.example', 'Connection: close'),
      [400],
    ],
    ['a star', head('OPTIONS * HTTP/1.1', 'Host: a.example', 'Connection: close'), [400, 404, 405]],
    [
      'a method that nobody knows',
      head('FIRE /fhir/Patient HTTP/1.1', 'Host: a.example', 'Connection: close'),
      [400, 405],
    ],
    ['HTTP/0.9', 'GET /fhir/metadata\r\n\r\n', [400]],
    ['HTTP/3.0', head('GET /fhir/metadata HTTP/3.0', 'Host: a.example'), [400, 505]],
    ['HTTP/2 by prior knowledge', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', [400, 505]],
    ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', [400]],
    ['a raw line feed in the address', 'GET /fhir/Patient?name=a\nb HTTP/1.1\r\nHost: a\r\n\r\n', [400]],
    ['a blank in the address', head('GET /fhir/Patient?name=a b HTTP/1.1', 'Host: a.example'), [400]],
    [
      'letters outside of ASCII in the address',
      head('GET /fhir/Patient/ä HTTP/1.1', 'Host: a.example', 'Connection: close'),
      [400, 401],
    ],
    ['ANSI in the user agent', get('User-Agent: \x1b[31mred'), [200, 400]],
  ])('%s is refused with an OperationOutcome', async (_what, bytes, allowed) => {
    const heard = await siege.raw(bytes);
    const statuses = statusesIn(heard);

    expect(statuses.slice(0, 1).filter((status) => allowed.includes(status))).toHaveLength(1);
    if (statuses[0]! >= 400) {
      expect(heard).toContain('"resourceType":"OperationOutcome"');
      expect(heard).not.toContain(CANARY);
    }
    expect(await isHealthy()).toBe(true);
  });

  it('a length too short leaves no second request behind', async () => {
    const heard = await siege.raw(
      post(['Content-Length: 2'], `{}GET /fhir/metadata HTTP/1.1\r\nHost: a\r\nX-Smuggled: ${CANARY}`),
      500,
    );

    expect(statusesIn(heard)[0]).toBeGreaterThanOrEqual(400);
    expect(statusesIn(heard)).not.toContain(200);
    expect(await isHealthy()).toBe(true);
  });

  it('a length too long waits for its rest and harms nobody', async () => {
    const heard = await siege.raw(post(['Content-Length: 500'], '{"resourceType":'), 500, 500);

    expect(statusesIn(heard).every((status) => status >= 400)).toBe(true);
    expect(await isHealthy()).toBe(true);
  });

  it('CONNECT opens nothing', async () => {
    const heard = await siege.raw(head('CONNECT 127.0.0.1:22 HTTP/1.1', 'Host: a.example'), 1_000);

    expect(statusesIn(heard)).not.toContain(200);
    expect(await isHealthy()).toBe(true);
  });

  it('a line break in an address comes back in no header', async () => {
    const heard = await siege.raw(
      head('GET /fhir/Patient/a%0d%0aX-Smuggled:%201 HTTP/1.1', 'Host: a.example', 'Connection: close'),
    );

    expect(heard).not.toMatch(/^x-smuggled/im);
    expect(statusesIn(heard)[0]).toBeGreaterThanOrEqual(400);
  });
});

describe('patience', () => {
  it('with 10,000 pipelined requests: each is answered, in order', async () => {
    const one = 'GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n';
    const last = 'GET /health/live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';
    const heard = await siege.raw(one.repeat(9_999) + last, 15_000);

    expect(statusesIn(heard)).toHaveLength(10_000);
    expect(new Set(statusesIn(heard))).toEqual(new Set([200]));
  });

  it('with 2,001 connections: those beyond the limit are closed, the others are served', async () => {
    const sockets: Socket[] = [];
    let served = 0;
    const ask = (socket: Socket) => socket.write('GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n');
    /** Whoever was served once may be silent until all are open. */
    const open = () =>
      new Promise<void>((resolve) => {
        const socket = connect(siege.port, '127.0.0.1', () => ask(socket));
        socket.on('error', () => undefined);
        socket.on('close', () => resolve());
        socket.once('data', (chunk) => {
          if (statusesIn(String(chunk))[0] === 200) served++;
          resolve();
        });
        sockets.push(socket);
      });
    try {
      // So few at a time that all have room in the queue of the system.
      for (let lot = 0; lot < 21; lot++) await Promise.all(Array.from({ length: 100 }, open));
      expect(served).toBeGreaterThan(1_900);
      expect(served).toBeLessThanOrEqual(2_000);

      const [first] = sockets;
      const again = new Promise<string>((resolve) => first!.once('data', (chunk) => resolve(String(chunk))));
      ask(first!);
      expect(await again).toMatch(/^HTTP\/1\.1 200/);
    } finally {
      for (const socket of sockets) socket.destroy();
    }
    await eventually(() => isHealthy().catch(() => false));
    expect(await isHealthy()).toBe(true);
  });

  it('with a head that never ends: about six seconds', async () => {
    const { heard, seconds } = await slow;

    expect(heard === '' ? 408 : statusesIn(heard)[0]).toBe(408);
    // Without a limit it would never end.
    expect(seconds).toBeLessThan(30);
  });
});

describe('after all of it', () => {
  it('nothing that was sent is in the output', async () => {
    const { code, output, isClean } = await siege.end();

    expect(code).toBe(0);
    expect(output).not.toContain(CANARY);
    expect(isClean).toBe(true);
  });
});
