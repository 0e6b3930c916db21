/** The FHIR interactions that capability/ promises, as OpenAPI routes: five types in full, the others by one pattern. https://hl7.org/fhir/R4/http.html */
import { resourceTypes } from '../fhir/definitions.ts';
import type { InteractionCode } from '../interactions/interaction.ts';
import { declared, promisedParameters, promisesFor } from './capability.ts';
import { resourceExamples, transactionExample } from './fhir-examples.ts';
import {
  elements,
  formBody,
  idOf,
  ofContained,
  ofEveryCondition,
  ofEverySearch,
  ofEveryType,
  parameter,
  security,
  summary,
  unauthorized,
} from './fhir-parameters.ts';
import { operationRoutes } from './operation-routes.ts';
import {
  fhirJson,
  outcome,
  type Route,
  type RouteAnswer,
  type RouteParameter,
  type Schema,
  schemaRef,
} from './routes.ts';
import { ofSeveralTypes } from './search-routes.ts';

const ifMatch = parameter('header', 'If-Match', 'Only if this is the newest version: `W/"3"`.');
const ifNoneMatch = parameter('header', 'If-None-Match', '304 if this is still the newest version: `W/"3"`.');
const ifModifiedSince = parameter('header', 'If-Modified-Since', '304 if nothing changed since.');
const ifNoneExist = parameter('header', 'If-None-Exist', 'Only if a search finds none: `identifier=system|value`.');
const prefer = parameter('header', 'Prefer', 'What comes back.', {
  type: 'string',
  enum: ['return=minimal', 'return=representation', 'return=OperationOutcome'],
});

/** What the routes of one type, or of the pattern for all others, speak of. */
interface Subject {
  readonly type: string;
  readonly path: string;
  readonly tag: string;
  readonly suffix: string;
  readonly noun: string;
  readonly schema: Schema;
  readonly inPath: readonly RouteParameter[];
  readonly id: RouteParameter;
  readonly search: readonly RouteParameter[];
  readonly example?: object;
}

const missing = { 404: outcome('There is none.'), 410: outcome('It was deleted.') };
const invalid = {
  400: outcome('Malformed: each fault with its place.'),
  422: outcome('Invalid: each fault with its place.'),
};
const example = (name: string, value: object | undefined) =>
  value === undefined ? undefined : { [name]: { summary: name, value } };

function routesOf(subject: Subject): readonly Route[] {
  const { type, path, tag, suffix, noun, schema, inPath, id, search } = subject;
  const whole = (description: string): RouteAnswer => ({
    description,
    content: fhirJson(schema, example(noun, subject.example)),
  });
  const bundle = { description: 'A Bundle.', content: fhirJson(schemaRef('Bundle')) };
  const common = { tag, security };
  const withId = subject.example && { ...subject.example, id: id.example };
  const body = { required: true, content: fhirJson(schema, example(noun, subject.example)) };
  const bodyWithId = { required: true, content: fhirJson(schema, example(noun, withId)) };
  const stored = { 200: whole('Updated.'), 201: whole('Created.') };
  const conflict = { 412: outcome('The condition does not hold.') };
  const one = `${path}/{id}`;
  const offers = (interaction: InteractionCode) => declared(interaction, type);
  const promises = promisesFor(type);
  const routes: (Route | false)[] = [
    offers('search-type') && {
      ...common,
      method: 'get',
      path,
      operationId: `search${suffix}`,
      summary: `Search for ${noun} resources`,
      parameters: [...inPath, ...search, ...ofContained],
      answers: { 200: bundle, 400: outcome('A value is malformed.'), ...unauthorized },
    },
    offers('create') && {
      ...common,
      method: 'post',
      path,
      operationId: `create${suffix}`,
      summary: `Create a ${noun}`,
      parameters: [...inPath, ifNoneExist, prefer],
      request: body,
      answers: {
        200: whole('One was there already (If-None-Exist).'),
        201: whole('Created.'),
        ...invalid,
        ...unauthorized,
        ...conflict,
      },
    },
    offers('update') &&
      promises.conditionalUpdate && {
        ...common,
        method: 'put',
        path,
        operationId: `updateConditional${suffix}`,
        summary: `Update the one ${noun} that a search finds, or create it`,
        parameters: [...inPath, ...search.slice(ofEverySearch.length), ifMatch, prefer],
        request: body,
        answers: { ...stored, ...invalid, ...unauthorized, ...conflict },
      },
    offers('delete') &&
      promises.conditionalDelete === 'single' && {
        ...common,
        method: 'delete',
        path,
        operationId: `deleteConditional${suffix}`,
        summary: `Delete the one ${noun} that a search finds`,
        parameters: [...inPath, ...search.slice(ofEverySearch.length), ifMatch],
        answers: { 204: { description: 'It is gone.' }, ...unauthorized, ...conflict },
      },
    offers('search-type') && {
      ...common,
      method: 'post',
      path: `${path}/_search`,
      operationId: `searchByPost${suffix}`,
      summary: `Search for ${noun} resources, criteria in the body`,
      parameters: inPath,
      request: formBody,
      answers: { 200: bundle, 400: outcome('A value is malformed.'), ...unauthorized },
    },
    offers('read') && {
      ...common,
      method: 'get',
      path: one,
      operationId: `read${suffix}`,
      summary: `Read a ${noun}`,
      parameters: [...inPath, id, summary, elements, ifNoneMatch, ifModifiedSince],
      answers: { 200: whole('The newest version.'), 304: { description: 'Unchanged.' }, ...unauthorized, ...missing },
    },
    offers('update') && {
      ...common,
      method: 'put',
      path: one,
      operationId: `update${suffix}`,
      summary: `Update a ${noun}, or create it under this id`,
      parameters: [...inPath, id, ifMatch, prefer],
      request: bodyWithId,
      answers: { ...stored, ...invalid, ...unauthorized, ...conflict },
    },
    offers('delete') && {
      ...common,
      method: 'delete',
      path: one,
      operationId: `delete${suffix}`,
      summary: `Delete a ${noun}`,
      description: 'Its versions stay readable; an update brings it back.',
      parameters: [...inPath, id, ifMatch],
      answers: { 204: { description: 'It is gone.' }, ...unauthorized, ...conflict },
    },
    offers('history-instance') && {
      ...common,
      method: 'get',
      path: `${one}/_history`,
      operationId: `history${suffix}`,
      summary: `All versions of a ${noun}, newest first`,
      parameters: [
        ...inPath,
        id,
        parameter('query', '_count', 'Versions on a page.', { type: 'integer', minimum: 0 }),
        parameter('query', '_since', 'Only versions from this instant on.'),
      ],
      answers: { 200: bundle, ...unauthorized, 404: outcome('There is none.') },
    },
    offers('vread') && {
      ...common,
      method: 'get',
      path: `${one}/_history/{vid}`,
      operationId: `vread${suffix}`,
      summary: `Read one version of a ${noun}`,
      parameters: [
        ...inPath,
        id,
        { name: 'vid', in: 'path', description: 'Version: 1, 2, 3 ...', schema: { type: 'string' }, example: '1' },
        summary,
        elements,
      ],
      answers: { 200: whole('This version.'), ...unauthorized, ...missing },
    },
  ];
  return routes.filter((route) => route !== false);
}

function ofType(type: string): Subject {
  const { id, resource } = resourceExamples[type]!;
  const own = promisedParameters(type).map(({ code, type: kind }) => parameter('query', code, `${kind} parameter.`));
  return {
    type,
    path: `/fhir/${type}`,
    tag: type,
    suffix: type,
    noun: type,
    schema: schemaRef(type),
    inPath: [],
    id: idOf(id),
    search: [...ofEverySearch, ...ofEveryCondition, ...own],
    example: resource,
  };
}

function ofOtherTypes(): Subject {
  const others = [...resourceTypes.keys()].filter((type) => !(type in resourceExamples)).sort();
  return {
    type: 'Basic',
    path: '/fhir/{type}',
    tag: 'Every other resource type',
    suffix: '',
    noun: 'resource',
    schema: schemaRef('Resource'),
    inPath: [
      {
        name: 'type',
        in: 'path',
        description: 'Resource type.',
        schema: { type: 'string', enum: others },
        example: 'Practitioner',
      },
    ],
    id: idOf('1'),
    search: [...ofEverySearch, ...ofEveryCondition, ...ofEveryType],
  };
}

const ofSystem: readonly Route[] = [
  {
    method: 'get',
    path: '/fhir/metadata',
    tag: 'FHIR',
    operationId: 'capabilities',
    summary: 'What this server promises',
    description: 'Nobody needs a token for this one.',
    security: [],
    answers: { 200: { description: 'A CapabilityStatement.', content: fhirJson(schemaRef('CapabilityStatement')) } },
  },
  {
    method: 'post',
    path: '/fhir',
    tag: 'FHIR',
    operationId: 'transaction',
    summary: 'Many interactions at once',
    description:
      'A Bundle of type `transaction` is stored whole or not at all; the entries of a `batch` stand each for itself.',
    security,
    request: { required: true, content: fhirJson(schemaRef('Bundle'), example('transaction', transactionExample)) },
    answers: {
      200: { description: 'A Bundle with one answer per entry.', content: fhirJson(schemaRef('Bundle')) },
      ...invalid,
      ...unauthorized,
      ...{ 412: outcome('A condition does not hold; nothing is stored.') },
    },
  },
];

export const fhirRoutes = (): readonly Route[] => [
  ...ofSystem,
  ...ofSeveralTypes,
  ...Object.keys(resourceExamples).flatMap((type) => routesOf(ofType(type))),
  ...routesOf(ofOtherTypes()),
  ...operationRoutes(),
];
