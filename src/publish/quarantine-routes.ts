/** What the administrator does with what could not be taken in, as OpenAPI routes. */
import { administratorOnly, inPath, json, outcome, paged, type Route, type Schema } from './routes.ts';

const text: Schema = { type: 'string' };
const orNone: Schema = { type: 'string', nullable: true };
const common = { tag: 'Feeds', security: ['adminToken'] } as const;
const id = inPath('id', 'As the list shows it.', 'hl7v2.0192f1c34d5e7a6b8c9d0e1f2a3b4c5d');
const missing = outcome('Nothing is quarantined under this id.');

const members = {
  id: text,
  feed: { type: 'string', description: '`hl7v2`, `iot-files`, `mqtt`, or the name of a maker.' },
  at: { type: 'string', format: 'date-time' },
  code: {
    type: 'string',
    enum: ['no-patient', 'no-device', 'unreadable', 'implausible', 'unmapped', 'conflict', 'refused'],
  },
  reason: { type: 'string', description: 'A sentence, without a value of the payload.' },
  state: { type: 'string', enum: ['open', 'taken-in', 'discarded'] },
  raw: { type: 'string', nullable: true, description: 'The DocumentReference of what came.' },
  device: orNone,
  patient: orNone,
};
const one: Schema = { type: 'object', properties: members };

const filter = (name: string, description: string) => ({ name, in: 'query', description, schema: text }) as const;

export const quarantineRoutes: readonly Route[] = [
  {
    ...common,
    method: 'get',
    path: '/admin/quarantine',
    operationId: 'listQuarantine',
    summary: 'List what came in and could not be taken in',
    parameters: [
      filter('feed', 'Only of this feed.'),
      filter('state', 'Only in this state.'),
      filter('code', 'Only for this reason.'),
      ...paged('The id that the page begins behind.', 50),
    ],
    answers: {
      200: {
        description: 'By feed, then by id.',
        content: json({ type: 'object', properties: { quarantine: { type: 'array', items: one }, next: orNone } }),
      },
      400: outcome('The count is not one.'),
      ...administratorOnly,
    },
  },
  {
    ...common,
    method: 'get',
    path: '/admin/quarantine/{id}',
    operationId: 'readQuarantined',
    summary: 'Show one of them',
    parameters: [id],
    answers: {
      200: {
        description: 'With the row as it was sent, where a row of a page or file is meant.',
        content: json({
          type: 'object',
          properties: { ...members, row: { nullable: true, description: 'As sent.' }, can_retry: { type: 'boolean' } },
        }),
      },
      ...administratorOnly,
      404: missing,
    },
  },
  {
    ...common,
    method: 'get',
    path: '/admin/quarantine/{id}/payload',
    operationId: 'readQuarantinedPayload',
    summary: 'Its bytes as they came',
    parameters: [id],
    answers: {
      200: {
        description: 'To be repaired and handed in again.',
        content: [{ mediaType: 'application/octet-stream', schema: { type: 'string', format: 'binary' } }],
      },
      ...administratorOnly,
      404: outcome('Nothing is quarantined under this id, or its payload is gone.'),
    },
  },
  {
    ...common,
    method: 'post',
    path: '/admin/quarantine/{id}/retry',
    operationId: 'retryQuarantined',
    summary: 'Try to take it in again, as it came or as it was repaired',
    description: 'The body is the repaired payload; empty, it is tried as it came.',
    parameters: [id],
    request: {
      required: false,
      content: [{ mediaType: 'application/octet-stream', schema: { type: 'string', format: 'binary' } }],
    },
    answers: {
      200: { description: 'It is taken in.', content: json(one) },
      ...administratorOnly,
      404: missing,
      409: outcome('It was decided already.'),
      413: outcome('The payload has more than 20 MiB.'),
      422: outcome('It still cannot be taken in; the reason is told.'),
    },
  },
  {
    ...common,
    method: 'post',
    path: '/admin/quarantine/{id}/discard',
    operationId: 'discardQuarantined',
    summary: 'Say that it will not be taken in',
    description: 'What came stays in the store, as its DocumentReference and Binary.',
    parameters: [id],
    request: {
      required: true,
      content: json({
        type: 'object',
        required: ['reason'],
        properties: { reason: { type: 'string', maxLength: 200, description: 'Goes into the audit log.' } },
      }),
    },
    answers: {
      200: { description: 'It is discarded.', content: json(one) },
      400: outcome('No reason is given.'),
      ...administratorOnly,
      404: missing,
      409: outcome('It was decided already.'),
    },
  },
];
