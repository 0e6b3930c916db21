/** O17, O26: what the registry keeps, tells, and how soon a client that is disabled is refused; on the engine of the run. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { kinds } from '../../../src/smart/clients/client.ts';
import { createRemembered } from '../../../src/smart/remembered.ts';
import { together } from '../../support/house.ts';
import { app, backend, type ClientsHouse, none, openClientsHouse, seed } from './clients-house.ts';

/** What expires by the clock of a database does so at no test's word. */
const onOurClock = process.env['WATCHFIRE_TEST_STORE'] === 'mongodb' ? it.skip : it;

let house: ClientsHouse;
beforeAll(async () => {
  house = await openClientsHouse();
});
afterAll(() => house.stop());
const open = () => house;
const everything = async (): Promise<string> =>
  JSON.stringify(await Promise.all(Object.values(kinds).map((kind) => house.store.list(kind, '', 1_000))));

describe('A secret', () => {
  it('opens for its client alone, and is kept as a hash', async () => {
    const { clients, secretMatches } = open();
    const one = await clients.register(seed(), none);
    const two = await clients.register(seed(), none);

    expect(secretMatches(one.client, one.secret!)).toBe(true);
    expect(secretMatches(one.client, two.secret!)).toBe(false);
    expect(secretMatches(one.client, '')).toBe(false);
    expect(secretMatches(one.client, one.client.secrets[0]!.hash)).toBe(false);
    expect(secretMatches(undefined, one.secret!)).toBe(false);
    expect(await everything()).not.toContain(one.secret);
  });

  it('is made for who needs one, and for no other', async () => {
    const { clients } = open();
    expect((await clients.register(app(), none)).secret).toBeUndefined();
    expect((await clients.register(backend(), none)).secret).toMatch(/^wfs_[\w-]{43}$/);
  });

  it('opens beside the one that follows it, for as long as was said', async () => {
    const { clients, secretMatches, pass } = open();
    const { client, secret } = await clients.register(seed(), none);
    const renewed = await clients.rotate(client.clientId, 60, none);

    const now = await clients.find(client.clientId);
    expect([secret, renewed.secret].map((one) => secretMatches(now, one!))).toEqual([true, true]);
    pass(60_000);
    expect([secret, renewed.secret].map((one) => secretMatches(now, one!))).toEqual([false, true]);
  });

  it('opens nothing any more where no time was left to it, nor the one before the one before', async () => {
    const { clients, secretMatches } = open();
    const { client, secret } = await clients.register(seed(), none);
    const second = await clients.rotate(client.clientId, 3_600, none);
    const third = await clients.rotate(client.clientId, 3_600, none);
    const fourth = await clients.rotate(client.clientId, 0, none);

    const now = await clients.find(client.clientId);
    const all = [secret, second.secret, third.secret, fourth.secret];
    expect(all.map((one) => secretMatches(now, one!))).toEqual([false, false, false, true]);
  });

  it('is not renewed where there is none, nor for longer than a month', async () => {
    const { clients } = open();
    const { client } = await clients.register(app(), none);
    await expect(clients.rotate(client.clientId, 0, none)).rejects.toMatchObject({ status: 422 });
    const other = await clients.register(seed(), none);
    await expect(clients.rotate(other.client.clientId, 2_592_001, none)).rejects.toMatchObject({ status: 400 });
  });
});

describe('A client that is disabled', () => {
  it('is found no more: here at once, on another server within five seconds', async () => {
    const { clients, pass, another } = open();
    const elsewhere = (await another()).clients;
    const { clientId } = (await clients.register(app(), none)).client;
    expect(await elsewhere.find(clientId)).toMatchObject({ clientId });

    await clients.disable(clientId, none);
    expect(await clients.find(clientId)).toBeUndefined();
    pass(5_000);
    expect(await elsewhere.find(clientId)).toBeUndefined();
    expect((await elsewhere.look(clientId)).disabled).toBeDefined();
  });

  it('is not remembered by whoever began to look before', async () => {
    const remembered = createRemembered<string>({ now: () => 0 }, 10);
    let tell!: (value: string) => void;
    const slow = remembered.get('a', () => new Promise((resolve) => (tell = resolve)));
    remembered.forget();
    tell('as it was');
    expect(await slow).toBe('as it was');
    expect(await remembered.get('a', async () => 'as it is')).toBe('as it is');
    expect(await remembered.get('a', async () => 'not asked')).toBe('as it is');
  });

  it('and what is remembered has an end', async () => {
    const remembered = createRemembered<number>({ now: () => 0 }, 2);
    let looks = 0;
    const look = async () => ++looks;
    for (const key of ['a', 'b', 'c', 'c', 'b']) await remembered.get(key, look);
    expect(looks).toBe(3);
    await remembered.get('a', look);
    expect(looks).toBe(4);
  });

  it('takes the origin of its pages along, and brings it back', async () => {
    const { clients } = open();
    const origin = 'https://growth.example.org';
    const asked = app({ redirect_uris: [`${origin}/callback`] });
    const { clientId } = (await clients.register(asked, none)).client;
    const { clientId: other } = (await clients.register(asked, none)).client;
    expect(await clients.isOrigin(origin)).toBe(true);

    await clients.disable(clientId, none);
    expect(await clients.isOrigin(origin)).toBe(true);
    await clients.remove(other, none);
    expect(await clients.isOrigin(origin)).toBe(false);
    await clients.enable(clientId, none);
    expect(await clients.isOrigin(origin)).toBe(true);
    await clients.replace(clientId, app({ redirect_uris: ['http://localhost:3000/'] }), none);
    expect(await Promise.all([origin, 'http://localhost:3000', 'http://localhost'].map(clients.isOrigin))).toEqual([
      false,
      true,
      false,
    ]);
  });

  it('and a deleted one leaves nothing behind', async () => {
    const { clients } = open();
    const { clientId } = (await clients.register(app(), none)).client;
    const stranger = (await clients.registerStranger(app(), none)).client.clientId;
    expect(await everything()).toContain(stranger);
    await Promise.all([clients.remove(clientId, none), clients.remove(stranger, none)]);
    const left = await everything();
    for (const id of [clientId, stranger]) expect(left).not.toContain(id);
    await expect(clients.look(clientId)).rejects.toMatchObject({ status: 404 });
  });
});

describe('The registry', () => {
  it('looks for ids as it makes them, and for nothing else', async () => {
    const { clients } = open();
    for (const id of ['', 'admin', '__proto__', '../x', "' or 1=1", 'a'.repeat(10_000), '\u0000'])
      expect(await clients.find(id)).toBeUndefined();
  });

  it('lists in the order of registration, a page after another', async () => {
    const { clients, pass } = open();
    const ids: string[] = [];
    for (let at = 0; at < 7; at++) {
      pass(1);
      ids.push((await clients.register(app(), none)).client.clientId);
    }
    const found: string[] = [];
    const { clientId: before } = (await clients.list(undefined, 1_000))
      .filter(({ clientId }) => clientId < ids[0]!)
      .at(-1)!;
    for (let after = before; ; ) {
      const page = await clients.list(after, 3);
      if (page.length === 0) break;
      found.push(...page.map(({ clientId }) => clientId));
      after = found.at(-1)!;
    }
    expect(found).toEqual(ids);
  });

  it('keeps every change of those who change a client at once', async () => {
    const { clients, another } = open();
    const elsewhere = (await another()).clients;
    const { clientId } = (await clients.register(seed(), none)).client;
    await Promise.all([
      clients.disable(clientId, none),
      elsewhere.rotate(clientId, 60, none),
      elsewhere.replace(clientId, seed({ client_name: 'Renamed' }), none),
    ]);
    const client = await clients.look(clientId);
    expect(client.disabled).toBeDefined();
    expect(client.secrets).toHaveLength(2);
    expect(client.metadata.client_name).toBe('Renamed');
  });

  it('takes purposes of use from the administrator, and drops what a stranger says of them', async () => {
    const { clients } = open();
    const asked = app({ purpose_of_use: ['TREAT', 'ETREAT'] });
    const { client } = await clients.register(asked, none);
    expect(client.purposesOfUse).toEqual(['TREAT', 'ETREAT']);
    expect((await clients.registerStranger(asked, none)).client.purposesOfUse).toBeUndefined();
    expect((await clients.replace(client.clientId, app(), none)).client.purposesOfUse).toEqual(['TREAT', 'ETREAT']);
    const none_ = app({ purpose_of_use: null });
    expect((await clients.replace(client.clientId, none_, none)).client.purposesOfUse).toBeUndefined();
  });

  it('gives the role service where nobody says otherwise, and no role that there is not', async () => {
    const { clients } = open();
    expect((await clients.register(backend(), none)).client.roles).toEqual(['service']);
    expect((await clients.register(backend({ roles: ['nurse'] }), none)).client.roles).toEqual(['nurse']);
    expect((await clients.register(backend({ roles: [] }), none)).client.roles).toEqual([]);
    await expect(clients.register(backend({ roles: ['root'] }), none)).rejects.toMatchObject({
      error: 'invalid_client_metadata',
    });
  });

  it('makes a secret where the new metadata needs one, and ends it where they do not', async () => {
    const { clients } = open();
    const { clientId } = (await clients.register(app(), none)).client;
    const confidential = app({ token_endpoint_auth_method: 'client_secret_post' });
    const { secret } = await clients.replace(clientId, confidential, none);
    expect(secret).toMatch(/^wfs_/);
    expect((await clients.replace(clientId, confidential, none)).secret).toBeUndefined();
    expect((await clients.replace(clientId, app(), none)).client.secrets).toEqual([]);
  });
});

describe('A client that registers by itself', () => {
  it('may nothing until the administrator lets it in', async () => {
    const { clients } = open();
    const origin = 'https://stranger.example.org';
    const asked = app({ roles: ['administrator'], redirect_uris: [`${origin}/`] });
    const { client } = await clients.registerStranger(asked, none);
    expect(client.roles).toEqual(['service']);
    expect(await clients.find(client.clientId)).toBeUndefined();
    expect(await clients.isOrigin(origin)).toBe(false);

    await clients.approve(client.clientId, none);
    expect(await clients.find(client.clientId)).toMatchObject({ approved: true });
    expect(await clients.isOrigin(origin)).toBe(true);
  });

  onOurClock('is forgotten after a week, and kept for good once it was let in', async () => {
    const { clients, pass } = open();
    const forgotten = await clients.registerStranger(app(), none);
    const kept = await clients.registerStranger(app(), none);
    await clients.approve(kept.client.clientId, none);
    pass(7 * 86_400_000 + 1);
    await expect(clients.look(forgotten.client.clientId)).rejects.toMatchObject({ status: 404 });
    expect(await clients.look(kept.client.clientId)).toMatchObject({ approved: true });
  });

  it('waits where a hundred others wait', async () => {
    const { clients } = open();
    const waiting = await house.store.list(kinds.pending, '', 100);
    await together(100 - waiting.length, () => clients.registerStranger(app(), none));
    await expect(clients.registerStranger(app(), none)).rejects.toMatchObject({ status: 429 });
    const [first] = await house.store.list(kinds.pending, '', 1);
    await clients.approve(first!.key, none);
    await clients.registerStranger(app(), none);
  });
});
