/** Taking an acknowledgement back while somebody else resolves the alert: what is over does not wait again. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { acknowledge } from '../../../src/alerts/acknowledge/acknowledge.ts';
import { resolve } from '../../../src/alerts/acknowledge/resolve.ts';
import { undo } from '../../../src/alerts/acknowledge/undo.ts';
import { createTrail } from '../../../src/audit/trail.ts';
import { type Core, openCore } from '../../../src/core.ts';
import { insideRequest, ofItself } from '../../../src/interactions/inside.ts';
import { systemRuntime as runtime } from '../../../src/runtime.ts';
import { INDEX_VERSION } from '../../../src/search/index-version.ts';
import { administrator } from '../../../src/smart/access.ts';
import { noLeases } from '../../../src/store/lease.ts';
import { openSqliteStore } from '../../../src/store/sqlite/sqlite-store.ts';

const base = 'http://test/fhir';
const canonical = 'https://example.org/fhir';
const origin = ofItself(base);
const stop = new AbortController();
let core: Core;
let close: () => Promise<void>;
beforeAll(async () => {
  const engine = await openSqliteStore({ file: ':memory:', runtime, indexVersion: INDEX_VERSION });
  core = await openCore({
    engine,
    trail: createTrail(engine, runtime, 'strict'),
    runtime,
    base,
    canonical,
    version: '0.0.0',
    pageKey: new Uint8Array(32),
    references: 'open',
    prepare: {},
    derive: () => ({}),
    log: { warn: () => undefined, error: () => undefined },
    leases: noLeases,
    signal: stop.signal,
  });
  close = () => engine.close();
});
afterAll(async () => {
  stop.abort();
  await close();
});

async function save(resource: any): Promise<any> {
  const { resourceType: type, id } = resource;
  const body = { text: JSON.stringify(resource), resource };
  const { version } = await core.dispatch(
    insideRequest(origin, { interaction: 'update', type, id, body }),
    administrator,
  );
  return JSON.parse(version!.text);
}
const read = async (type: string, id: string) =>
  JSON.parse(((await core.store.read([{ type, id }]))[0] as { text: string }).text);

/** The three resources of an alert that its nurse has acknowledged, its Flag as it was seen then. */
async function acknowledged(id: string) {
  const patient = { reference: 'Patient/1' };
  const named = (kind: string) => [{ system: `${canonical}/sid/${kind}`, value: id }];
  const flag = await save({
    resourceType: 'Flag',
    id,
    identifier: named('alert'),
    status: 'active',
    code: { text: 'x' },
    subject: patient,
  });
  await save({ resourceType: 'DetectedIssue', id, identifier: named('alert'), status: 'final', patient });
  const task = { identifier: named('alert-task'), status: 'requested', intent: 'order', for: patient };
  await save({ resourceType: 'Task', id, ...task });
  const asked = { named: flag, changed: flag, caller: administrator, origin, also: () => [] };
  await acknowledge(parts(), asked);
  return asked;
}
const parts = (store: Pick<Core['store'], 'search' | 'vread'> = core.store) => ({
  store,
  dispatch: core.dispatch,
  runtime,
  canonical,
});
const deeds = async (id: string) =>
  (await read('DetectedIssue', id)).mitigation.map(({ action }: any) => action.coding[0].code);

it('is refused where the alert was resolved after its Flag was looked at', async () => {
  const asked = await acknowledged('a');
  await resolve(parts(), asked);
  await expect(undo(parts(), asked)).rejects.toMatchObject({ status: 422 });
  expect(await deeds('a')).toEqual(['acknowledged', 'resolved']);
  expect((await read('Task', 'a')).status).toBe('completed');
});

it.each([1, 2, 3])('is refused where the alert is resolved before its look number %i', async (at) => {
  const id = `b${at}`;
  const asked = await acknowledged(id);
  let looks = 0;
  const search: Core['store']['search'] = async (...query) => {
    if (++looks === at) await resolve(parts(), asked);
    return core.store.search(...query);
  };
  await expect(undo(parts({ ...core.store, search }), asked)).rejects.toMatchObject({ status: 422 });
  expect(await deeds(id)).toEqual(['acknowledged', 'resolved']);
  expect((await read('Flag', id)).status).toBe('inactive');
});
