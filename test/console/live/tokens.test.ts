/** Live events for apps and devices: a token hears what its scopes open, as long as it is good. docs/live-events.md */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { tokenRequest } from '../../smart/support/user-agent.ts';
import { openHouse, type TestHouse } from '../../support/house.ts';
import { until } from '../../support/until.ts';
import { as, flag, openEvents } from './event-stream.ts';

let house: TestHouse;
let client: { client_id: string; client_secret: string };

beforeAll(async () => {
  house = await openHouse();
  await house.update({ resourceType: 'Patient', id: 'p1' });
  const { status, body, text } = await house.ask('POST', '/admin/clients', {
    client_name: 'Ward display',
    grant_types: ['client_credentials'],
    scope: 'system/Flag.rs system/Task.rs system/Patient.rs',
    roles: ['service'],
    token_endpoint_auth_method: 'client_secret_post',
  });
  if (status !== 201) throw new Error(text);
  client = body;
});
afterAll(() => house.stop());

async function token(scope: string): Promise<string> {
  const { body } = await tokenRequest(house.url, {
    grant_type: 'client_credentials',
    client_id: client.client_id,
    client_secret: client.client_secret,
    scope,
  });
  return body.access_token;
}
const task = (id: string) => ({ resourceType: 'Task', id, status: 'requested', intent: 'order' });

it('hears of what its scopes open, of nothing else, and of nothing once it is revoked', async () => {
  const word = await token('system/Flag.rs');
  const stream = await openEvents(house.url, '?topics=device-alert,task-assigned', as(word));
  expect(stream.status).toBe(200);
  const resource = flag('p1');
  await house.update(task('t1'));
  await house.update(resource);
  await stream.first(({ data }) => data.reference === `Flag/${resource.id}`);
  expect(stream.events).toHaveLength(1);

  const { client_id, client_secret } = client;
  expect((await tokenRequest(house.url, { token: word, client_id, client_secret }, {}, '/oauth/revoke')).status).toBe(
    200,
  );
  await house.update(flag('p1'));
  await until(stream.isOver);
  expect(stream.events.map(({ event }) => event)).toEqual(['device-alert', 'end']);
});

it('is refused where none of the topics may be read, as is a key of a device', async () => {
  expect((await openEvents(house.url, '?topics=device-alert', as(await token('system/Patient.rs')))).status).toBe(403);
  await house.update({
    resourceType: 'Device',
    id: 'd1',
    identifier: [{ system: 'https://example.org/fhir/sid/device', value: 'DEV1' }],
  });
  const key = await house.deviceKey('DEV1', { permissions: ['can_read_patient'] });
  expect((await openEvents(house.url, '?topics=vital-sign-recorded', as(key))).status).toBe(403);
});

it('hears in pages of registered apps from elsewhere, and no others: asked before, and told which headers it may send', async () => {
  const own = 'https://ward.example.org';
  const app = { client_name: 'Ward page', redirect_uris: [`${own}/callback`], token_endpoint_auth_method: 'none' };
  expect((await house.ask('POST', '/admin/clients', { ...app, scope: 'user/Flag.rs' })).status).toBe(201);
  const url = `${house.url}/events?topics=device-alert`;
  const asking = {
    'access-control-request-method': 'GET',
    'access-control-request-headers': 'authorization,last-event-id',
  };
  const asked = (origin: string) => fetch(url, { method: 'OPTIONS', headers: { origin, ...asking } });
  const allowed = await asked(own);
  expect([allowed.status, allowed.headers.get('access-control-allow-origin')]).toEqual([204, own]);
  expect(allowed.headers.get('access-control-allow-headers')).toMatch(/Authorization.*Last-Event-ID/);
  expect(allowed.headers.has('access-control-allow-credentials')).toBe(false);
  expect((await asked('https://evil.example')).headers.has('access-control-allow-origin')).toBe(false);
  const stop = new AbortController();
  const headers = { ...as(await token('system/Flag.rs')), origin: own };
  const stream = await fetch(url, { headers, signal: stop.signal });
  stop.abort();
  expect([stream.status, stream.headers.get('access-control-allow-origin')]).toEqual([200, own]);
});
