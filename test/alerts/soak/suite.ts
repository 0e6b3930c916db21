/** The soak as tests, for a server on the embedded store and for several on one MongoDB. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type ServerProcess, startServer } from '../../support/process.ts';
import { until } from '../../support/until.ts';
import { openDevice, READINGS } from './fleet.ts';
import { type Inbox, openInbox } from './inbox.ts';
import { equip, type Sent, send } from './soak.ts';
import { judge, messageFaults, type Verdict } from './verdict.ts';

/** So many readings come from a hundredth as many devices. `WATCHFIRE_TEST_READINGS=1000000` is the whole. */
export const readingsOr = (usual: number): number => Number(process.env['WATCHFIRE_TEST_READINGS'] ?? usual);
export const killsFor = (readings: number): number => Math.max(4, Math.round(readings / 25_000));

const SEED = Number(process.env['WATCHFIRE_TEST_SEED'] ?? Date.now() % 1_000_000);

interface Store {
  readonly settings: Readonly<Record<string, string>>;
  drop(): Promise<void>;
}

/** To be called inside a `describe`. */
export function soakTests(readings: number, servers: number, openStore: () => Promise<Store>): void {
  const kills = killsFor(readings);
  const say = (what: string) => process.stderr.write(`soak (seed ${SEED}): ${what}\n`);
  const folders = Array.from({ length: servers }, () => mkdtempSync(join(tmpdir(), 'watchfire-soak-')));
  const devices = Array.from({ length: Math.ceil(readings / READINGS) }, (_, i) => openDevice(i, SEED, Date.now()));
  const running: ServerProcess[] = [];
  const server = () => running[0]!;
  let store: Store | undefined;
  let inbox: Inbox;
  let sent: Sent;
  let verdict: Verdict;

  beforeAll(async () => {
    inbox = await openInbox();
    store = await openStore();
    const settings = { ...store.settings, ...inbox.settings };
    const restart = (place: number) => startServer(folders[place]!, settings);
    for (const place of folders.keys()) running.push(await restart(place));
    const keys = await equip(server(), devices);
    say(`${devices.length} devices are there`);
    sent = await send({ devices, servers: running, restart, kills, seed: SEED, abreast: 8, say }, keys);
    const { seconds, again } = sent;
    say(`${sent.readings} readings in ${seconds.toFixed(0)} s, ${kills} kills, ${again} batches sent again`);
  });
  afterAll(async () => {
    await Promise.all(running.map((one) => one.kill('SIGKILL')));
    await inbox?.close();
    await store?.drop();
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  });

  it('answer each batch, and refuse what is broken and nothing else', () => {
    expect(sent.faults.slice(0, 20)).toEqual([]);
    expect(sent.kills).toBe(kills);
    expect(sent.again).toBeGreaterThan(0); // else the kills came too late to hurt
  });

  it('hold each reading once', async () => {
    const { body } = await server().ask(
      'GET',
      '/fhir/Observation?_summary=count&category=vital-signs&device:missing=false',
    );
    expect(body.total).toBe(devices.reduce((sum, { observations }) => sum + observations, 0));
  });

  it('have one Flag for each episode, with all that it was seen in: none missed, none invented', async () => {
    verdict = await judge(server(), devices);
    const critical = devices.reduce((sum, one) => sum + one.critical, 0);
    say(`${critical} of ${devices.length * READINGS} readings critical; ${JSON.stringify(verdict.figures)}`);

    expect(verdict.faults.slice(0, 20)).toEqual([]);
    expect(critical / (devices.length * READINGS)).toBeGreaterThan(0.004);
    expect(verdict.figures.critical).toBeGreaterThan(0);
  });

  it('have told of each critical one, once', async () => {
    const isWaiting = async () => {
      const { text } = await server().ask('GET', '/metrics');
      return /^watchfire_alert_messages_waiting\S* ([1-9]\d*)/m.test(text);
    };
    const told = () =>
      new Set([...inbox.messages.values()].flatMap(({ priority, about }) => (priority === 'stat' ? about : [])));
    const isAllTold = () => ((all) => [...verdict.mustTell].every((flag) => all.has(flag)))(told());
    // What is not told by then shows below.
    await until(isAllTold, 60).catch(() => undefined);
    await until(async () => !(await isWaiting()), 60);
    // Nor are those under way that nobody must be told of.
    const faults = () => messageFaults(server(), inbox, verdict);
    await until(async () => (await faults()).length === 0).catch(() => undefined);
    const repeated = [...inbox.messages.values()].filter(({ calls }) => calls > 1).length;
    say(`${inbox.messages.size} messages, ${repeated} came again, ${inbox.refused()} refused on purpose`);

    expect((await faults()).slice(0, 20)).toEqual([]);
  });
}
