/** The operations that write: create, update, conditional create, transaction, delete, and the readings of readings.ts. https://hl7.org/fhir/R4/http.html */
import { headerOf } from './client.ts';
import { type ObservationResource, observationResource, patientResource, READING_IDS, VITALS } from './data.ts';
import { anyOf, differs, type Operation, resourcesOf, sampleOf } from './operation.ts';
import { READINGS_IN } from './readings.ts';
import { createdId, demand, plant, spread, transactionOf, urn, type World } from './world.ts';

const SAMPLE = 20;
const READINGS = 20;

/** Observations that create has made and nobody has deleted, by world. */
const made = new WeakMap<World, string[]>();
const madeIn = (world: World): string[] => {
  const list = made.get(world) ?? [];
  made.set(world, list);
  return list;
};

function fresh(world: World, worker: number, random: () => number): ObservationResource {
  const { patient, device } = world.writers[worker % world.writers.length]!;
  const [vital, hour, salt] = [Math.floor(random() * VITALS.length), Math.floor(random() * 4000), random() * 1e9];
  return observationResource(`${world.space}.w.${world.next()}`, { vital, hour, salt, patient, device });
}

/** Puts that many Observations of the writers there, outside any measurement. */
async function prepare(world: World, count: number, random: () => number) {
  const resources = Array.from({ length: count }, (_, i) => fresh(world, i, random));
  const ids: string[] = [];
  const step = 500;
  await spread(world.base, Math.ceil(count / step), async (n, connection) => {
    const planted = await plant(world, connection, resources.slice(n * step, (n + 1) * step));
    planted.forEach((id, i) => {
      ids[n * step + i] = id;
    });
  });
  return ids.map((id, i) => ({ id, resource: resources[i]! }));
}

async function readsBack(world: World, id: string, value: number): Promise<void> {
  const { json } = await demand(world.aside, world.ask.get(`Observation/${id}`), 200);
  if (json.valueQuantity?.value !== value) throw new Error(`Observation/${id} has another value than the one written`);
}

const create: Operation = {
  name: 'create',
  checks: '201, Location, id, version and the value sent; a sample is read back',
  units: 1,
  begin(world) {
    const written: { id: string; value: number }[] = [];
    return {
      next(worker, random) {
        const resource = fresh(world, worker, random);
        const { value } = resource.valueQuantity;
        return {
          request: world.ask.post('Observation', resource),
          judge(answer, json) {
            if (answer.status !== 201) return differs(201, answer);
            if (!json.id || !json.meta?.versionId || json.valueQuantity?.value !== value) return 'another body';
            if (!headerOf(answer, 'location')?.includes(`Observation/${json.id}`)) return 'no Location';
            written.push({ id: json.id, value });
            madeIn(world).push(json.id);
            return undefined;
          },
        };
      },
      async verify() {
        for (const { id, value } of sampleOf(written, SAMPLE)) await readsBack(world, id, value);
      },
    };
  },
};

const update: Operation = {
  name: 'update',
  checks: '200, the value sent, another version than before; the last write of a sample is read back',
  units: 1,
  async begin(world) {
    const each = 4;
    const prepared = await prepare(world, world.writers.length * each, () => 0.4);
    const mine = prepared.map((planted) => ({ ...planted, version: '', value: 0, turn: 0 }));
    let turn = 0;
    return {
      next(worker, random) {
        const one = mine[(worker % world.writers.length) * each + (turn++ % each)]!;
        const value = Math.round(random() * 100_000) / 10;
        const valueQuantity = { ...one.resource.valueQuantity, value };
        return {
          request: world.ask.put(`Observation/${one.id}`, { ...one.resource, id: one.id, valueQuantity }),
          judge(answer, json) {
            if (answer.status !== 200) return differs(200, answer);
            if (json.id !== one.id || json.valueQuantity?.value !== value) return 'another body';
            if (json.meta?.versionId === one.version) return 'the version before';
            one.version = json.meta.versionId;
            one.value = value;
            return undefined;
          },
        };
      },
      async verify() {
        const touched = mine.filter((one) => one.version);
        for (const { id, value } of sampleOf(touched, SAMPLE)) await readsBack(world, id, value);
      },
    };
  },
};

const byIdentifier = (identifier: string) => `identifier=${encodeURIComponent(`${READING_IDS}|${identifier}`)}`;

const conditionalCreate: Operation = {
  name: 'cond-create',
  checks: 'half meet one that exists (200, its id), half do not (201, a new id); each identifier is found exactly once',
  units: 1,
  begin(world) {
    const news: string[] = [];
    return {
      next(worker, random) {
        const meets = random() < 0.5;
        const person = anyOf(world.readers, random);
        const vital = Math.floor(random() * VITALS.length);
        const hour = Math.floor(random() * world.hours);
        const known = person.readings[vital]![hour]!;
        const { patient, device } = person;
        const resource = meets
          ? observationResource(`${world.space}.${person.number}.${vital}.${hour}`, {
              vital,
              hour,
              salt: world.seed + person.number,
              patient,
              device,
            })
          : fresh(world, worker, random);
        const identifier = resource.identifier[0]!.value;
        return {
          request: world.ask.post(
            'Observation',
            resource,
            `If-None-Exist: identifier=${READING_IDS}|${identifier}\r\n`,
          ),
          judge(answer, json) {
            if (meets)
              return differs(200, answer) ?? (json.id === known ? undefined : 'another id than the existing one');
            if (answer.status !== 201) return differs(201, answer);
            if (json.identifier?.[0]?.value !== identifier) return 'another body';
            news.push(identifier);
            return undefined;
          },
        };
      },
      async verify() {
        for (const identifier of sampleOf(news, SAMPLE)) {
          const { json } = await demand(world.aside, world.ask.get(`Observation?${byIdentifier(identifier)}`), 200);
          const count = resourcesOf(json, 'match').length;
          if (count !== 1) throw new Error(`a conditional create is stored ${count} times`);
        }
      },
    };
  },
};

const transaction: Operation = {
  name: 'transaction',
  checks:
    '1 Patient and 20 Observations that refer to it by urn:uuid: 21 times 201; of a sample all 20 are found by patient',
  units: 1 + READINGS,
  begin(world) {
    const patients: string[] = [];
    return {
      next() {
        const serial = world.next();
        const observations = Array.from({ length: READINGS }, (_, i) =>
          observationResource(`${world.space}.t.${serial}.${i}`, {
            vital: i % VITALS.length,
            hour: i,
            salt: serial,
            patient: urn(1),
            device: world.writers[0]!.device,
          }),
        );
        const bundle = transactionOf([patientResource(`${world.space}.t`, serial), ...observations], 1);
        return {
          request: world.ask.post('', bundle),
          judge(answer, json) {
            if (answer.status !== 200) return differs(200, answer);
            const entries: any[] = json.entry ?? [];
            const all = entries.length === 1 + READINGS && entries.every((e) => /^201/.test(e.response?.status));
            const id = createdId(entries[0]);
            if (json.type !== 'transaction-response' || !all || !id) return 'other entries';
            patients.push(`Patient/${id}`);
            return undefined;
          },
        };
      },
      async verify() {
        for (const patient of sampleOf(patients, 8)) {
          const { json } = await demand(world.aside, world.ask.get(`Observation?patient=${patient}&_count=50`), 200);
          const found = resourcesOf(json, 'match');
          if (found.length !== READINGS || found.some((r) => r.subject?.reference !== patient)) {
            throw new Error(`a transaction left ${found.length} Observations of its patient`);
          }
        }
      },
    };
  },
};

const PREPARED_PER_SECOND = 4000;

const remove: Operation = {
  name: 'delete',
  checks: '200 or 204; a sample answers 410 (or 404) afterwards',
  units: 1,
  short: true,
  async begin(world, seconds) {
    const supply = madeIn(world).splice(0);
    const missing = Math.ceil(seconds * PREPARED_PER_SECOND) - supply.length;
    if (missing > 0) supply.push(...(await prepare(world, missing, () => 0.6)).map(({ id }) => id));
    const gone: string[] = [];
    return {
      next() {
        const id = supply.pop();
        if (id === undefined) return undefined;
        return {
          request: world.ask.remove(`Observation/${id}`),
          judge(answer) {
            if (answer.status !== 200 && answer.status !== 204) return differs(204, answer);
            gone.push(id);
            return undefined;
          },
        };
      },
      async verify() {
        madeIn(world).push(...supply);
        for (const id of sampleOf(gone, SAMPLE))
          await demand(world.aside, world.ask.get(`Observation/${id}`), 410, 404);
      },
    };
  },
};

export const WRITES: readonly Operation[] = [create, update, conditionalCreate, ...READINGS_IN, transaction, remove];
