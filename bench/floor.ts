/** The two floors: the least that a Node process does for the same requests. Bare HTTP with a canned answer, and HTTP over node:sqlite. Not FHIR servers. */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import {
  answer,
  bundleOf,
  createdEntry,
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
import { type FloorStore, openFloorStore } from './floor-store.ts';

export interface FloorPlan {
  readonly kind: 'bare' | 'sqlite';
  /** strict: a read or search also writes one audit row, committed before its answer leaves. */
  readonly audit: 'none' | 'strict';
  /** Database file of the sqlite floor. */
  readonly file: string;
  readonly port: number;
}

/** Always the same 600 bytes. */
function bareListener(): RequestListener {
  const canned = {
    resourceType: 'Observation',
    id: 'canned',
    status: 'final',
    code: { text: 'canned' },
    note: [{ text: '' }],
  };
  canned.note[0]!.text = '-'.repeat(600 - JSON.stringify(canned).length);
  const text = JSON.stringify(canned);
  return (request, response) => {
    if (request.method === 'POST') whole(request, () => answer(response, 201, text));
    else answer(response, 200, text);
  };
}

/** The answers of a Patient/1 or Observation?... request, straight from the tables. */
function searchAnswer(store: FloorStore, parameters: URLSearchParams): string {
  const identifier = parameters.get('identifier');
  if (identifier) return bundleOf('searchset', store.byIdentifier(identifier).map(matched));
  const patient = parameters.get('patient') ?? '';
  const code = parameters.get('code');
  const count = Number(parameters.get('_count') ?? 20);
  let [from, to] = [0, Number.MAX_SAFE_INTEGER];
  for (const date of parameters.getAll('date')) {
    if (date.startsWith('ge')) from = Date.parse(date.slice(2));
    else to = Date.parse(date.slice(2));
  }
  const found = code ? store.readings(patient, code, from, to, count) : store.readingsOf(patient, count);
  const entries = found.map(matched);
  if (parameters.has('_include') && found.length > 0) {
    // All matches are of one patient and one device here: a floor may look at the first only.
    const { subject, device } = JSON.parse(found[0]!);
    for (const { reference } of [subject, device]) entries.push(included(store.newest(idIn(reference))!.text));
  }
  return bundleOf('searchset', entries);
}

function postBundle(store: FloorStore, bundle: any): string {
  const entries = linked(bundle, () => store.newId()).map(({ id, resource }) =>
    createdEntry(resource.resourceType, id, store.put(resource, id, 1)),
  );
  return bundleOf(`${bundle.type}-response`, entries);
}

function postReading(store: FloorStore, sent: any, vitalSignId: number): void {
  const device = JSON.parse(store.deviceNamed(sent.device_id)!);
  for (const observation of readingsOf(sent, device, vitalSignId)) store.put(observation, store.newId(), 1);
}

function sqliteListener(store: FloorStore, audit: FloorPlan['audit']): RequestListener {
  let vitalSigns = 0;

  function read(response: ServerResponse, target: string, status: number, text: string): void {
    if (audit === 'none') answer(response, status, text);
    else {
      store.write(
        () => store.note(target),
        () => answer(response, status, text),
      );
    }
  }

  function get(response: ServerResponse, url: string, type: string, id?: string, number?: string): void {
    if (id) {
      const text = number ? store.version(id, Number(number)) : store.newest(id)?.text;
      if (text) read(response, url, 200, text);
      else read(response, url, text === '' ? 410 : 404, `{"resourceType":"OperationOutcome","id":"${type}"}`);
    } else {
      const at = url.indexOf('?');
      read(response, url, 200, searchAnswer(store, new URLSearchParams(at < 0 ? '' : url.slice(at + 1))));
    }
  }

  function post(request: IncomingMessage, response: ServerResponse, type: string | undefined): void {
    whole(request, (sent) => {
      if (!type) {
        return store.write(
          () => postBundle(store, sent),
          (text) => answer(response, 200, text),
        );
      }
      const condition = request.headers['if-none-exist'];
      const [existing] = condition ? store.byIdentifier(new URLSearchParams(`${condition}`).get('identifier')!) : [];
      if (existing) return answer(response, 200, existing);
      const id = store.newId();
      store.write(
        () => store.put(sent, id, 1),
        (text) => answer(response, 201, text, { Location: `/fhir/${type}/${id}/_history/1`, ETag: 'W/"1"' }),
      );
    });
  }

  function iot(request: IncomingMessage, response: ServerResponse): void {
    whole(request, (sent) => {
      const all = numbered(sent, () => ++vitalSigns);
      store.write(
        () => {
          for (const { reading, number } of all) postReading(store, reading, number);
        },
        () => {
          const { status, text } = thanksFor(
            sent,
            all.map(({ number }) => number),
          );
          answer(response, status, text);
        },
      );
    });
  }

  return (request, response) => {
    const url = request.url!;
    const [, root, type, id, , number] = url.split('?', 1)[0]!.split('/');
    if (root === 'api') return iot(request, response);
    if (root === 'admin') return whole(request, () => answer(response, 201, '{"key":"floor"}'));
    if (request.method === 'GET') return get(response, url, type!, id, number);
    if (request.method === 'POST') return post(request, response, type);
    if (request.method === 'PUT') {
      return whole(request, (sent) =>
        store.write(
          () => store.put(sent, id!, (store.newest(id!)?.number ?? 0) + 1),
          (text) => answer(response, 200, text),
        ),
      );
    }
    store.write(
      () => store.remove(id!),
      () => response.writeHead(204).end(),
    );
  };
}

export async function startFloor({ kind, audit, file, port }: FloorPlan): Promise<Floor> {
  const store = kind === 'sqlite' ? openFloorStore(file) : undefined;
  const listener = store ? sqliteListener(store, audit) : bareListener();
  return serve(listener, port, () => store?.close());
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { values } = parseArgs({
    options: {
      kind: { type: 'string', default: 'sqlite' },
      audit: { type: 'string', default: 'none' },
      file: { type: 'string', default: ':memory:' },
      port: { type: 'string', default: '0' },
      help: { type: 'boolean', default: false },
    },
  });
  const known = /^(bare|sqlite) (none|strict)$/.test(`${values.kind} ${values.audit}`);
  if (values.help || !known) {
    console.log('node bench/floor.ts [--kind bare|sqlite] [--audit none|strict] [--file DATABASE] [--port N]');
    process.exit(values.help ? 0 : 2);
  }
  const floor = await startFloor({
    kind: values.kind as FloorPlan['kind'],
    audit: values.audit as FloorPlan['audit'],
    file: values.file,
    port: Number(values.port),
  });
  console.log(`floor ready on http://127.0.0.1:${floor.port}/fhir`);
}
