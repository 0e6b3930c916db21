/** Schemas of the FHIR routes. What a resource may hold is said by FHIR's own definitions, which the server checks. https://hl7.org/fhir/R4/resourcelist.html */
import { resourceExamples } from './fhir-examples.ts';
import type { Schema } from './routes.ts';

const open = (resourceType: string): Schema => ({
  type: 'object',
  required: ['resourceType'],
  properties: { resourceType: { type: 'string', enum: [resourceType] } },
  additionalProperties: true,
  externalDocs: { url: `https://hl7.org/fhir/R4/${resourceType.toLowerCase()}.html` },
});

/** Schemas that the routes name. */
export const fhirSchemas: Readonly<Record<string, Schema>> = {
  Resource: {
    type: 'object',
    description: 'Any FHIR R4 resource.',
    required: ['resourceType'],
    properties: { resourceType: { type: 'string' }, id: { type: 'string' }, meta: { type: 'object' } },
    additionalProperties: true,
  },
  ...Object.fromEntries(Object.keys(resourceExamples).map((type) => [type, open(type)])),
  Bundle: open('Bundle'),
  Parameters: open('Parameters'),
  CapabilityStatement: open('CapabilityStatement'),
  OperationOutcome: {
    ...open('OperationOutcome'),
    example: {
      resourceType: 'OperationOutcome',
      issue: [{ severity: 'error', code: 'not-found', diagnostics: 'Patient/p123 was not found' }],
    },
    properties: {
      resourceType: { type: 'string', enum: ['OperationOutcome'] },
      issue: {
        type: 'array',
        items: {
          type: 'object',
          required: ['severity', 'code'],
          properties: {
            severity: { type: 'string', enum: ['fatal', 'error', 'warning', 'information'] },
            code: { type: 'string' },
            diagnostics: { type: 'string' },
            expression: { type: 'array', items: { type: 'string' } },
          },
        },
      },
    },
  },
};
