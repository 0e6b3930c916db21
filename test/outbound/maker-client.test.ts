import { generateKeyPairSync } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { jwtVerify } from 'jose';
import { wayFor } from '../../src/outbound/maker-token.ts';
import { isReadable } from '../../src/outbound/read-reply.ts';
import {
  type Answering,
  type Caller,
  callerOf,
  demo,
  type Maker,
  openMaker,
  tokensAnd,
  withSecret,
} from './maker-house.ts';

let maker: Maker;
let callers: Caller[] = [];

beforeAll(async () => {
  maker = await openMaker(() => undefined);
});
afterEach(async () => {
  await Promise.all(callers.map((caller) => caller.close()));
  callers = [];
  maker.asked.length = 0;
});
afterAll(() => maker.close());

function asking(answer: Answering, options: Parameters<typeof callerOf>[1] = {}): Caller {
  maker.answer = answer;
  const caller = callerOf(maker, options);
  callers.push(caller);
  return caller;
}
const fine: Answering = () => ({ body: { devices: [] } });
/** The first answers as listed, then a good one. */
const first = (...answers: ReturnType<Answering>[]): Answering => {
  const left = [...answers];
  return tokensAnd(() => left.shift() ?? { body: {} });
};

describe('A token of a maker', () => {
  it('is asked for as the maker wants it: by Basic, in the body or as JSON, and the API key goes along', async () => {
    await asking(tokensAnd(fine)).get();
    await asking(tokensAnd(fine), { auth: { ...withSecret, inBody: true } }).get();
    await asking(tokensAnd(fine), { auth: { ...withSecret, json: true, headerName: 'X-API-Key' } }).get();
    const [basic, form, json] = maker.tokens();
    expect(Buffer.from(basic!.headers.authorization!.slice(6), 'base64').toString()).toBe('demo:demo+secret%2F%2B%25');
    expect(Object.fromEntries(new URLSearchParams(basic!.body))).toEqual({
      grant_type: 'client_credentials',
      scope: 'device_data alerts',
    });
    expect(Object.fromEntries(new URLSearchParams(form!.body))).toMatchObject({
      client_id: 'demo',
      client_secret: demo.client_secret,
    });
    expect(form!.headers.authorization).toBeUndefined();
    expect(JSON.parse(json!.body)).toMatchObject({
      grant_type: 'client_credentials',
      client_secret: demo.client_secret,
    });
    expect([json!.headers['x-api-key'], maker.data().at(-1)!.headers['x-api-key']]).toEqual(['demo-key', 'demo-key']);
    expect(maker.data().at(-1)!.headers.authorization).toBe('Bearer t1');
  });

  it.each(['RS384', 'ES384'] as const)(
    'is asked for with an assertion signed by %s that lives under five minutes',
    async (alg) => {
      const { privateKey, publicKey } =
        alg === 'RS384'
          ? generateKeyPairSync('rsa', { modulusLength: 2_048 })
          : generateKeyPairSync('ec', { namedCurve: 'P-384' });
      const asPem = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
      const asJwk = JSON.stringify(privateKey.export({ format: 'jwk' }));
      for (const private_key of [asPem, asJwk]) {
        const credentials = async () => [{ client_id: 'demo', private_key, environment: 'sandbox' as const }];
        const auth = { kind: 'private-key-jwt' as const, tokenPath: '/oauth/token', keyId: 'one' };
        const { get, time } = asking(tokensAnd(fine), { auth, credentials });
        await get();
        const body = new URLSearchParams(maker.tokens().at(-1)!.body);
        const { payload, protectedHeader } = await jwtVerify(body.get('client_assertion')!, publicKey, {
          audience: `${maker.url}/oauth/token`,
          issuer: 'demo',
          subject: 'demo',
          currentDate: new Date(time.runtime.now()),
        });
        expect(protectedHeader).toMatchObject({ alg, kid: 'one' });
        expect(payload.exp! - payload.iat!).toBeLessThanOrEqual(300);
        expect(payload.jti).toMatch(/.{20}/);
      }
    },
  );

  it('is asked for over mutual TLS where there is a certificate, though the key could sign too', () => {
    const ways = [
      { kind: 'private-key-jwt', tokenPath: '/token' },
      { kind: 'mutual-tls', tokenPath: '/token' },
    ] as const;
    const held = { client_id: 'demo', private_key: 'key', environment: 'sandbox' } as const;

    expect(wayFor(ways, held)?.kind).toBe('private-key-jwt');
    expect(wayFor(ways, { ...held, certificate: 'certificate' })?.kind).toBe('mutual-tls');
    expect(wayFor(ways.slice(0, 1), { ...held, certificate: 'certificate' })).toBeUndefined();
  });

  it('is not needed where a maker wants its API key alone', async () => {
    const { get } = asking(fine, { auth: { kind: 'api-key', headerName: 'HM-Key' } });
    await get();
    expect(maker.tokens()).toHaveLength(0);
    expect(maker.data()[0]!.headers['hm-key']).toBe('demo-key');
  });

  it('is got in the first way of several that the credential suffices for', async () => {
    const auth = [{ kind: 'private-key-jwt' as const, tokenPath: '/oauth/token' }, { kind: 'api-key' as const }];
    await asking(fine, { auth }).get();
    expect(maker.data()[0]!.headers['x-api-key']).toBe('demo-key');
    const poor = asking(fine, { auth, credentials: async () => [{ client_id: 'demo', environment: 'sandbox' }] });
    await expect(poor.get()).rejects.toMatchObject({
      code: 'login',
      message: 'the stored credential of boston-scientific lacks what it asks for: private_key, or api_key',
    });
  });

  it('is asked for once by 200 calls that find it expired', async () => {
    const { client, time } = asking(tokensAnd(fine));
    const all = () =>
      Promise.all(Array.from({ length: 200 }, () => client.call({ method: 'GET', path: '/devices/1' })));
    await time.settle(all());
    expect(maker.tokens()).toHaveLength(1);
    time.advance(3_601_000);
    await time.settle(all());
    expect(maker.tokens()).toHaveLength(2);
    expect(maker.data()).toHaveLength(400);
  });

  it('is asked for once by 200 calls that are refused with it, and each of them goes on', async () => {
    const { client, time, get } = asking(tokensAnd(fine));
    await get();
    let given = 0;
    maker.answer = ({ path, headers }) => {
      if (!path.startsWith('/oauth/')) return headers.authorization === 'Bearer other' ? { body: {} } : { status: 401 };
      given++;
      return { body: { access_token: 'other', token_type: 'bearer', expires_in: 3_600 } };
    };
    const calls = Array.from({ length: 200 }, () => client.call({ method: 'GET', path: '/devices/1' }));
    const replies = await time.settle(Promise.all(calls));
    expect(given).toBe(1);
    expect(replies.every(({ status }) => status === 200)).toBe(true);
  });

  it('is renewed at 80 % of its life, without a refresh token', async () => {
    const { get, time, client } = asking(tokensAnd(fine, 1_000));
    await get();
    expect(client.state().tokenExpires).toBe(time.runtime.now() + 1_000_000);
    time.advance(799_000);
    await get();
    expect(maker.tokens()).toHaveLength(1);
    time.advance(2_000);
    await get();
    expect(maker.tokens()).toHaveLength(2);
    expect(maker.tokens().every(({ body }) => !body.includes('refresh'))).toBe(true);
  });

  it('goes on while it is valid where it cannot be renewed early', async () => {
    const { get, time } = asking(tokensAnd(fine, 1_000));
    await get();
    const { answer } = maker;
    maker.answer = (asked, response) => (asked.path.startsWith('/oauth/') ? { status: 500 } : answer(asked, response));
    time.advance(900_000);
    expect((await get()).status).toBe(200);
    expect(maker.tokens()).toHaveLength(2);
  });

  it('that is refused again when it is fresh is expired, after one renewal', async () => {
    const { get } = asking((asked) =>
      asked.path.startsWith('/oauth/') ? { body: { access_token: 'x', expires_in: 60 } } : { status: 401 },
    );
    await expect(get()).rejects.toMatchObject({ code: 'expired' });
    expect(maker.tokens()).toHaveLength(2);
    expect(maker.data()).toHaveLength(2);
  });

  it('is got with the credential before while that is valid and the new one is refused (0-020)', async () => {
    const fresh = { ...demo, client_secret: 'not active yet' };
    const { get } = asking(
      (asked) => {
        if (!asked.path.startsWith('/oauth/')) return { body: {} };
        const isOld = asked.body.includes(encodeURIComponent('demo secret').replace('%20', '+'));
        return isOld ? { body: { access_token: 'x', expires_in: 60 } } : { status: 401 };
      },
      { auth: { ...withSecret, inBody: true }, credentials: async () => [fresh, demo] },
    );
    expect((await get()).status).toBe(200);
    expect(maker.tokens()).toHaveLength(2);
  });

  it('is asked for with a new credential within a minute, and with none once that is removed', async () => {
    let stored = [demo];
    const { get, time } = asking(tokensAnd(fine), {
      auth: { ...withSecret, inBody: true },
      credentials: async () => stored,
    });
    await get();
    stored = [{ ...demo, client_secret: 'next' }];
    await get();
    expect(maker.tokens()).toHaveLength(1);
    time.advance(60_000);
    await get();
    await get();
    expect(maker.tokens().map(({ body }) => body.includes('client_secret=next'))).toEqual([false, true]);
    stored = [];
    time.advance(60_000);
    await expect(get()).rejects.toMatchObject({ code: 'login' });
    expect(maker.data()).toHaveLength(4);
  });

  it('goes to no other host, whatever a link in an answer says', async () => {
    const { client, time } = asking(tokensAnd(fine));
    for (const path of ['https://other.example.org/devices', '@other.example.org/devices', '.example.org/x']) {
      await expect(time.settle(client.call({ method: 'GET', path }))).rejects.toMatchObject({ code: 'value' });
    }
    expect((await time.settle(client.call({ method: 'GET', path: `${maker.url}/devices?cursor=2` }))).status).toBe(200);
    expect(maker.data()).toHaveLength(1);
  });

  it('is refused with login where no credential is stored or the maker knows none of them', async () => {
    await expect(asking(fine, { credentials: async () => [] }).get()).rejects.toMatchObject({ code: 'login' });
    const { get, client } = asking(() => ({ status: 400, body: { error: 'invalid_client' } }));
    await expect(get()).rejects.toMatchObject({
      code: 'login',
      message: 'boston-scientific gave no token for the credential (400)',
    });
    expect(client.state()).toMatchObject({ up: false, failures: 1, breaker: 'closed' });
    expect(maker.asked).toHaveLength(1);
  });

  it('shows a credential that was refused again after 1, 2, 4 ... 15 minutes, and another one at once', async () => {
    let stored = [demo];
    const right = tokensAnd(fine);
    const { get, time } = asking(
      (asked, response) =>
        asked.path.startsWith('/oauth/') && !asked.body.includes('client_secret=right')
          ? { status: 401, body: { error: 'invalid_client' } }
          : right(asked, response),
      { auth: { ...withSecret, inBody: true }, credentials: async () => stored },
    );
    const minute = 60_000;
    for (const [times, wait] of [1, 2, 4, 8, 15, 15].entries()) {
      await expect(get()).rejects.toMatchObject({ code: 'login' });
      expect(maker.tokens()).toHaveLength(times + 1);
      time.advance(wait * minute - 1_000);
      await expect(get()).rejects.toMatchObject({
        code: 'login',
        message: expect.stringMatching(/gave no token for the credential \(401\); it is tried again at /),
      });
      expect(maker.tokens()).toHaveLength(times + 1);
      time.advance(1_000);
    }
    await expect(get()).rejects.toMatchObject({ code: 'login' });
    stored = [{ ...demo, client_secret: 'right' }];
    expect((await get()).status).toBe(200);
  });
});

describe('A call to a maker', () => {
  it('is tried three times again after a fault, with growing pauses of full jitter', async () => {
    const failing = asking(tokensAnd(() => ({ status: 500 })));
    await expect(failing.get()).rejects.toMatchObject({ code: 'transient' });
    expect(maker.data()).toHaveLength(4);
    const [one, two, three] = failing.time.slept as [number, number, number];
    expect(failing.time.slept).toHaveLength(3);
    expect([one <= 500, two <= 1_000, three <= 2_000]).toEqual([true, true, true]);
    expect(failing.client.state()).toMatchObject({ calls: 1, retries: 3, failures: 1, up: false });
    const mending = asking(first({ status: 502 }, { status: 503 }));
    expect((await mending.get()).status).toBe(200);
    expect(mending.client.state()).toMatchObject({ calls: 1, retries: 2, failures: 0, up: true });
  });

  it('that changes something is tried again only with a key', async () => {
    const once = asking(first({ status: 500 }));
    const post = { method: 'POST' as const, path: '/alerts/1/acknowledge', body: { by: 'x' } };
    await expect(once.time.settle(once.client.call(post))).rejects.toMatchObject({ code: 'transient' });
    expect(maker.data()).toHaveLength(1);
    const keyed = asking(first({ status: 500 }));
    await keyed.time.settle(keyed.client.call({ ...post, idempotencyKey: 'k1' }));
    expect(
      maker
        .data()
        .slice(1)
        .map(({ headers, body }) => [headers['idempotency-key'], body]),
    ).toEqual([
      ['k1', '{"by":"x"}'],
      ['k1', '{"by":"x"}'],
    ]);
  });

  it('waits as long as Retry-After says, in seconds or as a date by the clock of the maker', async () => {
    const seconds = asking(first({ status: 429, headers: { 'retry-after': '42' } }));
    await seconds.get();
    expect(seconds.time.slept).toEqual([42_000]);
    const skewed = new Date(seconds.time.runtime.now() + 600_000);
    const dated = asking(
      first({
        status: 503,
        headers: {
          date: skewed.toUTCString(),
          'retry-after': new Date(Math.floor(skewed.getTime() / 1_000) * 1_000 + 30_000).toUTCString(),
        },
      }),
    );
    await dated.get();
    expect(dated.time.slept).toEqual([30_000]);
  });

  it('that would have to wait for over 15 minutes fails at once and says when, and so do the others', async () => {
    const { get, time } = asking(first({ status: 429, headers: { 'retry-after': '3600' } }));
    const at = new Date(time.runtime.now() + 3_600_000).toISOString();
    const refused = {
      code: 'throttled',
      message: `boston-scientific is asked again at ${at}: boston-scientific wants fewer calls (429)`,
      headers: { 'Retry-After': '3600' },
    };
    await expect(get()).rejects.toMatchObject(refused);
    await expect(get()).rejects.toMatchObject(refused);
    expect(time.slept).toEqual([]);
    expect(maker.data()).toHaveLength(1);
    time.advance(3_600_000);
    expect((await get()).status).toBe(200);
  });

  it('is refused with a problem that tells what to do', async () => {
    const codes = [];
    for (const status of [302, 400, 403, 404, 409, 410, 422]) {
      codes.push(
        await asking(first({ status }))
          .get()
          .catch(({ code }) => [status, code]),
      );
    }
    expect(codes).toEqual([
      [302, 'value'],
      [400, 'value'],
      [403, 'forbidden'],
      [404, 'not-found'],
      [409, 'conflict'],
      [410, 'deleted'],
      [422, 'value'],
    ]);
    expect(maker.data()).toHaveLength(7);
  });

  it('keeps to so many at a time and a minute', async () => {
    let most = 0;
    let underWay = 0;
    const { client, time } = asking(
      tokensAnd(async () => {
        most = Math.max(most, ++underWay);
        await new Promise((resolve) => setTimeout(resolve, 2));
        underWay--;
        return { body: {} };
      }),
      { limits: { atATime: 3, perMinute: 10 } },
    );
    const started = time.runtime.now();
    await time.settle(Promise.all(Array.from({ length: 25 }, () => client.call({ method: 'GET', path: '/x' }))));
    expect(most).toBe(3);
    expect(time.runtime.now() - started).toBe(120_000);
  });

  it('knows what is left of the calls that the maker grants', async () => {
    const { get, client, time } = asking(
      first(
        { headers: { 'x-ratelimit-limit': '600', 'x-ratelimit-remaining': '599', 'x-ratelimit-reset': '30' } },
        { headers: { ratelimit: '"default";r=7;t=10', 'ratelimit-policy': '"default";q=100;w=60' } },
      ),
    );
    const at = time.runtime.now();
    await get();
    expect(client.state().quota).toEqual({ limit: 600, remaining: 599, reset: at + 30_000 });
    await get();
    expect(client.state().quota).toEqual({ remaining: 7, reset: at + 10_000 });
  });

  it('with an answer that cannot be read is asked again, and the last one handed back', async () => {
    const page = { headers: { 'content-type': 'text/html' }, body: '<html>maintenance</html>' };
    const mended = asking(first(page, { body: '{"devices":[' }));
    const call = { method: 'GET' as const, path: '/devices', isGood: isReadable };
    expect((await mended.time.settle(mended.client.call(call))).body.toString()).toBe('{}');
    const broken = asking(tokensAnd(() => page));
    const reply = await broken.time.settle(broken.client.call(call));
    expect(reply.body.toString()).toBe(page.body);
    expect(maker.data()).toHaveLength(3 + 4);
  });
});

describe('The circuit breaker', () => {
  it('opens after five failures within 30 s for 60 s, then lets one call try, and closes when that is answered', async () => {
    const { get, time, client } = asking(tokensAnd(() => ({ status: 500 })));
    await expect(get()).rejects.toMatchObject({ code: 'transient' });
    expect(client.state().breaker).toBe('closed');
    await expect(get()).rejects.toMatchObject({ code: 'transient' });
    expect(maker.data()).toHaveLength(5);
    expect(client.state()).toMatchObject({ breaker: 'open', up: false });
    await expect(get()).rejects.toMatchObject({
      message: expect.stringMatching(/asked again at .*: boston-scientific could not answer \(500\)$/),
    });
    expect(maker.data()).toHaveLength(5);
    time.advance(60_000);
    expect(client.state().breaker).toBe('half-open');
    await expect(get()).rejects.toMatchObject({ code: 'transient' });
    expect(maker.data()).toHaveLength(6);
    expect(client.state().breaker).toBe('open');
    time.advance(60_000);
    maker.answer = tokensAnd(async () => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return { body: {} };
    });
    const both = [client.call({ method: 'POST', path: '/a' }), client.call({ method: 'POST', path: '/b' })];
    const told = await time.settle(Promise.allSettled(both));
    expect(told.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    expect(client.state()).toMatchObject({ breaker: 'closed', up: true });
  });

  it('stays closed where failures are further apart, and counts no refusals', async () => {
    const { client, time } = asking(tokensAnd(() => ({ status: 500 })));
    for (let i = 0; i < 8; i++) {
      await time.settle(client.call({ method: 'POST', path: '/x' })).catch(() => undefined);
      time.advance(8_000);
    }
    expect(client.state().breaker).toBe('closed');
    const refused = asking(tokensAnd(() => ({ status: 404 })));
    for (let i = 0; i < 8; i++) await refused.get().catch(() => undefined);
    expect(refused.client.state().breaker).toBe('closed');
  });
});
