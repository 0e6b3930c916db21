/** rest-hook over a real connection: what a receiver gets. */
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import { type GuardedClient, guardedClient } from '../../src/outbound/guarded-client.ts';
import { newSecret } from '../../src/outbound/signing.ts';
import { systemRuntime } from '../../src/runtime.ts';
import { restHook } from '../../src/subscriptions/channels/rest-hook.ts';

interface Got {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

let receiver: Server;
let endpoint: string;
let client: GuardedClient;
let got: Got[] = [];
let status = 200;

beforeAll(async () => {
  receiver = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { method = '', url = '', headers } = request;
    got.push({ method, url, headers, body: Buffer.concat(chunks).toString() });
    response.writeHead(status).end();
  });
  await new Promise<void>((go) => receiver.listen(0, '127.0.0.1', go));
  const { port } = receiver.address() as AddressInfo;
  endpoint = `http://127.0.0.1:${port}`;
  client = guardedClient({ allow: [`127.0.0.1:${port}`], runtime: systemRuntime });
});
beforeEach(() => {
  got = [];
  status = 200;
});
afterAll(async () => {
  await client.close();
  await new Promise((go) => receiver.close(go));
});

const text = '{"resourceType":"Flag","id":"f1","code":{"text":"Z\u00fcrich \u2665"},"x":98.0}';
const notification = { id: 's1_12', key: { type: 'Flag', id: 'f1' }, text };
const secrets = [newSecret(systemRuntime.random), newSecret(systemRuntime.random)];
const never = new AbortController().signal;
const send = (target: { path?: string; hasPayload?: boolean; headerLines?: string[] }) =>
  restHook(client, systemRuntime).send(
    notification,
    { endpoint: endpoint + (target.path ?? '/fhir'), hasPayload: true, headerLines: [], secrets, ...target },
    never,
  );

describe('a rest-hook', () => {
  it('puts the resource below the endpoint, byte for byte, signed with each live secret', async () => {
    expect(await send({ headerLines: ['Authorization: Bearer a:b', 'X-Tenant: 7'] })).toEqual({ is: 'accepted' });
    const [call] = got;
    expect(call).toMatchObject({ method: 'PUT', url: '/fhir/Flag/f1', body: text });
    expect(call!.headers).toMatchObject({
      authorization: 'Bearer a:b',
      'x-tenant': '7',
      'content-type': 'application/fhir+json',
      'content-length': String(Buffer.byteLength(text)),
      'webhook-id': 's1_12',
    });
    const headers = call!.headers as Record<string, string>;
    for (const secret of secrets) expect(new Webhook(secret).verify(call!.body, headers)).toEqual(JSON.parse(text));
  });

  it('keeps the path and query of its endpoint', async () => {
    await send({ path: '/base/fhir/?tenant=a%2Fb' });
    await send({ path: '' });
    expect(got.map(({ url }) => url)).toEqual(['/base/fhir/Flag/f1?tenant=a%2Fb', '/Flag/f1']);
  });

  it('posts nothing to the endpoint itself where no payload is asked for', async () => {
    await send({ hasPayload: false });
    expect(got[0]).toMatchObject({ method: 'POST', url: '/fhir', body: '' });
    expect(got[0]!.headers['content-length']).toBe('0');
    expect(got[0]!.headers['content-type']).toBeUndefined();
    expect(() => new Webhook(secrets[0]!).verify('', got[0]!.headers as Record<string, string>)).not.toThrow();
  });

  it('takes 2xx for success, 410 for the end and everything else for failure', async () => {
    const outcomes: unknown[] = [];
    for (status of [200, 201, 204, 301, 302, 400, 404, 410, 500]) outcomes.push((await send({})).is);
    expect(outcomes).toEqual([...Array(3).fill('accepted'), ...Array(4).fill('failed'), 'gone', 'failed']);
  });

  it('fails where nobody may be called', async () => {
    const target = { endpoint: 'http://127.0.0.1:9/', hasPayload: true, headerLines: [], secrets };
    const outcome = await restHook(client, systemRuntime).send(notification, target, never);
    expect(outcome).toEqual({ is: 'failed', reason: 'must be an https URL' });
  });
});
