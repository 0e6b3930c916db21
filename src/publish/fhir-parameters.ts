/** What FHIR routes share in OpenAPI: the parameters of searches and reads, who may call, a form. https://hl7.org/fhir/R4/http.html */
import { outcome, type Route, type RouteParameter, type Schema } from './routes.ts';

export const text: Schema = { type: 'string' };
export const parameter = (
  place: RouteParameter['in'],
  name: string,
  description: string,
  schema = text,
): RouteParameter => ({
  name,
  in: place,
  description,
  schema,
});
export const summary = parameter(
  'query',
  '_summary',
  'A short form: what is marked as summary, the text, or all but the text.',
  {
    type: 'string',
    enum: ['true', 'text', 'data', 'false'],
  },
);
export const elements = parameter(
  'query',
  '_elements',
  'Elements to show beside those that must be there: `name,birthDate`.',
);
export const ofEverySearch: readonly RouteParameter[] = [
  parameter('query', '_count', 'Matches on a page; 0 for the total alone.', {
    type: 'integer',
    minimum: 0,
    maximum: 1000,
  }),
  parameter('query', '_sort', 'Parameters to sort by, a minus before those that go down: `-date`.'),
  parameter('query', '_total', 'Whether the matches are counted.', {
    type: 'string',
    enum: ['none', 'estimate', 'accurate'],
  }),
  parameter('query', '_include', 'References to follow one step: `Observation:subject`, `*`.'),
  parameter('query', '_revinclude', 'What refers to the matches: `Provenance:target`.'),
  { ...summary, schema: { type: 'string', enum: ['true', 'text', 'data', 'count', 'false'] } },
  elements,
];
/** Conditions on resources of any type; `_has:Type:reference:parameter` and chains have no name that OpenAPI could list. */
export const ofEveryCondition: readonly RouteParameter[] = [
  parameter('query', '_list', 'Entries of these Lists, by id.'),
  parameter('query', '_filter', 'An expression: `name co "ada" and birthdate ge 1950`.'),
];
export const ofEveryType: readonly RouteParameter[] = [
  parameter('query', '_id', 'Ids of resources, separated by commas.'),
  parameter('query', '_lastUpdated', 'When it was last changed: `ge2026-01-01`.'),
];
/** Where one type is searched on its own. */
export const ofContained: readonly RouteParameter[] = [
  parameter('query', '_contained', 'Whether resources of the type that stand in others are found.', {
    type: 'string',
    enum: ['false', 'true', 'both'],
  }),
  parameter('query', '_containedType', 'Whether such a resource is shown by itself or with what contains it.', {
    type: 'string',
    enum: ['container', 'contained'],
  }),
];

export const security = ['deviceKey', 'accessToken', 'adminToken'] as const;
export const unauthorized = {
  401: outcome('No token, or a wrong one.'),
  403: outcome('Not permitted with these rights.'),
};
export const formBody: Route['request'] = {
  required: false,
  content: [
    {
      mediaType: 'application/x-www-form-urlencoded',
      schema: { type: 'object', additionalProperties: { type: 'string' } },
    },
  ],
};

export const idOf = (value: string | undefined): RouteParameter => ({
  name: 'id',
  in: 'path',
  description: 'Logical id.',
  schema: { type: 'string', pattern: '^[A-Za-z0-9.-]{1,64}$' },
  example: value,
});
