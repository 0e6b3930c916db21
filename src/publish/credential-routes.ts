/** The routes for what makers know this server by, as OpenAPI routes. */
import { administratorOnly, inPath, json, outcome, type Route, type Schema, schemaRef } from './routes.ts';

const common = { security: ['adminToken'] } as const;
const text: Schema = { type: 'string' };
const secret = (description: string): Schema => ({ type: 'string', format: 'password', description });
const environment: Schema = { type: 'string', enum: ['sandbox', 'production'] };
const instant = (description: string): Schema => ({
  type: 'string',
  format: 'date-time',
  nullable: true,
  description,
});
const previous = instant('Until when the credential before is valid beside this one; null without one.');
const maker = inPath('manufacturer', 'A folder of mappings/; `boston_scientific` is the same.', 'boston-scientific');

export const credentialSchemas: Readonly<Record<string, Schema>> = {
  MakerCredential: {
    type: 'object',
    required: ['client_id'],
    properties: {
      client_id: text,
      client_secret: secret('With a maker that wants one.'),
      api_key: secret('The same.'),
      private_key: secret('PEM (PKCS #8) or JWK, for private_key_jwt and mutual TLS.'),
      certificate: { type: 'string', description: 'PEM, for mutual TLS.' },
      environment,
      overlap_minutes: {
        type: 'number',
        minimum: 0,
        maximum: 43_200,
        default: 60,
        description: 'How long the credential before stays valid.',
      },
    },
  },
  StoredCredential: {
    type: 'object',
    required: ['manufacturer', 'environment', 'members', 'stored_at', 'stored_by', 'key'],
    properties: {
      manufacturer: text,
      environment,
      members: { type: 'array', items: text, description: 'Names of what it holds; never a value.' },
      stored_at: { type: 'string', format: 'date-time' },
      stored_by: text,
      key: { type: 'string', description: 'Name of the key that it is wrapped under.' },
      previous_valid_until: previous,
    },
  },
};

export const credentialRoutes: readonly Route[] = [
  {
    ...common,
    tag: 'Feeds',
    method: 'post',
    path: '/cardiac/credentials/{manufacturer}',
    operationId: 'storeCredential',
    summary: 'Store what a maker of devices knows this server by',
    description: 'Kept encrypted, used by the feeds, shown again by nothing. docs/credentials.md',
    parameters: [maker],
    request: {
      required: true,
      content: json(schemaRef('MakerCredential'), {
        demo: {
          summary: 'Of a simulated maker',
          value: { client_id: 'demo', client_secret: 'demo-secret', api_key: 'demo-key', environment: 'sandbox' },
        },
      }),
    },
    answers: {
      201: {
        description: 'Stored.',
        content: json({
          type: 'object',
          properties: {
            success: { type: 'boolean' },
            message: text,
            manufacturer: text,
            environment,
            stored_at: { type: 'string', format: 'date-time' },
            previous_valid_until: previous,
            endpoint: { type: 'string', description: 'Reference to the Endpoint of this maker and environment.' },
          },
        }),
      },
      400: outcome('A member is missing or not right; `expression` names it.'),
      ...administratorOnly,
      404: outcome('No such maker is known; the answer lists those that are.'),
      422: outcome('There is no key to encrypt it under.'),
    },
  },
  {
    ...common,
    tag: 'Administration',
    method: 'get',
    path: '/admin/credentials',
    operationId: 'listCredentials',
    summary: 'List the credentials of makers, without their secrets',
    answers: {
      200: {
        description: 'All of them.',
        content: json({
          type: 'object',
          properties: { credentials: { type: 'array', items: schemaRef('StoredCredential') } },
        }),
      },
      ...administratorOnly,
    },
  },
  {
    ...common,
    tag: 'Administration',
    method: 'delete',
    path: '/admin/credentials/{manufacturer}/{environment}',
    operationId: 'removeCredential',
    summary: 'Forget a credential; the maker is not asked any more',
    parameters: [maker, inPath('environment', 'sandbox or production.', 'sandbox')],
    answers: {
      200: {
        description: 'Removed.',
        content: json({
          type: 'object',
          properties: { manufacturer: text, environment, deleted: { type: 'boolean' } },
        }),
      },
      ...administratorOnly,
      404: outcome('Nothing of this maker and environment is stored.'),
    },
  },
  {
    ...common,
    tag: 'Administration',
    method: 'post',
    path: '/admin/credentials/rotate-key',
    operationId: 'rotateVaultKey',
    summary: 'Wrap every credential under the first of the configured keys',
    description: 'May be stopped and asked again. Afterwards the other keys are not needed any more.',
    answers: {
      200: {
        description: 'How many were wrapped anew, and how many were already.',
        content: json({
          type: 'object',
          properties: { rewrapped: { type: 'integer' }, already: { type: 'integer' } },
        }),
      },
      ...administratorOnly,
      422: outcome('There is no key to wrap them under.'),
    },
  },
];
