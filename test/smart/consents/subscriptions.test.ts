/** A notification goes out only where no Consent denies it at that moment, whenever the event was: P26 of promises.md. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createTrail } from '../../../src/audit/trail.ts';
import { type Core, openCore } from '../../../src/core.ts';
import type { FhirRequest } from '../../../src/interactions/interaction.ts';
import { guardedClient } from '../../../src/outbound/guarded-client.ts';
import { systemRuntime as runtime } from '../../../src/runtime.ts';
import { extract } from '../../../src/search/extract.ts';
import { INDEX_VERSION } from '../../../src/search/index-version.ts';
import { administrator } from '../../../src/smart/access.ts';
import { createConsents } from '../../../src/smart/consents/room.ts';
import type { Engine } from '../../../src/store/engine.ts';
import { startLeases } from '../../../src/store/lease.ts';
import { openSqliteStore } from '../../../src/store/sqlite/sqlite-store.ts';
import { forgetSubscription, prepareSubscription } from '../../../src/subscriptions/prepare.ts';
import { startSubscriptions } from '../../../src/subscriptions/subscriptions.ts';
import { until } from '../../support/until.ts';
import { everybody } from '../policies/world.ts';
import { actor, consent } from './consent-house.ts';

const base = 'http://127.0.0.1/fhir';
let receiver: Server;
let got: string[] = [];
let status = 200;
let engine: Engine;
let core: Core;
const stop = new AbortController();

/** No role but the administrator's may subscribe today: here what is subscribed for the service is asked of the service's rights. */
beforeAll(async () => {
  receiver = createServer(async (request, response) => {
    got.push(request.url!);
    request.resume().on('end', () => response.writeHead(status).end());
  });
  await new Promise<void>((go) => receiver.listen(0, '127.0.0.1', go));
  const { port } = receiver.address() as AddressInfo;
  engine = await openSqliteStore({ file: ':memory:', runtime, indexVersion: INDEX_VERSION });
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const { signal } = stop;
  const leases = startLeases({ store: engine, runtime, owner: 'house', isShared: false, log, signal });
  const client = guardedClient({ allow: [`127.0.0.1:${port}`], runtime });
  core = await openCore({
    engine,
    trail: createTrail(engine, runtime, 'prompt'),
    runtime,
    base,
    canonical: 'https://house.example.org/fhir',
    version: '0.0.0',
    pageKey: runtime.random(32),
    references: 'open',
    prepare: { Subscription: prepareSubscription({ client, runtime, base }) },
    derive: () => ({ Subscription: [forgetSubscription] }),
    consents: (store) => createConsents({ store, base, runtime, mode: 'deny-list' }),
    log,
    leases,
    signal,
  });
  const { store, dispatch, access } = core;
  const counters = { delivered: 0, failed: 0, waiting: 0 };
  startSubscriptions({
    store,
    dispatch,
    runtime,
    base,
    log,
    accessOf: () => access.accessFor(everybody['service']!),
    counters,
    signal,
    leases,
    extract,
    client,
  });
  const id = await put({
    resourceType: 'Subscription',
    status: 'requested',
    reason: 'a test',
    criteria: 'Flag?status=active',
    channel: { type: 'rest-hook', endpoint: `http://127.0.0.1:${port}`, payload: 'application/fhir+json' },
  });
  await until(async () => {
    const [version] = await store.read([{ type: 'Subscription', id }]);
    return JSON.parse(version!.text).status === 'active';
  });
});
afterAll(async () => {
  stop.abort();
  await core.stopped;
  receiver.closeAllConnections();
  await new Promise((go) => receiver.close(go));
  await engine.close();
});

let requests = 0;
async function ask(asked: Pick<FhirRequest, 'interaction' | 'type' | 'id' | 'body'>) {
  const request: FhirRequest = {
    ...asked,
    parameters: [],
    conditions: {},
    strict: false,
    base,
    requestId: `request-${++requests}`,
    address: '',
  };
  return core.dispatch(request, administrator);
}
async function put(resource: any): Promise<string> {
  const { resourceType: type, id = '' } = resource;
  const body = { resource, text: JSON.stringify(resource) };
  const { version } = await ask({ interaction: id === '' ? 'create' : 'update', type, id, body });
  return version!.key.id;
}
beforeEach(() => {
  got = [];
  status = 200;
});

const flag = async (of: string) =>
  `/Flag/${await put({ resourceType: 'Flag', status: 'active', code: { text: 'x' }, subject: { reference: of } })}`;
const patient = async () => `Patient/${await put({ resourceType: 'Patient' })}`;
const deny = (id: string, of: string) =>
  put(consent(id, { type: 'deny', actor: [actor('Device/backend')] }, { patient: { reference: of } }));

describe('A Subscription', () => {
  it('hears of a patient until that patient denies it, and of others still', async () => {
    const [one, other] = [await patient(), await patient()];
    const first = await flag(one);
    await until(async () => got.includes(first));
    await deny('first', one);
    const second = await flag(one);
    const third = await flag(other);
    await until(async () => got.includes(third));
    expect(got).not.toContain(second);
    await ask({ interaction: 'delete', type: 'Consent', id: 'first' });
    const fourth = await flag(one);
    await until(async () => got.includes(fourth));
    expect(got).not.toContain(second);
  });

  it('hears nothing that waited when it was denied', async () => {
    const [one, other] = [await patient(), await patient()];
    status = 500;
    const waiting = await flag(one);
    await until(async () => got.includes(waiting));
    await deny('second', one);
    got = [];
    status = 200;
    const after = await flag(other);
    await until(async () => got.includes(after), 60);
    expect(got).not.toContain(waiting);
  });
});
