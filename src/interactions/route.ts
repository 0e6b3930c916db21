/** From method and path to an interaction: one table for requests and for the entries of a Bundle. https://hl7.org/fhir/R4/http.html#summary */
import { compartmentNames } from '../fhir/compartments.ts';
import { resourceTypes } from '../fhir/definitions.ts';
import { type Problem, problem } from '../fhir/outcome.ts';
import { isId, type ResourceKey } from '../fhir/references.ts';
import { quote } from '../search/refusals.ts';
import type { FhirRequest, InteractionCode, Parameters } from './interaction.ts';

export type Routed = Pick<FhirRequest, 'interaction' | 'type' | 'id' | 'versionId' | 'compartment' | 'operation'>;

const wrongMethod = (allow: string): Problem =>
  problem('not-supported', `this address takes ${allow}`, { status: 405, headers: { Allow: allow } });

const absent = (what: string): Problem => problem('not-supported', what, { status: 404 });

type Methods = Readonly<Partial<Record<string, InteractionCode>>>;

const system: Methods = { POST: 'batch', GET: 'search-system' };
const ofType: Methods = { GET: 'search-type', POST: 'create', PUT: 'update', DELETE: 'delete' };
const ofInstance: Methods = { GET: 'read', PUT: 'update', DELETE: 'delete' };

const withHead = (methods: readonly string[]): readonly string[] =>
  methods.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));

function pick(methods: Methods, method: string): InteractionCode {
  const interaction = Object.hasOwn(methods, method) ? methods[method] : undefined;
  if (!interaction) throw wrongMethod(withHead(Object.keys(methods)).join(', '));
  return interaction;
}

/** The HTTP methods that an address takes, as far as `offered` says yes to what they mean. */
export function methodsAt(
  { interaction, type, id, compartment }: Pick<FhirRequest, 'interaction' | 'type' | 'id' | 'compartment'>,
  offered: (interaction: InteractionCode, type: string) => boolean,
): readonly string[] {
  const isAlone = interaction === 'vread' || interaction.startsWith('history') || compartment !== undefined;
  const methods: Methods = isAlone ? { GET: interaction } : type === '' ? system : id === '' ? ofType : ofInstance;
  return withHead(Object.keys(methods).filter((method) => offered(methods[method]!, type)));
}

/** What is below a resource: `Patient/1/Observation`, `Patient/1/*`, and `_search` after either or in place of the star. */
function inCompartment(method: string, compartment: ResourceKey, steps: readonly string[]): Routed {
  const isPosted = steps.at(-1) === '_search';
  const [type = '*', ...more] = isPosted ? steps.slice(0, -1) : steps;
  const { type: kind, id } = compartment;
  if (!compartmentNames.includes(kind))
    throw absent(`${kind} is no compartment: nothing is searched below ${kind}/${id}`);
  if (more.length > 0 || !(type === '*' || resourceTypes.has(type)))
    throw absent(`the address below ${kind}/${id} names no resource type of FHIR R4`);
  const interaction = type === '*' ? 'search-system' : 'search-type';
  return {
    interaction: pick(isPosted ? { POST: interaction } : { GET: interaction }, method),
    type: type === '*' ? '' : type,
    id: '',
    compartment,
  };
}

/** An operation of the system, of a type or of one resource; whether there is one is asked at the gate. */
function operationOf(method: string, [type = '', id = '', ...more]: readonly string[], code: string): Routed {
  if (more.length > 0) throw absent(`the operation ${quote(code)} is not offered so far below a resource`);
  if (type !== '' && !resourceTypes.has(type)) throw absent('the address names no resource type of FHIR R4');
  if (id !== '' && !isId(id)) throw problem('value', `${type}: an id has 1 to 64 of A-Z, a-z, 0-9, - and .`);
  const interaction = pick({ GET: 'operation', POST: 'operation' }, method);
  return { interaction, type, id, operation: { code, method: method === 'POST' ? 'POST' : 'GET' } };
}

/**
 * `path` is below the base, without slashes at its ends, not yet decoded. A batch or transaction is told apart by its body
 * and comes back as 'batch'. HEAD goes where GET goes.
 */
export function routeOf(httpMethod: string, path: string): Routed {
  const method = httpMethod === 'HEAD' ? 'GET' : httpMethod;
  const steps = path === '' ? [] : path.split('/');
  const [type = '', id = '', third, versionId] = steps;
  if (steps.length === 0) return { interaction: pick(system, method), type: '', id: '' };
  if (type === 'metadata' && steps.length === 1)
    return { interaction: pick({ GET: 'capabilities' }, method), type: '', id: '' };
  if (type === '_search' && steps.length === 1)
    return { interaction: pick({ POST: 'search-system' }, method), type: '', id: '' };
  if (type === '_history' && steps.length === 1)
    return { interaction: pick({ GET: 'history-system' }, method), type: '', id: '' };
  const last = steps[steps.length - 1]!;
  if (last.startsWith('$')) return operationOf(method, steps.slice(0, -1), last.slice(1));
  if (steps.some((step) => step.startsWith('$'))) throw absent('nothing is below an operation');
  if (!resourceTypes.has(type)) throw absent('the address names no resource type of FHIR R4');
  if (steps.length === 1) return { interaction: pick(ofType, method), type, id: '' };
  if (id === '_search' && steps.length === 2)
    return { interaction: pick({ POST: 'search-type' }, method), type, id: '' };
  if (id === '_history' && steps.length === 2)
    return { interaction: pick({ GET: 'history-type' }, method), type, id: '' };
  if (!isId(id)) throw problem('value', `${type}: an id has 1 to 64 of A-Z, a-z, 0-9, - and .`);
  if (steps.length === 2) return { interaction: pick(ofInstance, method), type, id };
  if (third !== '_history') return inCompartment(method, { type, id }, steps.slice(2));
  if (steps.length === 3) return { interaction: pick({ GET: 'history-instance' }, method), type, id };
  if (steps.length > 4) throw absent(`nothing is below a version of ${type}/${id}`);
  const version = Number(versionId);
  if (!/^[1-9]\d{0,14}$/.test(versionId!)) throw problem('not-found', `${type}/${id} has no such version`);
  return { interaction: pick({ GET: 'vread' }, method), type, id, versionId: version };
}

/** Strict: a percent sign that begins no escape of valid UTF-8 is refused, not replaced. */
function decoded(text: string, place: string): string {
  if (!/[%+]/.test(text)) return text;
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw problem('invalid', `the ${place} has a percent sign that begins no valid escape`);
  }
}

/** An address as its path and its query, which may have further question marks in it. */
export function splitQuery(url: string): { readonly path: string; readonly query: string } {
  const at = url.indexOf('?');
  return at < 0 ? { path: url, query: '' } : { path: url.slice(0, at), query: url.slice(at + 1) };
}

/** The query string of parameters: what `parametersOf` reads back. */
export const queryOf = (parameters: Parameters): string =>
  parameters.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join('&');

/** Decoded name=value pairs of a query string or form body, in order. Refuses a token among them: what is asked is kept in the trail. */
export function parametersOf(query: string, place: 'address' | 'form' = 'address'): Parameters {
  if (query === '') return [];
  return query.split('&').flatMap((pair) => {
    if (pair === '') return [];
    const at = pair.indexOf('=');
    const name = decoded(at < 0 ? pair : pair.slice(0, at), place);
    if (name === 'access_token') throw problem('invalid', `a token may not stand in the ${place}`);
    return [[name, at < 0 ? '' : decoded(pair.slice(at + 1), place)] as const];
  });
}
