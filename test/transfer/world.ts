/** A server with something of everything in it, what it answers, and the commands that move its store. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { Webhook } from 'standardwebhooks';
import type { ServerProcess } from '../support/process.ts';

export const token = 'of-the-administrator-in-tests';
export const program = fileURLToPath(new URL('../../bin/watchfire.mjs', import.meta.url));

/** Settings of one store; the release that tests have has known faults. */
export const on = (data: string, store = 'sqlite'): Record<string, string> => ({
  WATCHFIRE_DATA: data,
  WATCHFIRE_ADMIN_TOKEN: token,
  WATCHFIRE_STORE: store,
  WATCHFIRE_MONGODB_ACCEPT_RELEASE: '6.0.5',
});

export interface Receiver {
  readonly host: string;
  isUp: boolean;
  /** Numbers of the events that were taken, in the order in which they came, and what they were. */
  readonly taken: { readonly number: number; readonly path: string }[];
  readonly faults: string[];
  trust(secret: string): void;
  close(): void;
}

/** Takes what is signed right while it is up; everything twice is taken down twice. */
export async function startReceiver(): Promise<Receiver> {
  let webhook: Webhook | undefined;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      // Whoever waits for an answer has not failed yet, and goes on at once where it is taken up again.
      if (!receiver.isUp) return undefined;
      try {
        webhook!.verify(Buffer.concat(chunks).toString('utf8'), request.headers as Record<string, string>, {
          jsonParse: false,
        });
        const number = Number(String(request.headers['webhook-id']).split('_')[1]);
        receiver.taken.push({ number, path: request.url! });
      } catch (error) {
        receiver.faults.push(String(error));
      }
      return response.writeHead(200).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const receiver: Receiver = {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    isUp: false,
    taken: [],
    faults: [],
    trust: (secret) => {
      webhook = new Webhook(secret);
    },
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
  return receiver;
}

export interface Filled {
  /** Of DEV001. */
  readonly key: string;
  /** Events that the receiver has to hear of. */
  readonly events: number;
}

const codes = ['8867-4', '59408-5'];

/** Patients that are changed, deleted and back, observations, a device with its key, a search parameter, a subscription whose receiver is down. */
export async function fill(server: ServerProcess, receiver: Receiver): Promise<Filled> {
  const done = async (method: string, path: string, body?: unknown) => {
    const reply = await server.ask(method, path, body);
    if (reply.status >= 300) throw new Error(`${method} ${path} answered ${reply.status}: ${reply.text}`);
    return reply.body;
  };
  const patient = (id: string, more: object = {}) =>
    done('PUT', `/fhir/Patient/${id}`, { resourceType: 'Patient', id, name: [{ family: `Öz ${id} 😀` }], ...more });
  for (const id of ['z', 'a', 'm', 'gone', 'back']) await patient(id, { gender: 'female' });
  await done('PUT', '/fhir/SearchParameter/marital', {
    resourceType: 'SearchParameter',
    id: 'marital',
    url: 'https://a.example/SearchParameter/marital',
    name: 'Marital',
    status: 'active',
    description: 'Of a test',
    code: 'marital',
    base: ['Patient'],
    type: 'token',
    expression: 'Patient.maritalStatus',
  });
  for (let turn = 0; turn < 3; turn++) {
    await patient('a', { birthDate: `19${70 + turn}-01-01`, maritalStatus: { coding: [{ code: 'M' }] } });
  }
  for (const id of ['gone', 'back']) await done('DELETE', `/fhir/Patient/${id}`);
  await patient('back', { active: true });
  await done('PUT', '/fhir/Device/d', {
    ...{ resourceType: 'Device', id: 'd', identifier: [{ system: 'urn:device', value: 'DEV001' }] },
    patient: { reference: 'Patient/z' },
  });
  const { key } = await done('POST', '/admin/devices/DEV001/keys', { key_name: 'bedside' });
  const channel = { type: 'rest-hook', endpoint: `http://${receiver.host}/ehr`, payload: 'application/fhir+json' };
  const criteria = 'Observation?status=final';
  await done('PUT', '/fhir/Subscription/s', {
    ...{ resourceType: 'Subscription', id: 's', status: 'requested', reason: 'r', criteria, channel },
  });
  receiver.trust((await done('POST', '/admin/subscriptions/s/secret')).secret);
  while ((await server.ask('GET', '/fhir/Subscription/s')).body.status !== 'active');
  for (let i = 0; i < 40; i++) {
    const text = JSON.stringify({
      resourceType: 'Observation',
      id: `o${39 - i}`,
      status: 'final',
      code: { coding: [{ system: 'http://loinc.org', code: codes[i % 2] }] },
      subject: { reference: `Patient/${i % 3 === 0 ? 'a' : 'z'}` },
      effectiveDateTime: new Date(1_790_000_000_000 - (i % 7) * 3_600_000).toISOString(),
      valueQuantity: { value: 98, system: 'http://unitsofmeasure.org', code: '/min' },
    }).replace('"value":98', '"value":98.0');
    await done('PUT', `/fhir/Observation/o${39 - i}`, text);
  }
  return { key, events: 40 };
}

const searches = [
  'Patient',
  'Patient?gender=female',
  'Patient?marital=M',
  'Patient?name:contains=z',
  'Observation?_sort=date&code=8867-4,59408-5',
  'Observation?_sort=-date&code=8867-4',
  'Observation?patient=Patient/a&_sort=-date',
  'Observation?subject:Patient.birthdate=1972-01-01',
  'Patient?_has:Observation:patient:code=59408-5',
  'Observation?code=8867-4,59408-5&_include=Observation:subject&_count=7',
  'Subscription',
  'SearchParameter',
];

const versioned = ['Patient/a', 'Patient/gone', 'Patient/back', 'Patient/z', 'Observation/o0', 'Observation/o39'];

/** What clients see: the bytes of every version, searches in their order, the trail by its ids. */
export async function answers(server: ServerProcess): Promise<Record<string, unknown>> {
  const seen: Record<string, unknown> = {};
  for (const reference of [...versioned, 'SearchParameter/marital']) {
    for (let versionId = 1; ; versionId++) {
      const { status, text, headers } = await server.ask('GET', `/fhir/${reference}/_history/${versionId}`);
      if (status === 404) break;
      const { etag, 'last-modified': modified } = headers;
      seen[`${reference}/${versionId}`] = [status, status === 410 ? '' : text, etag, modified];
    }
  }
  for (const search of searches) {
    const { status, body } = await server.ask(
      'GET',
      `/fhir/${search}${search.includes('?') ? '&' : '?'}_total=accurate`,
    );
    const entries = (body.entry ?? []).map(({ search, resource }: any) => [
      search.mode,
      resource.resourceType,
      resource.id,
    ]);
    seen[search] = [status, body.total, entries];
  }
  for (const sequence of [1, 7, 40]) {
    const { status, text } = await server.ask('GET', `/fhir/AuditEvent/trail-${sequence}`);
    seen[`trail-${sequence}`] = [status, text];
  }
  const { body } = await server.ask('GET', '/admin/keys');
  seen['keys'] = body.keys.map(({ prefix, device_id, key_name }: any) => [prefix, device_id, key_name]);
  return seen;
}

/** Posts a reading with a device's key; the status. */
export async function postReading(server: ServerProcess, key: string): Promise<number> {
  const reading = { device_id: 'DEV001', timestamp: '2026-11-20T10:00:00Z', heart_rate: 71 };
  return (await server.ask('POST', '/api/iot/vitals', reading, { authorization: `Bearer ${key}` })).status;
}

export interface Ended {
  readonly code: number | null;
  readonly stderr: string;
}

const end = (child: ChildProcess): Promise<Ended> => {
  let stderr = '';
  child.stderr!.setEncoding('utf8').on('data', (text) => (stderr += text));
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, stderr })));
};

/** `watchfire export | watchfire import`; of both, how they ended. */
export async function pipe(from: Record<string, string>, to: Record<string, string>): Promise<readonly [Ended, Ended]> {
  const start = (command: string, settings: Record<string, string>, stdio: ['ignore' | 'pipe', 'pipe', 'pipe']) =>
    spawn(process.execPath, [program, command], { env: { PATH: process.env['PATH'], ...settings }, stdio });
  const exporting = start('export', from, ['ignore', 'pipe', 'pipe']);
  const importing = start('import', to, ['pipe', 'pipe', 'pipe']);
  exporting.stdout!.pipe(importing.stdin!);
  importing.stdin!.on('error', () => exporting.stdout!.destroy());
  return Promise.all([end(exporting), end(importing)]);
}

/** `watchfire import` of this text. */
export async function importText(text: string, to: Record<string, string>): Promise<Ended> {
  const child = spawn(process.execPath, [program, 'import'], { env: { PATH: process.env['PATH'], ...to } });
  child.stdin.on('error', () => undefined);
  child.stdin.end(text);
  return end(child);
}
