import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { connectMllp } from '../../../../src/ingest/hl7v2/wire/client.ts';
import { codes, openWireRoom, oru, type WireRoom } from './wire-room.ts';

/** An authority, a server of it and a client of it, and a client of another; made anew, so that no key lies about. */
function makeCertificates(folder: string): (name: string) => Buffer {
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  const key = (name: string) => [
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-keyout',
    `${name}.key`,
  ];
  const authority = (name: string) =>
    openssl('req', '-x509', ...key(name), '-subj', `/CN=${name}`, '-days', '2', '-out', `${name}.pem`);
  const signed = (name: string, by: string) => {
    openssl('req', ...key(name), '-subj', `/CN=${name}`, '-out', `${name}.csr`);
    const names = ['-extfile', 'names'];
    openssl(
      'x509',
      '-req',
      '-in',
      `${name}.csr`,
      '-CA',
      `${by}.pem`,
      '-CAkey',
      `${by}.key`,
      '-days',
      '2',
      ...names,
      '-out',
      `${name}.pem`,
    );
  };
  writeFileSync(join(folder, 'names'), 'subjectAltName=IP:127.0.0.1');
  authority('ours');
  authority('theirs');
  signed('server', 'ours');
  signed('sender', 'ours');
  signed('stranger', 'theirs');
  return (name) => readFileSync(join(folder, name));
}

describe('MLLP over TLS', () => {
  const folder = mkdtempSync(join(tmpdir(), 'watchfire-tls-'));
  const certificate = {
    WATCHFIRE_MLLP_CERTIFICATE: join(folder, 'server.pem'),
    WATCHFIRE_MLLP_KEY: join(folder, 'server.key'),
  };
  let pem: (name: string) => Buffer;
  let open: WireRoom;
  let closed: WireRoom;
  beforeAll(async () => {
    pem = makeCertificates(folder);
    open = await openWireRoom({ settings: certificate });
    closed = await openWireRoom({
      settings: { ...certificate, WATCHFIRE_MLLP_CLIENT_AUTHORITY: join(folder, 'ours.pem') },
    });
  });
  afterAll(async () => {
    await open.stop();
    await closed.stop();
    rmSync(folder, { recursive: true });
  });

  async function sent({ port }: WireRoom, as?: string): Promise<string> {
    const shown = as === undefined ? {} : { cert: pem(`${as}.pem`), key: pem(`${as}.key`) };
    const client = await connectMllp({
      host: '127.0.0.1',
      port,
      tls: { ca: pem('ours.pem'), ...shown },
      patience: 30_000,
    });
    const answer = await client.send(oru('T1'));
    client.close();
    return codes([String(answer)])[0]!;
  }

  it('is taken in from anybody where no authority is set', async () => {
    expect(await sent(open)).toBe('AA');
  });

  it('is taken in from those alone whom the authority knows, where one is set', async () => {
    expect(await sent(closed, 'sender')).toBe('AA');
    await expect(sent(closed)).rejects.toThrow();
    await expect(sent(closed, 'stranger')).rejects.toThrow();
    expect(await closed.versions('Observation')).toBe(1);
  });

  it('is not taken in without TLS', async () => {
    const client = await connectMllp({ host: '127.0.0.1', port: open.port, patience: 30_000 });
    await expect(client.send(oru('T2'))).rejects.toThrow();
  });

  it.each(['WATCHFIRE_MLLP_CERTIFICATE', 'WATCHFIRE_MLLP_KEY', 'WATCHFIRE_MLLP_CLIENT_AUTHORITY'])(
    'does not start with %s alone, as if nothing were set',
    async (name) => expect(openWireRoom({ settings: { [name]: join(folder, 'ours.pem') } })).rejects.toThrow(name),
  );

  it('does not start with a key that is none', async () => {
    const settings = { ...certificate, WATCHFIRE_MLLP_KEY: join(folder, 'names') };
    await expect(openWireRoom({ settings })).rejects.toThrow('WATCHFIRE_MLLP_KEY');
    await expect(openWireRoom({ settings: { ...certificate, WATCHFIRE_MLLP_KEY: '/nowhere' } })).rejects.toThrow(
      'ENOENT',
    );
  });
});
