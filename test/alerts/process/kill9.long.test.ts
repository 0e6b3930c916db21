/** A server that is killed again and again while alerts escalate: every step is taken once, and every message arrives. docs/escalation.md#timers */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type ServerProcess, startServer } from '../../support/process.ts';
import { until } from '../../support/until.ts';

const canonical = 'https://example.org/fhir';
const ALERTS = 40;
const KILLS = 6;
const folder = mkdtempSync(join(tmpdir(), 'watchfire-alerts-'));
const calls = new Map<string, number>();
let receiver: Server;
let settings: Record<string, string>;
let server: ServerProcess;

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
  settings = {
    WATCHFIRE_OUTBOUND_ALLOW: host,
    WATCHFIRE_ALERT_INBOX: `http://${host}/inbox`,
    WATCHFIRE_ALERT_WEBHOOK_SECRET: `whsec_${Buffer.alloc(32, 3).toString('base64')}`,
    WATCHFIRE_LOG_LEVEL: 'warn',
  };
  server = await startServer(folder, settings);
}, 60_000);
afterAll(async () => {
  await server?.kill('SIGKILL').catch(() => undefined);
  rmSync(folder, { recursive: true, force: true });
  await new Promise((go) => receiver.close(go));
});

const reading = (i: number) => ({
  resourceType: 'Observation',
  status: 'final',
  category: [
    { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'vital-signs' }] },
  ],
  code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }] },
  subject: { reference: `Patient/k${i}` },
  effectiveDateTime: new Date().toISOString(),
  valueQuantity: { value: 180, unit: '/min', system: 'http://unitsofmeasure.org', code: '/min' },
});

it(`takes every step of ${ALERTS} alerts once over ${KILLS} kills`, async () => {
  const span = (value: number) => ({ value, unit: 's', system: 'http://unitsofmeasure.org', code: 's' });
  const plan = {
    resourceType: 'PlanDefinition',
    id: 'fast',
    status: 'active',
    identifier: [{ system: `${canonical}/sid/alert-plan`, value: 'critical' }],
    action: [
      { id: 'notify-clinician', timingDuration: span(3) },
      { id: 'notify-backup', timingDuration: span(600) },
    ],
  };
  expect((await server.ask('PUT', '/fhir/PlanDefinition/fast', plan)).status).toBe(201);
  let stored = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    const share = Math.ceil((ALERTS * (kill + 1)) / KILLS);
    for (; stored < share && stored < ALERTS; stored++) {
      const patient = { resourceType: 'Patient', id: `k${stored}`, birthDate: '1950-01-01' };
      expect((await server.ask('PUT', `/fhir/Patient/k${stored}`, patient)).status).toBe(201);
      expect((await server.ask('POST', '/fhir/Observation', reading(stored))).status).toBe(201);
    }
    // Somewhere in the steps, the messages and the deadlines of those before.
    await new Promise((go) => setTimeout(go, 50 + ((kill * 37) % 7) * 150));
    await server.kill('SIGKILL');
    server = await startServer(folder, settings);
  }
  const count = async (query: string) => (await server.ask('GET', `/fhir/${query}&_summary=count`)).body.total;
  const staged = `Task?business-status=${canonical}/CodeSystem/alert-stage|notify-backup`;
  await until(async () => (await count(staged)) === ALERTS, 60);
  await until(async () => (await count('Communication?status=completed')) === 2 * ALERTS, 60);

  expect(await count('Flag?status=active')).toBe(ALERTS);
  expect(await count('CommunicationRequest?category=alert')).toBe(2 * ALERTS);
  expect(await count('CommunicationRequest?category=alert&status=active')).toBe(ALERTS);
  expect(await count('Communication?category=alert')).toBe(2 * ALERTS);
  expect(calls.size).toBe(2 * ALERTS);
}, 180_000);
