/** The cardiac integration in the customer's words, as OpenAPI routes: devices, readings and alerts of a patient, runs, status, acknowledgements. */
import {
  administratorOnly,
  inPath,
  json,
  outcome,
  type Route,
  type RouteParameter,
  type Schema,
  schemaRef,
} from './routes.ts';

const common = { tag: 'Cardiac', security: ['accessToken', 'adminToken'] } as const;
const text: Schema = { type: 'string' };
const nullable = (schema: Schema, description: string): Schema => ({ ...schema, nullable: true, description });
const count: Schema = { type: 'integer' };
const time: Schema = { type: 'string', format: 'date-time' };
const oneOf = (...words: readonly string[]): Schema => ({ type: 'string', enum: words });
const objectOf = (properties: Readonly<Record<string, Schema>>): Schema => ({
  type: 'object',
  required: Object.keys(properties),
  properties,
});

const deviceType: Schema = {
  ...oneOf('pacemaker', 'icd', 'crt', 'loop_recorder', 'remote_monitor', 'other'),
  description: 'CRT-P and CRT-D are both crt.',
};
const deviceId: Schema = { type: 'string', description: 'As its maker calls it; else a value of Device.identifier.' };
const patientId: Schema = { type: 'string', description: 'A value of Patient.identifier.' };
const manufacturer = nullable(text, 'Folder of the maker in mappings/, such as boston-scientific.');

const alert = {
  alert_id: text,
  device_id: nullable(text, 'Null where no device is behind it.'),
  patient_id: nullable(text, 'A value of Patient.identifier; null where nobody has the device that tells of itself.'),
  alert_type: { type: 'string', description: 'A code of CodeSystem/alert-type.' },
  severity: oneOf('critical', 'warning', 'info', 'none'),
  message: text,
  timestamp: nullable(time, 'Since when.'),
  acknowledged: { type: 'boolean' },
} as const;

/** What a history has besides, and the answer to whoever resolves an alert. */
const past = {
  acknowledged_by: nullable(text, 'A Practitioner, or who it was by name; null where nobody had acknowledged it.'),
  acknowledged_at: nullable(time, 'Null where nobody had.'),
  resolved: { type: 'boolean' },
  resolved_by: nullable(text, 'Null where its condition ended by itself, or it goes on.'),
  resolved_at: nullable(time, 'When it ended; null where its Flag does not say, or it goes on.'),
} as const;

export const cardiacSchemas: Readonly<Record<string, Schema>> = {
  PatientDevice: objectOf({
    device_id: deviceId,
    patient_id: patientId,
    manufacturer,
    model: nullable(text, 'As the maker names it.'),
    device_type: deviceType,
    implant_date: nullable(text, 'As precise as it was told: a day, a month or a year.'),
    battery_level: nullable({ type: 'number' }, 'Percent; null where it was never reported.'),
    status: text,
  }),
  DeviceReading: objectOf({
    device_id: deviceId,
    patient_id: patientId,
    manufacturer,
    reading_type: text,
    value: { type: 'number', description: 'With the digits that came.' },
    unit: nullable(text, 'UCUM.'),
    timestamp: time,
    device_type: deviceType,
    status: text,
  }),
  DeviceAlert: { ...objectOf(alert), properties: { ...alert, ...past } },
  AcknowledgedAlert: objectOf({
    ...alert,
    acknowledged_by: { type: 'string', description: 'A Practitioner, or who it was by name.' },
    acknowledged_at: time,
  }),
  ResolvedAlert: objectOf({
    ...alert,
    ...past,
  }),
  FeedJob: objectOf({
    job_id: text,
    patient_id: { type: 'string', description: 'As the makers name the patient.' },
    state: oneOf('queued', 'running', 'completed', 'failed'),
    asked_at: time,
    ended_at: nullable(time, 'Null while it is under way.'),
    counts: { type: 'object', additionalProperties: count },
    errors: { type: 'array', items: text },
  }),
};

const patient = inPath('patient_id', 'A value of Patient.identifier, or `system|value`.', 'PAT001');
const query = (name: string, description: string, schema: Schema = text): RouteParameter => ({
  name,
  in: 'query',
  description,
  schema,
});
const paging = [
  query('limit', 'How many at most.', { type: 'integer', minimum: 1, maximum: 1_000, default: 100 }),
  query('page', 'As `next` names it; everything else stays the same.'),
];

const refusals = {
  401: outcome('The token is missing or wrong.'),
  403: outcome('The token does not open this.'),
} as const;
const ofPatient = {
  400: outcome('A parameter is not known or not right; `expression` names it.'),
  ...refusals,
  404: outcome('No patient with this identifier is there for the caller.'),
  409: outcome('Several patients have it: name its system.'),
} as const;

const listed = (name: string, item: string) =>
  json(
    objectOf({
      patient_id: patientId,
      total: count,
      [name]: { type: 'array', items: schemaRef(item) },
      next: nullable({ type: 'string', format: 'uri' }, 'The next page; null after the last.'),
    }),
  );

export const cardiacRoutes: readonly Route[] = [
  {
    ...common,
    method: 'get',
    path: '/cardiac/patients/{patient_id}/devices',
    operationId: 'listPatientDevices',
    summary: 'List the devices of a patient',
    parameters: [patient, ...paging],
    answers: { 200: { description: 'Leads left out.', content: listed('devices', 'PatientDevice') }, ...ofPatient },
  },
  {
    ...common,
    method: 'get',
    path: '/cardiac/patients/{patient_id}/readings',
    operationId: 'listDeviceReadings',
    summary: 'List what the devices of a patient measured, newest first',
    parameters: [
      patient,
      query('type', 'A reading_type, such as heart_rate.'),
      query('from', 'Not before: a FHIR date or dateTime.'),
      query('to', 'Not after.'),
      query('device_id', 'Of one device.'),
      ...paging,
    ],
    answers: { 200: { description: 'One page.', content: listed('readings', 'DeviceReading') }, ...ofPatient },
  },
  {
    ...common,
    method: 'get',
    path: '/cardiac/patients/{patient_id}/alerts',
    operationId: 'listDeviceAlerts',
    summary: 'List the alerts of a patient that nobody has acknowledged, newest first',
    parameters: [
      patient,
      query('status', '`all` for the history, each with what became of it.', {
        ...oneOf('active', 'all'),
        default: 'active',
      }),
      ...paging,
    ],
    answers: { 200: { description: 'One page.', content: listed('alerts', 'DeviceAlert') }, ...ofPatient },
  },
  {
    ...common,
    method: 'post',
    path: '/cardiac/patients/{patient_id}/ingest',
    operationId: 'ingestPatient',
    summary: 'Ask the makers for a patient now',
    description: 'While a run is under way for the patient, the same one is answered.',
    parameters: [patient],
    answers: {
      202: { description: 'Under way; `Location` tells how it goes.', content: json(schemaRef('FeedJob')) },
      ...ofPatient,
      409: outcome('No maker is set up; or several patients have this identifier.'),
    },
  },
  {
    ...common,
    method: 'get',
    path: '/cardiac/jobs/{job_id}',
    operationId: 'readFeedJob',
    summary: 'Tell how a run goes',
    parameters: [inPath('job_id', 'As the run was answered.', '019ad5a1-0000-7000-8000-000000000000')],
    answers: {
      200: { description: 'Its state.', content: json(schemaRef('FeedJob')) },
      400: outcome('A parameter is not known here.'),
      ...refusals,
      404: outcome('No such run is there for the caller.'),
    },
  },
  {
    ...common,
    method: 'get',
    path: '/cardiac/status',
    operationId: 'cardiacStatus',
    summary: 'Tell how the feeds of the makers are doing',
    answers: {
      200: {
        description: 'Of each maker: whether it is asked, and if not why; connection, token, quota, last sync, counts.',
        content: json(
          objectOf({
            status: oneOf('ok', 'degraded', 'down'),
            database: oneOf('up', 'down'),
            checked_at: time,
            manufacturers: { type: 'array', items: { type: 'object' } },
          }),
        ),
      },
      400: outcome('A parameter is not known here.'),
      ...refusals,
      503: { description: 'The store does not answer.', content: json({ type: 'object' }) },
    },
  },
  {
    ...common,
    security: ['adminToken'],
    method: 'get',
    path: '/cardiac/status/{manufacturer}/devices',
    operationId: 'cardiacDeviceStatus',
    summary: 'Tell how each device of a maker is read',
    parameters: [inPath('manufacturer', 'As in the status.', 'boston-scientific'), ...paging],
    answers: {
      200: {
        description: 'Counts, errors and missing intervals, by the maker’s ids of the devices.',
        content: json(
          objectOf({
            manufacturer: text,
            devices: { type: 'array', items: { type: 'object' } },
            next: nullable({ type: 'string', format: 'uri' }, 'The next page; null after the last.'),
          }),
        ),
      },
      400: outcome('A parameter is not known or not right.'),
      ...administratorOnly,
      404: outcome('No such maker is known.'),
    },
  },
  {
    ...common,
    method: 'post',
    path: '/cardiac/alerts/{alert_id}/acknowledge',
    operationId: 'acknowledgeAlert',
    summary: 'Say that an alert has been seen',
    description:
      'Once: whoever repeats it, or is a moment later, is told who was first. The Flag stays active until its condition ends. Takes the right to change the Flag; never for devices and patients.',
    parameters: [inPath('alert_id', 'As the list of alerts has it.', 'boston-scientific:A-BSX-000011-0')],
    answers: {
      200: { description: 'The alert, and who acknowledged it.', content: json(schemaRef('AcknowledgedAlert')) },
      400: outcome('A parameter is not known here.'),
      ...refusals,
      404: outcome('No alert of this id is there for the caller.'),
      422: outcome('It is no alert that could be acknowledged.'),
    },
  },
  {
    ...common,
    method: 'post',
    path: '/cardiac/alerts/{alert_id}/acknowledge/undo',
    operationId: 'undoAcknowledgement',
    summary: 'Take back that an alert has been seen',
    description: 'By who acknowledged it, within ten seconds. What was said stays in the record, marked as taken back.',
    parameters: [inPath('alert_id', 'As the list of alerts has it.', 'boston-scientific:A-BSX-000011-0')],
    answers: {
      200: { description: 'The alert, which nobody has acknowledged.', content: json(schemaRef('AcknowledgedAlert')) },
      400: outcome('A parameter is not known here.'),
      ...refusals,
      404: outcome('No alert of this id is there for the caller.'),
      422: outcome('It was not acknowledged by the caller, or more than ten seconds ago.'),
    },
  },
  {
    ...common,
    method: 'post',
    path: '/cardiac/alerts/{alert_id}/resolve',
    operationId: 'resolveAlert',
    summary: 'Say that an alert is over',
    description:
      'Once: whoever repeats it, or is a moment later, is told who it was. The Flag is inactive and the Task completed; nobody is told further. Takes the right to change the Flag; never for devices and patients.',
    parameters: [inPath('alert_id', 'As the list of alerts has it.', 'boston-scientific:A-BSX-000011-0')],
    answers: {
      200: { description: 'The alert, and who resolved it.', content: json(schemaRef('ResolvedAlert')) },
      400: outcome('A parameter is not known here.'),
      ...refusals,
      404: outcome('No alert of this id is there for the caller.'),
      422: outcome('It is no alert that could be resolved, or was entered in error.'),
    },
  },
];
