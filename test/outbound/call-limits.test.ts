/** Answers that are large, late or slow, and servers that ask who connects: real sockets, real certificates. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createTlsServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type CallLimits, guardedClient } from '../../src/outbound/guarded-client.ts';
import type { Credentials } from '../../src/outbound/maker.ts';
import { type Runtime, systemRuntime } from '../../src/runtime.ts';
import { callerOf, type Maker, openMaker } from './maker-house.ts';

describe('A call with limits of its own', () => {
  let maker: Maker;
  beforeAll(async () => {
    maker = await openMaker(async ({ path }, response) => {
      const size = /^\/bytes\/(\d+)/.exec(path)?.[1];
      if (size !== undefined) return { body: Buffer.alloc(Number(size), 0x20) };
      if (path === '/silent') return undefined;
      response.writeHead(200, { 'content-type': 'application/json' });
      const drip = setInterval(() => response.write(' '), 20);
      response.on('close', () => clearInterval(drip));
      return undefined;
    });
  });
  afterAll(() => maker.close());
  const limits = { bytes: 1_000_000, headers: 100, total: 300 };
  const send = async (path: string, asked: CallLimits = limits, runtime: Runtime = systemRuntime) => {
    const client = guardedClient({ allow: [new URL(maker.url).host], runtime });
    try {
      return await client.send({ url: maker.url + path, method: 'GET', headers: {}, limits: asked });
    } finally {
      await client.close();
    }
  };

  it('has all of an answer, up to its limit, and refuses what is larger', async () => {
    const patient = { ...limits, headers: 10_000, total: 20_000 };
    expect((await send('/bytes/1000000', patient)).bytes).toHaveLength(1_000_000);
    await expect(send('/bytes/1000001', patient)).rejects.toMatchObject({ code: 'too-long' });
  });

  it('ends where no headers come, and where the body comes a byte at a time', async () => {
    await expect(send('/silent')).rejects.toMatchObject({
      code: 'timeout',
      message: 'The endpoint did not answer within 0.1 seconds',
    });
    // Time enough for the headers, on a busy machine too.
    await expect(send('/drip', { ...limits, headers: 2_000, total: 2_500 })).rejects.toMatchObject({
      code: 'timeout',
      message: 'The endpoint did not answer within 2.5 seconds',
    });
  });

  it('ends long before its time where a body is dripped', async () => {
    const hurried: Runtime = {
      ...systemRuntime,
      sleep: (milliseconds, signal) => systemRuntime.sleep(milliseconds / 8, signal),
    };
    const usual = { bytes: 33_554_432, headers: 15_000, total: 60_000 };
    await expect(send('/drip', usual, hurried)).rejects.toMatchObject({
      code: 'timeout',
      message: 'The endpoint sends its answer too slowly',
    });
    expect((await send('/bytes/5000000', usual, hurried)).bytes).toHaveLength(5_000_000);
  });
});

describe('A maker that asks for a certificate', () => {
  const folder = mkdtempSync(join(tmpdir(), 'watchfire-tls-'));
  const at = (name: string) => join(folder, name);
  const pem = (name: string) => readFileSync(at(name), 'utf8');
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  let maker: Maker;

  beforeAll(async () => {
    openssl(
      'req',
      '-x509',
      ...curve,
      '-keyout',
      'ca.key',
      '-out',
      'ca.pem',
      '-subj',
      '/CN=Test authority',
      '-days',
      '2',
    );
    for (const name of ['server', 'client']) {
      openssl(
        'req',
        ...curve,
        '-keyout',
        `${name}.key`,
        '-out',
        `${name}.csr`,
        '-subj',
        `/CN=${name}`,
        '-addext',
        'subjectAltName=IP:127.0.0.1',
      );
      openssl(
        'x509',
        '-req',
        '-in',
        `${name}.csr`,
        '-CA',
        'ca.pem',
        '-CAkey',
        'ca.key',
        '-out',
        `${name}.pem`,
        '-days',
        '2',
        '-copy_extensions',
        'copy',
      );
    }
    const server = createTlsServer({
      cert: pem('server.pem'),
      key: pem('server.key'),
      ca: pem('ca.pem'),
      requestCert: true,
      rejectUnauthorized: true,
    });
    const plain = await openMaker(({ path }, response) => {
      const { subject } = (response.socket as TLSSocket).getPeerCertificate();
      return path.startsWith('/oauth/')
        ? { body: { access_token: 'x', expires_in: 60 } }
        : { body: { subject: subject.CN } };
    }, server as never);
    maker = { ...plain, url: plain.url.replace('http:', 'https:') };
  });
  afterAll(async () => {
    await maker.close();
    rmSync(folder, { recursive: true });
  });

  it('sees that of the credential with every call, also with the one for a token, and nobody comes in without', async () => {
    const credentials: Credentials = {
      client_id: 'demo',
      environment: 'production',
      certificate: pem('client.pem'),
      private_key: pem('client.key'),
    };
    const auth = { kind: 'mutual-tls' as const, tokenPath: '/oauth/token' };
    const trust = pem('ca.pem');
    const caller = callerOf(maker, { auth, trust, credentials: async () => [credentials] });
    const { body } = await caller.get();
    expect(JSON.parse(body.toString())).toEqual({ subject: 'client' });
    expect(new URLSearchParams(maker.asked[0]!.body).get('client_id')).toBe('demo');
    await caller.close();
    const stranger = callerOf(maker, { auth: { kind: 'api-key' }, trust });
    await expect(stranger.client.call({ method: 'POST', path: '/x' })).rejects.toMatchObject({ code: 'transient' });
    await stranger.close();
  });
});
