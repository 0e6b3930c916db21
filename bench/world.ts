/** What a measurement stands on: one server under its base URL, filled through transaction bundles with data whose every value is known. */
import { type Answer, type Connection, openConnection, type Request } from './client.ts';
import { deviceResource, observationResource, patientResource, VITALS } from './data.ts';

export interface Person {
  /** `Patient/<id>` and `Device/<id>` as the server gave them. */
  readonly patient: string;
  readonly device: string;
  /** Value of Patient.identifier, and of Device.identifier (what the IoT door calls device_id). */
  readonly patientIdentifier: string;
  readonly deviceIdentifier: string;
  readonly number: number;
  /** Ids of the readings by vital, then by hour; empty for those that write operations use. */
  readonly readings: readonly (readonly string[])[];
}

export interface World {
  readonly base: string;
  readonly seed: number;
  /** Part of every identifier of this run, so that two runs on one server do not meet. */
  readonly space: string;
  /** Readings of each vital that every reader has. */
  readonly hours: number;
  readonly readers: readonly Person[];
  /** One for each connection, never read by the read operations. */
  readonly writers: readonly Person[];
  readonly seeding: { readonly resources: number; readonly seconds: number };
  /** A connection for what is not measured: set-up and reading back. */
  readonly aside: Connection;
  readonly ask: Asking;
  /** A number that was not handed out before in this run. */
  next(): number;
  close(): void;
}

export interface Asking {
  get(path: string): Request;
  post(path: string, resource: unknown, more?: string): Request;
  put(path: string, resource: unknown): Request;
  remove(path: string): Request;
  /** A route outside the FHIR base, from the server's root, with a bearer token of its own. */
  door(path: string, body: unknown, token?: string): Request;
}

export interface Plan {
  readonly base: string;
  readonly token: string;
  readonly seed: number;
  readonly concurrency: number;
  readonly patients: number;
  readonly hours: number;
  /** Makes `space` unique; the time, or a fixed word in a test. */
  readonly nonce: string;
}

const BUNDLE = 100;
const SEEDERS = 4;

export function asking(base: string, token: string): Asking {
  const root = new URL(base).pathname.replace(/\/$/, '');
  const bearer = (of: string) => (of ? `Authorization: Bearer ${of}\r\n` : '');
  const reading = `Accept: application/fhir+json\r\n${bearer(token)}`;
  const writing = `${reading}Content-Type: application/fhir+json\r\nPrefer: return=representation\r\n`;
  const under = (path: string) => (path ? `${root}/${path}` : root || '/');
  return {
    get: (path) => ({ method: 'GET', path: under(path), headers: reading }),
    post: (path, resource, more = '') => ({
      method: 'POST',
      path: under(path),
      headers: writing + more,
      body: JSON.stringify(resource),
    }),
    put: (path, resource) => ({ method: 'PUT', path: under(path), headers: writing, body: JSON.stringify(resource) }),
    remove: (path) => ({ method: 'DELETE', path: under(path), headers: reading }),
    door: (path, body, own = token) => ({
      method: 'POST',
      path,
      headers: `Accept: application/json\r\n${bearer(own)}Content-Type: application/json\r\n`,
      body: JSON.stringify(body),
    }),
  };
}

/** Sends and expects; throws with the start of the answer otherwise. */
export async function demand(connection: Connection, request: Request, ...statuses: readonly number[]) {
  const answer = await connection.send(request);
  if (!statuses.includes(answer.status)) {
    throw new Error(`${request.method} ${request.path}: ${answer.status} ${answer.body.slice(0, 300)}`);
  }
  return { answer, json: parsed(answer) };
}

export const parsed = (answer: Answer): any => (answer.body ? JSON.parse(answer.body) : undefined);

/** The id of what a bundle entry created. */
export function createdId(entry: any): string | undefined {
  return /(?:^|\/)[A-Z][A-Za-z]+\/([A-Za-z0-9.-]{1,64})(?:\/_history\/|$)/.exec(entry?.response?.location ?? '')?.[1];
}

export const urn = (n: number): string => `urn:uuid:00000000-0000-4000-8000-${n.toString(16).padStart(12, '0')}`;

export function transactionOf(resources: readonly { resourceType: string }[], firstUrn: number) {
  return {
    resourceType: 'Bundle',
    type: 'transaction',
    entry: resources.map((resource, i) => ({
      fullUrl: urn(firstUrn + i),
      resource,
      request: { method: 'POST', url: resource.resourceType },
    })),
  };
}

/** Creates through transactions of 100 and returns the ids in order. */
export async function plant(
  world: Pick<World, 'ask'>,
  connection: Connection,
  resources: readonly any[],
  firstUrn = 1,
) {
  const ids: string[] = [];
  for (let at = 0; at < resources.length; at += BUNDLE) {
    const part = resources.slice(at, at + BUNDLE);
    const { json } = await demand(connection, world.ask.post('', transactionOf(part, firstUrn + at)), 200);
    for (let i = 0; i < part.length; i++) {
      const entry = json.entry?.[i];
      const id = createdId(entry);
      if (!id || !String(entry.response.status).startsWith('201')) {
        throw new Error(`seeding: entry ${i} answered ${JSON.stringify(entry).slice(0, 300)}`);
      }
      ids.push(id);
    }
  }
  return ids;
}

/** Runs `job` for 0 .. count-1 over a few connections at once. */
export async function spread(base: string, count: number, job: (n: number, connection: Connection) => Promise<void>) {
  let next = 0;
  const seeder = async () => {
    const connection = openConnection(base);
    try {
      while (next < count) await job(next++, connection);
    } finally {
      connection.close();
    }
  };
  await Promise.all(Array.from({ length: SEEDERS }, seeder));
}

/** Fills the server and hands over what is known of it. */
export async function settle(plan: Plan): Promise<World> {
  const { base, seed, hours } = plan;
  const space = `${seed}-${plan.nonce}`;
  const ask = asking(base, plan.token);
  const people: Person[] = [];
  const started = performance.now();
  let resources = 0;
  await spread(base, plan.patients + plan.concurrency, async (n, connection) => {
    const first = [patientResource(space, n), deviceResource(space, n, urn(1))];
    const [patientId, deviceId] = await plant({ ask }, connection, first);
    const patient = `Patient/${patientId}`;
    const device = `Device/${deviceId}`;
    const readings: string[][] = [];
    if (n < plan.patients) {
      const all = VITALS.flatMap((_, vital) =>
        Array.from({ length: hours }, (_, hour) =>
          observationResource(`${space}.${n}.${vital}.${hour}`, { vital, hour, salt: seed + n, patient, device }),
        ),
      );
      const ids = await plant({ ask }, connection, all);
      VITALS.forEach((_, vital) => {
        readings.push(ids.slice(vital * hours, (vital + 1) * hours));
      });
    }
    resources += 2 + readings.length * hours;
    people[n] = {
      patient,
      device,
      patientIdentifier: `${space}.${n}`,
      deviceIdentifier: `${space}.${n}`,
      number: n,
      readings,
    };
  });
  const seconds = (performance.now() - started) / 1000;
  let serial = 0;
  const aside = openConnection(base);
  return {
    base,
    seed,
    space,
    hours,
    readers: people.slice(0, plan.patients),
    writers: people.slice(plan.patients),
    seeding: { resources, seconds },
    aside,
    ask,
    next: () => serial++,
    close: () => aside.close(),
  };
}
