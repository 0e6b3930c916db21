/** The device door as OpenAPI routes: readings in the words of the devices, one or many, and the state of a device. */
import { type Content, json, type Route, type RouteAnswer, type Schema, schemaRef } from './routes.ts';

const instant: Schema = {
  type: 'string',
  format: 'date-time',
  description: 'ISO 8601 with a time zone; at most 5 minutes ahead of the server.',
};
const whole = (description: string, minimum?: number, maximum?: number): Schema => ({
  type: 'integer',
  description,
  minimum,
  maximum,
});
const decimal = (description: string): Schema => ({ type: 'number', description });

const measurements: Readonly<Record<string, Schema>> = {
  heart_rate: whole('Beats per minute.'),
  blood_pressure_systolic: whole('mmHg.'),
  blood_pressure_diastolic: whole('mmHg.'),
  temperature: decimal('In `temperature_unit`, which must be given with it.'),
  temperature_unit: { type: 'string', enum: ['F', 'C'] },
  respiratory_rate: whole('Breaths per minute.'),
  oxygen_saturation: decimal('Percent.'),
  glucose: decimal('mg/dL.'),
  weight: decimal('In `weight_unit`, which must be given with it.'),
  weight_unit: { type: 'string', enum: ['lbs', 'kg'] },
  notes: { type: 'string' },
  signal_quality: whole('Percent.', 0, 100),
  battery_level: whole('Percent.', 0, 100),
};

const ignored: Schema = {
  type: 'array',
  items: { type: 'string' },
  description: 'Fields that this door does not know. Left out when there are none.',
};
const readings: Schema = { type: 'array', minItems: 1, items: schemaRef('Reading') };

const counted = (success: boolean): Schema => ({
  type: 'object',
  required: ['success', 'message', 'total_readings', 'processed', 'failed', 'vitals_created', 'alerts_triggered'],
  properties: {
    success: { type: 'boolean', enum: [success] },
    message: { type: 'string' },
    total_readings: whole('How many were sent.'),
    processed: whole('How many are stored, repeats included.'),
    failed: whole('How many were refused.'),
    vitals_created: {
      type: 'array',
      items: { type: 'integer' },
      description: 'One vital_sign_id per processed reading.',
    },
    alerts_triggered: whole('Flags that were opened or raised.'),
    duplicates: whole('How many of them were repeats. Left out when none was.'),
    ignored,
    errors: {
      type: 'array',
      description: 'One entry per refused reading.',
      items: { type: 'object', properties: { index: { type: 'integer' }, error: { type: 'string' } } },
    },
  },
});

/** Schemas that the routes name. */
export const iotSchemas: Readonly<Record<string, Schema>> = {
  Reading: {
    type: 'object',
    description: 'What a device measured at one instant. At least one vital sign must be there.',
    required: ['timestamp'],
    properties: { timestamp: instant, ...measurements },
  },
  VitalsPost: {
    type: 'object',
    description: 'A reading and the device that it comes from.',
    required: ['device_id', 'timestamp'],
    properties: {
      device_id: { type: 'string', description: 'The device that the key belongs to: a value of Device.identifier.' },
      timestamp: instant,
      ...measurements,
    },
  },
  VitalsAccepted: {
    type: 'object',
    required: ['success', 'message', 'vital_sign_id', 'alerts_triggered', 'timestamp'],
    properties: {
      success: { type: 'boolean', enum: [true] },
      message: { type: 'string' },
      vital_sign_id: whole('One per device and instant; an identifier of each Observation that was made.'),
      alerts_triggered: whole('Flags that this reading opened or raised.'),
      timestamp: instant,
      ignored,
    },
  },
  BatchPost: {
    type: 'object',
    required: ['device_id', 'readings'],
    properties: { device_id: { type: 'string' }, readings, mode: { enum: ['partial', 'atomic'], default: 'partial' } },
  },
  BatchAccepted: counted(true),
  BatchRefused: counted(false),
  DeviceStatus: {
    type: 'object',
    required: ['success', 'device_id', 'is_active', 'patient_assigned', 'api_key_valid'],
    properties: {
      success: { type: 'boolean', enum: [true] },
      device_id: { type: 'string' },
      device_name: { type: 'string' },
      device_type: { type: 'string' },
      is_active: { type: 'boolean' },
      patient_assigned: { type: 'boolean' },
      patient_id: { type: 'string', nullable: true },
      api_key_valid: { type: 'boolean' },
      last_reading: { ...instant, nullable: true, description: 'When the newest reading was taken.' },
    },
  },
  DeviceError: {
    type: 'object',
    required: ['success', 'error'],
    properties: { success: { type: 'boolean', enum: [false] }, error: { type: 'string' } },
  },
};

const fullReading = {
  device_id: 'DEV001',
  timestamp: '2025-11-17T10:30:00Z',
  heart_rate: 75,
  blood_pressure_systolic: 120,
  blood_pressure_diastolic: 80,
  temperature: 98.6,
  temperature_unit: 'F',
  respiratory_rate: 16,
  oxygen_saturation: 98.0,
  glucose: 95.0,
  weight: 150.0,
  weight_unit: 'lbs',
  notes: 'Morning reading',
  signal_quality: 95,
  battery_level: 80,
};
const pressure = (timestamp: string, rate: number, systolic: number, diastolic: number) => ({
  timestamp,
  heart_rate: rate,
  blood_pressure_systolic: systolic,
  blood_pressure_diastolic: diastolic,
});
const twoReadings = {
  device_id: 'DEV001',
  readings: [pressure('2025-11-17T10:00:00Z', 75, 120, 80), pressure('2025-11-17T11:00:00Z', 78, 122, 81)],
};
const accepted = {
  success: true,
  message: 'Vital signs received successfully',
  vital_sign_id: 123,
  alerts_triggered: 0,
  timestamp: '2025-11-17T10:30:00Z',
};

const refusal = (description: string): RouteAnswer => ({
  description,
  content: json(schemaRef('DeviceError'), {
    refused: { summary: 'Refused', value: { success: false, error: 'Invalid API key' } },
  }),
});
const refusals: Readonly<Record<string, RouteAnswer>> = {
  401: refusal('The key is missing, wrong, expired or revoked.'),
  403: refusal('The key belongs to another device or lacks the permission.'),
};
const unreadable: Readonly<Record<string, RouteAnswer>> = {
  413: refusal('Longer than the server takes.'),
  415: refusal('Not sent as application/json.'),
};
const answer = (description: string, content: readonly Content[]): RouteAnswer => ({ description, content });

export const iotRoutes: readonly Route[] = [
  {
    method: 'post',
    path: '/api/iot/vitals/',
    tag: 'Devices',
    operationId: 'postVitals',
    summary: 'Send one reading',
    description:
      'Stored as FHIR Observations before the answer. Sending the same reading again changes nothing and answers 200 with the first id.',
    security: ['deviceKey'],
    request: {
      required: true,
      content: json(schemaRef('VitalsPost'), {
        full: { summary: 'Every vital sign', value: fullReading },
        pressure: {
          summary: 'Blood pressure alone',
          value: { device_id: 'DEV001', ...pressure('2025-11-17T10:30:00Z', 75, 120, 80) },
        },
        critical: {
          summary: 'A blood pressure that raises a Flag',
          value: { device_id: 'DEV001', ...pressure('2025-11-17T10:30:00Z', 96, 188, 124) },
        },
      }),
    },
    answers: {
      201: answer(
        'New: stored as Observations.',
        json(schemaRef('VitalsAccepted'), { accepted: { summary: 'Stored', value: accepted } }),
      ),
      200: answer(
        'A repeat: nothing changed.',
        json(schemaRef('VitalsAccepted'), { repeat: { summary: 'Known', value: accepted } }),
      ),
      400: refusal('Not JSON, a field missing or of a wrong type, a unit missing, no vital sign, no patient assigned.'),
      ...refusals,
      ...unreadable,
      422: refusal('A value that no patient can have.'),
    },
  },
  {
    method: 'post',
    path: '/api/iot/vitals/batch/',
    tag: 'Devices',
    operationId: 'postVitalsBatch',
    summary: 'Send many readings',
    description:
      'Each reading stands for itself: those that are refused are listed, the others are stored. With mode atomic all are stored or none; ?mode=atomic says the same.',
    security: ['deviceKey'],
    request: {
      required: true,
      content: json(schemaRef('BatchPost'), { two: { summary: 'Two readings', value: twoReadings } }),
    },
    answers: {
      200: answer(
        'At least one reading was processed.',
        json(schemaRef('BatchAccepted'), {
          two: {
            summary: 'Both stored, one Flag opened',
            value: {
              success: true,
              message: 'Batch submitted successfully',
              total_readings: 2,
              processed: 2,
              failed: 0,
              vitals_created: [123, 124],
              alerts_triggered: 1,
            },
          },
        }),
      ),
      400: refusal('Not JSON, or no list of readings.'),
      ...refusals,
      ...unreadable,
      422: answer(
        'No reading was processed; with mode atomic also where one was refused.',
        json(schemaRef('BatchRefused')),
      ),
    },
  },
  {
    method: 'get',
    path: '/api/iot/status/',
    tag: 'Devices',
    operationId: 'getDeviceStatus',
    summary: 'See how the server knows this device',
    security: ['deviceKey'],
    answers: {
      200: answer(
        'The device that the key belongs to.',
        json(schemaRef('DeviceStatus'), {
          assigned: {
            summary: 'Active and assigned',
            value: {
              success: true,
              device_id: 'DEV001',
              device_name: 'Smart BP Monitor',
              device_type: 'Blood Pressure Monitor',
              is_active: true,
              patient_assigned: true,
              patient_id: 'P123',
              api_key_valid: true,
              last_reading: '2025-11-17T10:30:00Z',
            },
          },
        }),
      ),
      ...refusals,
    },
  },
];
