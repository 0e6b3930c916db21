/** The administrator's routes for users as OpenAPI routes. */
import { administratorOnly, inPath, json, outcome, paged, type Route, type Schema, schemaRef } from './routes.ts';

const time: Schema = { type: 'string', format: 'date-time' };
const login: Schema = { type: 'string', maxLength: 100, pattern: '^[a-z0-9][a-z0-9._@+-]*$' };
const fhirUser: Schema = {
  type: 'string',
  pattern: '^(Practitioner|PractitionerRole|Patient|RelatedPerson)/',
  description: 'Who it is; the resource must exist.',
};
const roles: Schema = {
  type: 'array',
  items: { type: 'string' },
  description: 'Names of policies of capability/access. A Patient or RelatedPerson may hold `patient` only.',
};
const password: Schema = { type: 'string', minLength: 8, maxLength: 128, format: 'password' };
const signedOut: Schema = {
  type: 'object',
  required: ['login', 'signed_out'],
  properties: { login, signed_out: { type: 'boolean', enum: [true] } },
};

export const userSchemas: Readonly<Record<string, Schema>> = {
  NewUser: {
    type: 'object',
    required: ['login', 'password', 'fhirUser', 'roles'],
    additionalProperties: false,
    properties: { login, password, fhirUser, roles },
  },
  UserPatch: {
    type: 'object',
    additionalProperties: false,
    properties: {
      password,
      fhirUser,
      roles,
      disabled: { type: 'boolean' },
      reset_factors: {
        type: 'boolean',
        description: 'true: authenticator app, passkeys, recovery codes and the link to an outside provider are gone.',
      },
    },
  },
  User: {
    type: 'object',
    required: ['login', 'fhirUser', 'roles', 'factors', 'outside_issuer', 'created_at', 'disabled_at'],
    properties: {
      login,
      fhirUser,
      roles,
      factors: {
        type: 'object',
        required: ['password', 'totp', 'passkeys', 'recovery_codes'],
        properties: {
          password: { type: 'boolean' },
          totp: { type: 'boolean' },
          passkeys: { type: 'integer' },
          recovery_codes: { type: 'integer', description: 'How many are left.' },
        },
      },
      outside_issuer: { type: 'string', nullable: true, description: 'The OpenID provider that it comes from.' },
      created_at: time,
      disabled_at: { ...time, nullable: true },
    },
  },
  UserList: {
    type: 'object',
    required: ['users', 'next'],
    properties: {
      users: { type: 'array', items: schemaRef('User') },
      next: { type: 'string', nullable: true, description: 'Path of the next page.' },
    },
  },
  SessionList: {
    type: 'object',
    required: ['sessions'],
    properties: {
      sessions: {
        type: 'array',
        items: {
          type: 'object',
          required: ['id', 'device', 'address', 'methods', 'created_at', 'last_used_at'],
          properties: {
            id: { type: 'string', description: 'Names the session; opens nothing.' },
            device: { type: 'string', example: 'Firefox on Linux' },
            address: { type: 'string' },
            methods: {
              type: 'array',
              items: { type: 'string' },
              description: 'How it signed in, as RFC 8176 says it.',
            },
            created_at: time,
            last_used_at: time,
          },
        },
      },
    },
  },
};

const ofLogin = inPath('login', 'What the user signs in with.', 'nurse.jackie');
const unknown = { 404: outcome('There is no such user.') };
const common = { tag: 'Administration', security: ['adminToken'] } as const;
const aUser = (description: string) => ({ description, content: json(schemaRef('User')) });

export const userRoutes: readonly Route[] = [
  {
    ...common,
    method: 'post',
    path: '/admin/users',
    operationId: 'createUser',
    summary: 'Make a user who may sign in',
    request: {
      required: true,
      content: json(schemaRef('NewUser'), {
        nurse: {
          summary: 'A nurse',
          value: {
            login: 'nurse.jackie',
            password: 'four otters at dusk',
            fhirUser: 'Practitioner/7',
            roles: ['nurse'],
          },
        },
      }),
    },
    answers: {
      201: aUser('The user.'),
      400: outcome('A member is not right; the sentence says which. The password is never repeated.'),
      ...administratorOnly,
      409: outcome('The login is taken.'),
    },
  },
  {
    ...common,
    method: 'get',
    path: '/admin/users',
    operationId: 'listUsers',
    summary: 'List users by login',
    parameters: paged('Only logins after this one.', 50),
    answers: {
      200: { description: 'A page of them.', content: json(schemaRef('UserList')) },
      400: outcome('The count is not one.'),
      ...administratorOnly,
    },
  },
  {
    ...common,
    method: 'get',
    path: '/admin/users/{login}',
    operationId: 'readUser',
    summary: 'Read a user',
    parameters: [ofLogin],
    answers: { 200: aUser('The user.'), ...administratorOnly, ...unknown },
  },
  {
    ...common,
    method: 'patch',
    path: '/admin/users/{login}',
    operationId: 'changeUser',
    summary: 'Change, disable or enable a user, set a password, reset factors',
    description:
      'Sessions and tokens end within 5 seconds wherever the user may less, or proves itself otherwise, than before.',
    parameters: [ofLogin],
    request: {
      required: true,
      content: json(schemaRef('UserPatch'), { disable: { summary: 'Disable', value: { disabled: true } } }),
    },
    answers: {
      200: aUser('The user as it is now.'),
      400: outcome('A member is not right.'),
      ...administratorOnly,
      ...unknown,
    },
  },
  {
    ...common,
    method: 'delete',
    path: '/admin/users/{login}',
    operationId: 'deleteUser',
    summary: 'Delete a user; the person in FHIR stays',
    parameters: [ofLogin],
    answers: {
      200: {
        description: 'It can sign in no more.',
        content: json({
          type: 'object',
          required: ['login', 'deleted'],
          properties: { login, deleted: { type: 'boolean', enum: [true] } },
        }),
      },
      ...administratorOnly,
      ...unknown,
    },
  },
  {
    ...common,
    method: 'get',
    path: '/admin/users/{login}/sessions',
    operationId: 'listSessions',
    summary: 'List where a user is signed in',
    parameters: [ofLogin],
    answers: {
      200: { description: 'The sessions that are not over.', content: json(schemaRef('SessionList')) },
      ...administratorOnly,
      ...unknown,
    },
  },
  {
    ...common,
    method: 'delete',
    path: '/admin/users/{login}/sessions',
    operationId: 'signOutEverywhere',
    summary: 'End every session and every token of a user',
    parameters: [ofLogin],
    answers: { 200: { description: 'All are over.', content: json(signedOut) }, ...administratorOnly, ...unknown },
  },
  {
    ...common,
    method: 'delete',
    path: '/admin/users/{login}/sessions/{id}',
    operationId: 'endSession',
    summary: 'End one session of a user',
    parameters: [ofLogin, inPath('id', 'As the list shows it.', '9f86d081884c7d65')],
    answers: {
      200: { description: 'It is over.', content: json(signedOut) },
      ...administratorOnly,
      404: outcome('There is no such user or session.'),
    },
  },
];
