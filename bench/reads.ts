/** The operations that read: read, vread, search, include, token, and the two bare answers. https://hl7.org/fhir/R4/http.html */
import { LOINC, observationResource, PATIENT_IDS, readingTime, readingValue, VITALS } from './data.ts';
import { anyOf, differs, type Operation, resourcesOf } from './operation.ts';
import { demand, plant, type World } from './world.ts';

const PAGE = 20;
const WINDOW = 24;
const VERSIONED = 40;
const escaped = encodeURIComponent;
const anyVital = (random: () => number) => Math.floor(random() * VITALS.length);
const coded = (vital: number) => escaped(`${LOINC}|${VITALS[vital]!.code}`);
const instant = (vital: number, hour: number) => new Date(readingTime(vital, hour)).toISOString();

const read: Operation = {
  name: 'read',
  checks: '200, the id asked for, the value seeded',
  units: 1,
  begin: (world) => ({
    next(_worker, random) {
      const person = anyOf(world.readers, random);
      const vital = anyVital(random);
      const hour = Math.floor(random() * world.hours);
      const id = person.readings[vital]![hour]!;
      const value = readingValue(vital, hour, world.seed + person.number);
      return {
        request: world.ask.get(`Observation/${id}`),
        judge: (answer, json) =>
          differs(200, answer) ??
          (json.id === id && json.valueQuantity?.value === value ? undefined : 'another resource or value'),
      };
    },
  }),
};

interface Past {
  readonly id: string;
  readonly versions: readonly { readonly versionId: string; readonly value: number }[];
}

/** Observations with three versions each. */
async function past(world: World): Promise<Past[]> {
  const made = Array.from({ length: VERSIONED }, (_, i) => {
    const { patient, device } = world.writers[i % world.writers.length]!;
    return observationResource(`${world.space}.v.${world.next()}`, { vital: i % 5, hour: i, salt: 5, patient, device });
  });
  const ids = await plant(world, world.aside, made);
  const all: Past[] = [];
  for (const [i, id] of ids.entries()) {
    const first = await demand(world.aside, world.ask.get(`Observation/${id}`), 200);
    const versions = [{ versionId: first.json.meta.versionId, value: made[i]!.valueQuantity.value }];
    for (const value of [1001.5 + i, 2002.5 + i]) {
      const changed = { ...made[i]!, id, valueQuantity: { ...made[i]!.valueQuantity, value } };
      const { json } = await demand(world.aside, world.ask.put(`Observation/${id}`, changed), 200);
      versions.push({ versionId: json.meta.versionId, value });
    }
    all.push({ id, versions });
  }
  return all;
}

const vread: Operation = {
  name: 'vread',
  checks: '200, the version asked for with its own value',
  units: 1,
  async begin(world) {
    const list = await past(world);
    return {
      next(_worker, random) {
        const { id, versions } = anyOf(list, random);
        const { versionId, value } = anyOf(versions, random);
        return {
          request: world.ask.get(`Observation/${id}/_history/${versionId}`),
          judge: (answer, json) =>
            differs(200, answer) ??
            (json.id === id && json.meta?.versionId === versionId && json.valueQuantity?.value === value
              ? undefined
              : 'another version'),
        };
      },
    };
  },
};

const search: Operation = {
  name: 'search',
  checks: 'patient + code + a day of dates, _sort=-date, _count=20: the 20 newest ids of the 24, in order',
  units: PAGE,
  begin: (world) => ({
    next(_worker, random) {
      const person = anyOf(world.readers, random);
      const vital = anyVital(random);
      const hour = Math.floor(random() * (world.hours - WINDOW + 1));
      const end = hour + WINDOW;
      const wanted = person.readings[vital]!.slice(end - PAGE, end).reverse();
      const dates = `date=ge${instant(vital, hour)}&date=lt${instant(vital, end)}`;
      return {
        request: world.ask.get(
          `Observation?patient=${person.patient}&code=${coded(vital)}&${dates}&_sort=-date&_count=${PAGE}`,
        ),
        judge(answer, json) {
          const found = resourcesOf(json, 'match');
          const right = found.length === PAGE && wanted.every((id, i) => found[i].id === id);
          return differs(200, answer) ?? (right ? undefined : `another page (${found.length} matches)`);
        },
      };
    },
  }),
};

const include: Operation = {
  name: 'include',
  checks: 'patient + code with _include of patient and device: 20 matches of that patient and code, both includes',
  units: PAGE + 2,
  begin: (world) => ({
    next(_worker, random) {
      const person = anyOf(world.readers, random);
      const vital = anyVital(random);
      const { code } = VITALS[vital]!;
      const inclusion = '_include=Observation:patient&_include=Observation:device';
      return {
        request: world.ask.get(
          `Observation?patient=${person.patient}&code=${coded(vital)}&${inclusion}&_count=${PAGE}`,
        ),
        judge(answer, json) {
          const found = resourcesOf(json, 'match');
          const beside = resourcesOf(json, 'include').map((resource) => `${resource.resourceType}/${resource.id}`);
          const ofThem = found.every((r) => r.subject.reference === person.patient && r.code.coding[0].code === code);
          if (answer.status !== 200) return differs(200, answer);
          if (found.length !== PAGE || !ofThem) return `other matches (${found.length})`;
          if (beside.length !== 2 || !beside.includes(person.patient) || !beside.includes(person.device)) {
            return `other includes (${beside.length})`;
          }
          return undefined;
        },
      };
    },
  }),
};

const token: Operation = {
  name: 'token',
  checks: 'Patient by identifier: exactly one, the right one',
  units: 1,
  begin: (world) => ({
    next(_worker, random) {
      const person = anyOf(world.readers, random);
      return {
        request: world.ask.get(`Patient?identifier=${escaped(`${PATIENT_IDS}|${person.patientIdentifier}`)}`),
        judge(answer, json) {
          const found = resourcesOf(json, 'match');
          const right = found.length === 1 && `Patient/${found[0].id}` === person.patient;
          return differs(200, answer) ?? (right ? undefined : `other matches (${found.length})`);
        },
      };
    },
  }),
};

/** The canned answer of the bare HTTP floor, asked for and posted to. */
const bare: Operation = {
  name: 'bare',
  checks: '200, the canned id (bare HTTP floor only)',
  units: 1,
  begin: (world) => ({
    next: () => ({
      request: world.ask.get('canned'),
      judge: (answer, json) => differs(200, answer) ?? (json.id === 'canned' ? undefined : 'another body'),
    }),
  }),
};

const barePost: Operation = {
  name: 'bare-post',
  checks: '201, the canned id; an Observation is read and parsed (bare HTTP floor only)',
  units: 1,
  begin: (world) => ({
    next(_worker, random) {
      const reading = { vital: anyVital(random), hour: 1, salt: 1, patient: 'Patient/1', device: 'Device/1' };
      return {
        request: world.ask.post('canned', observationResource('canned', reading)),
        judge: (answer, json) => differs(201, answer) ?? (json.id === 'canned' ? undefined : 'another body'),
      };
    },
  }),
};

export const READS: readonly Operation[] = [read, vread, search, include, token];
export const BARE: readonly Operation[] = [bare, barePost];
