/** The room of users on a real store, with a clock that the test sets; persons Practitioner/7, Practitioner/8, Patient/1 and RelatedPerson/2. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEngine } from '../../../src/open-engine.ts';
import { type Runtime, systemRuntime } from '../../../src/runtime.ts';
import { extract } from '../../../src/search/extract.ts';
import { createHolds } from '../../../src/smart/clients/holds.ts';
import { createUsers, type UsersParts, type UsersRoom } from '../../../src/smart/users/room.ts';
import { codeAt, stepAt } from '../../../src/smart/users/totp.ts';
import type { RowOf } from '../../../src/smart/users/user.ts';
import type { Change, Store, StoredAuditRow } from '../../../src/store/store.ts';
import { testStore } from '../../support/test-store.ts';

export interface UsersHouse extends UsersRoom {
  readonly store: Store;
  readonly runtime: Runtime;
  /** Another server on the same store. */
  another(parts?: Partial<UsersParts>): UsersRoom;
  /** Moves the clock on. */
  pass(milliseconds: number): void;
  /** Rows of the audit log, newest first. */
  rows(count?: number): Promise<readonly StoredAuditRow[]>;
  /** Everything that is kept of that kind. */
  kept(kind: string): Promise<readonly any[]>;
  /** Whom `onChange` was told. */
  readonly told: string[];
  stop(): Promise<void>;
}

export const limits = { idle: 15 * 60_000, absolute: 12 * 3_600_000 };
/** Far cheaper than in life. */
export const cheap = { memory: 64, passes: 1, parallelism: 1 };
export const password = 'four otters at dusk';

export const row: RowOf = (deed) => ({
  at: 0,
  who: 'anonymous',
  key: '',
  action: 'E',
  target: '',
  patients: '',
  requestId: 'request-1',
  address: '192.0.2.1',
  query: '',
  reason: '',
  ...deed,
});
export const attempt = { source: '192.0.2.1', row };

const persons = ['Practitioner/7', 'Practitioner/8', 'Patient/1', 'RelatedPerson/2'].map((reference): Change => {
  const [type, id] = reference.split('/') as [string, string];
  const before = `{"resourceType":"${type}","id":"${id}","meta":{`;
  const index = extract({ resourceType: type, id });
  return { op: 'write', key: { type, id }, method: 'PUT', text: [before, '}}'], index, expect: 'any' };
});

export async function openUsersHouse(parts: Partial<UsersParts> = {}): Promise<UsersHouse> {
  let now = Date.parse('2026-11-28T12:00:00Z');
  const runtime: Runtime = { ...systemRuntime, now: () => now };
  const data = mkdtempSync(join(tmpdir(), 'watchfire-users-'));
  const { drop, ...config } = await testStore();
  const log = { warn: () => undefined, error: () => undefined };
  const opening = { config: { ...config, data } as any, runtime, log, onCommit: () => undefined };
  const { engine: store } = await openEngine(opening);
  await store.commit(persons);
  const told: string[] = [];
  const another = (more: Partial<UsersParts> = {}) =>
    createUsers({
      store,
      runtime,
      url: 'http://localhost:8080',
      roles: {
        names: ['patient', 'nurse', 'physician', 'privacy-officer', 'administrator'],
        demandsSecondFactor: (role) => role === 'administrator',
      },
      limits,
      holds: createHolds(runtime),
      recorded: new WeakSet(),
      client: { send: async () => Promise.reject(new Error('no way out')) },
      providers: [],
      onChange: (login) => told.push(login),
      endingWith: async () => [],
      cost: cheap,
      ...parts,
      ...more,
    });
  return {
    ...another(),
    store,
    runtime,
    another,
    told,
    pass: (milliseconds) => {
      now += milliseconds;
    },
    rows: (count = 20) => store.audit({ count }),
    kept: async (kind) => (await store.list(kind, '', 1_000)).map(({ value }) => value),
    async stop() {
      await store.close();
      await drop();
      rmSync(data, { recursive: true, force: true });
    },
  };
}

/** A code that an authenticator app with this secret shows neither at the time nor a minute later. */
export const wrongCode = (secret: string, now: number): string =>
  ['000000', '111111', '222222', '333333', '444444'].find((code) =>
    [-1, 0, 1, 2, 3].every((away) => codeAt(secret, stepAt(now) + away) !== code),
  ) ?? '555555';

/** A nurse who may sign in. */
export const nurse = (house: UsersRoom, login = 'jackie', more: object = {}) =>
  house.directory.create({ login, password, fhirUser: 'Practitioner/7', roles: ['nurse'], ...more }, row);
