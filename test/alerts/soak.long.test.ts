/** Issue 9: many readings of many devices, out of order, repeated, some broken, while the server is killed: each critical one has one alert and is told of, and nothing is invented. docs/alerts.md */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type ServerProcess, startServer } from '../support/process.ts';
import { until } from '../support/until.ts';
import { openDevice, READINGS } from './soak/fleet.ts';
import { type Inbox, openInbox } from './soak/inbox.ts';
import { equip, type Sent, send } from './soak/soak.ts';
import { judge, messageFaults, type Verdict } from './soak/verdict.ts';

/** 1000000 for the whole; takes ten minutes. */
const TOTAL = Number(process.env['WATCHFIRE_TEST_READINGS'] ?? 20_000);
const SEED = Number(process.env['WATCHFIRE_TEST_SEED'] ?? Date.now() % 1_000_000);
const KILLS = Math.max(4, Math.round(TOTAL / 25_000));

const say = (what: string) => process.stderr.write(`soak (seed ${SEED}): ${what}\n`);

describe(`${TOTAL} readings while the server is killed ${KILLS} times`, () => {
  const data = mkdtempSync(join(tmpdir(), 'watchfire-soak-'));
  const devices = Array.from({ length: Math.ceil(TOTAL / READINGS) }, (_, i) => openDevice(i, SEED, Date.now()));
  let inbox: Inbox;
  const servers: ServerProcess[] = [];
  const server = () => servers[0]!;
  let sent: Sent;
  let verdict: Verdict;

  beforeAll(async () => {
    inbox = await openInbox();
    const restart = () => startServer(data, inbox.settings);
    servers.push(await restart());
    const keys = await equip(server(), devices);
    say(`${devices.length} devices are there`);
    sent = await send({ devices, servers, restart, kills: KILLS, seed: SEED, abreast: 8, say }, keys);
    say(`${sent.readings} readings were sent in ${sent.seconds.toFixed(0)} s; messages ${inbox.messages.size}`);
  });
  afterAll(async () => {
    await server()?.kill('SIGKILL');
    await inbox?.close();
    rmSync(data, { recursive: true, force: true });
  });

  it('answers each batch, and refuses what is broken and nothing else', () => {
    expect(sent.faults).toEqual([]);
    expect(sent.kills).toBe(KILLS);
    expect(sent.again).toBeGreaterThan(0); // else the kills came too late to hurt
  });

  it('holds each reading once', async () => {
    const { body } = await server().ask('GET', '/fhir/Observation?_summary=count');
    expect(body.total).toBe(devices.reduce((sum, { observations }) => sum + observations, 0));
  });

  it('has one Flag for each episode, with all that it was seen in: none missed, none invented', async () => {
    verdict = await judge(server(), devices);
    const critical = devices.reduce((sum, one) => sum + one.critical, 0);
    const all = devices.length * READINGS;
    say(`${critical} of ${all} readings critical; ${JSON.stringify(verdict.figures)}`);

    expect(verdict.faults.slice(0, 20)).toEqual([]);
    expect(critical / all).toBeGreaterThan(0.008);
    expect(verdict.figures.critical).toBeGreaterThan(0);
  });

  it('has told of each critical one, once', async () => {
    const waits = async () => {
      const { text } = await server().ask('GET', '/metrics');
      return /^watchfire_alert_messages_waiting\S* ([1-9]\d*)/m.test(text);
    };
    const told = () =>
      new Set([...inbox.messages.values()].filter(({ priority }) => priority === 'stat').map(({ about }) => about));
    // What is not told then shows below.
    await until(() => [...verdict.mustTell].every((flag) => told().has(flag)), 30).catch(() => undefined);
    await until(async () => !(await waits()), 60);
    const repeated = [...inbox.messages.values()].filter(({ calls }) => calls > 1).length;
    say(`${inbox.messages.size} messages, ${repeated} of them came again, ${inbox.refused()} refused on purpose`);

    expect((await messageFaults(server(), inbox, verdict)).slice(0, 20)).toEqual([]);
  });
});
