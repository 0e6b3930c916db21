/** The customer's tables, read-only, as an OpenAPI route. */
import { inPath, json, outcome, type Route, type Schema } from './routes.ts';

const text: Schema = { type: 'string' };

export const tableRoutes: readonly Route[] = [
  {
    tag: 'Cardiac',
    security: ['accessToken', 'adminToken'],
    method: 'get',
    path: '/legacy/{table}',
    operationId: 'readTable',
    summary: 'Read a table of the systems that were there before, as JSON or CSV',
    description:
      'device_readings, patient_devices, device_alerts, healthcare_device_data_reading, healthcare_device_activity_log, healthcare_vital_signs. A column that may be asked for by its name takes a value: `?device_id=DEV001`. docs/cardiac.md',
    parameters: [
      inPath('table', 'Its name.', 'device_readings'),
      {
        name: '_count',
        in: 'query',
        description: 'How many rows; CSV without it is the whole table.',
        schema: { type: 'integer', minimum: 1, maximum: 1_000, default: 100 },
      },
      {
        name: '_sort',
        in: 'query',
        description: 'Newest first is all there is: the column of time with a minus.',
        schema: text,
      },
      {
        name: 'format',
        in: 'query',
        description: 'Outranks Accept.',
        schema: { type: 'string', enum: ['json', 'csv'] },
      },
      { name: 'page', in: 'query', description: 'As `next` names it.', schema: text },
    ],
    answers: {
      200: {
        description: 'Rows.',
        content: [
          ...json({
            type: 'object',
            required: ['table', 'columns', 'total', 'rows', 'next'],
            properties: {
              table: text,
              columns: { type: 'array', items: { type: 'object' } },
              total: { type: 'integer', nullable: true },
              rows: { type: 'array', items: { type: 'object' } },
              next: { type: 'string', format: 'uri', nullable: true },
            },
          }),
          { mediaType: 'text/csv', schema: text },
        ],
      },
      400: outcome('A parameter is not known or not right.'),
      401: outcome('The token is missing or wrong.'),
      403: outcome('The token does not open what the table is made of.'),
      404: outcome('No such table.'),
    },
  },
];
