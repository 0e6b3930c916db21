/** What a documented route is: enough to write its page in OpenAPI and to compare with what the server answers. https://spec.openapis.org/oas/v3.0.3 */

/** A JSON Schema in the dialect of OpenAPI 3.0. */
export type Schema = Readonly<Record<string, unknown>>;

export interface Example {
  readonly summary: string;
  readonly value: unknown;
}
export type Examples = Readonly<Record<string, Example>>;

/** What is sent or answered, by media type. */
export interface Content {
  readonly mediaType: string;
  readonly schema: Schema;
  readonly examples?: Examples;
}

export interface RouteParameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly description: string;
  readonly schema: Schema;
  /** Filled in by the portal before somebody tries the route; only for what must be given. */
  readonly example?: string;
}

export interface RouteAnswer {
  readonly description: string;
  readonly content?: readonly Content[];
}

export type Scheme = 'accessToken' | 'adminToken' | 'deviceKey';

export interface Route {
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  /** With `{name}` where a value stands. */
  readonly path: string;
  readonly tag: string;
  /** Unique over all routes; programs that are generated from the document name their functions by it. */
  readonly operationId: string;
  readonly summary: string;
  readonly description?: string;
  /** Who may call it; empty: everybody. */
  readonly security: readonly Scheme[];
  readonly parameters?: readonly RouteParameter[];
  readonly request?: { readonly required: boolean; readonly content: readonly Content[] };
  readonly answers: Readonly<Record<string, RouteAnswer>>;
}

/** A value in the path, with what the portal fills in. */
export const inPath = (name: string, description: string, example: string): RouteParameter => ({
  name,
  in: 'path',
  description,
  schema: { type: 'string' },
  example,
});

/** A schema of components/schemas. */
export const schemaRef = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });

export const json = (schema: Schema, examples?: Examples): readonly Content[] => [
  { mediaType: 'application/json', schema, examples },
];
export const fhirJson = (schema: Schema, examples?: Examples): readonly Content[] => [
  { mediaType: 'application/fhir+json', schema, examples },
];

/** The refusal of every route that speaks FHIR or administers. */
export const outcome = (description: string): RouteAnswer => ({
  description,
  content: fhirJson(schemaRef('OperationOutcome')),
});

/** Of a list that comes in pages: `behind` says what a page begins after. */
export const paged = (behind: string, fallback: number): readonly RouteParameter[] => [
  {
    name: 'count',
    in: 'query',
    description: 'How many at most.',
    schema: { type: 'integer', minimum: 1, maximum: 1_000, default: fallback },
  },
  { name: 'after', in: 'query', description: behind, schema: { type: 'string' } },
];

/** Of every route that is for the administrator alone. */
export const administratorOnly = {
  401: outcome('The administrator’s token is missing or wrong.'),
  403: outcome('Another token, or a device key, is not enough.'),
} as const;
