/** The OpenAPI document of the server, generated from capability/ and the registry of routes. https://spec.openapis.org/oas/v3.0.3 */
import { adminRoutes, adminSchemas, serverRoutes } from './admin-routes.ts';
import { cardiacRoutes, cardiacSchemas } from './cardiac-routes.ts';
import { clientRoutes, clientSchemas } from './client-routes.ts';
import { credentialRoutes, credentialSchemas } from './credential-routes.ts';
import { fhirRoutes } from './fhir-routes.ts';
import { fhirSchemas } from './fhir-schemas.ts';
import { fileDropRoutes, fileDropSchemas } from './file-drop-routes.ts';
import { hl7v2Routes } from './hl7v2-routes.ts';
import { iotRoutes, iotSchemas } from './iot-routes.ts';
import { launchRoutes } from './launch-routes.ts';
import { liveRoutes } from './live-routes.ts';
import { oauthRoutes } from './oauth-routes.ts';
import { quarantineRoutes } from './quarantine-routes.ts';
import type { Content, Examples, Route, RouteAnswer, RouteParameter } from './routes.ts';
import { tableRoutes } from './table-routes.ts';
import { userRoutes, userSchemas } from './user-routes.ts';

const tags = [
  ['Devices', 'The door for devices: readings in plain JSON. Needs a device key.'],
  ['FHIR', 'The server as a whole.'],
  ['Patient', 'Who is watched over.'],
  ['Device', 'What sends readings, and whom it is assigned to.'],
  ['Observation', 'The readings.'],
  ['Flag', 'What an abnormal reading raises: one per patient, vital sign and device while it lasts.'],
  ['Subscription', 'Who is told, and how.'],
  [
    'Every other resource type',
    'All of R4 answers alike, but AuditEvent: it is created, read and searched, never changed.',
  ],
  ['Feeds', 'What comes in besides FHIR and the devices, and what of it could not be taken in.'],
  ['Cardiac', 'Implants in plain JSON: devices, readings and alerts of a patient.'],
  ['Operations', 'What is more than a read, a write or a search. Most need the administrator’s token.'],
  ['Administration', 'Keys and secrets. Needs the administrator’s token.'],
  ['Authorization', 'OAuth 2 and OpenID Connect: how SMART apps and backend services get their tokens.'],
  ['Server', 'Health, measures, this document.'],
] as const;

/** Every route that the server answers, but for the portal's own files; those below /oauth where it has any. */
export const documentedRoutes = (hasOauth = true): readonly Route[] => [
  ...iotRoutes,
  ...hl7v2Routes,
  ...credentialRoutes,
  ...cardiacRoutes,
  ...tableRoutes,
  ...liveRoutes,
  ...fhirRoutes(),
  ...(hasOauth ? oauthRoutes : []),
  ...adminRoutes,
  ...quarantineRoutes,
  ...fileDropRoutes,
  ...(hasOauth ? [...clientRoutes, ...userRoutes, ...launchRoutes] : []),
  ...serverRoutes,
];

const examplesOf = (examples: Examples | undefined) => examples && { examples };
const contentOf = (content: readonly Content[]) =>
  Object.fromEntries(
    content.map(({ mediaType, schema, examples }) => [mediaType, { schema, ...examplesOf(examples) }]),
  );

const answerOf = ({ description, content }: RouteAnswer) => ({
  description,
  ...(content && { content: contentOf(content) }),
});

const parameterOf = ({ name, in: place, description, schema, example }: RouteParameter) => ({
  name,
  in: place,
  description,
  ...(place === 'path' && { required: true }),
  schema,
  ...(example !== undefined && { example }),
});

const operationOf = (route: Route, schemes: object) => ({
  tags: [route.tag],
  operationId: route.operationId,
  summary: route.summary,
  ...(route.description && { description: route.description }),
  ...(route.parameters && { parameters: route.parameters.map(parameterOf) }),
  ...(route.request && {
    requestBody: { required: route.request.required, content: contentOf(route.request.content) },
  }),
  responses: Object.fromEntries(Object.entries(route.answers).map(([status, answer]) => [status, answerOf(answer)])),
  security: route.security.filter((scheme) => scheme in schemes).map((scheme) => ({ [scheme]: [] })),
});

const keySchemes = {
  deviceKey: {
    type: 'http',
    scheme: 'bearer',
    description: 'The API key of a device, as `POST /admin/devices/{device_id}/keys` shows it once.',
  },
  adminToken: {
    type: 'http',
    scheme: 'bearer',
    description: 'The administrator’s token: `WATCHFIRE_ADMIN_TOKEN`, or the file `admin-token` in the data folder.',
  },
};

const tokenScheme = {
  accessToken: {
    type: 'http',
    scheme: 'bearer',
    description: 'An access token of `/oauth/token`: it opens what its scopes say and its user or client may.',
  },
};

/** The document. Its server is relative, so that it always speaks of the server that it came from. Costs milliseconds; keep it. */
export function openApi(version: string, hasOauth = true): object {
  const schemes = { ...keySchemes, ...(hasOauth && tokenScheme) };
  const paths: Record<string, Record<string, object>> = {};
  for (const route of documentedRoutes(hasOauth)) {
    paths[route.path] = { ...paths[route.path], [route.method]: operationOf(route, schemes) };
  }
  const document = {
    openapi: '3.0.3',
    info: {
      title: 'Watchfire',
      version,
      description: 'FHIR R4 interoperability server: devices send readings, EHRs and apps read and subscribe.',
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
    },
    servers: [{ url: '/', description: 'This server' }],
    tags: tags
      .filter(([name]) => hasOauth || name !== 'Authorization')
      .map(([name, description]) => ({ name, description })),
    paths,
    components: {
      schemas: {
        ...iotSchemas,
        ...fhirSchemas,
        ...adminSchemas,
        ...fileDropSchemas,
        ...credentialSchemas,
        ...cardiacSchemas,
        ...clientSchemas,
        ...userSchemas,
      },
      securitySchemes: schemes,
    },
  };
  return JSON.parse(JSON.stringify(document));
}
