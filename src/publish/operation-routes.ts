/** The operations that capability/ promises, as OpenAPI routes. https://hl7.org/fhir/R4/operations.html */
import type { OperationPlace } from '../operations/operation.ts';
import { promisedOperations } from './capability.ts';
import { parameter, security, unauthorized } from './fhir-parameters.ts';
import { fhirJson, inPath, outcome, type Route, type RouteAnswer, type RouteParameter, schemaRef } from './routes.ts';

const query = (name: string, description: string, example?: string): RouteParameter => ({
  ...parameter('query', name, description),
  ...(example !== undefined && { example }),
});
const ok = (description: string, schema: string): RouteAnswer => ({
  description,
  content: fhirJson(schemaRef(schema)),
});
const refused = {
  400: outcome('A parameter is missing, malformed or unknown.'),
  ...unauthorized,
};

type Described = Pick<Route, 'method' | 'operationId' | 'summary' | 'parameters' | 'request' | 'answers'>;

/** By code and level; one that capability/ promises and that is missing here stops the document from being made. */
const described: Readonly<Record<string, Described>> = {
  'reindex system': {
    method: 'post',
    operationId: 'reindex',
    summary: 'Make the search index of stored resources anew',
    parameters: [
      query('type', 'Resource types, each in a parameter of its own.'),
      query('url', 'Canonical URL of a SearchParameter.'),
    ],
    answers: { 202: ok('The job; Content-Location tells where its state is.', 'Parameters'), ...refused },
  },
  'reindex instance': {
    method: 'post',
    operationId: 'reindexOne',
    summary: 'Make the search index of one resource anew',
    parameters: [inPath('type', 'Resource type.', 'Practitioner'), inPath('id', 'Logical id.', '1')],
    answers: { 200: outcome('It was indexed.'), 404: outcome('There is none.'), ...refused },
  },
  'reindex-status system': {
    method: 'get',
    operationId: 'reindexStatus',
    summary: 'How far a reindex job is',
    parameters: [query('job', 'The job; all when left out.')],
    answers: { 200: ok('It is over.', 'Parameters'), 202: ok('It waits or runs.', 'Parameters'), ...refused },
  },
  'explain-search system': {
    method: 'get',
    operationId: 'explainSearch',
    summary: 'How a search is understood and answered',
    parameters: [query('query', 'The search below the base.', 'Observation?code=8867-4')],
    answers: { 200: ok('What was understood, and how it went.', 'Parameters'), ...refused },
  },
  'why system': {
    method: 'get',
    operationId: 'why',
    summary: 'Which rule lets a caller in to a resource, or keeps it out',
    parameters: [
      query('reference', 'The resource.', 'Observation/1'),
      query('who', 'The caller.', 'Practitioner/7'),
      query('roles', 'Names of roles, with commas; left out, those that the user or client has.'),
      query('scope', 'Scopes as in a token; left out, what the roles alone open.'),
      query('patient', 'Id of the Patient of the launch.'),
      query('purposeOfUse', 'What the caller asks for.'),
    ],
    answers: { 200: ok('The roles, and for each right each rule with its verdict.', 'Parameters'), ...refused },
  },
  'secret instance': {
    method: 'post',
    operationId: 'secretOfSubscription',
    summary: 'Set or renew the secret that signs the notifications of an own Subscription',
    parameters: [inPath('id', 'Id of the Subscription.', 'ehr-flags')],
    request: {
      required: false,
      content: fhirJson(schemaRef('Parameters'), {
        fresh: { summary: 'A new one, made by the server', value: { resourceType: 'Parameters' } },
      }),
    },
    answers: {
      200: ok('The secret that holds from now on; shown here and never again.', 'Parameters'),
      404: outcome('There is none, or it is hidden from the caller.'),
      422: outcome('The secret is malformed.'),
      ...refused,
    },
  },
  'lastn type': {
    method: 'get',
    operationId: 'lastnObservation',
    summary: 'The newest Observations of a patient per code',
    parameters: [
      query('patient', 'Whose; or `subject`.', '1'),
      query('code', 'Which, `system|code`; or `category`.', '8867-4'),
      query('max', 'Observations per code, 1 to 100.'),
    ],
    answers: { 200: ok('A searchset, by code, newest first.', 'Bundle'), ...refused },
  },
};

/** For whoever has the right; the others are the administrator's. */
const ofAll: readonly string[] = ['lastn', 'secret'];

function routeOf({ code, level, type }: OperationPlace): Route {
  const route = described[`${code} ${level}`];
  if (route === undefined) throw new Error(`the operation ${code} at ${level} level has no documentation`);
  const place = level === 'system' ? '' : `/${type === 'Resource' ? '{type}' : type}`;
  const path = `/fhir${place}${level === 'instance' ? '/{id}' : ''}/$${code}`;
  return { ...route, path, tag: 'Operations', security: ofAll.includes(code) ? security : ['adminToken'] };
}

export const operationRoutes = (): readonly Route[] => promisedOperations().map(routeOf);
