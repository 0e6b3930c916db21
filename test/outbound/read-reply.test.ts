import { describe, expect, it } from '@jest/globals';
import { makerMeasures } from '../../src/outbound/maker-measures.ts';
import { readReply } from '../../src/outbound/read-reply.ts';

const reply = (body: string | Buffer, contentType = 'application/json; charset=utf-8') => ({
  headers: { 'content-type': contentType },
  body: Buffer.isBuffer(body) ? body : Buffer.from(body),
});

describe('An answer of a maker', () => {
  it('is read with the digits that it has, object or list', () => {
    const { value } = readReply(reply(' {"rows":[{"v":98.0,"t":"72"}]}\n')) as any;
    expect(String(value.rows[0].v)).toBe('98.0');
    expect(value.rows[0].t).toBe('72');
    expect(readReply(reply('[1,2]'))).toMatchObject({ is: 'read', noticed: [] });
  });

  it('is read in spite of a byte order mark or a wrong media type, which are noticed', () => {
    expect(readReply(reply('\ufeff{"a":1}'))).toMatchObject({ is: 'read', noticed: ['bom'] });
    expect(readReply(reply('{"a":1}', 'text/html'))).toMatchObject({ is: 'read', noticed: ['content-type'] });
    expect(readReply(reply('{"a":1}', 'application/hal+json'))).toMatchObject({ noticed: [] });
    expect(readReply({ headers: {}, body: Buffer.from('{}') })).toMatchObject({ noticed: ['content-type'] });
  });

  it.each([
    ['', 'empty'],
    ['  \n', 'empty'],
    ['<!DOCTYPE html><html>maintenance</html>', 'html'],
    ['  <html><body>Patient Doe</body></html>', 'html'],
    ['{"devices":[{"id":"1","mo', 'truncated'],
    ['{"devices":[{"id":"1"}', 'truncated'],
    ['[{"id":"}"},', 'truncated'],
    ['{"a":"x\\"', 'truncated'],
    [Buffer.from('{"name":"Müller').subarray(0, 11), 'truncated'],
    [Buffer.from([0x7b, 0x22, 0xe9, 0x22, 0x3a, 0x31, 0x7d]), 'charset'],
    ['OK', 'not-json'],
    ['{"a":1}]', 'not-json'],
    ['{"a" 1}', 'not-json'],
    ['{"a":1,"a":2}', 'hostile'],
    ['{"__proto__":{}}', 'hostile'],
    [`${'['.repeat(60)}${']'.repeat(60)}`, 'hostile'],
  ])('that cannot be read says why, without a word of it: %#', (body, why) => {
    const read = readReply(reply(body)) as any;
    expect([read.is, read.why]).toEqual(['unreadable', why]);
    expect(read.sentence).toMatch(/^the answer /);
    expect(read.sentence).not.toMatch(/Doe|Müll/);
  });
});

describe('The measures of makers', () => {
  it('tell what is known, by maker and environment', () => {
    const state = {
      up: true,
      breaker: 'closed' as const,
      tokenExpires: 61_000,
      quota: { remaining: 7 },
      calls: 3,
      retries: 2,
      failures: 1,
      tokens: 1,
    };
    const measures = makerMeasures(
      () => [{ maker: 'medtronic', environment: 'sandbox', state }],
      () => 1_000,
    );
    const values = Object.fromEntries(measures.map(({ name, read }) => [name, read()[0]?.value]));
    expect(values).toEqual({
      maker_up: 1,
      maker_breaker_open: 0,
      maker_token_seconds: 60,
      maker_quota_remaining: 7,
      maker_last_success_seconds: undefined,
      maker_calls: 3,
      maker_retries: 2,
      maker_failures: 1,
      maker_token_requests: 1,
    });
  });
});
