/** The administrator's routes for the file drop as OpenAPI routes. */
import { administratorOnly, inPath, json, outcome, type Route, type Schema, schemaRef } from './routes.ts';

const count = (description: string): Schema => ({ type: 'integer', minimum: 0, description });
const ifCleaned = (description: string): Schema => ({ ...count(description), nullable: true });
const common = { tag: 'Administration', security: ['adminToken'] } as const;

export const fileDropSchemas: Readonly<Record<string, Schema>> = {
  FileDropRun: {
    type: 'object',
    required: ['run', 'state', 'processed', 'failed', 'vitals', 'alerts', 'archived'],
    properties: {
      run: { type: 'string' },
      state: { type: 'string', enum: ['waiting', 'running', 'done', 'refused'] },
      looked_at: count('Files that were looked at in this round.'),
      found: count('Files that this round found.'),
      processed: count('Files whose readings are all stored.'),
      failed: count('Files that went to IOT_FAILED_DIR.'),
      readings: count('Readings that are stored, repeats included.'),
      vitals: count('Observations that were not there before.'),
      alerts: count('Flags that were opened or raised.'),
      archived: count('Files that went to IOT_ARCHIVE_DIR.'),
      duplicates: count('Readings that had been stored before.'),
      waiting: count('Files that are not whole yet, or wait for the store.'),
      left: count('Links, folders, pipes and the like, which are left alone.'),
      removed: ifCleaned('Archived files that were removed; null without a cleanup.'),
      held: ifCleaned('Archived files that are old enough, but held.'),
      error: { type: 'string', nullable: true, description: 'Why the run was refused.' },
      others: count('Other runs that are not over, or whose end nobody has asked for yet.'),
    },
  },
};

const run = (description: string) => ({ description, content: json(schemaRef('FileDropRun')) });
const noInbox = outcome('This server has no inbox.');

export const fileDropRoutes: readonly Route[] = [
  {
    ...common,
    method: 'post',
    path: '/admin/iot-files/runs',
    operationId: 'processIotFiles',
    summary: 'Look through the inbox of the file drop now',
    description: 'What `watchfire process-iot-data` asks for. Beside the watcher and other runs no file is read twice.',
    request: {
      required: false,
      content: json(
        {
          type: 'object',
          properties: {
            cleanup_days: {
              type: 'integer',
              minimum: 1,
              maximum: 36_500,
              description: 'Afterwards archived files are removed that are older than so many days.',
            },
          },
        },
        { cleanup: { summary: 'With cleanup', value: { cleanup_days: 90 } } },
      ),
    },
    answers: {
      202: run('The run has begun.'),
      400: outcome('A member is not right.'),
      ...administratorOnly,
      409: noInbox,
    },
  },
  {
    ...common,
    method: 'get',
    path: '/admin/iot-files/runs/{run}',
    operationId: 'readIotFilesRun',
    summary: 'How far a run is',
    parameters: [inPath('run', 'As the answer to its start says.', '0192f1c3-4d5e-7a6b-8c9d-0e1f2a3b4c5d')],
    answers: {
      200: run('The run so far.'),
      ...administratorOnly,
      404: outcome('There is no such run.'),
      409: noInbox,
    },
  },
];
