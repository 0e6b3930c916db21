/** A Subscription sees what its owner is granted at the moment of each notification: P26 of promises.md. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { until } from '../../support/until.ts';
import { tokenRequest } from '../support/user-agent.ts';
import { type App, type AuthorizationHouse, openAuthorizationHouse } from './authorization-house.ts';

let receiver: Server;
let endpoint: string;
let house: AuthorizationHouse;
let got: string[] = [];
let status = 200;

beforeAll(async () => {
  receiver = createServer(async (request, response) => {
    got.push(request.url!);
    request.resume().on('end', () => response.writeHead(status).end());
  });
  await new Promise<void>((go) => receiver.listen(0, '127.0.0.1', go));
  const { port } = receiver.address() as AddressInfo;
  endpoint = `http://127.0.0.1:${port}`;
  house = await openAuthorizationHouse({ outboundAllow: [`127.0.0.1:${port}`] });
});
afterAll(async () => {
  await house.stop();
  receiver.closeAllConnections();
  await new Promise((go) => receiver.close(go));
});
beforeEach(() => {
  got = [];
  status = 200;
});

async function subscribed(): Promise<{ app: App; id: string }> {
  const app = await house.register({
    grant_types: ['client_credentials'],
    redirect_uris: [],
    scope: 'system/*.cruds',
    roles: ['administrator'],
    token_endpoint_auth_method: 'client_secret_post',
  });
  const { body } = await tokenRequest(house.url, {
    grant_type: 'client_credentials',
    client_id: app.clientId,
    client_secret: app.secret!,
  });
  const subscription = {
    resourceType: 'Subscription',
    status: 'requested',
    reason: 'a test',
    criteria: 'Flag?status=active',
    channel: { type: 'rest-hook', endpoint, payload: 'application/fhir+json' },
  };
  const made = await house.create(subscription, { authorization: `Bearer ${body.access_token}` });
  if (made.status !== 201) throw new Error(made.text);
  const { id } = made.body;
  await until(async () => (await house.read(`Subscription/${id}`)).body.status === 'active');
  return { app, id };
}
const flag = async () => {
  const resource = {
    resourceType: 'Flag',
    status: 'active',
    code: { text: 'x' },
    subject: { reference: `Patient/${house.patientId}` },
  };
  return `/Flag/${(await house.create(resource)).body.id}`;
};

/** The Subscription once it stands still. */
const ended = (id: string): Promise<any> =>
  until(async () => {
    const { body } = await house.read(`Subscription/${id}`);
    return body.status === 'error' ? body : undefined;
  });

describe('A Subscription of a client', () => {
  it('is delivered by what its client is granted, and not after the client was disabled', async () => {
    const { app, id } = await subscribed();
    const first = await flag();
    await until(async () => got.includes(first));

    await house.ask('POST', `/admin/clients/${app.clientId}/disable`);
    const second = await flag();
    const { id: witness } = await subscribed();
    const third = await flag();
    await until(async () => got.includes(third));
    expect(got).not.toContain(second);
    expect((await ended(id)).error).toContain('may no longer read');
    await house.remove(`Subscription/${witness}`);

    await house.ask('POST', `/admin/clients/${app.clientId}/enable`);
    const stopped = (await house.read(`Subscription/${id}`)).body;
    const renewed = await house.ask('PUT', `/fhir/Subscription/${id}`, { ...stopped, status: 'requested' });
    expect(renewed.status).toBe(200);
    await until(async () => (await house.read(`Subscription/${id}`)).body.status === 'active');
    const fourth = await flag();
    await until(async () => got.includes(fourth));
    expect(got).not.toContain(second);
    await house.remove(`Subscription/${id}`);
  });

  it('delivers nothing that waited while its client was disabled', async () => {
    status = 500;
    const { app, id } = await subscribed();
    const waiting = await flag();
    await until(async () => got.includes(waiting));
    await house.ask('POST', `/admin/clients/${app.clientId}/disable`);
    status = 200;
    got = [];

    expect((await ended(id)).error).toContain('may no longer read');
    expect(got).toEqual([]);
  });
});
