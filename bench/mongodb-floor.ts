/** The MongoDB floor: the least that a Node process with the official driver does for the same requests on the same replica set, audit rows included. Not a FHIR server. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import {
  answer,
  bundleOf,
  createdEntry,
  createIds,
  DEVICE_IDS,
  idIn,
  included,
  linked,
  matched,
  numbered,
  readingsOf,
  thanksFor,
  whole,
} from './floor-answers.ts';
import { type Floor, serve } from './floor-server.ts';
import { type Likeness, type MongoFloorStore, openMongoFloorStore, type Row } from './mongodb-floor-store.ts';

export interface MongoFloorPlan {
  /** Of the set, with a database of the floor's own. */
  readonly uri: string;
  /** strict: a read or search is answered when its row is stored; prompt: the row is stored after it. */
  readonly audit: 'strict' | 'prompt';
  readonly likeness: Likeness;
  readonly port: number;
}

interface Asked {
  readonly method: string;
  readonly type: string;
  readonly id?: string | undefined;
  readonly number?: string | undefined;
  readonly query: string;
}

const failed = '{"resourceType":"OperationOutcome"}';
const bodyIn = (request: IncomingMessage): Promise<any> => new Promise((resolve) => whole(request, resolve));

/** What the server writes about an interaction; of the same size, at least. */
function rowOf({ type, id, query }: Asked, interaction: string, status: number, patients: readonly string[]): Row {
  const action = interaction === 'create' ? 'C' : interaction === 'update' ? 'U' : interaction === 'delete' ? 'D' : 'R';
  return {
    at: Date.now(),
    who: 'Client/admin',
    key: '',
    interaction,
    action,
    target: id ? `${type}/${id}` : type,
    patients,
    status,
    requestId: '019c1234-5678-7abc-8def-0123456789ab',
    address: '127.0.0.1',
    query,
    reason: '',
  };
}

const patientOf = (resource: any): string[] => (resource?.subject ? [resource.subject.reference] : []);

function listenerOf(store: MongoFloorStore, { audit, likeness }: Pick<MongoFloorPlan, 'audit' | 'likeness'>) {
  const newId = createIds();
  let vitalSigns = 0;

  async function noted(asked: Asked, interaction: string, status: number, patients: readonly string[] = []) {
    const noting = store.note(rowOf(asked, interaction, status, patients));
    if (audit === 'strict') await noting;
  }

  async function get(asked: Asked, response: ServerResponse): Promise<void> {
    const { id, number, query } = asked;
    if (!id) {
      const { entries, patient } = await search(new URLSearchParams(query));
      await noted(asked, 'search-type', 200, patient);
      return answer(response, 200, bundleOf('searchset', entries));
    }
    const text = number ? await store.version(id, Number(number)) : await store.newest(id);
    const status = text ? 200 : 404;
    await noted(asked, number ? 'vread' : 'read', status);
    answer(response, status, text ?? failed);
  }

  async function search(parameters: URLSearchParams): Promise<{ entries: string[]; patient: string[] }> {
    const identifier = parameters.get('identifier');
    if (identifier) return { entries: (await store.byIdentifier(identifier)).map(matched), patient: [] };
    const patient = parameters.get('patient') ?? '';
    let [from, to] = [0, 8e15];
    for (const date of parameters.getAll('date')) {
      if (date.startsWith('ge')) from = Date.parse(date.slice(2));
      else to = Date.parse(date.slice(2));
    }
    const count = Number(parameters.get('_count') ?? 20);
    const found = await store.readings(patient, parameters.get('code'), from, to, count);
    const entries = found.map(matched);
    if (parameters.has('_include') && found.length > 0) {
      // All matches are of one patient and one device here: a floor may look at the first only.
      const { subject, device } = JSON.parse(found[0]!);
      const brought = [subject, device].map(({ reference }) => store.newest(idIn(reference)));
      for (const text of await Promise.all(brought)) entries.push(included(text!));
    }
    return { entries, patient: [patient] };
  }

  async function post(asked: Asked, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const sent = await bodyIn(request);
    if (!asked.type) {
      const creations = linked(sent, newId);
      const patients = [...new Set(creations.flatMap(({ resource }) => patientOf(resource)))];
      const { texts } = await store.write({ creations, row: rowOf(asked, sent.type, 200, patients) });
      const entries = creations.map(({ id, resource }, i) => createdEntry(resource.resourceType, id, texts[i]!));
      return answer(response, 200, bundleOf(`${sent.type}-response`, entries));
    }
    const id = newId();
    const condition = request.headers['if-none-exist'];
    const unless = condition ? (new URLSearchParams(`${condition}`).get('identifier') ?? undefined) : undefined;
    const row = rowOf({ ...asked, id }, 'create', 201, patientOf(sent));
    const { texts, existing } = await store.write({ creations: [{ id, resource: sent }], row, unless });
    if (existing) return answer(response, 200, existing);
    answer(response, 201, texts[0]!, { Location: `/fhir/${asked.type}/${id}/_history/1`, ETag: 'W/"1"' });
  }

  async function iot(asked: Asked, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const sent = await bodyIn(request);
    const all = numbered(sent, () => ++vitalSigns);
    const [text] = await store.byIdentifier(`${DEVICE_IDS}|${sent.device_id}`);
    const device = JSON.parse(text!);
    const creations = all.flatMap(({ reading, number }) =>
      readingsOf(reading, device, number).map((resource) => ({ id: newId(), resource })),
    );
    // What was sent before by this device at these times, whose it is, and how its patient's alarms stand.
    const keeps = [
      ...all.map(({ reading }) => `reading ${device.id} ${reading.timestamp}`),
      ...['number', 'alarm'].map((kind) => `${kind} ${device.id} ${all[0]!.reading.timestamp}`),
    ];
    if (likeness === 'same') await Promise.all([store.kept(keeps[0]!), store.newest(device.id)]);
    const told = thanksFor(
      sent,
      all.map(({ number }) => number),
    );
    const row = rowOf(asked, 'vitals', told.status, [device.patient.reference]);
    await store.write({ creations, row, keeps, relies: device.id });
    answer(response, told.status, told.text);
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = request.url!;
    const method = request.method!;
    const [path, query = ''] = url.split('?', 2) as [string, string?];
    const [, root, type = '', id, , number] = path.split('/');
    const asked: Asked = { method, type, id, number, query };
    if (root === 'api') return iot(asked, request, response);
    if (root === 'admin') return whole(request, () => answer(response, 201, '{"key":"floor"}'));
    if (method === 'GET') return get(asked, response);
    if (method === 'POST') return post(asked, request, response);
    if (method === 'PUT') {
      const resource = await bodyIn(request);
      const row = rowOf(asked, 'update', 200, patientOf(resource));
      const { texts } = await store.write({ creations: [], change: { id: id!, resource }, row });
      return answer(response, 200, texts[0]!);
    }
    await store.write({ creations: [], change: { id: id! }, row: rowOf(asked, 'delete', 204, []) });
    response.writeHead(204).end();
  }

  return (request: IncomingMessage, response: ServerResponse) => {
    handle(request, response).catch((error) => {
      console.error(error);
      answer(response, 500, failed);
    });
  };
}

export async function startMongoFloor({ uri, audit, likeness, port }: MongoFloorPlan): Promise<Floor> {
  const store = await openMongoFloorStore(uri, likeness);
  return serve(listenerOf(store, { audit, likeness }), port, () => store.close());
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { values } = parseArgs({
    options: {
      uri: { type: 'string' },
      audit: { type: 'string', default: 'strict' },
      likeness: { type: 'string', default: 'same' },
      port: { type: 'string', default: '0' },
      help: { type: 'boolean', default: false },
    },
  });
  const { uri, audit, likeness, port } = values;
  const known = /^(strict|prompt) (same|least)$/.test(`${audit} ${likeness}`);
  if (values.help || !uri || !known) {
    console.log(
      'node bench/mongodb-floor.ts --uri mongodb://... [--audit strict|prompt] [--likeness same|least] [--port N]',
    );
    process.exit(values.help ? 0 : 2);
  }
  const floor = await startMongoFloor({
    uri,
    audit: audit as MongoFloorPlan['audit'],
    likeness: likeness as Likeness,
    port: Number(port),
  });
  console.log(`floor ready on http://127.0.0.1:${floor.port}/fhir`);
}
