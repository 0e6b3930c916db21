/** Promises P1, P4, P5, P8 and P12: a server is killed 200 times under load, and nothing that it acknowledged is lost, halved or doubled. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type ServerProcess, startServer } from '../support/process.ts';
import { seeded } from '../support/seeded.ts';
import { FLOOD } from './alarms.ts';
import { type Device, openDevice } from './device.ts';
import { type Ledger, openLedger, searchAll, settleAll, standing } from './ledger.ts';
import { type Client, openClient, openCounters, WATCHED } from './operations.ts';
import { type Receiver, startReceiver } from './receiver.ts';
import * as verdict from './verdict.ts';

const KILLS = Number(process.env['WATCHFIRE_TEST_KILLS'] ?? 200);
const SEED = Number(process.env['WATCHFIRE_TEST_SEED'] ?? Date.now() % 1_000_000);
const CLIENTS = 16;
const LEAST_BETWEEN_KILLS = 100;
const DAY = 86_400_000;

describe('A server that is killed 200 times under load', () => {
  const random = seeded(SEED);
  const data = mkdtempSync(join(tmpdir(), 'watchfire-kill9-'));
  const ledger: Ledger = openLedger();
  const clients: Client[] = [];
  const devices: Device[] = [];
  const between: number[] = [];
  let receiver: Receiver;
  let server: ServerProcess;
  let killedAtStart = 0;
  const alarms = () => devices.map((device) => device.alarms.figures());

  const start = async () => {
    // Whatever drifts by chance is none of the limits that are held to here.
    const settings = {
      WATCHFIRE_OUTBOUND_ALLOW: receiver.host,
      WATCHFIRE_ALERT_FLOOD: FLOOD.setting,
      WATCHFIRE_ALERT_WATCH: 'false',
    };
    if (random() < 0.05) {
      const begun = startServer(data, settings, AbortSignal.timeout(Math.floor(random() * 800)));
      const early = await begun.catch(() => undefined);
      await early?.kill('SIGKILL');
      killedAtStart++;
    }
    server = await startServer(data, settings);
  };

  async function expectRight(method: string, path: string, body: object, status: number): Promise<any> {
    const reply = await server.ask(method, path, body);
    if (reply.status !== status) throw new Error(`${method} ${path}: ${reply.status} ${reply.text}`);
    return reply.body;
  }

  async function subscribe(id: string, criteria: string): Promise<void> {
    const channel = { type: 'rest-hook', endpoint: `${receiver.url}/${id}`, payload: 'application/fhir+json' };
    const subscription = { resourceType: 'Subscription', id, status: 'requested', reason: 'k9', criteria, channel };
    await expectRight('PUT', `/fhir/Subscription/${id}`, subscription, 201);
    const { secret } = await expectRight('POST', `/admin/subscriptions/${id}/secret`, {}, 200);
    receiver.trust(id, secret);
  }

  async function equip(number: number): Promise<Device> {
    const id = `DEV${number}`;
    const patient = `Patient/k9-patient-${number}`;
    await expectRight(
      'PUT',
      `/fhir/${patient}`,
      { resourceType: 'Patient', id: `k9-patient-${number}`, birthDate: '1960-05-05' },
      201,
    );
    const device = {
      resourceType: 'Device',
      id: `k9-device-${number}`,
      identifier: [{ system: 'https://example.org/fhir/sid/device', value: id }],
      status: 'active',
      patient: { reference: patient },
    };
    await expectRight('PUT', `/fhir/Device/${device.id}`, device, 201);
    const { key } = await expectRight('POST', `/admin/devices/${id}/keys`, {}, 201);
    return openDevice(ledger, random, { id, patient, key, begin: Date.now() - 20 * DAY });
  }

  async function act(client: Client, device: Device): Promise<void> {
    const chance = random();
    if (chance < 0.3) return device.post(server);
    if (chance < 0.34) return device.repeat(server);
    if (chance < 0.48) return client.createOnce(server);
    if (chance < 0.6) return client.transact(server);
    if (chance < 0.72) return client.create(server);
    if (chance < 0.84) return client.update(server);
    if (chance < 0.88) return client.remove(server);
    return client.count(server);
  }

  /** Load on all clients until enough is acknowledged and a little longer; then the server dies in the middle of it. */
  async function loadAndKill(): Promise<void> {
    const begun = ledger.figures.acknowledged;
    const more = Math.floor(random() * 60);
    let isOver = false;
    const work = clients.map(async (client, i) => {
      while (!isOver) {
        await act(client, devices[i]!);
        if (!isOver && ledger.figures.acknowledged - begun >= LEAST_BETWEEN_KILLS + more) {
          isOver = true;
          // The others have requests under way: some not yet read, some in a commit, some about to be answered.
          setTimeout(() => void server.kill('SIGKILL'), random() * 4);
        }
      }
    });
    await Promise.all(work);
    await server.ended;
    between.push(ledger.figures.acknowledged - begun);
  }

  async function spotCheck(): Promise<void> {
    await settleAll(ledger, server);
    const all = [...ledger.written.values()];
    const recent = all.slice(-20);
    const some = Array.from({ length: 5 }, () => all[Math.floor(random() * all.length)]!);
    const found = await Promise.all([...recent, ...some].map((written) => standing(server, written)));
    ledger.faults.push(...found.filter((fault) => fault !== undefined));
  }

  beforeAll(async () => {
    receiver = await startReceiver();
    await start();
    await openCounters(ledger, server, ['counter-0', 'counter-1', 'counter-2', 'counter-3']);
    await subscribe('watched', `Observation?code=${WATCHED}`);
    await subscribe('flags', 'Flag?status=active');
    for (let i = 0; i < CLIENTS; i++) {
      clients.push(openClient(ledger, random));
      devices.push(await equip(i));
    }
    for (let kill = 0; kill < KILLS && ledger.faults.length === 0; kill++) {
      await loadAndKill();
      await start();
      await spotCheck();
    }
  });

  afterAll(async () => {
    const { acknowledged, unanswered, stored, byKind } = ledger.figures;
    const sum = (of: (one: ReturnType<typeof alarms>[number]) => number) =>
      alarms().reduce((all, one) => all + of(one), 0);
    process.stderr.write(
      `kill -9: seed ${SEED}, ${between.length} kills (${killedAtStart} more while starting), ${acknowledged} acknowledged ` +
        `${JSON.stringify(byKind)}, ${unanswered} unanswered of which ${stored} were stored, ` +
        `${receiver.heard('watched').length + receiver.heard('flags').length} notifications, ${receiver.figures.repeated} of them ` +
        `repeated, ${receiver.figures.refused} refused on purpose; ` +
        `${sum(({ flags }) => flags)} Flags, ${sum(({ raises }) => raises)} raised, ${sum(({ floods }) => floods)} floods, ${sum(({ heldOff }) => heldOff)} warnings held off\n`,
    );
    await server.kill('SIGKILL');
    await receiver.close();
    rmSync(data, { recursive: true, force: true });
  });

  it('was killed so often, with enough acknowledged in between, and no answer was wrong on the way', () => {
    expect(ledger.faults).toEqual([]);
    expect(between).toHaveLength(KILLS);
    expect(Math.min(...between)).toBeGreaterThanOrEqual(LEAST_BETWEEN_KILLS);
    expect(ledger.figures.stored).toBeGreaterThan(0); // else the kills came too late to hurt
  });

  it('has lost no acknowledged write, and no version', async () => {
    expect(await verdict.writtenFaults(server, ledger)).toEqual([]);
  });

  it('has counted every acknowledged update once', async () => {
    expect(await verdict.counterFaults(server, ledger)).toEqual([]);
  });

  it('has created once what was to be created once', async () => {
    expect(await verdict.conditionalFaults(server, ledger)).toEqual([]);
  });

  it('holds nothing of a transaction that it refused', async () => {
    expect(ledger.refused.length).toBeGreaterThan(0);
    expect(await verdict.refusedFaults(server, ledger)).toEqual([]);
  });

  it('has notified every version that is watched, in order and without gaps', async () => {
    const due = clients.reduce((sum, { log }) => sum + log.length, 0);
    await receiver.until('watched', due);
    expect(receiver.faults).toEqual([]);
    expect(receiver.heard('watched')).toHaveLength(due);
    expect(verdict.notificationFaults(ledger, clients, receiver.heard('watched'))).toEqual([]);
  });

  it('has notified every Flag that was opened or raised once', async () => {
    const due = alarms().reduce((sum, { flags, raises }) => sum + flags + raises, 0);
    await receiver.until('flags', due);
    expect(receiver.faults).toEqual([]);
    expect(receiver.heard('flags')).toHaveLength(due);
    const versions = receiver
      .heard('flags')
      .map(({ reference, body }) => `${reference}|${JSON.parse(body).meta.versionId}`);
    expect(new Set(versions).size).toBe(due);
  });

  it('holds each reading once, one Flag for each alert that was due, and goes on where the alarm stood', async () => {
    expect(await verdict.deviceFaults(server, devices)).toEqual([]);
    const ids = devices.flatMap(({ readings }) => readings.map(({ id }) => id));
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('ends in good order and leaves a sound file with an audit row for every answer', async () => {
    expect(await searchAll(server, 'Subscription?status=error')).toEqual([]);
    expect((await server.kill('SIGTERM')).code).toBe(0);
    expect(verdict.fileFaults(data, ledger)).toEqual([]);
  });
});
