/** Whatever near-valid clients send for 90 seconds: never a 5xx, always a reason, what is stored is what was sent, and the server stays well. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type Reply, type ServerProcess, startServer } from '../support/process.ts';
import { sameContent } from '../support/same-content.ts';
import { type OddRequest, oddRequest } from './odd-requests.ts';

const SECONDS = Number(process.env['WATCHFIRE_TEST_SECONDS'] ?? 90);
const SEED = Number(process.env['WATCHFIRE_TEST_SEED'] ?? Date.now() % 1_000_000);
const MOST_MEGABYTES = 600;

/** What the server writes into a Subscription, besides id and meta. */
const ofSubscription = ['status', 'error', 'channel.header', 'extension'];

describe('A server under odd requests', () => {
  const data = mkdtempSync(join(tmpdir(), 'watchfire-fuzz-'));
  const answers: Record<string, number> = {};
  let server: ServerProcess;
  let deviceKey: string;
  let peak = 0;

  beforeAll(async () => {
    // A heap with a bound: what is left in memory then is what is held, not what V8 has not yet thrown away.
    server = await startServer(data, { WATCHFIRE_LOG_LEVEL: 'error', NODE_OPTIONS: '--max-old-space-size=256' });
    await server.ask('PUT', '/fhir/Patient/p1', { resourceType: 'Patient', id: 'p1', birthDate: '1960-01-01' });
    const made = await server.ask('PUT', '/fhir/Device/dev1', {
      resourceType: 'Device',
      id: 'dev1',
      identifier: [{ system: 'https://example.org/fhir/sid/device', value: 'DEV1' }],
      patient: { reference: 'Patient/p1' },
    });
    expect(made.status).toBe(201);
    deviceKey = (await server.ask('POST', '/admin/devices/DEV1/keys', {})).body.key;
  });

  afterAll(async () => {
    process.stderr.write(`fuzz: seed ${SEED}, answers ${JSON.stringify(answers)}, peak ${peak} MB\n`);
    await server.kill('SIGKILL');
    rmSync(data, { recursive: true, force: true });
  });

  const peakMegabytes = () =>
    Math.round(Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))?.[1]) / 1024);

  const get = (path: string) => server.ask('GET', path);

  /** A sentence about what must not be, or undefined. */
  async function faultOf(asked: OddRequest): Promise<string | undefined> {
    const credentials: Record<string, string> = asked.isDevice ? { authorization: `Bearer ${deviceKey}` } : {};
    const reply = await server.ask(asked.method, asked.path, asked.body, { ...credentials, ...asked.headers });
    const kind = `${asked.isDevice ? 'device' : asked.method} ${reply.status}`;
    answers[kind] = (answers[kind] ?? 0) + 1;
    if (reply.status >= 500) return `answered ${reply.status}: ${reply.text}`;
    if (reply.status >= 400) return asked.method === 'HEAD' ? undefined : unreasoned(reply, asked.isDevice);
    if (asked.isDevice) return reply.body?.success === true ? undefined : `a device was answered ${reply.text}`;
    if (reply.status === 201 || (reply.status === 200 && asked.method === 'PUT')) return unlike(asked, reply);
    if (reply.status === 200 && asked.method === 'GET') return unrepeatable(asked, reply);
    return undefined;
  }

  function unreasoned({ status, text, body }: Reply, isDevice: boolean): string | undefined {
    const reasons = body?.errors?.map(({ error }: any) => error) ?? [body?.error];
    if (isDevice && body?.success === false && reasons.every((one: unknown) => typeof one === 'string'))
      return undefined;
    const issues = body?.resourceType === 'OperationOutcome' ? body.issue : undefined;
    const isReason = (issue: any) => issue.severity && issue.code && typeof issue.diagnostics === 'string';
    return issues?.length > 0 && issues.every(isReason)
      ? undefined
      : `refused with ${status} without a reason: ${text}`;
  }

  /** What was stored says what was sent, and reads the same twice. */
  async function unlike({ path, headers, body }: OddRequest, reply: Reply): Promise<string | undefined> {
    if (headers['if-none-exist'] !== undefined) return undefined; // somebody else's may have been found
    const made = /\/fhir(\/[A-Za-z]+\/[^/]+(?:\/_history\/\d+)?)$/.exec(reply.headers.location ?? '')?.[1];
    const number = /^W\/"(\d+)"$/.exec(reply.headers.etag ?? '')?.[1];
    const address = made ?? `${path.slice('/fhir'.length)}/_history/${number}`;
    const [first, second] = await Promise.all([get(`/fhir${address}`), get(`/fhir${address}`)]);
    if (first.status !== 200 || first.text !== second.text) return `${address} does not read the same twice`;
    const own = path.startsWith('/fhir/Subscription') ? ofSubscription : [];
    return sameContent(body!, first.text, own) ? undefined : `${address} is stored as ${first.text}`;
  }

  async function unrepeatable({ path, headers }: OddRequest, reply: Reply): Promise<string | undefined> {
    if (reply.body === undefined) return `answered something that is no JSON: ${reply.text}`;
    const again = await server.ask('GET', path, undefined, headers);
    return again.status === 200 || again.status === 410 || again.status === 404
      ? undefined
      : `answered ${again.status} the second time`;
  }

  it(
    `never fails, never refuses without a reason and never stores anything else, for ${SECONDS} seconds`,
    async () => {
      const limits = { seed: SEED, numRuns: 10_000_000, interruptAfterTimeLimit: SECONDS * 1_000 };
      await fc.assert(
        fc.asyncProperty(fc.array(oddRequest, { minLength: 1, maxLength: 6 }), async (requests) => {
          const faults = await Promise.all(requests.map(faultOf));
          expect(faults.filter((fault) => fault !== undefined)).toEqual([]);
        }),
        limits,
      );
    },
    (SECONDS + 60) * 1_000,
  );

  it('accepted a good part of it, so that what was refused was near', () => {
    const all = Object.values(answers).reduce((sum, count) => sum + count, 0);
    expect(answers['POST 201']).toBeGreaterThan(all / 50);
    expect(answers['POST 422']).toBeGreaterThan(all / 50);
    expect(answers['device 201']).toBeGreaterThan(0);
    expect(answers['GET 200']).toBeGreaterThan(0);
  });

  it('is well afterwards, in little memory, with nothing unforeseen in its log', async () => {
    expect((await get('/health/ready')).status).toBe(200);
    peak = peakMegabytes();
    expect(peak).toBeLessThan(MOST_MEGABYTES);
    expect(server.output()).not.toMatch(/"level":"(error|fatal)"/);
    expect(await server.kill('SIGTERM')).toMatchObject({ code: 0, stderr: '' });
  });
});
