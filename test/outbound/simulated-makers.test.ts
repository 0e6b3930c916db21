/** The client against the simulated makers: what `maker.json` says of authentication is enough to be let in. */
import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { readReply } from '../../src/outbound/read-reply.ts';
import { secrets, visiting } from './visit-maker.ts';

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' });
const private_key = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
const theirs = publicKey.export({ type: 'spki', format: 'pem' }) as string;
const makers = ['boston-scientific', 'medtronic', 'abbott', 'biotronik'] as const;

describe('A simulated maker', () => {
  it.each(makers)('lets in whoever has the secret or the key of its account: %s', async (maker) => {
    for (const credentials of [secrets, { client_id: 'demo', private_key }])
      await visiting({ maker, publicKey: theirs }, credentials, async ({ time, clientIn, path }) => {
        const client = clientIn('production');
        const reply = await time.settle(client.call({ method: 'GET', path }));
        expect(readReply(reply)).toMatchObject({ is: 'read', noticed: [] });
        expect(client.state()).toMatchObject({ up: true, tokens: 1, quota: { remaining: expect.any(Number) } });
      });
    await visiting({ maker, auth: 'api-key' }, { client_id: 'demo', api_key: 'demo-key' }, async (made) => {
      const client = made.clientIn('production');
      expect((await made.time.settle(client.call({ method: 'GET', path: made.path }))).status).toBe(200);
      expect(client.state().tokens).toBe(0);
    });
    await visiting({ maker }, { ...secrets, client_secret: 'wrong' }, async ({ time, clientIn, path }) => {
      const call = clientIn('production').call({ method: 'GET', path });
      await expect(time.settle(call)).rejects.toMatchObject({ code: 'login' });
    });
  });

  it('gives each environment tokens of its own, which open nothing in the other (0-021, 0-140)', async () => {
    await visiting({ maker: 'boston-scientific' }, secrets, async ({ simulator, time, clientIn, path }) => {
      const sandbox = clientIn('sandbox');
      for (const client of [sandbox, clientIn('production')])
        expect((await time.settle(client.call({ method: 'GET', path }))).status).toBe(200);
      expect(simulator.counts().tokens).toBe(2);
      const across = sandbox.call({ method: 'GET', path: `${simulator.url}${path}` });
      await expect(time.settle(across)).rejects.toMatchObject({ code: 'expired' });
    });
  });
});
