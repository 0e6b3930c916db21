/** Sends a fleet's readings to servers that are killed meanwhile. */
import { readFileSync } from 'node:fs';
import type { Reply, ServerProcess } from '../../support/process.ts';
import { seeded } from '../../support/seeded.ts';
import { type Device, ownLimits } from './fleet.ts';

export interface Soak {
  readonly devices: readonly Device[];
  readonly servers: ServerProcess[];
  /** Starts one in the place of another. */
  readonly restart: (place: number) => Promise<ServerProcess>;
  readonly kills: number;
  readonly seed: number;
  /** Devices that send at the same time. */
  readonly abreast: number;
  readonly say: (what: string) => void;
}

export interface Sent {
  readonly seconds: number;
  readonly faults: readonly string[];
  readonly kills: number;
  /** Batches that were sent again because nobody answered. */
  readonly again: number;
  readonly readings: number;
}

async function demand(server: ServerProcess, method: string, path: string, body: unknown, ...statuses: number[]) {
  const reply = await server.ask(method, path, body);
  if (!statuses.includes(reply.status))
    throw new Error(`${method} ${path}: ${reply.status} ${reply.text.slice(0, 500)}`);
  return reply.body;
}

const put = (resource: any) => ({
  resource,
  request: { method: 'PUT', url: `${resource.resourceType}/${resource.id}` },
});

/** Clinicians are told at once as ever, and have all the time of the test: nobody else is told after them. */
async function storePlans(server: ServerProcess): Promise<void> {
  for (const severity of ['critical', 'warning']) {
    const file = new URL(`../../../profiles/PlanDefinition-alert-${severity}.json`, import.meta.url);
    const { url: _, ...shipped } = JSON.parse(readFileSync(file, 'utf8'));
    const day = { value: 24, unit: 'h', system: 'http://unitsofmeasure.org', code: 'h' };
    const action = shipped.action.map((one: any) =>
      one.id === 'notify-clinician' ? { ...one, timingDuration: day } : one,
    );
    const id = `patient-${severity}`;
    await demand(server, 'PUT', `/fhir/PlanDefinition/${id}`, { ...shipped, id, action }, 200, 201);
  }
}

/** Patients, Devices and keys; the key of each device by its number. */
export async function equip(server: ServerProcess, devices: readonly Device[]): Promise<Map<number, string>> {
  await storePlans(server);
  const keys = new Map<number, string>();
  const groups = Array.from({ length: Math.ceil(devices.length / 50) }, (_, i) => devices.slice(i * 50, i * 50 + 50));
  const waiting = groups.values();
  const work = async () => {
    for (const group of waiting) {
      const entry = group.flatMap(({ number, id, patient, hasOwnLimits }) => [
        put({ resourceType: 'Patient', id: `soak-${number}`, birthDate: '1960-05-05' }),
        put({
          resourceType: 'Device',
          id: `soak-device-${number}`,
          identifier: [{ system: 'https://example.org/fhir/sid/device', value: id }],
          status: 'active',
          patient: { reference: patient },
        }),
        ...(hasOwnLimits ? [put(ownLimits(patient, number))] : []),
      ]);
      await demand(server, 'POST', '/fhir', { resourceType: 'Bundle', type: 'transaction', entry }, 200);
      for (const { id, number } of group) {
        const { key } = await demand(server, 'POST', `/admin/devices/${id}/keys`, {}, 201);
        keys.set(number, key);
      }
    }
  };
  await Promise.all(Array.from({ length: 8 }, work));
  return keys;
}

export async function send(soak: Soak, keys: ReadonlyMap<number, string>): Promise<Sent> {
  const { devices, servers, restart, seed, abreast, say } = soak;
  const random = seeded(seed);
  const faults: string[] = [];
  const batches = devices.reduce((sum, one) => sum + one.batches.length, 0);
  const every = Math.ceil(batches / (soak.kills + 1));
  const coming: (Promise<unknown> | undefined)[] = [];
  let done = 0;
  let again = 0;
  let kills = 0;
  let readings = 0;
  const begun = performance.now();

  function kill(): void {
    const place = kills++ % servers.length;
    // The others have requests under way: some not yet read, some in a commit, some about to be answered.
    coming[place] = new Promise((go) => setTimeout(go, random() * 4))
      .then(() => servers[place]!.kill('SIGKILL'))
      .then(() => restart(place))
      .then((server) => {
        servers[place] = server;
        coming[place] = undefined;
      });
  }

  /** Until somebody answers, whoever that is. */
  async function post(device: Device, body: string): Promise<Reply> {
    const headers = { authorization: `Bearer ${keys.get(device.number)}` };
    for (let tries = 0; ; tries++) {
      const place = (device.number + tries) % servers.length;
      if (servers.length === 1 || tries >= servers.length) await coming[place];
      const reply = await servers[place]!.ask('POST', '/api/iot/vitals/batch/', body, headers).catch(() => undefined);
      if (reply && reply.status < 500) return reply;
      if (tries > 200) throw new Error(`${device.id}: nobody answers: ${reply?.text}`);
      if (tries === 0) again++;
      await new Promise((go) => setTimeout(go, reply ? 200 : 5));
    }
  }

  async function work(device: Device): Promise<void> {
    if (device.number % 50 === 0) {
      const torn = await post(device, device.batches[0]!.body.slice(0, -20));
      if (torn.status !== 400) faults.push(`${device.id}: a torn batch answered ${torn.status}: ${torn.text}`);
    }
    for (const { body, broken } of device.batches) {
      const { status, body: answer, text } = await post(device, body);
      const errors = answer?.errors?.map(({ index }: any) => index) ?? [];
      if (status !== 200 || JSON.stringify(errors) !== JSON.stringify(broken))
        faults.push(`${device.id}: answered ${status}, refused [${errors}] and not [${broken}]: ${text.slice(0, 400)}`);
      readings += answer?.total_readings ?? 0;
      done++;
      if (done % every === 0 && kills < soak.kills) kill();
      if (done % 500 === 0) {
        const seconds = (performance.now() - begun) / 1_000;
        say(
          `${readings} readings in ${seconds.toFixed(0)} s (${Math.round(readings / seconds)}/s), ${kills} kills, ${again} batches sent again`,
        );
      }
    }
  }

  const waiting = devices.values();
  await Promise.all(
    Array.from({ length: abreast }, async () => {
      for (const device of waiting) await work(device);
    }),
  );
  await Promise.all(coming);
  return { seconds: (performance.now() - begun) / 1_000, faults, kills, again, readings };
}
