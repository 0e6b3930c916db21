/** The room of clients on a real store, with a clock that the test sets and an outbound client that reaches the loopback. */
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import jsonwebtoken from 'jsonwebtoken';
import { openEngine } from '../../../src/open-engine.ts';
import { guardedClient } from '../../../src/outbound/guarded-client.ts';
import { type Runtime, systemRuntime } from '../../../src/runtime.ts';
import type { Client } from '../../../src/smart/clients/client.ts';
import { type ClientRoom, openClients } from '../../../src/smart/clients/open.ts';
import { secretMatches } from '../../../src/smart/clients/secret.ts';
import type { Change, Store } from '../../../src/store/store.ts';
import { testStore } from '../../support/test-store.ts';

export interface ClientsHouse extends ClientRoom {
  readonly store: Store;
  readonly runtime: Runtime;
  /** By the clock of the test. */
  secretMatches(client: Client | undefined, secret: string): boolean;
  /** Another server on the same store; on a database with connections of its own. */
  another(): Promise<ClientRoom>;
  /** Moves the clock on. */
  pass(milliseconds: number): void;
  /** Closes the store, and opens it and the room anew. */
  restarted(): Promise<ClientRoom>;
  stop(): Promise<void>;
}

export const none = (): readonly Change[] => [];

/** `hurry`: how many times faster than in life whatever waits is tired of it. */
export async function openClientsHouse(allow: readonly string[] = [], hurry = 1): Promise<ClientsHouse> {
  let now = Date.parse('2026-11-28T12:00:00Z');
  const runtime: Runtime = {
    ...systemRuntime,
    now: () => now,
    sleep: (milliseconds, signal) => systemRuntime.sleep(milliseconds / hurry, signal),
  };
  const data = mkdtempSync(join(tmpdir(), 'watchfire-clients-'));
  const { drop, ...config } = await testStore();
  const log = { warn: () => undefined, error: () => undefined };
  const open = async () =>
    (await openEngine({ config: { ...config, data } as any, runtime, log, onCommit: () => undefined })).engine;
  let store = await open();
  const outbound = guardedClient({ allow, runtime });
  const roomOn = (opened: Store) =>
    openClients({ store: opened, runtime, client: outbound, roles: ['nurse', 'service'] });
  const others: Store[] = [];
  return {
    ...roomOn(store),
    get store() {
      return store;
    },
    runtime,
    secretMatches: (client, secret) => secretMatches(client, secret, runtime.now()),
    async another() {
      if (config.store === 'sqlite') return roomOn(store);
      others.push(await open());
      return roomOn(others.at(-1)!);
    },
    pass: (milliseconds) => {
      now += milliseconds;
    },
    async restarted() {
      await store.close();
      store = await open();
      return roomOn(store);
    },
    async stop() {
      await outbound.close();
      for (const opened of [store, ...others]) await opened.close();
      await drop();
      rmSync(data, { recursive: true, force: true });
    },
  };
}

export const rsa = (modulusLength = 2_048) => generateKeyPairSync('rsa', { modulusLength });
export const ec = (namedCurve = 'P-384') => generateKeyPairSync('ec', { namedCurve });
export const jwkOf = (key: KeyObject, members: object = {}): any => ({ ...key.export({ format: 'jwk' }), ...members });

export const backend = (more: object = {}) => ({
  client_name: 'Lab feed',
  grant_types: ['client_credentials'],
  scope: 'system/Observation.rs',
  ...more,
});
export const app = (more: object = {}) => ({
  client_name: 'Growth chart',
  redirect_uris: ['https://app.example.org/callback'],
  token_endpoint_auth_method: 'none',
  scope: 'launch/patient openid fhirUser patient/Observation.rs',
  ...more,
});
export const seed = (more: object = {}) => ({
  client_name: 'Cardiac dashboard',
  scope: 'device_data patient_data alerts',
  ...more,
});

export const tokenUrl = 'https://fhir.example.org/oauth/token';

let serial = 0;
/** Claims of an assertion that is in order, and what the test changes. */
export const claims = (house: Pick<ClientsHouse, 'runtime'>, clientId: string, more: object = {}) => {
  const now = Math.floor(house.runtime.now() / 1_000);
  return { iss: clientId, sub: clientId, aud: tokenUrl, exp: now + 300, jti: `jti-${++serial}`, ...more };
};
export const signed = (
  payload: object,
  key: KeyObject,
  algorithm: jsonwebtoken.Algorithm = 'RS384',
  header: object = {},
): string =>
  jsonwebtoken.sign(JSON.stringify(payload), key, {
    algorithm,
    header: { alg: algorithm, kid: 'one', typ: 'JWT', ...header },
  });

export const formOf = (client_assertion: unknown, more: object = {}) => ({
  client_assertion,
  client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
  ...more,
});
