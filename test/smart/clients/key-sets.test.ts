/** O13 to O15, I41: keys of clients by URL, fetched from a real server on the loopback. */
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Client } from '../../../src/smart/clients/client.ts';
import { together } from '../../support/house.ts';
import {
  backend,
  type ClientsHouse,
  claims,
  formOf,
  jwkOf,
  none,
  openClientsHouse,
  rsa,
  signed,
  tokenUrl,
} from './clients-house.ts';

const key = rsa();
const next = rsa();
const good = jwkOf(key.publicKey, { kid: 'one' });
const SECOND = 1_000;
const MINUTE = 60 * SECOND;

/** What the server of the keys does when it is asked. */
type Answer = (response: ServerResponse) => void;
let server: Server;
let port: number;
let house: ClientsHouse;
/** Three seconds are one here, for who waits for a place that does not answer. */
const HURRY = 3;
let answer: Answer;
let fetched = 0;
const jwks =
  (body: unknown, headers: Record<string, string> = {}, status = 200): Answer =>
  (response) =>
    response.writeHead(status, headers).end(typeof body === 'string' ? body : JSON.stringify(body));
const set = (...keys: readonly unknown[]) => ({ keys });
const held = (seconds: string) => jwks(set(good), { 'cache-control': seconds });
/** The connection ends without a word. */
const broken: Answer = (response) => response.socket!.destroy();

beforeAll(async () => {
  server = createServer((_request, response) => {
    fetched++;
    answer(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ({ port } = server.address() as AddressInfo);
  house = await openClientsHouse([`127.0.0.1:${port}`]);
});
afterAll(async () => {
  await house.stop();
  server.closeAllConnections();
  server.close();
});

let client: Client;
let place = 0;
beforeEach(async () => {
  const jwks_uri = `http://127.0.0.1:${port}/jwks`;
  ({ client } = await house.clients.register(backend({ jwks_uri }), none));
  answer = jwks(set(good));
  fetched = 0;
});

async function reasonWith(signer = key.privateKey, header: object = {}, at = house, of = client): Promise<string> {
  const form = formOf(signed(claims(at, of.clientId), signer, 'RS384', header));
  try {
    await at.checkAssertion(form, tokenUrl, `198.51.100.7-${++place}`);
    return 'none';
  } catch (error: any) {
    return error.reason ?? error.message;
  }
}
const refused = (reason: string) => `assertion: ${reason}`;

describe('Keys by URL', () => {
  it('are fetched once for three hundred logins', async () => {
    answer = held('max-age=3600');
    const reasons = await together(300, () => reasonWith());
    expect(new Set(reasons)).toEqual(new Set(['none']));
    for (let at = 0; at < 20; at++) expect(await reasonWith()).toBe('none');
    expect(fetched).toBe(1);
  });

  it.each([
    ['as it says', 'public, max-age=600', 600],
    ['ten seconds at least', 'max-age=0', 10],
    ['ten seconds where it must not be stored', 'no-store, max-age=600', 10],
    ['ten seconds where it must be asked about', 'no-cache', 10],
    ['a day at most', 'max-age=315360000', 86_400],
    ['five minutes where it says nothing', '', 300],
    ['five minutes where it says nonsense', 'max-age=-1, s-maxage=99', 300],
  ])('hold for %s', async (_, said, seconds) => {
    answer = jwks(set(good), said === '' ? {} : { 'cache-control': said });
    expect(await reasonWith()).toBe('none');
    house.pass(seconds * SECOND - 1);
    expect(await reasonWith()).toBe('none');
    expect(fetched).toBe(1);
    house.pass(1);
    expect(await reasonWith()).toBe('none');
    expect(fetched).toBe(2);
  });

  it('that were taken back open nothing once they expired', async () => {
    answer = held('max-age=60');
    expect(await reasonWith()).toBe('none');
    answer = jwks(set(jwkOf(next.publicKey, { kid: 'two' })));
    house.pass(60 * SECOND);
    expect(await reasonWith()).toBe(refused('kid unknown'));
  });

  it('are fetched anew for a kid that is not among them, once in five minutes', async () => {
    answer = held('max-age=86400');
    expect(await reasonWith()).toBe('none');
    const both = set(good, jwkOf(next.publicKey, { kid: 'two' }));
    for (let at = 0; at < 5; at++)
      expect(await reasonWith(next.privateKey, { kid: `x${at}` })).toBe(refused('kid unknown'));
    expect(fetched).toBe(2);
    answer = jwks(both, { 'cache-control': 'max-age=86400' });
    expect(await reasonWith(next.privateKey, { kid: 'two' })).toBe(refused('kid unknown'));
    house.pass(5 * MINUTE);
    expect(await reasonWith(next.privateKey, { kid: 'two' })).toBe('none');
    expect(fetched).toBe(3);
  });

  it('that were fetched this very moment are not fetched again for an unknown kid', async () => {
    expect(await reasonWith(key.privateKey, { kid: 'unknown' })).toBe(refused('kid unknown'));
    expect(fetched).toBe(1);
  });

  it('go by the registered URL, whatever jku says', async () => {
    expect(await reasonWith(key.privateKey, { jku: client.metadata.jwks_uri })).toBe('none');
    expect(await reasonWith(key.privateKey, { jku: `${client.metadata.jwks_uri}/` })).toBe(refused('jku foreign'));
    expect(await reasonWith(key.privateKey, { jku: 'http://169.254.169.254/latest' })).toBe(refused('jku foreign'));
    expect(fetched).toBe(1);
  });
});

describe('A place that cannot be reached', () => {
  it('is stood in for by what it said last, for an hour', async () => {
    answer = held('max-age=60');
    expect(await reasonWith()).toBe('none');
    answer = broken;
    house.pass(MINUTE);
    expect(await reasonWith()).toBe('none');
    house.pass(60 * MINUTE - 1);
    expect(await reasonWith()).toBe('none');
    house.pass(1);
    expect(await reasonWith()).toBe(refused('key set transient'));
  });

  it('is asked every ten seconds at most', async () => {
    answer = broken;
    for (let at = 0; at < 10; at++) expect(await reasonWith()).toBe(refused('key set transient'));
    // undici tries an idle connection that broke once more by itself, so one call may be seen twice.
    expect(fetched).toBeLessThanOrEqual(2);
    const before = fetched;
    house.pass(10 * SECOND);
    answer = jwks(set(good));
    expect(await reasonWith()).toBe('none');
    expect(fetched).toBe(before + 1);
  });

  describe('in a hurry', () => {
    let hasty: ClientsHouse;
    let own: Client;
    beforeAll(async () => {
      hasty = await openClientsHouse([`127.0.0.1:${port}`], HURRY);
      ({ client: own } = await hasty.clients.register(backend({ jwks_uri: `http://127.0.0.1:${port}/jwks` }), none));
    });
    afterAll(() => hasty.stop());

    /** Milliseconds as in life until it is given up. Any other call would last for fifteen seconds. */
    async function givenUp(): Promise<number> {
      hasty.pass(MINUTE);
      const started = performance.now();
      expect(await reasonWith(key.privateKey, {}, hasty, own)).toBe(refused('key set transient'));
      return (performance.now() - started) * HURRY;
    }

    it('is given up after three seconds', async () => {
      answer = () => undefined;
      const took = await givenUp();
      expect(took).toBeGreaterThan(2_900);
      expect(took).toBeLessThan(14_000);
    });

    it('is given up after three seconds also where it answers a byte at a time', async () => {
      answer = (response) => {
        const drip = setInterval(() => response.write(' '), 100);
        response.on('close', () => clearInterval(drip));
      };
      expect(await givenUp()).toBeLessThan(14_000);
    });
  });
});

describe('An answer that is no set of keys', () => {
  const many = Array.from({ length: 10_000 }, (_, at) => ({ kty: 'OKP', kid: `k${at}` }));
  const cases: readonly (readonly [name: string, answer: Answer, reason: RegExp])[] = [
    ['500', jwks('', {}, 500), /answered 500/],
    ['404 with a set', jwks(set(good), {}, 404), /answered 404/],
    ['a redirect', jwks('', { location: 'http://169.254.169.254/' }, 302), /answered 302/],
    ['100 MB', (response) => pour(response.writeHead(200)), /too large/],
    ['64 KiB', jwks(`${JSON.stringify(set(good))}${' '.repeat(65_536)}`), /too large/],
    ['10,000 keys', jwks(set(...many)), /too large/],
    ['51 keys', jwks(set(good, ...many.slice(0, 50))), /50 keys/],
    ['a private key', jwks(set(jwkOf(key.privateKey, { kid: 'one' }))), /private/],
    ['a symmetric key beside a good one', jwks(set(good, { kty: 'oct', k: 'AAAA' })), /symmetric/],
    ['two keys of one kid', jwks(set(good, good)), /one kid/],
    ['a weak key', jwks(set(good, jwkOf(rsa(1_024).publicKey, { kid: 'two' }))), /2048/],
    ['no keys', jwks(set()), /must hold a key/],
    ['a page', jwks('<html></html>'), /structure/],
    ['a member twice', jwks('{"keys":[],"keys":[]}'), /structure/],
    ['a list', jwks('[]'), /structure/],
  ];

  it.each(cases)('is believed to end the keys from before: %s', async (_, bad, reason) => {
    answer = held('max-age=10');
    expect(await reasonWith()).toBe('none');
    answer = bad;
    house.pass(10 * SECOND);
    expect(await reasonWith()).toMatch(reason);
    expect(await reasonWith()).toMatch(reason);
    expect(fetched).toBe(2);
    answer = held('max-age=10');
    house.pass(10 * SECOND);
    expect(await reasonWith()).toBe('none');
  });
});

describe('A forbidden place', () => {
  it.each([
    'http://127.0.0.1:9/',
    'https://127.0.0.1/',
    'https://169.254.169.254/',
    'https://[::1]/',
    'https://keys.internal/',
    'file:///etc/passwd',
    'https://user@keys.example.org/',
  ])('cannot be registered: %s', async (jwks_uri) => {
    await expect(house.clients.register(backend({ jwks_uri }), none)).rejects.toMatchObject({
      error: 'invalid_client_metadata',
    });
    expect(fetched).toBe(0);
  });
});

function pour(response: ServerResponse): void {
  const chunk = Buffer.alloc(65_536, 32);
  let sent = 0;
  const more = () => {
    while (sent < 100_000_000 && !response.destroyed) {
      sent += chunk.length;
      if (!response.write(chunk)) return;
    }
  };
  response.on('drain', more);
  more();
}
