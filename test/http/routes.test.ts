/** Routes served are routes documented: the registry behind /openapi.json and the routers of the doors say the same, both ways. */
import { describe, expect, it } from '@jest/globals';
import type { RequestHandler } from 'express';
import { createLive } from '../../src/console/live/router.ts';
import { adminRouter } from '../../src/http/admin.ts';
import { adminClientsRouter } from '../../src/http/admin-clients.ts';
import { adminFileDropRouter } from '../../src/http/admin-file-drop.ts';
import { adminLaunchesRouter } from '../../src/http/admin-launches.ts';
import { adminQuarantineRouter } from '../../src/http/admin-quarantine.ts';
import { adminSigningKeysRouter } from '../../src/http/admin-signing-keys.ts';
import { adminUsersRouter } from '../../src/http/admin-users.ts';
import { healthRouter } from '../../src/http/health.ts';
import { createMetrics, metricsRouter } from '../../src/http/metrics.ts';
import { portalRouter } from '../../src/http/portal.ts';
import { routeOf } from '../../src/interactions/route.ts';
import { declared, promisedOperations } from '../../src/publish/capability.ts';
import { documentedRoutes } from '../../src/publish/openapi.ts';
import { adminCredentialsRouter, credentialsRouter } from '../../src/translators/cardiac/credentials.ts';
import { cardiacRouter } from '../../src/translators/cardiac/router.ts';
import { hl7v2Router } from '../../src/translators/hl7v2.ts';
import { iotRouter } from '../../src/translators/iot.ts';
import { tablesRouter } from '../../src/translators/tables/router.ts';

// What stands at the authorization server is asked there: test/publish/discovery.test.ts.
const documented = documentedRoutes()
  .filter(({ path }) => !/^(?:\/fhir)?\/(?:oauth|\.well-known)\//.test(path))
  .map(({ method, path }) => `${method} ${path}`);
const ofFhir = documented.filter((route) => / \/fhir(?:\/|$)/.test(route));

/** `get /admin/keys/{prefix}` for every route of an express router, trailing slashes kept out. */
function served(mount: string, router: RequestHandler): readonly string[] {
  const { stack } = router as unknown as {
    stack: readonly { route?: { path: string | string[]; methods: Record<string, boolean> } }[];
  };
  return stack.flatMap(({ route }) =>
    route === undefined
      ? []
      : [route.path].flat().flatMap((path) =>
          Object.keys(route.methods)
            .filter((method) => method !== '_all')
            .map((method) => `${method} ${mount}${path.replace(/:(\w+)/g, '{$1}')}`),
        ),
  );
}
const withoutSlash = (route: string) => route.replace(/\/$/, '');
const sorted = (routes: readonly string[]) => [...new Set(routes.map(withoutSlash))].sort();

describe('The routes outside FHIR', () => {
  it('are documented, each one, and nothing else is', () => {
    const metrics = createMetrics();
    metrics.close();
    const unused: any = () => undefined;
    const ours = [
      ...served('/admin', adminRouter({ store: unused, base: unused, runtime: unused, forget: unused, facts: unused })),
      ...served('/admin', adminClientsRouter({ clients: unused, forget: unused })),
      ...served('/admin', adminUsersRouter({ directory: unused, sessions: unused })),
      ...served('/admin', adminLaunchesRouter({ authorization: unused, clients: unused, users: unused, sees: unused })),
      ...served('/admin', adminCredentialsRouter(unused)),
      ...served('/cardiac', credentialsRouter(unused)),
      ...served('/cardiac', cardiacRouter({ base: '', feeds: {}, mapping: { spec: new Map() } } as any)),
      ...served('/admin', adminFileDropRouter(undefined)),
      ...served('/admin', adminSigningKeysRouter({ signingKeys: unused })),
      ...served('/admin', adminQuarantineRouter({ store: unused, quarantine: unused, retries: unused })),
      ...served('/legacy', tablesRouter({ base: '', mapping: { spec: new Map() } } as any)),
      ...served('/hl7v2', hl7v2Router({ hl7v2: unused, guard: unused })),
      ...served('/api/iot', iotRouter({ guard: unused } as any)),
      ...served(
        '/events',
        createLive({ store: {}, canonical: 'https://example.org/fhir', signal: new AbortController().signal } as any)
          .room as any,
      ),
      ...served('', healthRouter({ phase: () => 'ready', checks: () => ({}) })),
      ...served('', metricsRouter({ metrics, guard: unused })),
      ...served('', portalRouter({ openApi: () => ({}) })),
    ].filter((route) => !route.startsWith('get /docs'));
    expect(sorted(ours)).toEqual(sorted(documented.filter((route) => !ofFhir.includes(route))));
  });
});

describe('The routes of FHIR', () => {
  const offered = (method: string, path: string): boolean => {
    try {
      const { interaction, type } = routeOf(method.toUpperCase(), path);
      return declared(interaction, type);
    } catch {
      return false;
    }
  };
  const shapes = ['', 'metadata', '_history', '_search'];
  const shapesOf = (type: string) =>
    ['', '/_search', '/_history', '/{id}', '/{id}/_history', '/{id}/_history/{vid}'].map((rest) => type + rest);

  it('are what capability/ declares, in every shape and method', () => {
    const types = ['Patient', 'Device', 'Observation', 'Flag', 'Subscription', '{type}'];
    const ours = [...shapes, ...types.flatMap(shapesOf)].flatMap((shape) => {
      const path = shape.replace('{type}', 'Practitioner').replace('{id}', 'x').replace('{vid}', '1');
      return ['get', 'post', 'put', 'patch', 'delete']
        .filter((method) => offered(method, path))
        .map((method) => `${method} /fhir${shape && `/${shape}`}`);
    });
    expect(sorted(ours)).toEqual(sorted(ofFhir.filter((route) => !/\{compartment\}|\$/.test(route))));
  });

  it('are those of compartments and no others below a resource', () => {
    const below = ['*', '{type}', '*/_search', '{type}/_search'].flatMap((rest) =>
      ['get', 'post', 'put', 'patch', 'delete']
        .filter((method) => offered(method, `Patient/x/${rest.replace('{type}', 'Observation')}`))
        .map((method) => `${method} /fhir/{compartment}/{id}/${rest}`),
    );
    expect(sorted(below)).toEqual(sorted(ofFhir.filter((route) => route.includes('{compartment}'))));
    expect(offered('get', 'Organization/x/Observation')).toBe(false);
  });

  it('are those of the operations that capability/ promises', () => {
    const promised = promisedOperations().map(({ code, level, type }) => {
      const steps = [type.replace('Resource', '{type}'), level === 'instance' && '{id}', `$${code}`];
      return `/fhir/${steps.filter(Boolean).join('/')}`;
    });
    const paths = ofFhir.filter((route) => route.includes('$')).map((route) => route.split(' ')[1]!);
    expect(sorted(paths)).toEqual(sorted(promised));
  });
});
