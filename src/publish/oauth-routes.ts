/** The authorization server as OpenAPI routes: discovery, and the addresses of OAuth 2. https://hl7.org/fhir/smart-app-launch/app-launch.html */
import { oauthPaths } from '../smart/discovery.ts';
import { type Content, json, type Route, type RouteParameter, type Schema } from './routes.ts';

const text: Schema = { type: 'string' };
const form = (properties: Readonly<Record<string, Schema>>, required: readonly string[]): readonly Content[] => [
  { mediaType: 'application/x-www-form-urlencoded', schema: { type: 'object', required, properties } },
];
const asked = (name: string, description: string): RouteParameter => ({ name, in: 'query', description, schema: text });
const page = (description: string) => ({
  description,
  content: [{ mediaType: 'text/html', schema: text }],
});
const refusal = json({
  type: 'object',
  required: ['error'],
  properties: { error: text, error_description: text },
  additionalProperties: true,
});
const told = { 200: { description: 'As it is now.', content: json({ type: 'object' }) } };
const tag = 'Authorization';

const ofClients: Readonly<Record<string, Schema>> = {
  client_id: text,
  client_secret: text,
  client_assertion_type: text,
  client_assertion: text,
};
const authorizing: readonly (readonly [string, string])[] = [
  ['response_type', '`code`.'],
  ['client_id', 'As registered.'],
  ['redirect_uri', 'As registered, letter by letter.'],
  ['scope', 'What is asked for; what of it is granted, the token says.'],
  ['state', 'At random; comes back as it is.'],
  ['aud', 'The FHIR base.'],
  ['code_challenge', 'SHA-256 of the verifier, base64url.'],
  ['code_challenge_method', '`S256`.'],
  ['launch', 'What the EHR started the app with.'],
];
const sentBack = {
  302: { description: 'To the sign-in, or back to the app.' },
  400: page('The app or its address is not known: nobody is sent there.'),
};

export const oauthRoutes: readonly Route[] = [
  {
    method: 'get',
    path: '/fhir/.well-known/smart-configuration',
    tag,
    operationId: 'smartConfiguration',
    summary: 'What a SMART app needs to know',
    security: [],
    answers: told,
  },
  {
    method: 'get',
    path: '/.well-known/openid-configuration',
    tag,
    operationId: 'openIdConfiguration',
    summary: 'The same in the words of OpenID Connect',
    security: [],
    answers: told,
  },
  {
    method: 'get',
    path: oauthPaths.jwks,
    tag,
    operationId: 'signingKeys',
    summary: 'The keys that ID tokens are signed with',
    security: [],
    answers: told,
  },
  {
    method: 'get',
    path: oauthPaths.authorize,
    tag,
    operationId: 'authorize',
    summary: 'Have a user sign in and consent',
    security: [],
    parameters: authorizing.map(([name, description]) => asked(name, description)),
    answers: sentBack,
  },
  {
    method: 'post',
    path: oauthPaths.authorize,
    tag,
    operationId: 'authorizeByPost',
    summary: 'The same, asked by a form',
    security: [],
    request: {
      required: true,
      content: form(Object.fromEntries(authorizing.map(([name]) => [name, text])), ['response_type', 'client_id']),
    },
    answers: sentBack,
  },
  {
    method: 'post',
    path: oauthPaths.token,
    tag,
    operationId: 'token',
    summary: 'A code, a refresh token, or a client by itself: for an access token',
    description: 'The client says who it is in the way that it is registered with. Device clients may send JSON.',
    security: [],
    request: {
      required: true,
      content: form(
        {
          grant_type: { type: 'string', enum: ['authorization_code', 'refresh_token', 'client_credentials'] },
          code: text,
          redirect_uri: text,
          code_verifier: text,
          refresh_token: text,
          scope: text,
          ...ofClients,
        },
        ['grant_type'],
      ),
    },
    answers: {
      200: {
        description: 'The token, what it is good for and how long; `patient` and `encounter` where there are such.',
        content: json({
          type: 'object',
          required: ['access_token', 'token_type', 'expires_in', 'scope'],
          properties: {
            access_token: text,
            token_type: { type: 'string', enum: ['Bearer'] },
            expires_in: { type: 'integer' },
            scope: text,
            refresh_token: text,
            id_token: text,
            patient: text,
            encounter: text,
          },
          additionalProperties: true,
        }),
      },
      400: { description: 'It is not granted.', content: refusal },
      401: { description: 'The client is not who it says.', content: refusal },
      429: { description: 'Too many attempts failed from there.', content: refusal },
    },
  },
  {
    method: 'post',
    path: oauthPaths.introspect,
    tag,
    operationId: 'introspect',
    summary: 'Whether a token of one’s own is alive, and what it is good for',
    security: [],
    request: { required: true, content: form({ token: text, ...ofClients }, ['token']) },
    answers: {
      200: {
        description: '`active`, and more where it is.',
        content: json({
          type: 'object',
          required: ['active'],
          properties: { active: { type: 'boolean' } },
          additionalProperties: true,
        }),
      },
      401: { description: 'The client is not who it says.', content: refusal },
    },
  },
  {
    method: 'post',
    path: oauthPaths.revoke,
    tag,
    operationId: 'revoke',
    summary: 'End a token of one’s own',
    security: [],
    request: { required: true, content: form({ token: text, ...ofClients }, ['token']) },
    answers: {
      200: { description: 'It opens nothing.' },
      401: { description: 'The client is not who it says.', content: refusal },
    },
  },
];
