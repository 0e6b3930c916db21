/** Clients of the authorization server as OpenAPI routes: registered, listed, changed and disabled by the administrator. https://www.rfc-editor.org/rfc/rfc7591 */
import { administratorOnly, inPath, json, outcome, paged, type Route, type Schema, schemaRef } from './routes.ts';

const text: Schema = { type: 'string' };
const texts: Schema = { type: 'array', items: text };
const metadata = {
  client_name: { type: 'string', maxLength: 200, description: 'People are asked by it.' },
  scope: { type: 'string', description: 'What it may ask for, separated by blanks.' },
  grant_types: {
    type: 'array',
    items: { type: 'string', enum: ['authorization_code', 'refresh_token', 'client_credentials'] },
  },
  redirect_uris: {
    ...texts,
    description: 'Compared letter by letter: https, http to the loopback, or a scheme such as com.example.app.',
  },
  token_endpoint_auth_method: {
    type: 'string',
    enum: ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt'],
  },
  token_endpoint_auth_signing_alg: { type: 'string', enum: ['RS384', 'ES384'] },
  jwks: { type: 'object', description: 'Public keys by value.' },
  jwks_uri: { type: 'string', description: 'Where the public keys are; never beside jwks.' },
  application_type: { type: 'string', enum: ['web', 'native'] },
  roles: { ...texts, description: 'Policies for what it does in its own name.', default: ['service'] },
  purpose_of_use: {
    ...texts,
    description: 'Codes of v3-ActReason that its tokens are for, the first where a launch says none; else by the role.',
  },
} as const;

export const clientSchemas: Readonly<Record<string, Schema>> = {
  ClientMetadata: {
    type: 'object',
    required: ['client_name', 'scope'],
    properties: metadata,
    additionalProperties: true,
  },
  RegisteredClient: {
    type: 'object',
    required: ['client_id', 'client_id_issued_at', 'client_class', 'status'],
    properties: {
      client_id: text,
      client_id_issued_at: { type: 'integer', description: 'Seconds since 1970.' },
      client_secret: { type: 'string', description: 'Where it has one. Shown here and never again.' },
      client_secret_expires_at: { type: 'integer', enum: [0] },
      client_class: { type: 'string', enum: ['app', 'backend', 'device'] },
      status: { type: 'string', enum: ['active', 'disabled', 'pending'] },
      ...metadata,
    },
    additionalProperties: true,
  },
  ClientList: {
    type: 'object',
    required: ['clients', 'next'],
    properties: {
      clients: { type: 'array', items: schemaRef('RegisteredClient') },
      next: { type: 'string', nullable: true, description: 'Where the next page is.' },
    },
  },
  MetadataRefused: {
    type: 'object',
    required: ['error'],
    properties: {
      error: { type: 'string', enum: ['invalid_redirect_uri', 'invalid_client_metadata'] },
      error_description: text,
    },
  },
  RenewedSecret: {
    type: 'object',
    required: ['client_id', 'client_secret'],
    properties: {
      client_id: text,
      client_secret: text,
      client_secret_expires_at: { type: 'integer', enum: [0] },
      previous_secret_until: { type: 'string', format: 'date-time', nullable: true },
    },
  },
};

const tag = 'Administration';
const security = ['adminToken'] as const;
const clientId = inPath('client_id', 'As the registration answered it.', '0193f1a0-0000-7000-8000-000000000000');
const missing = { 404: outcome('No client has this client_id.') };
const badMetadata = {
  description: 'Metadata that is refused, in the words of RFC 7591.',
  content: json(schemaRef('MetadataRefused')),
};
const asItIs = { description: 'The client as it is now.', content: json(schemaRef('RegisteredClient')) };
const asked = {
  required: true,
  content: json(schemaRef('ClientMetadata'), {
    app: {
      summary: 'A SMART app in the browser',
      value: {
        client_name: 'Growth chart',
        redirect_uris: ['https://app.example.org/callback'],
        token_endpoint_auth_method: 'none',
        scope: 'launch launch/patient openid fhirUser patient/Observation.rs',
      },
    },
    seed: {
      summary: 'A device client with a secret',
      value: { client_name: 'Cardiac dashboard', scope: 'device_data patient_data alerts' },
    },
  }),
};

const standing = (name: string, operationId: string, summary: string): Route => ({
  method: 'post',
  path: `/admin/clients/{client_id}/${name}`,
  tag,
  operationId,
  summary,
  security,
  parameters: [clientId],
  answers: { 200: asItIs, ...administratorOnly, ...missing },
});

export const clientRoutes: readonly Route[] = [
  {
    method: 'post',
    path: '/admin/clients',
    tag,
    operationId: 'registerClient',
    summary: 'Register a client of the authorization server',
    security,
    request: asked,
    answers: {
      201: { ...asItIs, description: 'The client; its secret is shown once.' },
      400: badMetadata,
      ...administratorOnly,
    },
  },
  {
    method: 'get',
    path: '/admin/clients',
    tag,
    operationId: 'listClients',
    summary: 'List clients in the order of registration',
    security,
    parameters: paged('The client_id after which the page begins.', 50),
    answers: {
      200: { description: 'A page.', content: json(schemaRef('ClientList')) },
      400: outcome('The count is not one.'),
      ...administratorOnly,
    },
  },
  {
    method: 'get',
    path: '/admin/clients/{client_id}',
    tag,
    operationId: 'readClient',
    summary: 'Read a client',
    security,
    parameters: [clientId],
    answers: { 200: asItIs, ...administratorOnly, ...missing },
  },
  {
    method: 'put',
    path: '/admin/clients/{client_id}',
    tag,
    operationId: 'replaceClient',
    summary: 'Give a client all its metadata anew',
    description: 'Its client_id and secret stay; a secret is made and shown where it now needs one and had none.',
    security,
    parameters: [clientId],
    request: asked,
    answers: { 200: asItIs, 400: badMetadata, ...administratorOnly, ...missing },
  },
  {
    method: 'delete',
    path: '/admin/clients/{client_id}',
    tag,
    operationId: 'deleteClient',
    summary: 'Delete a client: every token of it ends',
    security,
    parameters: [clientId],
    answers: {
      200: {
        description: 'It is gone.',
        content: json({ type: 'object', properties: { client_id: text, deleted: { type: 'boolean', enum: [true] } } }),
      },
      ...administratorOnly,
      ...missing,
    },
  },
  {
    method: 'post',
    path: '/admin/clients/{client_id}/secret',
    tag,
    operationId: 'renewClientSecret',
    summary: 'Give a client a new secret',
    security,
    parameters: [clientId],
    request: {
      required: false,
      content: json({
        type: 'object',
        properties: {
          overlap_seconds: {
            type: 'number',
            minimum: 0,
            maximum: 2_592_000,
            default: 86_400,
            description: 'How long the secret before still opens.',
          },
        },
      }),
    },
    answers: {
      200: { description: 'The new secret, shown once.', content: json(schemaRef('RenewedSecret')) },
      400: outcome('The overlap is not one.'),
      ...administratorOnly,
      ...missing,
      422: outcome('It has no secret.'),
    },
  },
  standing('approve', 'approveClient', 'Let in a client that registered by itself'),
  standing('disable', 'disableClient', 'Disable a client: every token of it is refused within five seconds'),
  standing('enable', 'enableClient', 'Enable a disabled client; tokens of before that have not expired open again'),
];
