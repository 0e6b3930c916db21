/** Searches over several types and in compartments, as OpenAPI routes. https://hl7.org/fhir/R4/http.html#search */
import { compartmentNames } from '../fhir/compartments.ts';
import {
  formBody,
  idOf,
  ofEveryCondition,
  ofEverySearch,
  ofEveryType,
  parameter,
  security,
  text,
  unauthorized,
} from './fhir-parameters.ts';
import { fhirJson, outcome, type Route, type RouteParameter, schemaRef } from './routes.ts';

const ofSystemSearch: readonly RouteParameter[] = [
  parameter('query', '_type', 'Which types: `Patient,Observation`.'),
  ...ofEverySearch,
  ...ofEveryCondition,
];

const found = { 200: { description: 'A Bundle.', content: fhirJson(schemaRef('Bundle')) } };
const malformed = { 400: outcome('A value is malformed, or a parameter is not supported.') };
export const ofSeveralTypes: readonly Route[] = [
  {
    method: 'get',
    path: '/fhir',
    tag: 'FHIR',
    operationId: 'searchSystem',
    summary: 'Search over several types',
    description: 'AuditEvents are left out. A parameter counts where every type has it.',
    security,
    parameters: ofSystemSearch,
    answers: { ...found, ...malformed, ...unauthorized },
  },
  {
    method: 'post',
    path: '/fhir/_search',
    tag: 'FHIR',
    operationId: 'searchSystemByPost',
    summary: 'Search over several types, criteria in the body',
    security,
    request: formBody,
    answers: { ...found, ...malformed, ...unauthorized },
  },
  ...(['*', '{type}'] as const).flatMap((type): readonly Route[] => {
    const isAll = type === '*';
    const inPath: readonly RouteParameter[] = [
      {
        name: 'compartment',
        in: 'path',
        description: 'Whose compartment.',
        schema: { type: 'string', enum: compartmentNames },
        example: 'Patient',
      },
      idOf('1'),
      ...(isAll
        ? []
        : [{ name: 'type', in: 'path' as const, description: 'Resource type.', schema: text, example: 'Observation' }]),
    ];
    const common = {
      path: `/fhir/{compartment}/{id}/${type}`,
      tag: 'FHIR',
      security,
      answers: { ...found, ...malformed, ...unauthorized, 404: outcome('No such type belongs there.') },
    };
    const suffix = isAll ? '' : 'OfType';
    return [
      {
        ...common,
        method: 'get',
        operationId: `searchCompartment${suffix}`,
        summary: isAll ? 'All that is in a compartment' : 'Search one type in a compartment',
        parameters: [...inPath, ...(isAll ? ofSystemSearch : [...ofEverySearch, ...ofEveryCondition, ...ofEveryType])],
      },
      {
        ...common,
        method: 'post',
        path: `${common.path}/_search`,
        operationId: `searchCompartmentByPost${suffix}`,
        summary: isAll ? 'All that is in a compartment, criteria in the body' : 'The same, criteria in the body',
        parameters: inPath,
        request: formBody,
      },
    ];
  }),
];
