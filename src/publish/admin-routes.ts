/** The administrator's routes and the server's own as OpenAPI routes: keys, secrets, health, measures. */
import { administratorOnly, inPath, json, outcome, paged, type Route, type Schema, schemaRef } from './routes.ts';

const time: Schema = { type: 'string', format: 'date-time' };
const prefix: Schema = {
  type: 'string',
  description: 'The part of the key that may be shown: it finds the key, it opens nothing.',
};
const permissions: Schema = {
  type: 'array',
  items: { type: 'string', enum: ['can_write_vitals', 'can_read_patient'] },
  default: ['can_write_vitals'],
};

/** Schemas that the routes name. */
export const adminSchemas: Readonly<Record<string, Schema>> = {
  NewKey: {
    type: 'object',
    properties: {
      key_name: { type: 'string', minLength: 1, maxLength: 200, description: 'What it is called in lists.' },
      expires_in_days: { type: 'number', maximum: 36_500, description: 'Left out: it does not expire.' },
      permissions,
    },
  },
  IssuedKey: {
    type: 'object',
    required: ['key', 'prefix'],
    properties: {
      key: { type: 'string', description: 'The whole key. Shown here and never again.' },
      prefix,
      expires_at: { ...time, nullable: true },
    },
  },
  KeyList: {
    type: 'object',
    required: ['keys'],
    properties: {
      keys: {
        type: 'array',
        items: {
          type: 'object',
          properties: {
            prefix,
            key_name: { type: 'string' },
            device_id: { type: 'string' },
            permissions,
            created_at: time,
            expires_at: { ...time, nullable: true },
            revoked_at: { ...time, nullable: true },
            last_used_at: { ...time, nullable: true },
          },
        },
      },
      next: { type: 'string', nullable: true, description: 'Where the next page of all keys is.' },
    },
  },
  KeyActivity: {
    type: 'object',
    required: ['prefix', 'activity'],
    properties: {
      prefix,
      activity: {
        type: 'array',
        items: {
          type: 'object',
          required: ['at', 'interaction', 'status', 'address', 'error'],
          properties: {
            at: time,
            interaction: { type: 'string', description: 'What was done, as subtype of the AuditEvent says it.' },
            status: { type: 'integer', description: 'HTTP status of the answer.' },
            address: { type: 'string', description: 'Network address that it came from.' },
            error: { type: 'string', nullable: true, description: 'Why it was refused, or `repeat`.' },
          },
        },
      },
    },
  },
  RevokedKey: {
    type: 'object',
    required: ['prefix', 'revoked'],
    properties: { prefix, revoked: { type: 'boolean', enum: [true] } },
  },
  WebhookSecret: {
    type: 'object',
    properties: {
      secret: { type: 'string', description: '`whsec_` and the key in base64, as Standard Webhooks writes it.' },
    },
  },
  Readiness: {
    type: 'object',
    required: ['status', 'checks'],
    properties: {
      status: { type: 'string', enum: ['starting', 'ready', 'degraded', 'draining'] },
      checks: {
        type: 'object',
        additionalProperties: {
          type: 'object',
          required: ['ok'],
          properties: { ok: { type: 'boolean' }, progress: { type: 'number', minimum: 0, maximum: 1 } },
        },
      },
    },
  },
};

const deviceId = inPath('device_id', 'A value of Device.identifier.', 'DEV001');
const keyPrefix = inPath('prefix', 'As the list shows it.', 'wfk_1a2b3c4d');
const ready = { status: 'ready', checks: { store: { ok: true }, notifier: { ok: true }, index: { ok: true } } };

export const adminRoutes: readonly Route[] = [
  {
    method: 'post',
    path: '/admin/devices/{device_id}/keys',
    tag: 'Administration',
    operationId: 'createDeviceKey',
    summary: 'Make an API key for a device',
    security: ['adminToken'],
    parameters: [deviceId],
    request: {
      required: true,
      content: json(schemaRef('NewKey'), {
        year: { summary: 'A key for a year', value: { key_name: 'Primary API Key', expires_in_days: 365 } },
      }),
    },
    answers: {
      201: { description: 'The key, shown once.', content: json(schemaRef('IssuedKey')) },
      400: outcome('A field is of a wrong type, or a permission is unknown.'),
      ...administratorOnly,
      404: outcome('No device has this identifier.'),
    },
  },
  {
    method: 'get',
    path: '/admin/devices/{device_id}/keys',
    tag: 'Administration',
    operationId: 'listDeviceKeys',
    summary: 'List the keys of a device',
    security: ['adminToken'],
    parameters: [deviceId],
    answers: {
      200: { description: 'Its keys, without their secret part.', content: json(schemaRef('KeyList')) },
      ...administratorOnly,
    },
  },
  {
    method: 'get',
    path: '/admin/keys',
    tag: 'Administration',
    operationId: 'listKeys',
    summary: 'List the keys of all devices',
    security: ['adminToken'],
    parameters: paged('The prefix that the page begins behind.', 1_000),
    answers: {
      200: { description: 'All keys, without their secret part.', content: json(schemaRef('KeyList')) },
      ...administratorOnly,
    },
  },
  {
    method: 'get',
    path: '/admin/keys/{prefix}/activity',
    tag: 'Administration',
    operationId: 'listKeyActivity',
    summary: 'List what was done with a key, newest first',
    description: 'Attempts with a wrong secret part, or with the key when it was revoked or expired, are among them.',
    security: ['adminToken'],
    parameters: [
      keyPrefix,
      {
        name: 'count',
        in: 'query',
        description: 'How many at most.',
        schema: { type: 'integer', minimum: 1, maximum: 1_000, default: 50 },
      },
    ],
    answers: {
      200: { description: 'Its uses.', content: json(schemaRef('KeyActivity')) },
      400: outcome('The count is not one.'),
      ...administratorOnly,
      404: outcome('No key has this prefix.'),
    },
  },
  {
    method: 'delete',
    path: '/admin/keys/{prefix}',
    tag: 'Administration',
    operationId: 'revokeDeviceKey',
    summary: 'Revoke a key',
    security: ['adminToken'],
    parameters: [keyPrefix],
    answers: {
      200: { description: 'It opens nothing any more.', content: json(schemaRef('RevokedKey')) },
      ...administratorOnly,
      404: outcome('No key has this prefix.'),
    },
  },
  {
    method: 'post',
    path: '/admin/subscriptions/{id}/secret',
    tag: 'Administration',
    operationId: 'setSubscriptionSecret',
    summary: 'Set or renew the secret that signs the notifications of a Subscription',
    security: ['adminToken'],
    parameters: [inPath('id', 'Id of the Subscription.', 'ehr-flags')],
    request: {
      required: false,
      content: json(schemaRef('WebhookSecret'), { fresh: { summary: 'A new one, made by the server', value: {} } }),
    },
    answers: {
      200: { description: 'The secret that holds from now on.', content: json(schemaRef('WebhookSecret')) },
      400: outcome('The secret is malformed.'),
      ...administratorOnly,
      404: outcome('There is no such Subscription.'),
    },
  },
];

export const serverRoutes: readonly Route[] = [
  {
    method: 'get',
    path: '/admin/store',
    tag: 'Server',
    operationId: 'storeFacts',
    summary: 'Facts about the store: what it holds, how far its index is',
    security: ['adminToken'],
    answers: { 200: { description: 'Names and numbers.', content: json({ type: 'object' }) }, ...administratorOnly },
  },
  {
    method: 'get',
    path: '/health/live',
    tag: 'Server',
    operationId: 'live',
    summary: 'Is the process alive',
    security: [],
    answers: {
      200: {
        description: 'The event loop turns.',
        content: json({ type: 'object', properties: { status: { type: 'string', enum: ['live'] } } }),
      },
    },
  },
  {
    method: 'get',
    path: '/health/ready',
    tag: 'Server',
    operationId: 'ready',
    summary: 'Is the server ready for requests',
    security: [],
    answers: {
      200: {
        description: 'Ready.',
        content: json(schemaRef('Readiness'), { ready: { summary: 'All parts work', value: ready } }),
      },
      503: { description: 'Starting, draining, or a part is down.', content: json(schemaRef('Readiness')) },
    },
  },
  {
    method: 'get',
    path: '/metrics',
    tag: 'Server',
    operationId: 'metrics',
    summary: 'Measures for Prometheus',
    security: ['adminToken'],
    answers: {
      200: {
        description: 'The Prometheus text format.',
        content: [{ mediaType: 'text/plain', schema: { type: 'string' } }],
      },
      ...administratorOnly,
    },
  },
  {
    method: 'get',
    path: '/openapi.json',
    tag: 'Server',
    operationId: 'openApi',
    summary: 'This document',
    security: [],
    answers: { 200: { description: 'OpenAPI 3.0.', content: json({ type: 'object' }) } },
  },
];
