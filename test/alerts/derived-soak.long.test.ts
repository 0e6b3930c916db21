/** Scores, trends and silent devices of hundreds of patients while the server is killed: who should be told of is, once, and nobody else. On the engine of WATCHFIRE_TEST_STORE. docs/alerts.md#derived */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type ServerProcess, startServer } from '../support/process.ts';
import { seeded } from '../support/seeded.ts';
import { type TestStore, testStore } from '../support/test-store.ts';
import { alive, deviceOf, openMembers, patientOf } from './soak/derived-fleet.ts';
import { each } from './soak/verdict.ts';

const SEED = Number(process.env['WATCHFIRE_TEST_SEED'] ?? Date.now() % 1_000_000);
const TICKS = 30;
const KILLS = 7;
/** A device sends every so many ticks, and is silent after so many minutes. */
const EVERY = 4;
const PATIENCE = 0.4;
const SILENT = 40;
const BACK = 20;
const ALIVE = 240;
const settings: Record<string, string> = { WATCHFIRE_SILENT_GRACE_SECONDS: '5' };

const say = (what: string) => process.stderr.write(`derived soak (seed ${SEED}): ${what}\n`);
const sleep = (milliseconds: number) => new Promise((go) => setTimeout(go, milliseconds));
const folder = mkdtempSync(join(tmpdir(), 'watchfire-derived-soak-'));
const random = seeded(SEED + 1);
const members = openMembers(SEED, TICKS, Date.now());
/** Tick at which each falls silent; those that do not send on. */
const devices = Array.from({ length: SILENT + BACK + ALIVE }, (_, number) => ({
  id: `device-${number}`,
  number,
  stops: number < SILENT + BACK ? 6 + Math.floor(random() * (TICKS - 8)) : Number.POSITIVE_INFINITY,
}));

let store: TestStore | undefined;
let server: ServerProcess;
let again = 0;
let kills = 0;
let coming: Promise<void> | undefined;
/** When something of a device was sent last, and the longest time from there to where the next was surely stored. */
const heard = new Map<string, { last: number; longest: number }>();

const put = (resource: any) => ({
  resource,
  request: { method: 'PUT', url: `${resource.resourceType}/${resource.id}` },
});

/** All of it in one transaction, until somebody says that it is stored. */
async function deliver(resources: readonly any[]): Promise<void> {
  if (resources.length === 0) return;
  const bundle = { resourceType: 'Bundle', type: 'transaction', entry: resources.map(put) };
  for (let tries = 0; ; tries++) {
    await coming;
    const reply = await server.ask('POST', '/fhir', bundle).catch(() => undefined);
    if (reply?.status === 200) return;
    if (reply && reply.status < 500) throw new Error(`${reply.status} ${reply.text.slice(0, 500)}`);
    if (tries > 100) throw new Error(`nobody answers: ${reply?.text}`);
    again++;
    await sleep(20);
  }
}

async function sendAlive(of: readonly (typeof devices)[number][]): Promise<void> {
  const begun = Date.now();
  await deliver(of.map(({ id, number }) => alive(id, number, begun)));
  for (const { id } of of) {
    const { last, longest } = heard.get(id) ?? { last: begun, longest: 0 };
    heard.set(id, { last: begun, longest: Math.max(longest, Date.now() - last) });
  }
}

function kill(): void {
  if (coming) return;
  kills++;
  coming = (async () => {
    await server.kill('SIGKILL');
    server = await startServer(folder, settings);
    coming = undefined;
  })();
}

const groups = <T>(all: readonly T[], size: number): readonly (readonly T[])[] =>
  Array.from({ length: Math.ceil(all.length / size) }, (_, i) => all.slice(i * size, i * size + size));

/** One second of the world: devices that are due, and what patients send in this tick. */
async function tick(number: number, isKilled = false): Promise<void> {
  const due = devices.filter((one) => one.number % EVERY === number % EVERY && number < one.stops);
  const sent = members.flatMap(({ sends }) => (sends.has(number) ? [sends.get(number)!] : []));
  const work = [
    ...groups(due, 25).map(sendAlive),
    ...groups(sent, 8).map((steps) => deliver(steps.flat())),
    sleep(1_000),
  ];
  // Before anybody is answered, in the midst of it, or while what is stored is looked through.
  if (isKilled) setTimeout(kill, kills === 0 ? 0 : random() * 400);
  await Promise.all(work);
}

interface Standing {
  readonly id: string;
  readonly code: string;
  readonly status: string;
  readonly priority: string;
  readonly patient: string;
}
async function flags(): Promise<readonly Standing[]> {
  const all: Standing[] = [];
  await each(server, 'Flag?status=active,inactive,entered-in-error', ({ id, status, code, subject, extension }) => {
    const [coding] = code.coding;
    if (!['device-offline', 'news2-high', 'vital-drift'].includes(coding.code)) return;
    const priority = extension.find(({ url }: any) => url.endsWith('flag-priority')).valueCodeableConcept.coding[0]
      .code;
    all.push({ id, status, code: coding.code, priority, patient: subject.reference.replace('Patient/', '') });
  });
  return all;
}
const scores = async () =>
  (await server.ask('GET', '/fhir/Observation?code=http://snomed.info/sct|1104051000000101&_summary=count')).body.total;

let ticks = 0;
/** Goes on sending until that is so, two minutes at most: what is not so by then shows below. */
async function tickUntil(isSo: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 120_000; Date.now() < end && !(await isSo()); ) await tick(ticks++);
}
const isTold = (found: readonly Standing[], patient: string, code: string, status: string): boolean =>
  found.some((one) => one.patient === patient && one.code === code && one.status === status);

beforeAll(async () => {
  store = await testStore();
  if (store.mongodbAcceptRelease !== undefined) {
    settings['WATCHFIRE_STORE'] = store.store;
    settings['WATCHFIRE_MONGODB_ACCEPT_RELEASE'] = store.mongodbAcceptRelease;
  }
  server = await startServer(folder, settings);
  for (const group of groups(members, 100)) await deliver(group.map(patientOf));
  for (const group of groups(devices, 100))
    await deliver(
      group.flatMap(({ id }) => [{ resourceType: 'Patient', id, birthDate: '1960-05-05' }, deviceOf(id, PATIENCE)]),
    );
  say(`${members.length} patients and ${devices.length} devices are there`);
  const every = TICKS / KILLS;
  for (; ticks < TICKS; ticks++) await tick(ticks, Math.floor((ticks + 1) / every) > Math.floor(ticks / every));
  await coming;
  say(`${TICKS} ticks, ${kills} kills, ${again} transactions sent again`);
  // All that fell silent, and the first scores of those who recover.
  const recovering = members.filter(({ later }) => later.length > 0);
  await tickUntil(async () => {
    const found = await flags();
    const isSilent = ({ id, stops }: (typeof devices)[number]) =>
      stops === Number.POSITIVE_INFINITY || isTold(found, id, 'device-offline', 'active');
    return devices.every(isSilent) && recovering.every(({ id }) => isTold(found, id, 'news2-high', 'active'));
  });
  say('silent devices are told of');
  const back = devices.slice(SILENT, SILENT + BACK);
  // How long they were silent before is none of the pauses after they came back.
  for (const { id } of back) heard.delete(id);
  await sendAlive(back);
  for (const one of back) one.stops = Number.POSITIVE_INFINITY;
  for (const round of [0, 1]) {
    const before = await scores();
    await deliver(recovering.flatMap(({ later }) => later[round]!));
    kill();
    await coming;
    await tickUntil(async () => (await scores()) >= before + recovering.length);
  }
  await tickUntil(async () => {
    const found = await flags();
    return (
      back.every(({ id }) => isTold(found, id, 'device-offline', 'inactive')) &&
      recovering.every(({ id }) => isTold(found, id, 'news2-high', 'inactive'))
    );
  });
  // What is told of twice would be by then.
  kill();
  await coming;
  for (let i = 0; i < 8; i++) await tick(ticks++);
  say(`${kills} kills in all`);
}, 900_000);
afterAll(async () => {
  await server?.kill('SIGKILL');
  await store?.drop();
  rmSync(folder, { recursive: true, force: true });
});

describe(`Derived alerts of ${members.length} patients and ${devices.length} devices over kills`, () => {
  it('are one for each that has cause, as bad as it is and open or over as it is: none missed, none invented', async () => {
    const found = new Map<string, string[]>();
    for (const { patient, code, status, priority } of await flags())
      found.set(patient, [...(found.get(patient) ?? []), `${code} ${status} ${priority}`]);
    const faults: string[] = [];
    for (const { id, expected } of members) {
      const { code, status, priority } = expected;
      const should = code === undefined ? [] : [`${code} ${status} ${priority}`];
      const is = found.get(id) ?? [];
      if (JSON.stringify(is) !== JSON.stringify(should)) faults.push(`${id}: [${is}] and not [${should}]`);
    }
    const seen = Date.now();
    let uncertain = 0;
    for (const { id, number } of devices) {
      const isBack = number >= SILENT && number < SILENT + BACK;
      const should = number < SILENT ? ['device-offline active PM'] : isBack ? ['device-offline inactive PM'] : [];
      const is = found.get(id) ?? [];
      const { last, longest } = heard.get(id)!;
      // One that nothing could be stored of for longer than its patience, on a busy machine, was silent; or is since its last reading.
      if (number >= SILENT && Math.max(longest, seen - last) >= PATIENCE * 60_000) uncertain++;
      else if (JSON.stringify(is) !== JSON.stringify(should)) faults.push(`${id}: [${is}] and not [${should}]`);
    }
    say(`${found.size} told of; ${uncertain} of ${BACK + ALIVE} that went on had too long a pause`);
    expect(faults.slice(0, 20)).toEqual([]);
    // Else it would tell nothing of those that are not silent.
    expect(uncertain).toBeLessThan((BACK + ALIVE) / 2);
    expect(kills).toBeGreaterThanOrEqual(KILLS);
    expect(again).toBeGreaterThan(0);
  });

  it('have one Task each', async () => {
    const tasks = new Map<string, number>();
    await each(server, 'Task?code=alert-review', ({ focus }) => {
      tasks.set(focus.reference, (tasks.get(focus.reference) ?? 0) + 1);
    });
    const counts = (await flags()).map(({ id }) => tasks.get(`Flag/${id}`));
    expect(counts.filter((count) => count !== 1)).toEqual([]);
  });
});
