/** What the administrator asks of the authorization server as OpenAPI routes: launches for EHRs, keys rotated. https://hl7.org/fhir/smart-app-launch/app-launch.html#launch-app-ehr-launch */
import { administratorOnly, json, outcome, type Route, type Schema } from './routes.ts';

const text: Schema = { type: 'string' };
const common = { tag: 'Administration', security: ['adminToken'] } as const;

export const launchRoutes: readonly Route[] = [
  {
    ...common,
    method: 'post',
    path: '/admin/launches',
    operationId: 'createLaunch',
    summary: 'Open an app with a patient, as an EHR does',
    description: 'The launch is good once, within five minutes, for this client and this user.',
    request: {
      required: true,
      content: json(
        {
          type: 'object',
          required: ['client_id', 'user'],
          properties: {
            client_id: text,
            user: { type: 'string', description: 'Login of who opens the app.' },
            patient: { type: 'string', description: 'Id of the Patient whose record is open; the user has to see it.' },
            encounter: { type: 'string', description: 'Id of the Encounter, of this patient.' },
            intent: { type: 'string', description: 'What is to be done.' },
            purposeOfUse: {
              type: 'string',
              description: 'Code of v3-ActReason; one of those that the client is registered for.',
            },
            need_patient_banner: { type: 'boolean', default: true },
          },
        },
        {
          launch: {
            summary: 'A patient',
            value: { client_id: '0192f1c3-4d5e-7a6b-8c9d-0e1f2a3b4c5d', user: 'nurse.jackie', patient: 'example' },
          },
        },
      ),
    },
    answers: {
      201: {
        description: 'What belongs into the launch URL of the app, beside `iss`.',
        content: json({ type: 'object', required: ['launch'], properties: { launch: text } }),
      },
      400: outcome('A member is not right or not known, or the user may not see the patient or encounter.'),
      ...administratorOnly,
      404: outcome('There is no such user.'),
    },
  },
  {
    ...common,
    method: 'post',
    path: '/admin/signing-keys/rotate',
    operationId: 'rotateSigningKeys',
    summary: 'Have ID tokens signed with the next keys',
    description: 'They have been published for long; those of before stay published for as long as their tokens live.',
    answers: {
      200: {
        description: 'The keys as they are now.',
        content: json({
          type: 'object',
          required: ['keys'],
          properties: {
            keys: {
              type: 'array',
              items: {
                type: 'object',
                properties: {
                  kid: text,
                  kty: text,
                  role: { type: 'string', enum: ['signs', 'next', 'past'] },
                  until: { type: 'string', format: 'date-time', nullable: true },
                },
              },
            },
          },
        }),
      },
      ...administratorOnly,
    },
  },
];
