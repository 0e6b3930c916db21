/** Two servers on one MongoDB: every step of every alert once, also when one of them is killed in the middle of it. docs/escalation.md#timers */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { describeOnMongod } from '../../support/describe-mongod.ts';
import { type ServerProcess, startServer } from '../../support/process.ts';
import { type TestStore, testStore } from '../../support/test-store.ts';
import { until } from '../../support/until.ts';

const canonical = 'https://example.org/fhir';
const ALERTS = 60;
const TOKEN = 'administrator-of-two-servers-000000';

describeOnMongod('Two servers that share alerts', () => {
  let store: TestStore;
  let receiver: Server;
  let settings: Record<string, string>;
  const servers: ServerProcess[] = [];
  const folders: string[] = [];
  /** Calls by message. */
  const calls = new Map<string, number>();

  const start = async () => {
    const folder = mkdtempSync(join(tmpdir(), 'watchfire-alerts-'));
    folders.push(folder);
    const server = await startServer(folder, settings);
    servers.push(server);
    return server;
  };

  beforeAll(async () => {
    receiver = createServer((request, response) => {
      request.resume().on('end', () => {
        const id = String(request.headers['webhook-id']);
        calls.set(id, (calls.get(id) ?? 0) + 1);
        response.end();
      });
    });
    await new Promise<void>((go) => receiver.listen(0, '127.0.0.1', go));
    const host = `127.0.0.1:${(receiver.address() as AddressInfo).port}`;
    store = await testStore('mongodb');
    settings = {
      WATCHFIRE_STORE: store.store,
      ...(store.mongodbAcceptRelease && { WATCHFIRE_MONGODB_ACCEPT_RELEASE: store.mongodbAcceptRelease }),
      WATCHFIRE_ADMIN_TOKEN: TOKEN,
      WATCHFIRE_OUTBOUND_ALLOW: host,
      WATCHFIRE_ALERT_INBOX: `http://${host}/inbox`,
      WATCHFIRE_ALERT_WEBHOOK_SECRET: `whsec_${Buffer.alloc(32, 3).toString('base64')}`,
      WATCHFIRE_LOG_LEVEL: 'warn',
    };
    await start();
    await start();
  }, 120_000);
  afterAll(async () => {
    await Promise.all(servers.map((one) => one.kill('SIGKILL').catch(() => undefined)));
    await store?.drop();
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
    await new Promise((go) => receiver?.close(go));
  });

  it('tell and escalate each alert once, though the one that works the timers is killed', async () => {
    const [first, second] = servers as [ServerProcess, ServerProcess];
    const span = (value: number) => ({ value, unit: 's', system: 'http://unitsofmeasure.org', code: 's' });
    const plan = {
      resourceType: 'PlanDefinition',
      id: 'fast',
      status: 'active',
      identifier: [{ system: `${canonical}/sid/alert-plan`, value: 'critical' }],
      action: [
        { id: 'notify-clinician', timingDuration: span(20) },
        { id: 'notify-backup', timingDuration: span(600) },
      ],
    };
    expect((await first.ask('PUT', '/fhir/PlanDefinition/fast', plan)).status).toBe(201);
    await Promise.all(
      Array.from({ length: ALERTS }, async (_, i) => {
        const server = servers[i % 2]!;
        const patient = { resourceType: 'Patient', id: `k${i}`, birthDate: '1950-01-01' };
        await server.ask('PUT', `/fhir/Patient/k${i}`, patient);
        const reading = {
          resourceType: 'Observation',
          status: 'final',
          category: [
            { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'vital-signs' }] },
          ],
          code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }] },
          subject: { reference: `Patient/k${i}` },
          effectiveDateTime: new Date().toISOString(),
          valueQuantity: { value: 180, unit: '/min', system: 'http://unitsofmeasure.org', code: '/min' },
        };
        expect((await server.ask('POST', '/fhir/Observation', reading)).status).toBe(201);
      }),
    );
    // Either may hold the lease: the one that started first does.
    await until(() => calls.size > ALERTS / 4, 60);
    await first.kill('SIGKILL');
    const count = async (query: string) => (await second.ask('GET', `/fhir/${query}&_summary=count`)).body.total;
    const staged = `Task?business-status=${canonical}/CodeSystem/alert-stage|notify-backup`;
    await until(async () => (await count(staged)) === ALERTS, 120);
    await until(() => calls.size === 2 * ALERTS, 60);

    expect(await count('CommunicationRequest?category=alert')).toBe(2 * ALERTS);
    expect(await count('CommunicationRequest?category=alert&status=active')).toBe(ALERTS);
    await until(async () => (await count('Communication?status=completed')) === 2 * ALERTS, 60);
    expect(await count('Communication?category=alert')).toBe(2 * ALERTS);
    // At least once, and only what was under way when it was killed more than once.
    expect([...calls.values()].filter((times) => times > 1).length).toBeLessThanOrEqual(32);
  }, 400_000);
});
