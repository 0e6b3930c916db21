/** From HTTP to a FhirRequest and from a FhirAnswer back: the FHIR REST API. https://hl7.org/fhir/R4/http.html */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { readJson } from '../fhir/json.ts';
import { operationOutcome, problem } from '../fhir/outcome.ts';
import type { Resource } from '../fhir/references.ts';
import { etagOf } from '../interactions/answer.ts';
import type {
  Caller,
  Dispatch,
  FhirAnswer,
  FhirRequest,
  Incoming,
  InteractionCode,
} from '../interactions/interaction.ts';
import { parametersOf, type Routed, routeOf, splitQuery } from '../interactions/route.ts';
import { isDeleted } from '../store/store.ts';
import { BODY_LIMIT, BUNDLE_LIMIT, demandJson, FORM_LIMIT, mediaType, readBody } from './body.ts';
import { addressOf } from './incoming.ts';
import { conditionsOf, demandJsonWanted, preferOf } from './negotiate.ts';
import { FHIR_JSON, send } from './respond.ts';

export interface FhirDoor {
  readonly dispatch: Dispatch;
  /** Public URL of the server; never what a client calls it, or one client could give links to another. */
  readonly origin: string;
  /** Whether versions of the type can be read; a Location must lead somewhere. */
  readonly hasVersions: (type: string) => boolean;
}

/** The steps below the base. Ids and types need no escapes, so an escape that means a slash or dots finds nothing. */
function pathOf(url: string): { path: string; query: string } {
  const { path, query } = splitQuery(url);
  const steps = path
    .replace(/^\/|\/$/g, '')
    .replaceAll('%24', '$')
    .replace(/%2A/gi, '*');
  if (!/^[A-Za-z0-9\-._$*/]*$/.test(steps) || path.includes('//') || /(^|\/)\.\.?(\/|$)/.test(steps)) {
    throw problem('invalid', 'the address may only have types, ids and names below the base');
  }
  return { path: steps, query };
}

/** What a request asks for by its method and path alone; undefined where they lead nowhere. `url` is below the base. */
export function routedAt(method: string, url: string): Routed | undefined {
  try {
    return routeOf(method, pathOf(url).path);
  } catch {
    return undefined;
  }
}

async function incomingBody(request: IncomingMessage, limit: number): Promise<Incoming> {
  demandJson(request);
  const bytes = await readBody(request, limit);
  if (bytes.length === 0) throw problem('structure', 'the body is empty');
  const { text, value } = readJson(bytes);
  if (typeof value.resourceType !== 'string')
    throw problem('structure', 'the body is no resource: resourceType must be a string');
  return { text, resource: value as Resource };
}

/** The Parameters of an operation, which may stand in the query alone. */
async function optionalBody(request: IncomingMessage): Promise<Incoming | undefined> {
  const isEmpty =
    request.headers['transfer-encoding'] === undefined && !(Number(request.headers['content-length']) > 0);
  return isEmpty ? undefined : incomingBody(request, FORM_LIMIT);
}

async function formParameters(request: IncomingMessage): Promise<FhirRequest['parameters']> {
  const type = mediaType(request);
  if (type !== 'application/x-www-form-urlencoded') {
    if (type === '' && Number(request.headers['content-length'] ?? 0) === 0) return [];
    throw problem('not-supported', '_search takes application/x-www-form-urlencoded', { status: 415 });
  }
  return parametersOf((await readBody(request, FORM_LIMIT)).toString('utf8'), 'form');
}

const isSearch = (interaction: InteractionCode): boolean =>
  interaction === 'search-type' || interaction === 'search-system';

const bodied = ['create', 'update', 'patch', 'batch'];

function bundleInteraction({ resource }: Incoming): 'batch' | 'transaction' {
  if (resource.resourceType !== 'Bundle')
    throw problem('invalid', 'the base takes a Bundle of type batch or transaction');
  if (resource.type !== 'batch' && resource.type !== 'transaction')
    throw problem('invalid', 'Bundle.type must be batch or transaction', { expression: 'Bundle.type' });
  return resource.type;
}

/**
 * Reads a whole request; `routed` and all the rest are checked before the body is. Who asks comes before what is asked: of nobody no body is
 * read, and the gate refuses.
 */
async function fhirRequest(
  request: IncomingMessage,
  { origin }: Pick<FhirDoor, 'origin'>,
  requestId: string,
  caller: Caller,
): Promise<FhirRequest> {
  const { path, query } = pathOf(request.url!);
  const routed: Routed = routeOf(request.method!, path);
  let parameters = parametersOf(query);
  demandJsonWanted(request, parameters);
  const conditions = conditionsOf(request);
  const base = `${origin}/fhir`;
  let { interaction } = routed;
  let body: Incoming | undefined;
  const isUnread = caller.who === 'anonymous' && !caller.access.permits(interaction, routed.type);
  if (bodied.includes(interaction) && !isUnread)
    body = await incomingBody(request, routed.type === '' || routed.type === 'Bundle' ? BUNDLE_LIMIT : BODY_LIMIT);
  else if (isSearch(interaction) && request.method === 'POST' && !isUnread) {
    const form = await formParameters(request);
    demandJsonWanted(request, form);
    parameters = [...parameters, ...form];
  } else if (interaction === 'operation' && request.method === 'POST') body = await optionalBody(request);
  if (interaction === 'batch' && body) interaction = bundleInteraction(body);
  return {
    ...routed,
    interaction,
    parameters,
    conditions,
    body,
    ...preferOf(request),
    base,
    requestId,
    address: addressOf(request),
  };
}

function bodyOf({ status, version, text, issues }: FhirAnswer, { interaction, prefer }: FhirRequest): string {
  if (text !== undefined) return text;
  const isWrite = interaction === 'create' || interaction === 'update' || interaction === 'patch';
  if (isWrite && prefer === 'minimal') return '';
  if (isWrite && prefer === 'OperationOutcome') {
    const done = {
      severity: 'information',
      code: 'informational',
      diagnostics: status === 201 ? 'created' : 'stored',
    } as const;
    return JSON.stringify(operationOutcome(issues?.length ? issues : [done]));
  }
  return version && !isDeleted(version) ? version.text : '';
}

function headersOf(
  { status, version, headers }: FhirAnswer,
  { interaction, base, requestId }: FhirRequest,
  hasVersions: FhirDoor['hasVersions'],
): Record<string, string> {
  const all: Record<string, string> = { 'Content-Type': FHIR_JSON, 'X-Request-Id': requestId, ...headers };
  if (version) {
    all.ETag = etagOf(version);
    all['Last-Modified'] = new Date(version.lastUpdated).toUTCString();
    const { key, versionId } = version;
    if (interaction === 'create' || (status === 201 && interaction === 'update')) {
      all.Location = `${base}/${key.type}/${key.id}${hasVersions(key.type) ? `/_history/${versionId}` : ''}`;
    }
  }
  return all;
}

/** Who wants to know what happens meanwhile: log and metrics. */
export interface Witness {
  onAsked(asked: FhirRequest): void;
  /** An entry of a Bundle broke, though the Bundle as a whole is answered. */
  onBroken(cause: unknown): void;
}

/** Handles one request below the FHIR base. Refusals are thrown as Problems; the app renders them. */
export async function serveFhir(
  door: FhirDoor,
  request: IncomingMessage,
  response: ServerResponse,
  caller: Caller,
  requestId: string,
  { onAsked, onBroken }: Witness,
): Promise<void> {
  const asked = await fhirRequest(request, door, requestId, caller);
  onAsked(asked);
  const answered = await door.dispatch(asked, caller);
  const broken = answered.entries?.find(({ cause }) => cause !== undefined);
  if (broken) onBroken(broken.cause);
  const text = bodyOf(answered, asked);
  send(
    request,
    response,
    answered.status,
    text && caller.access.shows(text),
    headersOf(answered, asked, door.hasVersions),
  );
}
