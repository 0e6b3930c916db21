/** Signatures and header lines of outgoing calls: Standard Webhooks, I40. */
import { describe, expect, it } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import { readHeaderLine } from '../../src/outbound/header-lines.ts';
import { isSecret, newSecret, sign } from '../../src/outbound/signing.ts';
import { systemRuntime } from '../../src/runtime.ts';

describe('a signature', () => {
  it('is the one of the published test vector', () => {
    const signature = sign(
      ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'],
      'msg_p5jXN8AQM9LWM0D4loKWxJek',
      1614265330,
      '{"test": 2432232314}',
    );
    expect(signature).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
  });

  it('is accepted by the standardwebhooks package for each live secret, and for no other', () => {
    const [current, former, foreign] = [1, 2, 3].map(() => newSecret(systemRuntime.random)) as [string, string, string];
    const timestamp = Math.floor(Date.now() / 1000);
    const body = '{"resourceType":"Patient","name":[{"family":"M\u00fcller"}]}';
    const headers = {
      'webhook-id': 'sub-1_1',
      'webhook-timestamp': String(timestamp),
      'webhook-signature': sign([current, former], 'sub-1_1', timestamp, body),
    };
    for (const secret of [current, former]) expect(new Webhook(secret).verify(body, headers)).toEqual(JSON.parse(body));
    expect(() => new Webhook(foreign).verify(body, headers)).toThrow();
    expect(() => new Webhook(current).verify(`${body} `, headers)).toThrow();
  });

  it('takes secrets of 24 to 64 bytes only', () => {
    const secret = newSecret(systemRuntime.random);
    expect(Buffer.from(secret.slice(6), 'base64').length).toBe(32);
    expect(isSecret(secret)).toBe(true);
    const bytes = (count: number) => `whsec_${Buffer.alloc(count, 7).toString('base64')}`;
    expect([23, 24, 64, 65].map(bytes).map(isSecret)).toEqual([false, true, true, false]);
    for (const text of ['', 'whsec_', secret.slice(6), `${secret} `, `${secret}=`, 'whsec_!!!!'])
      expect(isSecret(text)).toBe(false);
  });
});

describe('a header line', () => {
  it('is read where a subscriber may set it', () => {
    expect(readHeaderLine('Authorization: Bearer secret-token-abc-123')).toEqual({
      name: 'Authorization',
      value: 'Bearer secret-token-abc-123',
    });
    for (const line of ['X-Api-Key: a', 'x-tenant:7', 'Accept: application/fhir+json', 'Prefer: return=minimal']) {
      expect(typeof readHeaderLine(line)).toBe('object');
    }
  });

  it('is refused where it speaks for HTTP, for us or for two headers', () => {
    const refused = [
      'Host: example.org',
      'Content-Length: 0',
      'Transfer-Encoding: chunked',
      'transfer-encoding : chunked',
      'Connection: close',
      'Upgrade: h2c',
      'TE: trailers',
      'Expect: 100-continue',
      'Content-Type: text/html',
      'Content-Encoding: gzip',
      'webhook-id: 1',
      'Webhook-Signature: v1,x',
      'webhook-timestamp: 1',
      'Cookie: a=b',
      'Proxy-Authorization: Basic x',
      'X-Forwarded-For: 10.0.0.1',
      'X-HTTP-Method-Override: DELETE',
      'X-Original-URL: /admin',
      'X-A: b\r\nHost: c',
      'X-A: b\nHost: c',
      'X-A: b\rc',
      'X-A: b\u0000',
      'X-A: caf\u00e9',
      'X-A\u00e9: b',
      ': b',
      'X-A',
      '',
      `X-A: ${'b'.repeat(5000)}`,
    ];
    for (const line of refused) expect([line, typeof readHeaderLine(line)]).toEqual([line, 'string']);
  });
});
